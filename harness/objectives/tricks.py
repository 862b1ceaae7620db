"""Additions that compose with any objective, and the only things in a run with a memory of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.objectives.losses import Hyper
from harness.objectives.penalties import Critic, Draws, Noise
from harness.papers import PAPERS, Paper

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch.nn import Module

Extra = Any  # a tree of tensors, the same tree after every step: a checkpoint holds it


@dataclass(frozen=True)
class Trick:
    """A record of pure hooks, each optional; the engine calls those that are there.

    init   (params by player, torch.Generator)                         -> extra, of one run
    network (player, network, shape of a batch that it takes, setup)   -> network, as the trick changes it
    fill   (fakes, noise, setup)                                       -> extra, of what the first update will be given
    inputs (player, real, fake, extra, noise, hyper)                   -> (real, fake), what the critic is shown
    params (player, params by name, extra)                             -> params that the network runs with
    loss   (player, params, critic, real, fake, extra, hyper)          -> [...], added to the player's loss
    after  (player, params, fake, extra, noise, hyper)                 -> extra, once the player has moved
    sampled (extra)                                                    -> generator params [..., P] to draw samples with
    `params` in `loss` and `after` is the player's flat vector [..., P]; `fakes()`, and real samples in the `noise` of
    `fill`, are as the critic is shown them.
    `draws` names random inputs and their kinds, as in Objective; `hyper` holds floats that a suite may sweep (within
    `ranges`), `setup` integers; `summary` and `papers` are as there. `schedule` names those of `hyper` that fall to 0
    during training, and how, unless a suite says otherwise. `couples`: True where scores come to depend on the whole
    batch, False where those of batch norm, which the networks then need, no longer do; None where neither changes.
    """

    version: int = 1
    init: Callable[[Mapping[str, Tensor], Generator], Extra] | None = None
    fill: Callable[[Callable[[], Tensor], Noise, Mapping[str, int]], Extra] | None = None
    network: Callable[[str, Module, tuple[int, ...], Mapping[str, int]], Module] | None = None
    inputs: Callable[[str, Tensor, Tensor, Extra, Noise, Hyper], tuple[Tensor, Tensor]] | None = None
    params: Callable[[str, Mapping[str, Tensor], Extra], Mapping[str, Tensor]] | None = None
    loss: Callable[[str, Tensor, Critic, Tensor, Tensor, Extra, Hyper], Tensor] | None = None
    after: Callable[[str, Tensor, Tensor, Extra, Noise, Hyper], Extra] | None = None
    sampled: Callable[[Extra], Tensor] | None = None
    draws: Draws = field(default_factory=dict)
    hyper: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    setup: Mapping[str, int] = field(default_factory=dict)
    schedule: Mapping[str, str] = field(default_factory=dict)
    couples: bool | None = None
    summary: str = ""
    papers: tuple[Paper, ...] = ()

    @property
    def refused(self) -> list[str]:
        """Return what a suite cannot set together with it, in words."""
        rules = {
            "micro_batch": self.loss is not None or self.couples,
            "a penalty on the critic's slope": self.couples,
            "a fixed generator": self.sampled is not None or self.couples is False,
            "networks without batch norm": self.couples is False,
        }
        return [words for words, is_refused in rules.items() if is_refused]


def start_average(params: Mapping[str, Tensor], draw: Generator) -> Tensor:
    """Begin the moving average at the initial generator."""
    return params["generator"].clone()


def move_average(player: str, params: Tensor, fake: Tensor, extra: Tensor, noise: Noise, hyper: Hyper) -> Tensor:
    """Average the generator's weights after each step: a' = decay a + (1 - decay) w (Yazici et al. 2019)."""
    if player != "generator":
        return extra
    return params.lerp(extra, hyper["ema.decay"][..., None])


def features_apart(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """Return |E f(x) - E f(y)|^2 of the critic's features f (Salimans et al. 2016, section 3.1).

    There it takes the place of the generator's loss; here it is added to it. Adam's steps do not depend on a loss's
    scale: a large weight comes close to the paper.
    """
    return (critic.features(real).mean(-2) - critic.features(fake).mean(-2)).square().sum(-1)


def start_history(params: Mapping[str, Tensor], draw: Generator) -> Extra:
    """Begin each player's mean at its initial parameters."""
    return {player: {"mean": flat.clone(), "count": flat.new_ones(())} for player, flat in params.items()}


