"""Additions that compose with any objective, and the only things in a run with a memory of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.objectives.losses import Hyper
from harness.objectives.penalties import Critic, Draws, Noise
from harness.papers import PAPERS, Paper

if TYPE_CHECKING:
    from torch import Generator, Tensor

Extra = Any  # a tree of tensors, the same tree after every step: a checkpoint holds it


@dataclass(frozen=True)
class Trick:
    """A record of pure hooks, each optional; the engine calls those that are there.

    init   (params by player, setup, torch.Generator)                  -> extra, of one run
    inputs (player, real, fake, extra, noise, hyper)                   -> (real, fake), what the critic is shown
    params (player, params by name, extra)                             -> params that the network runs with
    loss   (player, params, critic, real, fake, extra, hyper)          -> [...], added to the player's loss
    after  (player, params, fake, extra, noise, hyper)                 -> extra, once the player has moved
    sampled (extra)                                                    -> generator params [..., P] to draw samples with
    `params` in `loss` and `after` is the player's flat vector [..., P].
    `draws` names random inputs and their kinds, as in Objective; `hyper` holds floats that a suite may sweep (within
    `ranges`), `setup` integers; `refuses` names the tricks it cannot stand beside; `summary` and `papers` are as there.
    """

    version: int = 1
    init: Callable[[Mapping[str, Tensor], Mapping[str, int], Generator], Extra] | None = None
    inputs: Callable[[str, Tensor, Tensor, Extra, Noise, Hyper], tuple[Tensor, Tensor]] | None = None
    params: Callable[[str, Mapping[str, Tensor], Extra], Mapping[str, Tensor]] | None = None
    loss: Callable[[str, Tensor, Critic, Tensor, Tensor, Extra, Hyper], Tensor] | None = None
    after: Callable[[str, Tensor, Tensor, Extra, Noise, Hyper], Extra] | None = None
    sampled: Callable[[Extra], Tensor] | None = None
    draws: Draws = field(default_factory=dict)
    hyper: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    setup: Mapping[str, int] = field(default_factory=dict)
    refuses: tuple[str, ...] = ()
    summary: str = ""
    papers: tuple[Paper, ...] = ()


def start_average(params: Mapping[str, Tensor], setup: Mapping[str, int], draw: Generator) -> Tensor:
    """Begin the moving average at the initial generator."""
    return params["generator"].clone()


def move_average(player: str, params: Tensor, fake: Tensor, extra: Tensor, noise: Noise, hyper: Hyper) -> Tensor:
    """Average the generator's weights after each step: a' = decay a + (1 - decay) w (Yazici et al. 2019)."""
    if player != "generator":
        return extra
    return params.lerp(extra, hyper["ema.decay"][..., None])


TRICKS: dict[str, Trick] = {
    "ema": Trick(
        init=start_average,
        after=move_average,
        sampled=lambda average: average,
        hyper={"decay": 0.999},
        ranges={"decay": (0.0, 1.0)},
        summary="moving average of the generator's weights; scores and samples use it, both weights are kept",
        papers=(PAPERS["yazici2019"],),
    ),
}
