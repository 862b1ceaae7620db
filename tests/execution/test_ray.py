"""Stacks on a Ray cluster of two nodes: the same records. What dies there meanwhile: tests/faults/cluster.py."""

import os
import subprocess
import sys
import time
from pathlib import Path

import fake_tasks
import pytest
import torch
from faults import fake
from faults.cluster import two_nodes
from faults.records import leftovers, planned, records

import harness
from harness.errors import HarnessError
from harness.execution import tasks
from harness.execution.outcomes import ignore
from harness.execution.requests import Request
from harness.execution.runner import run
from harness.execution.scheduler import TASKS, Scheduler
from harness.store import Store
from harness.workers.local import InProcess

ROOT = Path(__file__).parents[2]
SUITE = """\
version: 1
name: far
question: Does it matter where a run trains?
seeds: 2
plugins: [losses.py]
train: {steps: 20, batch: 8, lr: 1e-3}
score: {at: [.5, 1], samples: 60}
architectures: {mlp: {width: 4, depth: 1}, mlp-bn: {width: 4, depth: 1}}
datasets: {mine: {base: points, file: points.csv}}
objectives:
  averaged: {base: nsgan, tricks: {ema: {decay: 0.5}}}
  wild: {base: wgan-gp, optimizer: sgd, lr: 1e14}
matrix:
  - {dataset: 8gaussians, architecture: mlp-bn, objective: averaged}
  - {dataset: mine, architecture: mlp, objective: [wild, plugged]}
"""
PLUGIN = """\
from dataclasses import replace
from harness import OBJECTIVES as known
import halves

def critic_loss(real, fake, hyper): return halves.HALF * (fake.mean(-1) - real.mean(-1))
OBJECTIVES = {"plugged": replace(known["wgan-gp"], critic_loss=critic_loss)}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    with two_nodes(tmp_path_factory.mktemp("node-cache")) as nodes:
        yield nodes


def on_ray(cluster, suite, root="results"):
    return Request(str(suite), root, device="cpu", executor="ray", address=cluster.address)


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A suite with a plug-in that imports a module beside it, and points in a file that it names relatively."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "far.yaml").write_text(SUITE)
    (tmp_path / "losses.py").write_text(PLUGIN)
    (tmp_path / "halves.py").write_text("HALF = 0.5\n")
    (tmp_path / "points.csv").write_text("".join(f"{x / 10},{-x % 7 / 7}\n" for x in range(60)))
    return tmp_path / "far.yaml"


def ends_well(folder, expected):
    assert records(folder) == expected
    assert sorted(expected) == sorted(planned(folder))
    assert not leftovers(folder)


@pytest.mark.slow
def test_runs_are_the_same_bits_on_ray_and_here(cluster, suite, undrawn):
    there = run(on_ray(cluster, suite))
    here = run(Request(str(suite), "here", device="cpu", workers=0))
    assert (there.trained, there.counts) == (here.trained, here.counts)
    assert there.exit_code == 0
    ends_well(Path("results/far"), records(Path("here/far")))
    assert not any(Path("results/far").glob("plugins"))


@pytest.mark.slow
def test_data_that_a_node_lacks_are_named_before_anything_trains(cluster, suite, monkeypatch):
    monkeypatch.setattr("harness.execution.payloads._absolute", lambda variant: {**variant, "file": "/nowhere/a.csv"})
    with pytest.raises(HarnessError, match=r"node .*: /nowhere/a\.csv.*\(and 1 other node\)"):
        run(on_ray(cluster, suite))
    assert not any(Path("results/far").glob("runs/*/record.json"))


def test_without_ray_a_sentence_says_how_to_install_it(call, suite, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "harness.execution.cluster.ray", raising=False)
    code, out, err = call("run", str(suite), "--executor", "ray")
    assert (code, out) == (2, "")
    assert "pip install 'gan-harness[ray]'" in err
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--executor", "slurm"), "--executor: 'slurm' given; local or ray is needed"),
        (("--address", "auto"), "--address: only with --executor ray; give both, or neither"),
        (("--executor", "ray", "--address", "head"), "--address 'head': given; HOST:PORT of the head, ray://HOST:PORT"),
        (("--executor", "ray", "--address", "127.0.0.1:1"), "--address '127.0.0.1:1': no Ray cluster answers there ("),
        (("--executor", "ray", "--workers", "0"), "--workers 0: on Ray stacks are trained by other processes"),
    ],
)
def test_a_call_that_cannot_be_carried_out_is_refused_in_a_sentence(call, suite, words, text):
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    code, out, err = call("run", str(suite), *words)
    assert (code, out) == (2, "")
    assert err.startswith(text)
    assert err.count("\n") == 1


def test_objectives_given_in_python_do_not_go_to_other_machines(suite):
    with pytest.raises(HarnessError, match="executor='ray': other machines do not know"):
        harness.run(suite, {"mine": harness.OBJECTIVES["gan"]}, executor="ray")


@pytest.mark.slow
def test_a_call_without_ray_imports_nothing_of_it():
    code = "import sys, harness.commands.cli, harness.execution.runner; sys.exit('ray' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.fixture
def sized(monkeypatch):
    """An executor on a cluster of two nodes, of which one has four GPUs; nothing is sent."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    from harness.execution.cluster import ray

    nodes = [{"CPU": 2.0, "memory": 4e9}, {"CPU": 16.0, "memory": 64e9, "GPU": 4.0}]
    total = {kind: sum(node.get(kind, 0.0) for node in nodes) for kind in ("CPU", "GPU")}
    monkeypatch.setattr(ray.ray, "nodes", lambda: [{"Alive": True, "Resources": node} for node in nodes])
    monkeypatch.setattr(ray.ray, "cluster_resources", lambda: total)

    def make(workers, device):
        executor = ray.OnRay(InProcess(), None, workers, is_client=False)
        executor._device = device
        return executor

    return make