def move_history(player: str, params: Tensor, fake: Tensor, extra: Extra, noise: Noise, hyper: Hyper) -> Extra:
    """Take the player's new parameters into the mean of all that it had."""
    count = extra[player]["count"] + 1
    mean = extra[player]["mean"]
    return {**extra, player: {"mean": mean + (params - mean) / count[..., None], "count": count}}


def away_from_history(player: str, params: Tensor, extra: Extra) -> Tensor:
    """Return |theta - mean of past theta|^2 (Salimans et al. 2016, section 3.3)."""
    return (params - extra[player]["mean"]).square().sum(-1)


def fill_buffer(fakes: Callable[[], Tensor], noise: Noise, setup: Mapping[str, int]) -> Tensor:
    """Begin a buffer [..., n, slots, *shape] with the first fakes in every slot."""
    axis, fake = noise["replay.read"].ndim, fakes()
    return fake.unsqueeze(axis).expand(*fake.shape[:axis], setup["slots"], *fake.shape[axis:]).clone()


def replay(player: str, real: Tensor, fake: Tensor, extra: Tensor, noise: Noise, hyper: Hyper) -> tuple[Tensor, Tensor]:
    """Show the critic old fakes in place of the first `share` of a batch (Shrivastava et al. 2017, section 2.3)."""
    import torch

    if player != "critic":
        return real, fake
    read = noise["replay.read"]
    old = extra.take_along_dim(_wide(_slot(read, extra), extra), read.ndim).squeeze(read.ndim)
    place = torch.arange(read.shape[-1], device=fake.device)
    is_old = place < hyper["replay.share"][..., None] * len(place)
    return real, old.where(_wide(is_old, fake), fake)


def renew_buffer(player: str, params: Tensor, fake: Tensor, extra: Tensor, noise: Noise, hyper: Hyper) -> Tensor:
    """Put each of the critic's new fakes into one slot, drawn at random, of its place in the batch."""
    import torch

    if player != "critic":
        return extra
    write = noise["replay.write"]
    slots = torch.arange(extra.shape[write.ndim], device=fake.device)
    is_new = slots == _slot(write, extra)[..., None]
    return fake.unsqueeze(write.ndim).where(_wide(is_new, extra), extra)


def _slot(uniform: Tensor, buffer: Tensor) -> Tensor:
    """Return slots [..., n], drawn at random from those of a buffer [..., n, slots, *shape]."""
    slots = buffer.shape[uniform.ndim]
    return (uniform * slots).long().clamp(max=slots - 1)


def _wide(x: Tensor, like: Tensor) -> Tensor:
    """Return x with axes of one behind its own, as many as `like` has."""
    return x.reshape(x.shape + (1,) * (like.ndim - x.ndim))


def blur(player: str, real: Tensor, fake: Tensor, extra: Extra, noise: Noise, hyper: Hyper) -> tuple[Tensor, Tensor]:
    """Add normal noise to all that the critic is shown (Arjovsky & Bottou 2017, section 3; Sonderby et al. 2017)."""
    sd = _wide(hyper["instance-noise.sd"], fake)
    is_shown = real.ndim == fake.ndim  # a generator's loss that reads no real samples has none
    return real + sd * noise["instance-noise.real"] if is_shown else real, fake + sd * noise["instance-noise.fake"]


def _with_std(player: str, network: Module, batch: tuple[int, ...], setup: Mapping[str, int]) -> Module:
    from harness.objectives import minibatch  # torch

    return minibatch.with_std(player, network)


def _with_discrimination(player: str, network: Module, batch: tuple[int, ...], setup: Mapping[str, int]) -> Module:
    from harness.objectives import minibatch

    return minibatch.with_discrimination(player, network, setup)


