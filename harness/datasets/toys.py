"""Two-dimensional toy distributions.

Each sampler takes (n, draw, settings): `draw` is a torch.Generator, `settings` the data set's floats and integers by
name; it returns [n, 2]. Spreads and radii are in units before the division by `scale`. A curve is a function of where
on it every point lies, `u` [n] from 0 to 1: `uniform` draws u, `even` takes one u of each n-th of the range.
"""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from harness.datasets.images import Settings

Curve = Callable[[Tensor, Generator, Settings], Tensor]  # (u [n], draw, settings) -> [n, 2]
Modes = Callable[[Settings], Tensor]


def plane(settings: Settings) -> tuple[int, ...]:
    """Return the shape of one point."""
    return (2,)


def ring_of_gaussians_modes(settings: Settings) -> Tensor:
    """Centres [n_modes, 2] on a circle of radius 2 (Metz et al. 2017; Gulrajani et al. 2017 divide by 1.414)."""
    angle = torch.arange(settings["n_modes"]) * (2 * math.pi / settings["n_modes"])
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) / settings["scale"]


def grid_modes(settings: Settings) -> Tensor:
    """Centres [25, 2] on the grid {-4, -2, 0, 2, 4} squared (Gulrajani et al. 2017, fig. 1a, divide by 2.828)."""
    side = torch.arange(-4.0, 5.0, 2.0)
    return torch.cartesian_prod(side, side) / settings["scale"]


def gaussian_mixture(modes: Modes, n: int, draw: Generator, settings: Settings) -> Tensor:
    """Equal mixture of round Gaussians around `modes`."""
    centres = modes(settings)
    which = torch.randint(len(centres), (n,), generator=draw)
    return centres[which] + _noise(n, draw, settings)


def stratified_mixture(modes: Modes, n: int, draw: Generator, settings: Settings) -> Tensor:
    """The same with every mode's share exact (to one point): no multinomial imbalance."""
    centres = modes(settings)
    return centres[torch.arange(n) % len(centres)] + _noise(n, draw, settings)


def _noise(n: int, draw: Generator, settings: Settings) -> Tensor:
    return torch.randn(n, 2, generator=draw) * (settings["sd"] / settings["scale"])


def sample_gaussian(n: int, draw: Generator, settings: Settings) -> Tensor:
    """A round normal distribution around 0."""
    return _noise(n, draw, settings)


def stratified_gaussian(n: int, draw: Generator, settings: Settings) -> Tensor:
    """The same, with one radius in each n-th of its distribution: P(|x| > r) = exp(-r^2 / 2)."""
    radius = (-2 * torch.log1p(-_strata(n, draw))).sqrt()
    angle = 2 * math.pi * torch.rand(n, generator=draw)
    return (radius * torch.stack([angle.cos(), angle.sin()])).T * (settings["sd"] / settings["scale"])


def uniform(curve: Curve, n: int, draw: Generator, settings: Settings) -> Tensor:
    """Points anywhere on a curve."""
    return curve(torch.rand(n, generator=draw), draw, settings)


def even(curve: Curve, n: int, draw: Generator, settings: Settings) -> Tensor:
    """The same, stratified: one point in each n-th of the curve."""
    return curve(_strata(n, draw), draw, settings)


def spiral(u: Tensor, draw: Generator, settings: Settings) -> Tensor:
    """A spiral t (cos t, sin t), t in [1.5 pi, 4.5 pi], with normal noise.

    The first and third coordinate of scikit-learn's make_swiss_roll (Marsland 2014), divided by 7.5 as in the toy
    script published with Gulrajani et al. 2017.
    """
    t = 1.5 * math.pi * (1 + 2 * u)
    points = torch.stack([t * t.cos(), t * t.sin()], 1)
    return (points + settings["sd"] * torch.randn(len(u), 2, generator=draw)) / settings["scale"]


def ring(u: Tensor, draw: Generator, settings: Settings) -> Tensor:
    """A circle of radius 1 with normal radial noise."""
    radius = 1 + settings["sd"] * torch.randn(len(u), generator=draw)
    angle = 2 * math.pi * u
    return (radius * torch.stack([angle.cos(), angle.sin()])).T / settings["scale"]


def line(u: Tensor, draw: Generator, settings: Settings) -> Tensor:
    """(theta, u): a vertical line. Its W1 to the line at 0 is |theta| (Arjovsky et al. 2017, example 1)."""
    return torch.stack([torch.full_like(u, settings["theta"]), u], 1)


def line_at_zero(n: int, draw: Generator, settings: Settings) -> Tensor:
    """The fakes of a fixed generator: the same sampler at theta 0."""
    return uniform(line, n, draw, {**settings, "theta": 0.0})


def sample_moons(n: int, draw: Generator, settings: Settings) -> Tensor:
    """Two interleaving half circles with normal noise, as scikit-learn's make_moons draws them."""
    return _moons(torch.rand(n, generator=draw), torch.rand(n, generator=draw) < 0.5, draw, settings)


def stratified_moons(n: int, draw: Generator, settings: Settings) -> Tensor:
    """The same, half of the points on each moon (to one point), evenly along it."""
    return _moons(_strata(n, draw), torch.arange(n) % 2 == 0, draw, settings)


def _moons(turn: Tensor, upper: Tensor, draw: Generator, settings: Settings) -> Tensor:
    x, y = (math.pi * turn).cos(), (math.pi * turn).sin()
    points = torch.stack([torch.where(upper, x, 1 - x), torch.where(upper, y, 0.5 - y)], 1)
    return (points + settings["sd"] * torch.randn(len(turn), 2, generator=draw)) / settings["scale"]


def _strata(n: int, draw: Generator) -> Tensor:
    return (torch.arange(n) + torch.rand(n, generator=draw)) / n
