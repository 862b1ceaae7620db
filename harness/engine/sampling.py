"""Samples of a generator: the latents that they come from, and drawing them from kept weights."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from harness.engine import noise
from harness.engine.networks import Layout, Pair, bind, build_pair, couples_samples
from harness.spec import Setup

CHUNK = 4096  # samples a pass: larger ones spend their time in fresh memory


def latent_batches(pair: Pair, setup: Setup, seed: int, purpose: str, n: int) -> Tensor:
    """Return the latents of at least n samples: [batches, batch, latent].

    Batch statistics come from batches as large as in training; a generator without them takes all at once.
    """
    assert pair.generator is not None, "a data set draws the fakes of this Setup"
    batch = int(setup.train["batch"]) * pair.pack if couples_samples(pair.generator) else n
    return torch.randn(-(-n // batch), batch, pair.latent, generator=noise.generator(seed, purpose))


@torch.no_grad()
def draw_samples(setup: Setup, weights: Mapping[str, np.ndarray], seed: int, purpose: str, n: int) -> np.ndarray:
    """Return n samples of the generator with these weights: [n, *shape] float32, from latents at (seed, purpose).

    Raises KeyError or RuntimeError where the weights are not those of the Setup's generator.
    """
    pair = build_pair(setup)
    assert pair.generator is not None, "a data set draws the fakes of this Setup"
    sample = bind(pair, "plain", {}).sample
    flat = Layout(pair.generator).join({name: torch.from_numpy(array) for name, array in weights.items()})
    rows = latent_batches(pair, setup, seed, purpose, n)
    parts = rows if couples_samples(pair.generator) else rows[0].split(CHUNK)
    return torch.cat([sample(flat, part, {}) for part in parts])[:n].numpy()
