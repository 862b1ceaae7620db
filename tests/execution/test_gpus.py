"""Which process trains on which GPU. No GPU is needed: what CUDA would say is given."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from harness.execution import gpus
from harness.execution.requests import GpuMemory
from harness.metrics import extractors
from harness.plan.make import make_plan
from harness.plan.stacks import largest_bytes
from harness.suite.format.models import Suite


def todo(cards, memory=None):
    return SimpleNamespace(gpus=[str(card) for card in range(cards)], gpu_memory=memory)


@pytest.mark.parametrize(
    ("workers", "cards", "training"),
    [
        (0, 1, 0), (1, 1, 0),  # one process does everything, on the first GPU
        (2, 1, 1), (4, 1, 2), (16, 1, 4), (64, 1, 4),
        (2, 2, 1), (4, 2, 2), (16, 2, 8), (16, 4, 8), (16, 8, 8), (64, 8, 32),
        (8, 8, 7), (4, 8, 3),
        (2, 0, 0), (16, 0, 0),  # a CPU: every worker trains
    ],
)  # fmt: skip
def test_the_cores_are_split_between_training_and_scoring(workers, cards, training):
    chosen = gpus.assign(todo(cards), workers)
    assert len(chosen.training) == training
    assert len(chosen.scoring) == (workers - training if training and cards > 1 else 0)
    for placed in (chosen.training, [*chosen.training, *chosen.scoring]):
        assert len({*placed}) == min(cards, len(placed))  # no second process on a GPU before every other has one
        counts = [placed.count(card) for card in {*placed}]
        assert not counts or max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("variable", "count", "names"),
    [
        (None, 2, ["0", "1"]),
        ("", 0, []),
        ("3, 1", 2, ["3", "1"]),
        ("3,-1,1", 1, ["3"]),  # CUDA stops at what is none
        ("GPU-5a", 1, ["GPU-5a"]),
        ("MIG-a,MIG-b", 1, ["MIG-a", "MIG-b"]),
    ],
)
def test_gpus_are_called_what_cuda_calls_them(monkeypatch, variable, count, names):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if variable is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    assert gpus.visible_gpus() == names


@pytest.mark.parametrize(
    ("training", "scoring", "cards", "on_each"),
    [
        (1, 0, 1, [4]), (17, 0, 1, [4]), (21, 0, 1, [3]), (51, 0, 1, [1]), (201, 0, 1, [1]),
        (201, 0, 2, [1, 1]),  # a GPU's only process is tried whatever it takes
        (5, 4, 1, [1]),  # all 16 score there: 5 + 64 of 72
        (2, 4, 1, [4]), (7, 3, 1, [3]), (7, 3.6, 1, [2]), (20, 2, 1, [2]), (7, 5, 1, [1]),
        (30, 3, 4, [2, 2, 2, 2]),  # two train on each and two score: 2 x 33 + 2 x 3
        (30, 3.2, 4, [1, 1, 1, 1]), (31, 3, 4, [1, 1, 1, 1]),
    ],
)  # fmt: skip
def test_no_more_train_on_a_gpu_than_its_memory_takes_beside_those_that_score(training, scoring, cards, on_each):
    """Of 16 workers, in gigabytes of a GPU that has 72 to give."""
    chosen = gpus.assign(todo(cards, GpuMemory(72.0, training, scoring)), 16).training
    assert [chosen.count(str(card)) for card in range(cards)] == on_each


class Net(nn.Module):
    """A convolution of 3 x 3 from one channel to 8, ReLU, the mean over places, and a layer of 5 features."""

    def __init__(self):
        super().__init__()
        self.convolution, self.layer = nn.Conv2d(1, 8, 3, padding=1), nn.Linear(8, 5)

    def forward(self, images):
        return self.layer(torch.relu(self.convolution(images.float())).mean((2, 3)))


def planned(dataset, *names, **settings):
    suite = Suite.model_validate({
        "version": 1, "name": "t", "matrix": [{"dataset": dataset, "architecture": "mlp", "objective": "gan"}],
        **settings, **({"score": {"extractors": list(names)}} if names else {}),
    })  # fmt: skip
    return replace(make_plan(suite, None, "cuda"), resolved=suite.to_json())


@pytest.fixture
def with_networks(monkeypatch):
    for name in ("one", "two"):
        kind = extractors.fixed(0, lambda: extractors.frozen(Net()), "a network")
        monkeypatch.setitem(extractors.EXTRACTORS, name, kind)


@pytest.fixture
def looks(monkeypatch):
    """What networks are shown while a GPU is watched that has 3 GB taken at most."""
    shown = []
    look = extractors.Extractor.look
    monkeypatch.setattr(
        extractors.Extractor, "look", lambda self, images: shown.append(images.shape) or look(self, images)
    )
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 3_000_000_000 if shown else 0)
    return shown


@pytest.mark.parametrize(("names", "networks"), [(("one", "two"), 2), (("one",), 1), (("poses", "one"), 1)])
def test_what_scoring_takes_is_measured_with_a_batch_for_each_network(with_networks, looks, names, networks):
    assert gpus.scoring_bytes(planned("digits", *names)) == gpus.CONTEXT + 3e9
    assert looks == [(extractors.own.CHUNK, 1, 16, 16)] * networks


@pytest.mark.parametrize(
    ("dataset", "names"),
    [("digits", ()), ("digits", ("poses",)), ("ring", ("one",)), ("digits", ("torchvision-nothing",))],
)
def test_what_looks_on_the_cpu_takes_nothing_of_a_gpu(with_networks, looks, dataset, names):
    assert gpus.scoring_bytes(planned(dataset, *names)) == 0
    assert not looks


def test_a_full_gpu_is_left_to_the_runs(with_networks, looks, monkeypatch):
    def full(self, images):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(extractors.Extractor, "look", full)
    assert gpus.scoring_bytes(planned("digits", "one")) == 0


def test_the_smallest_gpu_says_how_much_may_be_taken(monkeypatch):
    cards = [SimpleNamespace(total_memory=size) for size in (141e9, 80e9)]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", cards.__getitem__)
    plan = planned("ring")
    found = gpus.gpu_memory(plan, plan.stacks)
    assert found == GpuMemory(0.9 * 80e9, gpus.CONTEXT + largest_bytes(plan, plan.stacks), 0.0)
