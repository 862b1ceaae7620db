"""Which process trains on which GPU. No GPU is needed: what CUDA would say is given."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from harness.execution import gpus
from harness.execution.requests import GpuMemory
from harness.metrics import extractors
from harness.metrics.extractors.gpu_memory import looking_bytes
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
    chosen = gpus.trainers(todo(cards), workers)
    assert len(chosen) == training
    assert len({*chosen}) == min(cards, training)  # no second process on a GPU before every other has one
    counts = [chosen.count(card) for card in {*chosen}]
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
        (5, 4, 1, [4]),  # and twelve that score: 20 + 48 of 72
        (7, 4, 1, [2]), (7, 5, 1, [1]), (7, 3.6, 1, [4]), (10, 3.2, 1, [3]), (20, 2.2, 1, [2]),
        (30, 4, 4, [1, 2, 2, 2]),  # nine score on the first, where one trains
        (30, 1.4, 4, [2, 2, 2, 2]), (40, 4, 4, [1, 1, 1, 1]),
    ],
)  # fmt: skip
def test_no_more_train_on_a_gpu_than_its_memory_takes_beside_those_that_score(training, scoring, cards, on_each):
    """Of 16 workers, in gigabytes of a GPU that has 72 to give."""
    chosen = gpus.trainers(todo(cards, GpuMemory(72.0, training, scoring)), 16)
    assert [chosen.count(str(card)) for card in range(cards)] == on_each


class Net(nn.Module):
    """A convolution of 3 x 3 from one channel to 8, ReLU, the mean over places, and a layer of 5 features."""

    def __init__(self):
        super().__init__()
        self.convolution, self.layer = nn.Conv2d(1, 8, 3, padding=1), nn.Linear(8, 5)

    def forward(self, images):
        return self.layer(torch.relu(self.convolution(images.float())).mean((2, 3)))


WEIGHTS = 4 * (8 * 9 + 8 + 8 * 5 + 5)  # bytes
LARGEST = 4 * (8 + 8) * 16**2  # eight channels come out of the convolution, and ReLU writes eight


@pytest.mark.parametrize("at_once", [extractors.own.CHUNK, 32])
def test_a_network_takes_its_weights_and_the_most_that_is_there_at_once_of_a_batch(at_once):
    side = 16
    ready = extractors.frozen(Net())._replace(at_once=at_once)
    found = looking_bytes(extractors.Extractor(ready, ()), (1, side, side))
    assert found.activations == at_once * LARGEST
    assert found.weights == WEIGHTS + side**2  # and the image, in bytes


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


@pytest.mark.parametrize(
    ("dataset", "names", "networks"),
    [("digits", ("one", "two"), 2), ("digits", ("one",), 1), ("digits", ("poses", "one"), 1)],
)
def test_those_that_score_keep_all_networks_and_one_looks_at_a_time(with_networks, dataset, names, networks):
    found = gpus.scoring_bytes(planned(dataset, *names))
    assert found == gpus.CONTEXT + networks * (WEIGHTS + 16**2) + 256 * LARGEST


@pytest.mark.parametrize(
    ("dataset", "names"),
    [("digits", ()), ("digits", ("poses",)), ("ring", ("one",)), ("digits", ("torchvision-nothing",))],
)
def test_what_looks_on_the_cpu_takes_nothing_of_a_gpu(with_networks, dataset, names):
    assert gpus.scoring_bytes(planned(dataset, *names)) == 0


def test_the_smallest_gpu_says_how_much_may_be_taken(monkeypatch):
    cards = [SimpleNamespace(total_memory=size) for size in (141e9, 80e9)]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", cards.__getitem__)
    plan = planned("ring")
    found = gpus.gpu_memory(plan, plan.stacks)
    assert found == GpuMemory(0.9 * 80e9, gpus.CONTEXT + largest_bytes(plan, plan.stacks), 0.0)
