"""Many runs at once: the only place where the leading [runs] axis is made and undone.

A stack shares a Setup; seeds and hyperparameters differ. An architecture with a `forward` of its own runs on stacked
tensors directly (batched matrix products), any other under torch.vmap, and a "single" run has no such axis at all.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from harness.datasets import DATASETS
from harness.engine import noise, schedules
from harness.engine.data import fresh_draw, real_draw
from harness.engine.networks import Layout, Pair, bind, build_pair, packed
from harness.engine.optimizers import OPTIMIZERS
from harness.engine.snapshots import Snapshot, take_snapshots
from harness.engine.step import CURVES, Game, RunState, critic_update, generator_update
from harness.errors import lookup
from harness.objectives import OBJECTIVES, TRICKS
from harness.spec import RunSpec, Setup

Batch = dict[str, Any]
VANISHED = 1e-6  # a generator gradient norm below it teaches nothing
Advance = Callable[[RunState, Batch, Mapping[str, Tensor]], tuple[RunState, Tensor]]


@dataclass
class Outcome:
    """What one trained run leaves. Arrays are numpy's; `weights` holds flat float32 vectors by player (and "ema")."""

    spec: RunSpec
    status: str  # "ok" or "diverged"
    first_bad_step: int | None
    curves: dict[str, np.ndarray]
    snapshots: dict[int, Snapshot]
    weights: dict[str, dict[str, np.ndarray]]
    facts: dict[str, Any] = field(default_factory=dict)  # critic_updates, samples_seen, train_s, step_ms


class Stack:
    """Runs that train together: their game, their noise, and their stacked state."""

    def __init__(self, specs: Sequence[RunSpec], mode: str, device: torch.device, dtype: torch.dtype) -> None:
        self.specs, self.mode, self.device, self.dtype = list(specs), mode, device, dtype
        self.setup: Setup = specs[0].setup
        self.seeds = [spec.seed for spec in specs]
        self.pair: Pair = build_pair(self.setup)
        self.how = "vmap" if mode == "stacked" and self.pair.architecture.forward is None else "plain"
        tricks = {name: lookup(TRICKS, name, "trick") for name in self.setup.tricks}
        self.game = Game(
            lookup(OBJECTIVES, self.setup.objective, "objective"),
            tricks,
            bind(self.pair, self.how),
            OPTIMIZERS[self.setup.train["optimizer"]],
            self.setup.train["constrain"].split("+")[0],
        )
        names = self.specs[0].hyper
        self.hyper = {name: self._runs([torch.tensor(s.hyper[name], dtype=dtype) for s in specs]) for name in names}
        self.trained = self.setup.train["generator"] == "trained"
        self.streams = {player: self._streams(player) for player in ("critic", "generator")}
        self.state = self._start()

    def advance(self, player: str, update: int, hyper: Mapping[str, Tensor]) -> Tensor:
        """Make one update of `player`, its `update`-th; return its curve values [runs, 3 or 2]."""
        rows = {name: stream.row(update) for name, stream in self.streams[player].items()}
        batch = rows if self.mode == "stacked" else {name: row[0] for name, row in rows.items()}
        step: Advance = partial(_critic_phase if player == "critic" else _generator_phase, self.game, self.pair)
        if self.how == "vmap":
            step = torch.vmap(step)
        self.state, values = step(self.state, batch, hyper)
        return values if self.mode == "stacked" else values[None]

    def _runs(self, per_run: list[Tensor]) -> Tensor:
        """Stack what the runs have each; a single run keeps its own shapes."""
        stacked = torch.stack(per_run) if self.mode == "stacked" else per_run[0]
        return stacked.to(self.device)

    def _start(self) -> RunState:
        params = {}
        for player in ("generator", "critic") if self.pair.generator is not None else ("critic",):
            drawn = [self.pair.draw(self.setup, noise.generator(s, f"init.{player}"), player) for s in self.seeds]
            params[player] = self._runs([flat.to(self.dtype) for flat in drawn])
        if self.setup.train["constrain"] == "after+start":
            params["critic"] = self.game.objective.constrain(params["critic"], self.hyper)
        extra = {n: t.init(params, self.setup.tricks[n]) for n, t in self.game.tricks.items() if t.init}
        opt = {player: self.game.optimizer.init(flat) for player, flat in params.items()}
        return RunState(params, opt, extra, params["critic"].new_zeros(params["critic"].shape[:-1]))

    def _streams(self, player: str) -> dict[str, noise.Stream]:
        """What a player's update reads: real, latent (or fake), and the declared draws."""
        n, shape = int(self.setup.train["batch"]), self.pair.shape
        wide = n * self.pair.pack
        draws: dict[str, noise.Draw] = {}
        if player == "critic" or self.game.objective.relative or any(t.loss for t in self.game.tricks.values()):
            draws["real"] = real_draw(self.specs, f"{player}.real", wide)
        if self.pair.generator is not None:
            draws["latent"] = noise.normal(self.seeds, f"{player}.latent", (wide, self.pair.latent))
        else:
            dataset = DATASETS[self.setup.dataset]
            draws["fake"] = fresh_draw(self.specs, f"{player}.fake", wide, dataset.fake or dataset.sample)
        declared = dict(self.game.objective.draws) if player == "critic" else {}
        for name, trick in self.game.tricks.items():
            declared |= {f"{name}.{key}": kind for key, kind in trick.draws.items()}
        packed_shape = (n, self.pair.pack * shape[0], *shape[1:])
        for name, kind in declared.items():
            draws[name] = noise.uniform(self.seeds, f"{player}.{name}", (n,) if kind == () else packed_shape)
        return {name: noise.Stream(len(self.seeds), draw, self.device, self.dtype) for name, draw in draws.items()}


