"""Many runs at once: the only place where the leading [runs] axis is made and undone.

A stack shares a Setup; seeds and hyperparameters differ. `Stack.each` lifts a function of one run to all of them: an
architecture with a `forward` of its own runs on stacked tensors as they are (batched matrix products), any other under
torch.vmap, and a "single" run with its axis taken off.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from harness.datasets import DATASETS
from harness.engine import noise, schedules, spectral
from harness.engine.compiled import Compiled
from harness.engine.networks import Layout, bind, build_pair, effective
from harness.engine.optimizers import OPTIMIZERS
from harness.engine.real_data import fresh_draw, gathering, real_draw
from harness.engine.replay import Replay, Update, cuda_graph, without_waiting
from harness.engine.step import (
    CRITIC_CURVES,
    CURVES,
    Game,
    RunState,
    Turn,
    critic_gradient,
    critic_update,
    fakes,
    generator_gradient,
    generator_update,
)
from harness.errors import lookup
from harness.objectives import TRICKS, Draws, Trick, objective_of
from harness.spec import RunSpec

AHEAD = 4  # threads that draw the noise of a stack on a GPU
UPDATES: dict[str, Callable[[Turn], tuple[RunState, Tensor]]] = {"critic": critic_update, "generator": generator_update}
GRADIENTS = {"critic": critic_gradient, "generator": generator_gradient}


@dataclass(frozen=True)
class Placement:
    """How and where runs train: `mode` is "stacked" or "single", one run without the [runs] axis.

    `graphs` says whether a CUDA device replays updates as CUDA graphs, or runs them kernel by kernel.
    """

    mode: str = "stacked"
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    graphs: bool = True


class Stack:
    """Runs that train together: their game, their noise, and their stacked state [runs, ...]."""

    def __init__(self, specs: Sequence[RunSpec], placement: Placement) -> None:
        mode, device = placement.mode, torch.device(placement.device)
        self.specs, self.mode, self.device, self.dtype = list(specs), mode, device, placement.dtype
        self.setup, self.seeds = specs[0].setup, [spec.seed for spec in specs]
        self.steps, self.trained = int(self.setup.train["steps"]), self.setup.train["generator"] == "trained"
        n_critic = self.setup.train["n_critic"] if self.trained else 1
        self.critic_updates = schedules.updates_before(n_critic, self.steps)
        self.pair = build_pair(self.setup)
        self._layouts = {player: Layout(network) for player, network in self.pair.networks.items()}
        self.how = "vmap" if mode == "stacked" and self.pair.architecture.forward is None else "plain"
        objective = objective_of(self.setup.objective, self.setup.train.get("penalty", ""))
        tricks = {name: lookup(TRICKS, name, "trick") for name in self.setup.tricks}
        if self.setup.critic.get("norm") == "spectral":
            tricks[spectral.NAME] = spectral.spectral_norm(self.layout("critic"))
        self.game = Game(
            objective,
            tricks,
            bind(self.pair, self.how, tricks, {**objective.draws, **_kinds(tricks)}),
            OPTIMIZERS[self.setup.train["optimizer"]],
            self.setup.train["constrain"].split("+")[0],
            self.setup.train["batch"] // self.setup.train.get("micro_batch", self.setup.train["batch"]),
        )
        self.hyper = self._stacked([_tensors(spec.hyper) for spec in specs])
        self.state = self._stacked([self._start(spec) for spec in specs])
        self.gather = gathering(self.specs, device)
        players = ("critic", "generator") if self.trained else ("critic",)
        self.updates: dict[str, Update] = {player: self._lifted(UPDATES[player]) for player in players}
        if self.setup.train.get("compile"):
            self.updates = {player: Compiled(update) for player, update in self.updates.items()}
        self.replay = None
        if placement.graphs and device.type == "cuda":
            self.replay = Replay(self.updates, cuda_graph, without_waiting)
        # A GPU would wait for its noise; of a step on a CPU it is a few percent.
        self._ahead = ThreadPoolExecutor(AHEAD) if device.type == "cuda" else None
        self.streams = {player: self._streams(player) for player in players}
        if any(trick.fill for trick in tricks.values()):
            batch = {name: stream.row(0) for name, stream in self.streams["critic"].items()}
            self.state = self.each(self._filled)(self.state, batch)

    @property
    def engine(self) -> str:
        """Return "compiled" where updates are, else "graph" where they are replayed as CUDA graphs, else "eager"."""
        if any(isinstance(update, Compiled) and not update.reason for update in self.updates.values()):
            return "compiled"
        return "graph" if self.replay and not self.replay.reason else "eager"

    @property
    def eager_because(self) -> str:
        """Return why what was to be compiled or replayed is not, "" where it is."""
        of = [*self.updates.values(), self.replay]
        return next((each.reason for each in of if isinstance(each, Compiled | Replay) and each.reason), "")

    @property
    def curves(self) -> tuple[str, ...]:
        """Names of what a step leaves."""
        return CURVES if self.trained else CRITIC_CURVES

    def each(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Lift a function of one run's tensors to trees of [runs, ...]."""
        if self.mode == "single":
            return lambda *trees: tree_map(lambda x: x[None], function(*tree_map(lambda x: x[0], trees)))
        return torch.vmap(function) if self.how == "vmap" else function

    def compile(self, step: int) -> float:
        """Compile the updates of a step, where the suite says so, and leave the state as it is; return the seconds."""
        started, places = time.perf_counter(), {"critic": self.critic_updates[step], "generator": step}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch's own modules, and of TensorFloat-32, which the suite decides
            for player, update in self.updates.items():
                if isinstance(update, Compiled):
                    update(self.state, self._batch(player, places[player]), self.scheduled(step))
        return time.perf_counter() - started

    def step(self, step: int) -> Tensor:
        """Make one generator step, or one critic update where the generator is fixed; return its curves [runs, k]."""
        hyper = self.scheduled(step)
        updates = range(self.critic_updates[step], self.critic_updates[step + 1])
        values = [self._move("critic", update, hyper) for update in updates][-1:]
        if self.trained:
            values.append(self._move("generator", step, hyper))
        self.state = self.state._replace(step=self.state.step + 1)
        return torch.cat(values, -1)

    @torch.enable_grad()
    def gradients(self, player: str) -> Tensor:
        """Return the gradient [runs, P] of a player's loss at the parameters it has, on the batch of its next update.

        After the last step that is a batch that no update reads.
        """
        step = int(self.state.step[0])
        batch = self._batch(player, self.critic_updates[step] if player == "critic" else step)
        gradient = self.each(lambda state, batch, hyper: GRADIENTS[player](Turn(self.game, state, batch, hyper)).grad)
        values: Tensor = gradient(self.state, batch, self.scheduled(min(step, self.steps - 1)))
        return values

    def run(self, index: int) -> RunState:
        """Return the state of one run."""
        return tree_map(lambda leaf: leaf[index], self.state)

    def effective(self, player: str, flat: Tensor) -> Tensor:
        """Return the parameters [runs, P] that a player's network runs with: `flat`, as the tricks change them."""
        if not any(trick.params for trick in self.game.tricks.values()):
            return flat
        layout = self.layout(player)
        changed = self.each(
            lambda own, extra: layout.join(effective(player, layout.split(own), self.game.tricks, extra))
        )
        params: Tensor = changed(flat, self.state.extra)
        return params

    def sampled(self, state: RunState) -> Tensor:
        """Return the generator's parameters [..., P] that samples are drawn with: a trick's where one keeps its own."""
        own = [trick.sampled(state.extra[name]) for name, trick in self.game.tricks.items() if trick.sampled]
        return own[-1] if own else state.params["generator"]

    def layout(self, player: str) -> Layout:
        """Return how a player's flat parameters are laid out."""
        return self._layouts[player]

    def _move(self, player: str, update: int, hyper: Mapping[str, Tensor]) -> Tensor:
        batch = self._batch(player, update)
        move = partial(self.replay, player) if self.replay else self.updates[player]
        state, values = move(self.state, batch, hyper)
        # A trick's memory may be a view of anything: kept densely, it is read alike before and after a checkpoint.
        self.state = state._replace(extra=tree_map(Tensor.contiguous, state.extra)) if state.extra else state
        return values

    def _batch(self, player: str, update: int) -> dict[str, Tensor]:
        return {name: stream.row(update) for name, stream in self.streams[player].items()}

    def scheduled(self, step: int) -> Mapping[str, Tensor]:
        """Return the hyperparameters as they stand at a generator step."""
        factors = schedules.factors(self.setup.train["schedule"], step, self.steps)
        return {name: value * factors.get(name, 1.0) for name, value in self.hyper.items()} if factors else self.hyper

    def _lifted(self, update: Callable[[Turn], tuple[RunState, Tensor]]) -> Update:
        return self.each(lambda state, batch, hyper: update(Turn(self.game, state, batch, hyper)))

    def _stacked(self, runs: list[Any]) -> Any:
        """Stack trees of tensors, one a run, on the device."""

        def stack(*leaves: Tensor) -> Tensor:
            return torch.stack([leaf.to(self.dtype) for leaf in leaves]).to(self.device)

        return tree_map(stack, *runs)

    def _start(self, spec: RunSpec) -> RunState:
        """Return the state of one run before its first step."""
        players = ("generator", "critic") if self.pair.generator is not None else ("critic",)
        params = {p: self.pair.draw(self.setup, noise.generator(spec.seed, f"init.{p}"), p) for p in players}
        if self.setup.train["constrain"] == "after+start":
            params["critic"] = self.game.objective.constrain(params["critic"], _tensors(spec.hyper))
        extra = {
            name: trick.init(params, noise.generator(spec.seed, f"init.{name}"))
            for name, trick in self.game.tricks.items()
            if trick.init
        }
        opt = {player: self.game.optimizer.init(flat) for player, flat in params.items()}
        return RunState(params, opt, extra, torch.zeros(()))

    @torch.no_grad()
    def _filled(self, state: RunState, batch: Mapping[str, Tensor]) -> RunState:
        """Give the tricks that remember samples those of the critic's first update."""
        pack, extra = self.game.networks.pack, dict(state.extra)
        noise = {**batch, "real": pack(batch["real"])}

        def shown() -> Tensor:
            return pack(fakes(Turn(self.game, state._replace(extra=extra), batch, {})))

        # A generator may need the memory of a trick that changed its network: those come first.
        for name, trick in sorted(self.game.tricks.items(), key=lambda item: item[1].network is None):
            if trick.fill:
                extra[name] = trick.fill(shown, noise, self.setup.tricks[name])
        return state._replace(extra=extra)

    def _streams(self, player: str) -> dict[str, noise.Stream]:
        """What a player's update reads: real, latent (or fake), and the declared draws."""
        n, wide = int(self.setup.train["batch"]), int(self.setup.train["batch"]) * self.pair.pack
        draws: dict[str, noise.Draw] = {}
        if player == "critic" or self.game.objective.relative or any(t.loss for t in self.game.tricks.values()):
            draws["real"] = real_draw(self.specs, f"{player}.real", wide)
        if self.pair.generator is not None:
            draws["latent"] = noise.normal(self.seeds, f"{player}.latent", (wide, self.pair.latent))
        else:
            dataset = DATASETS[self.setup.dataset]
            draws["fake"] = fresh_draw(self.specs, f"{player}.fake", wide, dataset.fake or dataset.sample)
        declared = {**(self.game.objective.draws if player == "critic" else {}), **_kinds(self.game.tricks)}
        for name, kind in declared.items():
            shape = (n,) if kind == () else (n, *self.pair.packed_shape)
            of_kind = noise.normal if kind == "normal" else noise.uniform
            draws[name] = of_kind(self.seeds, f"{player}.{name}", shape)
        return {
            name: noise.Stream(
                len(self.seeds), draw, self.device, self.dtype, self.gather if name == "real" else None, self._ahead
            )
            for name, draw in draws.items()
        }


def _tensors(hyper: Mapping[str, float]) -> dict[str, Tensor]:
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in hyper.items()}


def _kinds(tricks: Mapping[str, Trick]) -> Draws:
    """The random inputs that tricks declare, by the names that updates read them under."""
    return {f"{name}.{key}": kind for name, trick in tricks.items() for key, kind in trick.draws.items()}
