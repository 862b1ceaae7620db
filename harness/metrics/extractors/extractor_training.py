"""How our own extractors are trained: once a data set, on its training part, the same bytes on the same machine.

The criterion: steps at one rate until the validation error of the averaged weights stops falling. The validation images
are a tenth of the training part, which the network never learns from; the held-out part is left for the scores, and is
looked at once, for the error that is reported.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from harness.datasets.images import to_values
from harness.engine import noise
from harness.metrics.extractors.network import PictureNet
from harness.processes import Tell

UNSURE = 0.5  # weight of not being sure of them
VERSION = 2  # of all that decides an extractor's weights: its layers, its training, and when that ends
BATCH = 64
RATE, DECAY, WARM = 3e-3, 1e-2, 100  # AdamW, its rate rising over the first steps
AVERAGED = 200  # steps: the horizon of the running mean of the weights, which is what is validated and kept
TURNS = 4  # quarter turns
EMPTY = 16  # images of nothing beside each batch
TURN, ZOOM, SHIFT = 0.25, 0.15, 0.125  # of every image shown: radians, share, share of its side; each way
FEW = 2_000  # training images up to which they are moved so far; of more, less in proportion
CHUNK = 256  # images a pass

VALIDATED, MOST_VALIDATED, LEAST_VALIDATED = 0.1, 3_000, 4  # share of the training part, and images
EVERY = 100  # steps between two validations
PATIENCE = 1 / 3  # training ends where the lowest error is older than this share of the steps, and than 3 validations
STEPS = 6_000  # at most


class Task(NamedTuple):
    """What a network learns to tell apart: images uint8 [n, c, h, w] with labels [n] of k classes, in two parts.

    Without labels it is the four quarter turns of every image; `turned`, it is class and quarter turn together, of
    `classes` pairs.
    """

    train: Tensor
    train_labels: Tensor | None
    held_out: Tensor
    held_labels: Tensor | None
    classes: int
    turned: bool = False


def examples(pictures: Tensor, labels: Tensor | None, places: Tensor, turned: bool = False) -> tuple[Tensor, Tensor]:
    """Return the images of places, and labels. Without these, or where images are also `turned`, place k n + i is
    that of image i turned k times, with label k, or 4 c + k of class c.
    """
    if labels is not None and not turned:
        return pictures[places], labels[places]
    rows, turns = places % len(pictures), places // len(pictures)
    turned_pictures = [torch.rot90(x, turn, (1, 2)) for x, turn in zip(pictures[rows], turns.tolist(), strict=True)]
    return torch.stack(turned_pictures), turns if labels is None else TURNS * labels[rows] + turns


def n_examples(pictures: Tensor, labels: Tensor | None, turned: bool = False) -> int:
    """Return how many places there are."""
    return len(pictures) * (1 if labels is not None and not turned else TURNS)


def trained(task: Task, address: str, tell: Tell = lambda step, note: None) -> tuple[PictureNet, float]:
    """Return a network trained on a task, and its share of errors on the held-out part.

    `address` seeds all that is drawn. One thread of a CPU gives the same bytes every time. Of images of nothing the
    network learns to be sure of no class (Hendrycks et al. 2019): else it takes a grey one for an 8. `tell` is given
    the step and a note of the validation error at each validation.
    """
    net = PictureNet((task.train.shape[1], task.train.shape[2], task.train.shape[3]), task.classes)
    net.start(noise.generator(0, f"extractor.{address}"))
    rng = noise.generator(0, f"extractor.{address}.batches")
    learned, validation = parted(task, rng)
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    mean = copy.deepcopy(net).eval()
    best, lowest, at = mean, 2.0, 0
    for step in range(1, STEPS + 1):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, step / WARM)
        optimizer.zero_grad()
        _loss(net, task, learned, rng).backward()
        optimizer.step()
        _average(mean, net, max(1 / AVERAGED, 4 / (4 + step)))
        if step % EVERY == 0 or step == STEPS:
            now = error(mean, validation)
            tell(step, f" steps at most, validation error {100 * now:.1f} %")
            at = step if now < lowest else at
            if now <= lowest:  # of equal errors the last: few validation images soon have none
                best, lowest = copy.deepcopy(mean), now
            if has_stopped(step, at):
                break
    return best, error(best, task)


def has_stopped(step: int, at: int) -> bool:
    """Whether the validation error, lowest at step `at`, has stopped falling by this step."""
    return step - at >= max(3 * EVERY, PATIENCE * step)


def parted(task: Task, rng: torch.Generator) -> tuple[Tensor, Task]:
    """Return the places of the images to learn from, and the task whose held-out part are the validation images.

    So few images that a tenth is no measure are validated on themselves.
    """
    n, total = len(task.train), n_examples(task.train, task.train_labels, task.turned)
    k = min(int(VALIDATED * n), MOST_VALIDATED * n // total)
    order = torch.randperm(n, generator=rng)
    learned, validated = (order[k:], order[:k]) if k >= LEAST_VALIDATED else (order, order)
    labels = None if task.train_labels is None else task.train_labels[validated]
    return learned, task._replace(held_out=task.train[validated], held_labels=labels)


def _loss(net: PictureNet, task: Task, learned: Tensor, rng: torch.Generator) -> Tensor:
    """Return the cross-entropy of a batch of moved images, and of not being sure of images of nothing."""
    n, total = len(task.train), n_examples(task.train, task.train_labels, task.turned)
    drawn = torch.randint(len(learned) * (total // n), (BATCH,), generator=rng)
    pictures, labels = examples(
        task.train, task.train_labels, learned[drawn % len(learned)] + n * (drawn // len(learned)), task.turned
    )
    values = moved(to_values(pictures, (-1, 1)), rng, 0.0 if task.train_labels is None else TURN, min(1.0, FEW / n))
    scores = net(torch.cat([values, empty(values, rng)]))
    sure, unsure = F.cross_entropy(scores[:BATCH], labels), scores[BATCH:].log_softmax(1)
    return sure - UNSURE * unsure.mean()


@torch.no_grad()
def _average(mean: PictureNet, net: PictureNet, weight: float) -> None:
    """Move the running mean of a network's weights and statistics towards it."""
    for average, now in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
        if average.is_floating_point():
            average.lerp_(now, weight)
        else:
            average.copy_(now)


