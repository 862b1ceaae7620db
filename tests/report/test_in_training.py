"""What a watched page shows of a stack in training: its losses and samples as of its checkpoint."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.engine.step import CURVES
from harness.execution import tasks
from harness.execution.requests import Request
from harness.report import in_training, page
from harness.report.analysis import tables
from harness.report.results import Results
from harness.store import Store

SUITE = """\
version: 1
name: long
question: How far is it?
seeds: 2
train: {steps: 70, batch: 4, lr: 1e-3, checkpoint_s: 1e-3}
score: {at: [.5, 1], samples: 10}
primary: {images: sliced_w}
architectures: {dcgan: {width: 2, latent: 4}}
matrix:
  - {dataset: digits, architecture: dcgan, objective: nsgan}
"""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A folder with results/long: a checkpoint of its only stack, which this process claims."""
    folder = tmp_path_factory.mktemp("stopped")
    (folder / "long.yaml").write_text(SUITE)
    plan = tasks.plan_suite(Request(str(folder / "long.yaml"), str(folder / "results"), device="cpu"), True)
    (stack,) = plan.stacks
    keep = Store.write_checkpoint

    class Stopped(BaseException):
        pass

    def stop(self, stack_id, files):
        keep(self, stack_id, files)
        if self.training(stack_id).step > 40:
            raise Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "write_checkpoint", stop)
        with pytest.raises(Stopped):
            tasks.train_stack(plan.folder, stack.id, stack.runs, "cpu", stack.members)
    return folder


@pytest.fixture
def store(stopped, tmp_path, monkeypatch):
    """A copy of it, in the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(stopped / "results", "results")
    store = Store(Path("results/long"))
    (stack,) = store.plan.stacks
    assert store.claim(stack.id) is not None
    return store


@pytest.mark.slow
def test_the_losses_and_samples_so_far_are_those_of_the_checkpoint(store):
    (stack,) = store.plan.stacks
    training = store.training(stack.id)
    assert training.names == list(CURVES)
    assert training.curves.shape == (2, training.step, len(CURVES))
    assert np.isfinite(training.curves).all()
    assert training.fixed.shape == (2, 10, 1, 16, 16)
    losses, samples = in_training.section(tables.read(Results.of(store))).panels
    assert losses.alt.startswith("Losses so far of nsgan")
    assert samples.alt.endswith(f"digits / dcgan, seed 0 and 1 other run\nstep {training.step} of 70")


@pytest.mark.slow
def test_they_stand_on_a_watched_page_alone(store, monkeypatch):
    monkeypatch.setattr("harness.report.figures.encoding.encode", lambda figure: {"png": b"", "svg": b""})
    text = page.live_page(Results.of(store), "").decode()
    assert "<h2>In training</h2>" in text
    assert "Losses so far of nsgan" in text
    assert "0 of 2 runs ended" in text


def test_a_damaged_checkpoint_shows_nothing_and_stays(store):
    (stack,) = store.plan.stacks
    path = store.checkpoint_path(stack.id)
    path.write_bytes(path.read_bytes()[:-100])
    assert store.training(stack.id) is None
    assert path.exists()
    assert in_training.section(tables.read(Results.of(store))).panels == ()


def test_a_stack_that_nobody_trains_is_not_in_training(store):
    for claim in (store.folder / "claims").glob("*.json"):
        claim.unlink()
    assert in_training.section(tables.read(Results.of(store))).panels == ()
