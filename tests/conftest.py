"""What tests share: a cache of their own, calling the command line, and a results folder to call it on."""

import gc
import itertools
import os
import pickle
import shutil
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
import typer.main

from harness.__main__ import main
from harness.execution import tasks
from harness.execution.requests import Request
from harness.metrics import extractors
from harness.plugins import components
from harness.store import Store

# One thread here and in the programs that a test starts, as in workers: with more a run has other last bits.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"

typer.main.get_command = cache(typer.main.get_command)  # the command line, which a test calls in this process

gc.disable()  # until all tests are collected, of which nothing is garbage

# Programs that a test starts share the helpers beside this file, as tests do.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))

SUITE = """\
version: 1
name: small
question: What is kept of a run?
seeds: 1
train: {steps: 20, batch: 8, lr: 1e-3}
score: {at: [1], samples: 60}
architectures: {mlp: {width: 4, depth: 1}, mlp-bn: {width: 4, depth: 1}}
objectives:
  averaged: {base: nsgan, tricks: {ema: {decay: 0.5}}}
  wild: {base: wgan-gp, optimizer: sgd, lr: 1e14}
  pending: {base: gan}
matrix:
  - {dataset: 8gaussians, architecture: [mlp, mlp-bn], objective: averaged}
  - {dataset: 8gaussians, architecture: mlp, objective: [wild, pending]}
  - {dataset: parallel-lines, architecture: mlp, objective: wgan-clip, train: {generator: fixed}}
"""

DRAWN = """\
version: 1
name: drawn
question: What does it draw?
seeds: 1
train: {steps: 6, batch: 16, lr: 1e-3}
score: {at: [.5, 1], samples: 100, frames: 4}
primary: {images: sliced_w}
architectures: {dcgan: {width: 2, latent: 4}}
matrix:
  - {dataset: digits, architecture: dcgan, objective: [nsgan, wgan-clip]}
  - {dataset: ring, architecture: mlp, objective: nsgan}
"""


def pytest_collection_finish():
    """Let the garbage collector pass over modules and thousands of tests: each look at all took half a second."""
    gc.enable()
    gc.freeze()


@pytest.fixture(autouse=True)
def shipped_tables():
    """What a test's plug-in adds is unknown to the next test, whichever of them share a process: the path as well."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    for path in list(components._LOADED):
        components.forget(path)


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command in this process; return exit code, output and errors."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        code: int | str | None = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def undrawn(monkeypatch):
    """Leave out the slow half of a report, turning figures into bytes: for tests of all but figures. Each must still be
    one that another process could encode.
    """
    from harness.report.figures import encoding

    def encode(figure):
        pickle.dumps(figure)
        return {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<svg/>"}

    monkeypatch.setattr(encoding, "encode", encode)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with results/small: trained and scored but for the objective `pending`."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "small.yaml").write_text(SUITE)
    plan = tasks.plan_suite(Request(str(folder / "small.yaml"), str(folder / "results"), device="cpu"), True)
    store = Store(plan.folder)
    for stack in plan.stacks:
        if "pending" not in plan.labels[stack.runs[0]]:
            tasks.train_stack(plan.folder, stack.id, stack.runs, "cpu")
    tasks.score_runs(plan.folder, sorted(store.finished()))
    return folder


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """The store of results/drawn, whose runs draw images, and points: trained and scored, to be read alone."""
    folder = tmp_path_factory.mktemp("drawn")
    (folder / "drawn.yaml").write_text(DRAWN)
    plan = tasks.plan_suite(Request(str(folder / "drawn.yaml"), str(folder / "results"), device="cpu"), True)
    for stack in plan.stacks:
        tasks.train_stack(plan.folder, stack.id, stack.runs, "cpu")
    with pytest.MonkeyPatch.context() as patch:  # a judge trained for a moment, in a cache of its own
        patch.setenv("HARNESS_CACHE", str(folder / "cache"))
        patch.setattr("harness.metrics.extractors.extractor_training.STEPS", 20)
        tasks.score_runs(plan.folder, sorted(Store(plan.folder).finished()))
    extractors._built.cache_clear()
    return Store(plan.folder)


@pytest.fixture
def results(trained, tmp_path, monkeypatch):
    """A copy of it, in the working directory; run ids by objective and architecture."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained / "results", "results")
    runs = Store(Path("results/small")).plan.runs
    return {f"{run.objective} {run.architecture}": run.run_id for run in runs}


@pytest.fixture(scope="session")
def caches(tmp_path_factory):
    """Folders that are not there yet. pytest's own mktemp looks at all that it has made, for every test."""
    folder = tmp_path_factory.mktemp("caches")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def cache(caches):
    """Timings go to a folder of the test's own, never into the user's cache, though a test undo its monkeypatch."""
    folder = next(caches)
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(folder))
        yield folder


@pytest.fixture
def pictures(monkeypatch):
    """Put the images of oracles.py among the data sets for one test."""
    from oracles import BLOBS

    from harness.datasets import DATASETS

    for name, entry in BLOBS.items():
        monkeypatch.setitem(DATASETS, name, entry)