def train(
    specs: Sequence[RunSpec],
    at: Sequence[int] = (),
    samples: int = 1000,
    mode: str = "stacked",
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> list[Outcome]:
    """Train runs that share a Setup, side by side, and return their outcomes in the order given.

    `at` lists the steps at which a snapshot of `samples` points is kept, 0 and the last included where wanted. A lone
    run of a stacked Setup is trained twice over: a stack of one differs from larger ones in the last bit (other
    matrix kernels), and a record must not depend on the size of its stack.
    """
    pinned = list(specs) * 2 if mode == "stacked" and len(specs) == 1 else list(specs)
    stack = Stack(pinned, mode, torch.device(device), dtype)
    steps = int(stack.setup.train["steps"])
    counts = {"critic": 0, "generator": 0}
    curves: list[Tensor] = []
    snapshots = {0: take_snapshots(stack, samples)} if 0 in at else {}
    busy = 0.0
    started = time.perf_counter()
    for step in range(steps):
        hyper = dict(stack.hyper)
        for name, factor in schedules.factors(stack.setup.train["schedule"], step, steps).items():
            hyper[name] = hyper[name] * factor
        values = []
        for player, times in _phases(stack, step):
            for _ in range(times):
                last = stack.advance(player, counts[player], hyper)
                counts[player] += 1
            values.append(last)
        stack.state = stack.state._replace(step=stack.state.step + 1)
        curves.append(torch.cat(values, -1))
        if step + 1 in at:
            busy += _elapsed(started, stack.device)
            snapshots[step + 1] = take_snapshots(stack, samples)
            started = time.perf_counter()
    busy += _elapsed(started, stack.device)
    table = torch.stack(curves, 1).double().cpu().numpy()  # [runs, steps, curves]
    outcomes = [_outcome(stack, run, table[run], snapshots, counts) for run in range(len(specs))]
    for outcome in outcomes:
        outcome.facts |= {"train_s": busy / len(pinned), "step_ms": 1e3 * busy / len(pinned) / steps}
    return outcomes


def _critic_phase(
    game: Game, pair: Pair, state: RunState, batch: Batch, hyper: Mapping[str, Tensor]
) -> tuple[RunState, Tensor]:
    fake = packed(batch["fake"], pair) if "fake" in batch else None
    if fake is None:
        fake = game.networks.generate(state.params["generator"], batch["latent"])
    return critic_update(game, state, packed(batch["real"], pair), fake, batch, hyper)


def _generator_phase(
    game: Game, pair: Pair, state: RunState, batch: Batch, hyper: Mapping[str, Tensor]
) -> tuple[RunState, Tensor]:
    real = packed(batch["real"], pair) if "real" in batch else batch["latent"].new_empty(0)
    return generator_update(game, state, real, batch, hyper)


def _phases(stack: Stack, step: int) -> Iterator[tuple[str, int]]:
    """Players in the order in which they move in this step, and how often."""
    if not stack.trained:
        yield "critic", 1
        return
    yield "critic", schedules.critic_updates(stack.setup.train["n_critic"], step)
    yield "generator", 1


def _outcome(
    stack: Stack, run: int, table: np.ndarray, snapshots: dict[int, list[Snapshot]], counts: Mapping[str, int]
) -> Outcome:
    """Undo the [runs] axis for one run, and cut it at its first step that is not finite."""
    mine = stack.state if stack.mode == "single" else tree_map(lambda leaf: leaf[run], stack.state)
    bad = np.flatnonzero(~np.isfinite(table).all(1))
    end = len(table)
    weights = {player: _named(stack, player, flat) for player, flat in mine.params.items()}
    if "ema" in mine.extra:
        weights["ema"] = _named(stack, "generator", mine.extra["ema"])
    if not len(bad) and not all(np.isfinite(w).all() for named in weights.values() for w in named.values()):
        bad = np.array([end - 1])  # the last update itself overflowed
    if len(bad):
        end, weights = int(bad[0]) + 1, {}
    n = int(stack.setup.train["batch"]) * stack.pair.pack
    facts = {"critic_updates": counts["critic"], "samples_seen": n * counts["critic"]}
    if stack.trained:
        facts["saturated"] = saturated(table[:end, CURVES.index("generator_grad_norm")])
    return Outcome(
        spec=stack.specs[run],
        status="diverged" if len(bad) else "ok",
        first_bad_step=end if len(bad) else None,
        curves={"step": np.arange(1, end + 1), **dict(zip(CURVES, table[:end].T.astype(np.float32), strict=False))},
        snapshots={step: taken[run] for step, taken in snapshots.items() if not len(bad) or step < end},
        weights=weights,
        facts=facts,
    )


def saturated(grad_norms: np.ndarray) -> bool:
    """Whether the generator's gradient norm stayed under 1e-6 for the last tenth of its steps: [steps]."""
    return bool((grad_norms[-max(1, len(grad_norms) // 10) :] < VANISHED).all())


def _named(stack: Stack, player: str, flat: Tensor) -> dict[str, np.ndarray]:
    network = stack.pair.generator if player == "generator" else stack.pair.critic
    assert network is not None
    return {k: v.float().cpu().numpy() for k, v in Layout(network).split(flat).items()}


def _elapsed(started: float, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started
