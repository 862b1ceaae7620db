"""What is kept of a stack's runs at a scored step."""

import time

import numpy as np
import torch
from torch import Tensor

from harness.datasets import DATASETS
from harness.engine import noise
from harness.engine.critic_view import NORMED_BY, critic_views, normed_by
from harness.engine.networks import couples_samples
from harness.engine.real_data import data_settings
from harness.engine.sampling import CHUNK, as_stored, latent_batches
from harness.engine.stack import Stack

Snapshot = dict[str, np.ndarray]
Samples = int | tuple[int, int]  # that a snapshot holds; of a pair, the second is how many W1 is measured on

GRID = 128  # points a side of critic_grid
AMONG = NORMED_BY  # real points that critic_grid reaches around
FIXED = 64  # samples kept of the same latents at every snapshot


@torch.no_grad()
def ms_per_sample(stack: Stack) -> float | None:
    """Return the milliseconds that drawing one sample of a run takes, in whole batches of at least FIXED; None where a
    data set draws them. The least of three: the first warms up."""
    if stack.pair.generator is None:
        return None
    batch = int(stack.setup.train["batch"]) * stack.pair.pack
    samples, seconds = -(-FIXED // batch) * batch, []
    for _ in range(3):
        started = time.perf_counter()
        as_stored(stack.setup, _generate(stack, samples, samples))  # on the host: a GPU has then drawn them
        seconds.append(time.perf_counter() - started)
    return 1e3 * min(seconds) / (samples * len(stack.specs))


@torch.no_grad()
def take_snapshots(stack: Stack, samples: Samples, whole: bool = True) -> list[Snapshot]:
    """Return one snapshot a run: generated [samples, *shape], fixed, critic [P] as the tricks change its parameters,
    what `critic_views` holds of the first of `samples`, and critic_grid in 2-D.

    critic_grid holds the critic's scores, in batch norm by the statistics of `critic_batch` real points (0 without).
    Images are kept as uint8, points as float32. Where it is not to be `whole`, `fixed` alone is: the first FIXED of
    `generated`. Latents are the same at every step and for every objective with the same seed, so that curves are
    smooth and comparisons paired. A trick's parameters are sampled where one keeps its own (a moving average).
    """
    n, compared = samples if isinstance(samples, tuple) else (samples, samples)
    drawn = _generate(stack, n, n if whole else min(n, FIXED))
    generated = as_stored(stack.setup, drawn)
    if not whole:
        return [{"fixed": x} for x in generated]
    critic = _numpy(stack.effective("critic", stack.state.params["critic"]))
    views = critic_views(stack, drawn, compared)
    shots = [
        {"generated": x, "fixed": x[:FIXED], "critic": flat, **view}
        for x, flat, view in zip(generated, critic, views, strict=True)
    ]
    if stack.pair.shape == (2,) and stack.pair.pack == 1:
        among = np.array(AMONG if couples_samples(stack.pair.critic) else 0)
        grids, extents = _critic_grid(stack)
        for shot, grid, extent in zip(shots, grids, extents, strict=True):
            shot |= {"critic_grid": grid, "critic_extent": extent, "critic_batch": among}
    return shots


def _generate(stack: Stack, n: int, first: int) -> Tensor:
    """Return the `first` of n samples, [runs, first, *shape], from the latents of purpose "score"."""
    if stack.pair.generator is None:
        dataset = DATASETS[stack.setup.dataset]
        draw = dataset.fake or dataset.sample
        # No seed has a part in these: runs at one data setting share their samples, and so their exact distance.
        drawn = {str(data_settings(s)): draw(n, noise.generator(0, "score"), data_settings(s)) for s in stack.specs}
        return torch.stack([drawn[str(data_settings(s))] for s in stack.specs])[:, :first]
    latents = [latent_batches(stack.pair, stack.setup, seed, "score", n, first) for seed in stack.seeds]
    rows = torch.stack(latents).to(stack.device, stack.dtype)
    sample, params = stack.each(stack.game.networks.sample), stack.sampled(stack.state)
    batches = [sample(params, rows[:, k], stack.state.extra) for k in range(rows.shape[1])]
    return torch.cat(batches, 1)[:, :first]


def _critic_grid(stack: Stack) -> tuple[np.ndarray, np.ndarray]:
    """Scores [runs, 128, 128] on a square around the data (rows: the second coordinate) and extents [runs, 4]."""
    sample = DATASETS[stack.setup.dataset].sample
    drawn = [sample(AMONG, noise.generator(0, "extent"), data_settings(spec)) for spec in stack.specs]
    reach = [float(1.5 * points.abs().max()) for points in drawn]
    side = torch.linspace(-1, 1, GRID)
    unit = torch.stack(torch.meshgrid(side, side, indexing="xy"), -1).reshape(-1, 2)
    points, real = (torch.stack(rows).to(stack.device, stack.dtype) for rows in ([r * unit for r in reach], drawn))
    extents = np.array([[-r, r, -r, r] for r in reach], dtype=np.float32)
    return _numpy(critic_scores(stack, points, real).unflatten(1, (GRID, GRID))), extents


def critic_scores(stack: Stack, points: Tensor, real: Tensor, chunk: int = CHUNK) -> Tensor:
    """Return every run's scores [runs, n] of points [runs, n, *shape], so many a pass: a point's score is its own.

    Batch norm, which would normalise each pass by itself, uses the statistics of `real` [runs, m, *shape] instead.
    """
    if not couples_samples(stack.pair.critic):
        scores = stack.each(lambda flat, x, extra: stack.game.networks.critic(flat, extra).scores(x))
        parts = [scores(stack.state.params["critic"], part, stack.state.extra) for part in points.split(chunk, 1)]
        return torch.cat(parts, 1)
    of_runs = []
    for index in range(len(stack.specs)):
        critic = normed_by(stack, index, real[index])
        of_runs.append(torch.cat([critic(part).squeeze(-1) for part in points[index].split(chunk)]))
    return torch.stack(of_runs)


def _numpy(x: Tensor) -> np.ndarray:
    return x.cpu().float().numpy()