@torch.no_grad()
def error(net: PictureNet, task: Task) -> float:
    """Return the share of the held-out part that a network takes for something else."""
    n, wrong = n_examples(task.held_out, task.held_labels, task.turned), 0
    for places in torch.arange(n).split(CHUNK):
        pictures, labels = examples(task.held_out, task.held_labels, places, task.turned)
        wrong += int((net(to_values(pictures, (-1, 1))).argmax(1) != labels).sum())
    return wrong / n


def empty(like: Tensor, rng: torch.Generator) -> Tensor:
    """Return images [16, c, h, w] of nothing: one colour each, with noise of any strength from none."""
    _, channels, height, width = like.shape
    colour = 2 * torch.rand(EMPTY, channels, 1, 1, generator=rng) - 1
    strength = torch.rand(EMPTY, 1, 1, 1, generator=rng) * (torch.arange(EMPTY) % 2)[:, None, None, None]
    return (colour + strength * torch.randn(EMPTY, channels, height, width, generator=rng)).clamp(-1, 1)


def moved(values: Tensor, rng: torch.Generator, turn: float, strength: float = 1.0) -> Tensor:
    """Return images [n, c, h, w] each turned, zoomed and shifted at random; what comes in is black."""
    n = len(values)
    angle, zoom, shift = (strength * (2 * torch.rand(n, k, generator=rng) - 1) for k in (1, 1, 2))
    angle, zoom, shift = turn * angle[:, 0], 1 + ZOOM * zoom[:, 0], 2 * SHIFT * shift  # the grid is two wide
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    maps = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    grid = F.affine_grid(maps, list(values.shape), align_corners=False)
    return F.grid_sample(values + 1, grid, align_corners=False) - 1
