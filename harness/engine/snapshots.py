"""What is kept of a run at a scored step."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from harness.datasets import DATASETS
from harness.engine import noise
from harness.engine.data import data_settings
from harness.engine.networks import Layout, couples_samples
from harness.objectives import Critic

if TYPE_CHECKING:
    from harness.engine.stack import Stack

Snapshot = dict[str, np.ndarray]

GRID = 128  # points a side of critic_grid
FIXED = 64  # samples kept of the same latents at every snapshot


@torch.no_grad()
def take_snapshots(stack: "Stack", samples: int) -> list[Snapshot]:
    """Return one snapshot a run: generated [samples, *shape], critic [P], fixed, and critic_grid in 2-D.

    Latents are the same at every step and for every objective with the same seed, so that curves are smooth and
    comparisons paired. The moving average of the generator is sampled where a run keeps one.
    """
    generated = _generate(stack, samples).cpu().float().numpy()
    critic = _per_run(stack, stack.state.params["critic"]).cpu().float().numpy()
    shots = [
        {"generated": generated[run], "fixed": generated[run][:FIXED], "critic": critic[run]}
        for run in range(len(stack.specs))
    ]
    if stack.pair.shape == (2,) and stack.pair.pack == 1:
        grids, extents = _critic_grid(stack)
        for shot, grid, extent in zip(shots, grids, extents, strict=True):
            shot |= {"critic_grid": grid, "critic_extent": extent}
    return shots


def _generate(stack: "Stack", n: int) -> Tensor:
    """[runs, n, *shape] from the latents of purpose "score"."""
    if stack.pair.generator is None:
        dataset = DATASETS[stack.setup.dataset]
        draw = dataset.fake or dataset.sample
        return torch.stack([draw(n, noise.generator(s.seed, "score"), data_settings(s)) for s in stack.specs])
    # Batch statistics come from batches as large as in training; otherwise one batch serves.
    batch = int(stack.setup.train["batch"]) * stack.pair.pack if couples_samples(stack.pair.generator) else n
    count = -(-n // batch)
    latents = [torch.randn(count, batch, stack.pair.latent, generator=noise.generator(s, "score")) for s in stack.seeds]
    rows = torch.stack(latents).to(stack.device, stack.dtype)
    params = stack.state.extra["ema"] if "ema" in stack.game.tricks else stack.state.params["generator"]
    run = stack.pair.architecture.forward or torch.func.functional_call
    network = stack.pair.generator
    layout = Layout(network)

    def generate(flat: Tensor, latent: Tensor) -> Tensor:
        return run(network, layout.split(flat), latent)

    batches = [_each_run(stack, generate, params, rows[:, k]) for k in range(count)]
    return torch.cat(batches, 1)[:, :n]


def _critic_grid(stack: "Stack") -> tuple[np.ndarray, np.ndarray]:
    """Scores [runs, 128, 128] on a square around the data (rows: the second coordinate) and extents [runs, 4]."""
    dataset = DATASETS[stack.setup.dataset]
    reach = []
    for spec in stack.specs:
        points = dataset.sample(1000, noise.generator(0, "extent"), data_settings(spec))
        reach.append(float(1.5 * points.abs().max()))
    side = torch.linspace(-1, 1, GRID)
    unit = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
    points = torch.stack([r * unit for r in reach]).to(stack.device, stack.dtype)

    def scores(flat: Tensor, x: Tensor) -> Tensor:
        critic: Critic = stack.game.networks.critic(flat)
        return critic.scores(x)

    values = _each_run(stack, scores, stack.state.params["critic"], points)
    extents = np.array([[-r, r, -r, r] for r in reach], dtype=np.float32)
    return values.reshape(-1, GRID, GRID).cpu().float().numpy(), extents


def _each_run(stack: "Stack", function: Callable[[Any, Tensor], Tensor], params: Tensor, x: Tensor) -> Tensor:
    """Apply a function of (params, x) to every run, in the way the stack trains. x: [runs, ...]."""
    if stack.mode == "single":
        return function(params, x[0])[None]
    return torch.vmap(function)(params, x) if stack.how == "vmap" else function(params, x)


def _per_run(stack: "Stack", leaf: Tensor) -> Tensor:
    return leaf[None] if stack.mode == "single" else leaf
