"""How our own extractors are trained: once a data set, on its training part, the same bytes on the same machine."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.datasets.pictures import to_values
from harness.engine import noise
from harness.extractors.network import PictureNet

UNSURE = 0.5  # weight of not being sure of them
VERSION = 1  # of all that decides an extractor's weights
STEPS, BATCH = 600, 64
RATE, DECAY, WARM = 3e-3, 1e-2, 0.1  # AdamW, its rate rising for a tenth of the steps and falling as a cosine
EMPTY = 16  # pictures of nothing beside each batch
TURN, ZOOM, SHIFT = 0.25, 0.15, 0.125  # of every picture shown: radians, share, share of its side; each way
CHUNK = 256  # pictures a pass


class Task(NamedTuple):
    """What a network learns to tell apart: pictures uint8 [n, c, h, w] with labels [n] of k classes, in two parts.

    Without labels it is the four quarter turns of every picture.
    """

    train: Tensor
    train_labels: Tensor | None
    held_out: Tensor
    held_labels: Tensor | None
    classes: int


def examples(pictures: Tensor, labels: Tensor | None, places: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pictures of places, and labels; without these, place k n + i is that of picture i turned k times."""
    if labels is not None:
        return pictures[places], labels[places]
    turns = places // len(pictures)
    shown = zip(pictures[places % len(pictures)], turns.tolist(), strict=True)
    return torch.stack([torch.rot90(picture, turn, (1, 2)) for picture, turn in shown]), turns


def n_examples(pictures: Tensor, labels: Tensor | None) -> int:
    """Return how many places there are."""
    return len(pictures) * (1 if labels is not None else 4)


def trained(task: Task, address: str) -> tuple[PictureNet, float]:
    """Return a network trained on a task, and its share of errors on the held-out part.

    `address` seeds all that is drawn. One thread of a CPU gives the same bytes every time. Of pictures of nothing the
    network learns to be sure of no class (Hendrycks et al. 2019): else it takes a grey one for an 8.
    """
    net = PictureNet((task.train.shape[1], task.train.shape[2], task.train.shape[3]), task.classes)
    net.start(noise.generator(0, f"extractor.{address}"))
    rng = noise.generator(0, f"extractor.{address}.batches")
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    for step in range(STEPS):
        places = torch.randint(n_examples(task.train, task.train_labels), (BATCH,), generator=rng)
        pictures, labels = examples(task.train, task.train_labels, places)
        shown = moved(to_values(pictures, (-1, 1)), rng, 0.0 if task.train_labels is None else TURN)
        scores = net(torch.cat([shown, empty(shown, rng)]))
        sure, unsure = F.cross_entropy(scores[:BATCH], labels), scores[BATCH:].log_softmax(1)
        loss = sure - UNSURE * unsure.mean()
        for group in optimizer.param_groups:
            group["lr"] = RATE * _pace((step + 1) / STEPS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    return net, error(net, task)


@torch.no_grad()
def error(net: PictureNet, task: Task) -> float:
    """Return the share of the held-out part that a network takes for something else."""
    n, wrong = n_examples(task.held_out, task.held_labels), 0
    for places in torch.arange(n).split(CHUNK):
        pictures, labels = examples(task.held_out, task.held_labels, places)
        wrong += int((net(to_values(pictures, (-1, 1))).argmax(1) != labels).sum())
    return wrong / n


def empty(like: Tensor, rng: torch.Generator) -> Tensor:
    """Return pictures [16, c, h, w] of nothing: one colour each, with noise of any strength from none."""
    _, channels, height, width = like.shape
    colour = 2 * torch.rand(EMPTY, channels, 1, 1, generator=rng) - 1
    strength = torch.rand(EMPTY, 1, 1, 1, generator=rng) * (torch.arange(EMPTY) % 2)[:, None, None, None]
    return (colour + strength * torch.randn(EMPTY, channels, height, width, generator=rng)).clamp(-1, 1)


def moved(values: Tensor, rng: torch.Generator, turn: float) -> Tensor:
    """Return pictures [n, c, h, w] each turned, zoomed and shifted at random; what comes in is black."""
    n = len(values)
    angle, zoom = turn * (2 * torch.rand(n, generator=rng) - 1), 1 + ZOOM * (2 * torch.rand(n, generator=rng) - 1)
    shift = 2 * SHIFT * (2 * torch.rand(n, 2, generator=rng) - 1)  # the grid is two wide
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    maps = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    grid = F.affine_grid(maps, list(values.shape), align_corners=False)
    return F.grid_sample(values + 1, grid, align_corners=False) - 1


def _pace(done: float) -> float:
    return done / WARM if done < WARM else 0.5 * (1 + math.cos(math.pi * (done - WARM) / (1 - WARM)))
