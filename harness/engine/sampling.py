"""Samples of a generator: the latents that they come from, and drawing them from stored weights."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from harness.datasets import DATASETS
from harness.engine import noise
from harness.engine.networks import Layout, Pair, build_network, build_pair, couples_samples
from harness.engine.process import own_state
from harness.spec import Setup

PARALLEL = 1e-4  # sine of the angle of vectors between which a circle is not told from a line
CHUNK = 4096  # samples a pass: larger ones spend their time in fresh memory


def latent_batches(pair: Pair, setup: Setup, seed: int, purpose: str, n: int, first: int | None = None) -> Tensor:
    """Return the latents of at least n samples, or of the `first` of them: [batches, batch, latent].

    Batch statistics come from batches as large as in training, and of images no more than that is sure to fit in
    memory; any other generator takes all at once.
    """
    assert pair.generator is not None, "a data set draws the fakes of this Setup"
    couples, first = couples_samples(pair.generator), n if first is None else first
    whole = couples or DATASETS[setup.dataset].kind == "images"
    batch = int(setup.train["batch"]) * pair.pack if whole else n
    rows = torch.randn(-(-n // batch), batch, pair.latent, generator=noise.generator(seed, purpose))
    return rows[: -(-first // batch)] if whole else rows[:, :first]


@own_state()
@torch.no_grad()
def draw_samples(setup: Setup, weights: Mapping[str, np.ndarray], seed: int, purpose: str, n: int) -> np.ndarray:
    """Return n samples of the generator with these weights, [n, *shape] as stored, from latents at (seed, purpose).

    Raises KeyError or RuntimeError where the weights are not those of the Setup's generator.
    """
    pair = build_pair(setup)
    rows = latent_batches(pair, setup, seed, purpose, n)
    return as_stored(setup, _samples_of(setup, weights, rows)[:n])


def _samples_of(setup: Setup, weights: Mapping[str, np.ndarray], rows: Tensor) -> Tensor:
    """Return the samples of latents [batches, batch, latent] one after another, [batches * batch, *shape]."""
    network = build_network(setup, "generator", weights)
    parts = rows if couples_samples(network) else [part for row in rows for part in row.split(CHUNK)]
    return torch.cat([network(part) for part in parts])


class Interpolation(NamedTuple):
    """Samples along paths between latents: samples [n, steps, *shape] as stored, of latents [n, steps, latent]."""

    samples: np.ndarray
    latents: np.ndarray


@own_state()
@torch.no_grad()
def interpolate_samples(
    setup: Setup, weights: Mapping[str, np.ndarray], seed: int, purposes: tuple[str, str], n: int, steps: int
) -> Interpolation:
    """Return n paths of so many steps each, ends included, from the samples that `draw_samples` draws at the first of
    the purposes to those at the second, spherically interpolated between their latents (`slerp`).

    Whole batches are interpolated, so that a generator with batch norm sees batches of independent latents, as large as
    in training, all the way. Raises what `draw_samples` raises.
    """
    pair = build_pair(setup)
    start, end = (latent_batches(pair, setup, seed, purpose, n) for purpose in purposes)
    latents = [slerp(start, end, at) for at in torch.linspace(0, 1, steps).tolist()]
    samples = [as_stored(setup, _samples_of(setup, weights, rows)[:n]) for rows in latents]
    return Interpolation(np.stack(samples, 1), torch.stack([rows.flatten(0, 1)[:n] for rows in latents], 1).numpy())


def slerp(start: Tensor, end: Tensor, at: float) -> Tensor:
    """Return the points that are `at` of the way, from 0 to 1, along great circles from `start` to `end` [..., d].

    A straight line would pass nearer to the origin than latents of a normal distribution ever lie (White 2016,
    arXiv:1609.04468, "Sampling Generative Networks"). Vectors of one length keep it; parallel ones are on no circle,
    and go straight.
    """
    cosine = torch.nn.functional.cosine_similarity(start, end, dim=-1).clamp(-1, 1).unsqueeze(-1)
    angle, sine = cosine.acos(), (1 - cosine.square()).sqrt()
    is_flat = sine < PARALLEL
    sine = torch.where(is_flat, 1.0, torch.sin(angle))
    weights = torch.sin((1 - at) * angle) / sine, torch.sin(at * angle) / sine
    first, second = (torch.where(is_flat, share, weight) for share, weight in zip((1 - at, at), weights, strict=True))
    return first * start + second * end


def as_stored(setup: Setup, samples: Tensor) -> np.ndarray:
    """Return samples [..., *shape] as they are stored: images in uint8, points in float32."""
    dataset = DATASETS[setup.dataset]
    if dataset.kind == "images":
        return dataset.to_uint8(samples, setup.data).cpu().numpy()
    return samples.cpu().float().numpy()


def draw_untrained(setup: Setup, seed: int, n: int) -> np.ndarray:
    """Return n samples of the generator of a Setup with fresh weights, [n, *shape] as stored."""
    pair = build_pair(setup)
    assert pair.generator is not None, "a data set draws the fakes of this Setup"
    flat = pair.draw(setup, noise.generator(seed, "untrained.weights"), "generator")
    weights = {name: values.numpy() for name, values in Layout(pair.generator).split(flat).items()}
    return draw_samples(setup, weights, seed, "untrained", n)
