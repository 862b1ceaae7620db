"""Two-dimensional toy distributions.

Each sampler takes (n, draw, settings): `draw` is a torch.Generator, `settings` the data set's floats and integers by
name; it returns [n, 2]. `u` and `z` below are uniform and normal draws. Spreads and radii are in units before the
division by `scale`.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Generator, Tensor

Settings = Mapping[str, Any]


def plane(settings: Settings) -> tuple[int, ...]:
    """Return the shape of one point."""
    return (2,)


def ring_of_gaussians_modes(settings: Settings) -> Tensor:
    """Centres [n_modes, 2] on a circle of radius 2."""
    angle = torch.arange(settings["n_modes"]) * (2 * math.pi / settings["n_modes"])
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) / settings["scale"]


def gaussian_mixture(n: int, draw: Generator, settings: Settings, modes: Tensor) -> Tensor:
    """Equal mixture of round Gaussians around `modes`."""
    which = torch.randint(len(modes), (n,), generator=draw)
    return modes[which] + torch.randn(n, 2, generator=draw) * (settings["sd"] / settings["scale"])


def stratified_mixture(n: int, draw: Generator, settings: Settings, modes: Tensor) -> Tensor:
    """The same with every mode's share exact (to one point): no multinomial imbalance."""
    which = torch.arange(n) % len(modes)
    return modes[which] + torch.randn(n, 2, generator=draw) * (settings["sd"] / settings["scale"])


def sample_8gaussians(n: int, draw: Generator, settings: Settings) -> Tensor:
    """Gaussians around a circle (the toy of Metz et al. 2017 and of Gulrajani et al. 2017, which divides by 1.414)."""
    return gaussian_mixture(n, draw, settings, ring_of_gaussians_modes(settings))


def stratified_8gaussians(n: int, draw: Generator, settings: Settings) -> Tensor:
    """The same, stratified over modes."""
    return stratified_mixture(n, draw, settings, ring_of_gaussians_modes(settings))


def grid_modes(settings: Settings) -> Tensor:
    """Centres [25, 2] on the grid {-4, -2, 0, 2, 4} squared."""
    side = torch.arange(-4.0, 5.0, 2.0)
    return torch.cartesian_prod(side, side) / settings["scale"]


def sample_25gaussians(n: int, draw: Generator, settings: Settings) -> Tensor:
    """Gaussians on a grid (Gulrajani et al. 2017, fig. 1a, which divides by 2.828)."""
    return gaussian_mixture(n, draw, settings, grid_modes(settings))


def stratified_25gaussians(n: int, draw: Generator, settings: Settings) -> Tensor:
    """The same, stratified over modes."""
    return stratified_mixture(n, draw, settings, grid_modes(settings))


def sample_gaussian(n: int, draw: Generator, settings: Settings) -> Tensor:
    """A round normal distribution around 0."""
    return torch.randn(n, 2, generator=draw) * (settings["sd"] / settings["scale"])


def stratified_gaussian(n: int, draw: Generator, settings: Settings) -> Tensor:
    """The same, with one radius in each n-th of its distribution: P(|x| > r) = exp(-r^2 / 2)."""
    radius = (-2 * torch.log1p(-_strata(n, draw))).sqrt()
    angle = 2 * math.pi * torch.rand(n, generator=draw)
    return (radius * torch.stack([angle.cos(), angle.sin()])).T * (settings["sd"] / settings["scale"])


def sample_swissroll(n: int, draw: Generator, settings: Settings) -> Tensor:
    """A spiral t (cos t, sin t), t in [1.5 pi, 4.5 pi], with normal noise.

    The first and third coordinate of scikit-learn's make_swiss_roll (Marsland 2014), divided by 7.5 as in the toy
    script published with Gulrajani et al. 2017.
    """
    return _spiral(torch.rand(n, generator=draw), n, draw, settings)


def stratified_swissroll(n: int, draw: Generator, settings: Settings) -> Tensor:
    """The same, with one t in each n-th of its range."""
    return _spiral(_strata(n, draw), n, draw, settings)


def _spiral(u: Tensor, n: int, draw: Generator, settings: Settings) -> Tensor:
    t = 1.5 * math.pi * (1 + 2 * u)
    points = torch.stack([t * t.cos(), t * t.sin()], 1)
    return (points + settings["sd"] * torch.randn(n, 2, generator=draw)) / settings["scale"]


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


def sample_ring(n: int, draw: Generator, settings: Settings) -> Tensor:
    """A circle of radius 1 with normal radial noise."""
    return _ring(torch.rand(n, generator=draw), n, draw, settings)


def stratified_ring(n: int, draw: Generator, settings: Settings) -> Tensor:
    """The same, with one angle in each n-th of the circle."""
    return _ring(_strata(n, draw), n, draw, settings)


def _ring(turn: Tensor, n: int, draw: Generator, settings: Settings) -> Tensor:
    radius = 1 + settings["sd"] * torch.randn(n, generator=draw)
    angle = 2 * math.pi * turn
    return (radius * torch.stack([angle.cos(), angle.sin()])).T / settings["scale"]


def sample_lines(n: int, draw: Generator, settings: Settings) -> Tensor:
    """(theta, u): a vertical line. Its W1 to the line at 0 is |theta| (Arjovsky et al. 2017, example 1)."""
    return _line(torch.rand(n, generator=draw), settings["theta"])


def stratified_lines(n: int, draw: Generator, settings: Settings) -> Tensor:
    """The same, with one point in each n-th of the line."""
    return _line(_strata(n, draw), settings["theta"])


def line_at_zero(n: int, draw: Generator, settings: Settings) -> Tensor:
    """The fakes of a fixed generator: the same sampler at theta 0."""
    return _line(torch.rand(n, generator=draw), 0.0)


def _line(height: Tensor, theta: float) -> Tensor:
    return torch.stack([torch.full_like(height, theta), height], 1)


def _strata(n: int, draw: Generator) -> Tensor:
    return (torch.arange(n) + torch.rand(n, generator=draw)) / n
