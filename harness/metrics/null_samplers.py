"""Null samplers: what draws samples without having learned adversarially. The best of three is the zero of the score.

Every ranking shows all of them. `memorized` and `real` are shown and set no zero: of repeated samples a distance to the
data falls with their number, whatever the generator is worth.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.metrics.transport import Points, geometric_median

VERSION = 1  # of the samplers and of what is kept of them
POOL = 10_000  # real samples at most that moments are taken from
MEMORIZED = 10
SEEDS = (0, 1, 2)  # of the weights and latents of untrained generators, whose columns are averaged
WIDE = 1024  # values of a sample up to which a covariance is written out
MOST = 2**26  # values of real samples that moments are taken from: 512 MB; of 64x64 in colour 5,461 images
AT_ONCE = 2**25  # values that are drawn at once
NOISE = 2.0  # standard deviations of the floor that the zero must lie above it: else the score is undefined
POWER = {"w1_excess": 1.0, "fid_excess": 0.5}  # W1 is a distance; FID the square of one

Columns = dict[str, float]
Draw = Callable[[Points, int, np.random.Generator], Points]


@dataclass(frozen=True)
class Null:
    """A null sampler.

    draw     (real [m, *shape], n, rng) -> [n, *shape]; None where it depends on a run's generator
    is_zero  whether the score is 0 for it where it is the best of those
    """

    label: str
    draw: Draw | None
    is_zero: bool
    summary: str


def constant(real: Points, n: int, rng: np.random.Generator) -> Points:
    """Return one sample n times: the geometric median of points, which is the nearest in W1; the mean of images."""
    best = geometric_median(real) if real.ndim == 2 else real.mean(0, dtype=np.float64)
    return np.repeat(_as(best[None], real), n, 0)


def gaussian(real: Points, n: int, rng: np.random.Generator) -> Points:
    """Draw from the normal distribution with the mean and covariance of real samples; of wide ones, of the first."""
    width = int(np.prod(real.shape[1:]))
    root = real[: max(WIDE, MOST // width)].reshape(-1, width).astype(np.float64)
    mean = root.mean(0)
    root -= mean
    root /= np.sqrt(len(root))  # [m, d]: root' root is the covariance
    if width <= min(WIDE, len(root)):
        values, vectors = np.linalg.eigh(root.T @ root)
        root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T  # [d, d], the same whatever the vectors' signs
    drawn = np.empty((n, width), real.dtype if real.dtype == np.uint8 else np.float64)
    step = max(AT_ONCE // (len(root) + width), 1)
    for i in range(0, n, step):
        part = rng.standard_normal((min(step, n - i), len(root))) @ root
        part += mean
        drawn[i : i + step] = _as(part, real)
    return drawn.reshape(n, *real.shape[1:])


def memorized(real: Points, n: int, rng: np.random.Generator) -> Points:
    """Repeat ten real samples in turn."""
    return real[rng.permutation(len(real))[:MEMORIZED]][np.arange(n) % min(MEMORIZED, len(real))]


def fresh(real: Points, n: int, rng: np.random.Generator) -> Points:
    """Draw real samples: without replacement, where there are so many."""
    return real[rng.permutation(len(real))[:n] if n <= len(real) else rng.integers(len(real), size=n)]


class Floor(NamedTuple):
    """The distance between real samples, of which an excess is what is beyond: its mean and spread over draws."""

    mean: float
    sd: float


def score_of(columns: Mapping[str, float], nulls: Mapping[str, Columns], floor: Floor) -> Columns:
    """Return the score of columns that hold an excess: 1 at the noise floor, 0 at the best null sampler of `nulls`.

    score = clip(1 - beyond / zero, 0, 1) with `beyond` the distance over the floor's and `zero` that of the best null
    sampler. It is undefined where the zero's excess is within 2 standard deviations of the floor: there is then nothing
    to learn that so many samples would show.
    """
    name, excess = excess_in(columns)
    zeros = [excess_in(own)[1] for null, own in nulls.items() if NULLS[null].is_zero]
    zero = min((value for value in zeros if np.isfinite(value)), default=0.0)
    if not zero > NOISE * floor.sd:
        return {"score": float("nan"), "score_undefined": 1.0}
    share = beyond(name, excess, floor) / beyond(name, zero, floor)
    return {"score": float(np.clip(1 - share, 0, 1)), "score_undefined": 0.0}


def beyond(name: str, excess: float, floor: Floor) -> float:
    """Return by how much a distance is over the floor's: of W1 the excess, of FID the difference of the roots."""
    whole, real = max(floor.mean + excess, 0.0), max(floor.mean, 0.0)
    return float(whole ** POWER[name] - real ** POWER[name])


def excess_in(columns: Mapping[str, float]) -> tuple[str, float]:
    """Return the distance beyond the floor that the score is made of, and its name."""
    return next((name, columns[name]) for name in POWER if name in columns)


def columns_of_nulls(nulls: Mapping[str, Columns], floor: Floor) -> Columns:
    """Return the columns `null.<name>.<column>` that stand beside a run's, with the score of each null sampler."""
    return {
        f"null.{null}.{column}": value
        for null, own in nulls.items()
        for column, value in (own | score_of(own, nulls, floor)).items()
        if column != "score_undefined"
    }


def _as(values: Points, real: Points) -> Points:
    """Return values as real samples are kept: images rounded and clamped to 8 bits."""
    if real.dtype != np.uint8:
        return values
    rounded = values.round()
    return rounded.clip(0, 255, out=rounded).astype(np.uint8)


NULLS: Mapping[str, Null] = {
    "constant": Null("best constant", constant, True, "one sample: the geometric median; the mean image"),
    "gaussian": Null("Gaussian fit", gaussian, True, "a normal distribution with the data's mean and covariance"),
    "untrained": Null("untrained generator", None, True, "the run's generator with fresh weights, mean of 3 seeds"),
    "memorized": Null("10 training samples", memorized, False, "ten training samples, repeated"),
    "real": Null("real data", fresh, False, "real samples"),
}  # fmt: skip
