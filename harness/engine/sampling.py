"""Samples of a generator: the latents that they come from, and drawing them from stored weights."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from harness.datasets import DATASETS
from harness.engine import noise
from harness.engine.networks import Layout, Pair, build_network, build_pair, couples_samples
from harness.engine.process import own_state
from harness.spec import Setup

CHUNK = 4096  # samples a pass: larger ones spend their time in fresh memory


def latent_batches(pair: Pair, setup: Setup, seed: int, purpose: str, n: int, first: int | None = None) -> Tensor:
    """Return the latents of at least n samples, or of the `first` of them: [batches, batch, latent].

    Batch statistics come from batches as large as in training, and of pictures no more than that is sure to fit in
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
    assert pair.generator is not None, "a data set draws the fakes of this Setup"
    network = build_network(setup, "generator", weights)
    rows = latent_batches(pair, setup, seed, purpose, n)
    couples = couples_samples(pair.generator)
    parts = rows if couples else [part for row in rows for part in row.split(CHUNK)]
    return as_stored(setup, torch.cat([network(part) for part in parts])[:n])


def as_stored(setup: Setup, samples: Tensor) -> np.ndarray:
    """Return samples [..., *shape] as they are stored: pictures in uint8, points in float32."""
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