def test_a_stack_asks_for_a_core_its_memory_and_its_share_of_a_gpu(sized):
    assert sized(None, "cpu").trainers == 18 + 5  # some wait
    assert sized(None, "cpu").slots == 18 + 5 + 1
    assert sized(None, "cuda").trainers == 4 + 1
    assert sized(5, "cpu").trainers == 5
    assert sized(None, "cpu")._resources(2e9) == {"num_cpus": 1, "memory": 3_000_000_000}
    assert sized(None, "cpu")._resources(1e12)["memory"] == 64e9  # of the largest node: more would wait for ever
    shares = {workers: sized(workers, "cuda")._resources(0.0)["num_gpus"] for workers in (None, 4, 5, 8, 12)}
    assert shares == {None: 1.0, 4: 1.0, 5: 0.5, 8: 0.5, 12: 0.3333}


def test_gpus_of_a_cluster_are_taken_where_there_are_some(sized, monkeypatch):
    from harness.execution.cluster import ray

    sized(None, "cpu")
    assert [ray.device(asked) for asked in ("auto", "cpu", "cuda")] == ["cuda", "cpu", "cuda"]
    monkeypatch.setattr(ray.ray, "cluster_resources", dict)
    assert ray.device("auto") == "cpu"
    with pytest.raises(HarnessError, match="no node of the Ray cluster has a GPU"):
        ray.device("cuda")


def test_a_stack_that_is_lost_again_and_again_ends_the_call_and_is_no_failure(sized, suite, monkeypatch):
    from harness.execution.cluster import ray

    todo = tasks.plan_suite(Request(str(suite), "results", device="cpu"), True)
    losses = []

    def lose(self, folder, store, work, trained, era):
        losses.append(work.runs)
        raise ray.RayError("Traceback\nthe node is gone")

    monkeypatch.setattr(ray.OnRay, "_followed", lose)
    with pytest.raises(
        HarnessError, match=r"stack \d+ was lost 10 times .*\(the node is gone\); finished runs are kept"
    ):
        Scheduler(sized(1, "cpu"), todo, TASKS, ignore).work()
    assert losses == 10 * [list(todo.stacks[0].runs)]
    assert not Store(todo.folder).attempts(todo.stacks[0].runs[0])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_what_trains_on_gpus_elsewhere_is_planned_without_one(suite):
    todo = tasks.plan_suite(Request(str(suite), "results", device="cuda", executor="ray"), True)
    assert (todo.device, todo.gpus) == ("cuda", [])
    assert tasks.plan_retry(todo.folder, [], "ray").device == "cuda"
    with pytest.raises(HarnessError, match="this PyTorch sees no CUDA device"):
        tasks.plan_retry(todo.folder, [])


@pytest.mark.bench
def test_two_thousand_runs_of_a_millisecond_take_at_most_a_minute(tmp_path, monkeypatch):
    """On a Ray that the call starts, and with the start and the end of that."""
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, [ROOT, ROOT / "tests"])))
    rates = "lr: [1e-4, 2e-4, 3e-4, 4e-4, 5e-4]"
    (tmp_path / "many.yaml").write_text(fake.SUITE.replace("lr: [1e-3, 2e-3]", rates).replace("seeds: 2", "seeds: 100"))
    began = time.perf_counter()
    result = run(Request("many.yaml", device="cpu", executor="ray", workers=2), do=fake_tasks.FAKE)
    took = time.perf_counter() - began
    print(f"{took:.1f} s for 2,000 runs of {1000 * fake_tasks.RUN_S:g} ms")
    assert result.counts["ok"] == 2000
    assert took <= 60
