"""Which process trains on which GPU. No GPU is needed: what CUDA would say is given."""

from types import SimpleNamespace

import pytest
import torch

from harness.execution import gpus


def todo(cards, a_gpu=gpus.A_GPU):
    return SimpleNamespace(gpus=[str(card) for card in range(cards)] * a_gpu)


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


@pytest.mark.parametrize(("largest", "a_gpu"), [(0, 4), (16e9, 4), (20e9, 3), (50e9, 1), (200e9, 1)])
def test_no_more_stacks_train_on_a_gpu_than_its_memory_takes(monkeypatch, largest, a_gpu):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    cards = [SimpleNamespace(total_memory=size) for size in (141e9, 80e9)]
    monkeypatch.setattr(torch.cuda, "get_device_properties", cards.__getitem__)
    assert gpus.shared_out(["0", "1"], largest) == ["0", "1"] * a_gpu