def _with_reference(player: str, network: Module, batch: tuple[int, ...], setup: Mapping[str, int]) -> Module:
    from harness.objectives import virtual_norm

    return virtual_norm.with_reference(network, batch)


def first_reference(fakes: Callable[[], Tensor], noise: Noise, setup: Mapping[str, int]) -> Extra:
    """Begin with the first real samples as the critic's reference, and the first latents as the generator's."""
    real, latent = noise["real"].clone(), noise["latent"].clone()
    return {"critic": real, "generator": latent, "count": latent[..., 0, 0] * 0}


def renew_reference(player: str, params: Tensor, fake: Tensor, extra: Extra, noise: Noise, hyper: Hyper) -> Extra:
    """Take the samples of an update in the reference's place, at every so many of the critic's."""
    if player != "critic":
        return extra
    count = extra["count"] + 1
    is_due = count.remainder(hyper["virtual-batch-norm.every"]) == 0
    fresh = {"critic": noise["real"].reshape(extra["critic"].shape), "generator": noise["latent"]}
    rows_of = {name: row.where(_wide(is_due, row), extra[name]) for name, row in fresh.items()}
    return {**rows_of, "count": count}


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
    "feature-matching": Trick(
        loss=lambda player, params, critic, real, fake, extra, hyper: (
            hyper["feature-matching.weight"] * (features_apart(critic, real, fake) if player == "generator" else 0.0)
        ),
        hyper={"weight": 1.0},
        ranges={"weight": (0.0, math.inf)},
        summary="the generator matches the mean of the critic's features as well",
        papers=(PAPERS["salimans2016"].at("section 3.1"),),
    ),
    "historical-averaging": Trick(
        init=start_history,
        loss=lambda player, params, critic, real, fake, extra, hyper: (
            hyper["historical-averaging.weight"] * away_from_history(player, params, extra)
        ),
        after=move_history,
        hyper={"weight": 0.1},
        ranges={"weight": (0.0, math.inf)},
        schedule={"weight": "linear"},
        summary="each player is held near the mean of its past parameters, less and less",
        papers=(PAPERS["salimans2016"].at("section 3.3"),),
    ),
    "instance-noise": Trick(
        inputs=blur,
        draws={"real": "normal", "fake": "normal"},
        hyper={"sd": 0.1},
        ranges={"sd": (0.0, math.inf)},
        schedule={"sd": "linear"},
        summary="normal noise, in the data's units, on all that the critic is shown, less and less",
        papers=(PAPERS["arjovsky2017a"].at("section 3"), PAPERS["sonderby2017"].at("section 3")),
    ),
    "replay": Trick(
        fill=fill_buffer,
        inputs=replay,
        after=renew_buffer,
        draws={"read": (), "write": ()},
        hyper={"share": 0.5},
        ranges={"share": (0.0, 1.0)},
        setup={"slots": 16},
        summary="the critic is shown old fakes in place of a share of its batch, from a buffer of so many batches",
        papers=(PAPERS["shrivastava2017"].at("section 2.3"),),
    ),
    "minibatch-std": Trick(
        network=_with_std,
        couples=True,
        summary="the critic is told how much its features vary over the batch",
        papers=(PAPERS["karras2018"].at("section 3"),),
    ),
    "minibatch-discrimination": Trick(
        network=_with_discrimination,
        couples=True,
        setup={"kernels": 16, "dims": 5},
        summary="the critic is told how near each sample is to the others of its batch, by so many measures",
        papers=(PAPERS["salimans2016"].at("section 3.2"),),
    ),
    "virtual-batch-norm": Trick(
        network=_with_reference,
        fill=first_reference,
        params=lambda player, params, extra: {**params, "reference.rows": extra[player]},
        after=renew_reference,
        couples=False,
        hyper={"every": 1000.0},
        ranges={"every": (1.0, math.inf)},
        summary="batch norm of both players by a reference batch, renewed at every so many critic updates; in the "
        "paper of the generator alone, and fixed",
        papers=(PAPERS["salimans2016"].at("section 3.5"),),
    ),
}
