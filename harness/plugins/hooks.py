"""What each hook of a plug-in is called with: two invented runs, their samples, noise, floats and a smooth critic.

A hook is a function of an entry: an objective's losses, penalty and constraint, what a trick does in a step, a network
of an architecture, a sampler of a data set. All that is invented is drawn by fixed seeds.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor
from torch.utils._pytree import tree_leaves, tree_map

from harness.architectures import ARCHITECTURES
from harness.datasets import DATASETS
from harness.engine.networks import bind, build_pair, slope_by
from harness.objectives import OBJECTIVES, TRICKS, Critic, Objective, Trick, no_penalty
from harness.objectives.constraints import keep
from harness.spec import Setup

RUNS = 2
HIDDEN = 16  # units of the invented critic
SAMPLES = {"architecture": 4, "dataset": 16}  # of a network of any size, a moment
PLAYERS = ("critic", "generator")

# The arguments of the hooks of objectives and tricks, and the inputs of which a gradient must arrive.
ARGUMENTS = {
    "critic_loss": "real_scores fake_scores hyper",
    "generator_loss": "real_scores fake_scores hyper",
    "penalty": "critic real fake noise hyper",
    "constrain": "params hyper",
    "fill": "fakes noise setup",
    "inputs": "player real fake extra noise hyper",
    "params": "player weights extra",
    "loss": "player params critic real fake extra hyper",
    "after": "player params fake extra noise hyper",
    "sampled": "extra",
}
LEAVES = {"critic_loss": ("real_scores", "fake_scores"), "generator_loss": ("fake_scores",), "penalty": ("params",)}
AXIS = "count axes from the end: dim=-1, mean(-1)"
LOSS_HINTS = {
    "shape": "reduce over the samples alone: mean(-1)",
    "stacked": f"a stack has an axis of runs in front; {AXIS}",
    "axis": AXIS,
    "random": "random numbers are declared in `draws` and read from `noise`, and nothing is remembered between calls",
    "gradient": "a detach(), an item() or a new torch.tensor in it cuts it off",
    "lifted": "torch.autograd.grad is not known there: `critic.slope` is the slope",
}
NETWORK_HINTS = {
    "stacked": "a stack has an axis of runs in front of every parameter and input; count axes from the end",
    "axis": "`forward` keeps the runs of a stack apart, and counts axes from the end",
    "random": "a network draws no random numbers (dropout) and remembers nothing (running statistics)",
    "gradient": "a detach() or torch.no_grad() around its weights cuts it off",
}
SAMPLER_HINTS = {
    "random": "random numbers come from the torch.Generator that it is given, and nothing is remembered between calls",
    "shape": "it gives n samples of the data set's `shape`",
}

Inputs = Mapping[str, Any]  # trees of tensors by name
Declarations = Mapping[str, Iterable[str]]  # the names that an entry declares, of hyper and of noise
Call = Callable[[Inputs, str], Any]  # (inputs of one run, or of a stack; "plain", or "vmap" inside it) -> tensors


class Setting(NamedTuple):
    """What the runs that a function serves have: samples a pass, a sample's shape, whether they run under torch.vmap,
    and their floats."""

    batch: int
    shape: tuple[int, ...]
    lifted: bool
    hyper: dict[str, float]


@dataclass(frozen=True)
class Hook:
    """A function of an entry and what it is called on.

    inputs    trees of tensors by name, with the axis [runs] in front
    leaves    the inputs of which a gradient must reach each that changes the value
    shapes    of one run's result, tensor by tensor; None: any     needed  what these are, in words
    in_place  whether it may change its arguments                  stacks  whether it serves a stack of runs
    vanishes  whether the result is the difference between a slope written out and the scores' own: 0
    hints     by stage of the trial, what to do
    """

    role: str
    function: Callable[..., Any]
    call: Call
    inputs: Inputs
    leaves: Sequence[str] = ()
    shapes: Sequence[tuple[int, ...]] | None = ((),)
    needed: str = "one number"
    hints: Mapping[str, str] = field(default_factory=dict)
    in_place: bool = False
    may_be_constant: bool = False
    stacks: bool = True
    vanishes: bool = False


class Undeclared(KeyError):
    """A name that an entry reads and does not declare."""


class Declared(dict[str, Tensor]):
    """Values by name, as a function is given them; another name is told with those that there are."""

    def __init__(self, what: str, values: Mapping[str, Tensor], offered: Sequence[str]) -> None:
        super().__init__(values)
        self.what, self.offered = what, offered

    def __missing__(self, key: str) -> Tensor:
        has = f"its entry declares {', '.join(self.offered)}" if self.offered else "its entry declares none"
        raise Undeclared(f"reads {self.what}[{key!r}], and {has}")


def setting_of(setup: Setup, hyper: Mapping[str, float]) -> Setting:
    """Return what the functions of an entry are given in runs of a Setup."""
    shape, train = DATASETS[setup.dataset].shape(setup.data), setup.train
    return Setting(
        batch=int(train.get("micro_batch", train["batch"])),
        shape=(int(train["pack"]) * shape[0], *shape[1:]),
        lifted=ARCHITECTURES[setup.architecture].forward is None,
        hyper=dict(hyper),
    )


def hooks_of(kind: str, name: str, setup: Setup, setting: Setting) -> Iterator[Hook]:
    """Yield the functions of an entry, each with what it is called on."""
    if kind == "objective":
        yield from _of_objective(OBJECTIVES[name], setting)
    elif kind == "trick":
        yield from _of_trick(name, TRICKS[name], setup, setting)
    elif kind == "architecture":
        yield from _of_architecture(setup, setting._replace(batch=SAMPLES[kind]))
    else:
        yield from _of_dataset(name, setup, setting)


def _of_objective(entry: Objective, setting: Setting) -> Iterator[Hook]:
    inputs = _inputs(setting, entry.draws) | {
        "real_scores": _normal("real scores", setting.batch),
        "fake_scores": _normal("fake scores", setting.batch),
        "hyper": floats(setting, entry.hyper, entry.ranges),
    }
    empty = "where it reads real_scores, the entry says relative=True"
    pairs = {} if entry.relative else {"finite": empty, "alone": empty}
    parameters = {"shape": "it maps critic parameters [..., P] to as many", "axis": "count axes from the end"}
    for role, hints in (("critic_loss", {}), ("generator_loss", pairs), ("penalty", {}), ("constrain", parameters)):
        function = getattr(entry, role)
        if function in (no_penalty, keep):
            continue
        given = dict(inputs)
        if role == "generator_loss" and not entry.relative:
            del given["real_scores"]
        is_constraint = role == "constrain"
        yield Hook(
            role,
            function,
            _call((role, function), setting, {"hyper": entry.hyper, "noise": entry.draws}),
            given,
            LEAVES.get(role, ()),
            shapes=(tuple(inputs["params"].shape[1:]),) if is_constraint else ((),),
            needed="parameters" if is_constraint else "one number",
            hints=LOSS_HINTS | hints,
            in_place=is_constraint,
            may_be_constant=role == "penalty",
        )


def _of_trick(name: str, trick: Trick, setup: Setup, setting: Setting) -> Iterator[Hook]:
    own = {f"{name}.{key}": value for key, value in trick.hyper.items()}
    draws = {f"{name}.{key}": kind for key, kind in trick.draws.items()}
    ranges = {f"{name}.{key}": bounds for key, bounds in trick.ranges.items()}
    hyper = floats(setting._replace(hyper={**own, **setting.hyper}), own, ranges)
    inputs = _inputs(setting, draws) | {"hyper": hyper}
    params = tuple(inputs["params"].shape[1:])
    options = dict(setup.tricks.get(name, trick.setup))
    if (init := trick.init) is not None:

        def begin(given: Inputs, how: str) -> Any:
            flat = given["params"]
            rows = [init(dict.fromkeys(PLAYERS, row.clone()), generator("init")) for row in flat.reshape(-1, *params)]
            return rows[0] if flat.ndim == 1 else tree_map(lambda *leaves: torch.stack(leaves), *rows)

        hints = {"random": "it draws from the torch.Generator that it is given"}
        needed = "what the trick remembers"
        yield Hook("init", init, begin, {"params": inputs["params"]}, shapes=None, needed=needed, hints=hints)
        try:
            inputs["extra"] = tree_map(lambda leaf: leaf.double(), begin(inputs, "plain"))
        except Exception:
            return  # told of `init`
    if (fill := trick.fill) is not None:
        begun = _call(("fill", fill), setting, {"noise": draws}, setup=options)
        yield Hook("fill", fill, begun, inputs, shapes=None, needed="what the trick remembers", hints=LOSS_HINTS)
        try:
            inputs["extra"] = begun(inputs, "plain")
        except Exception:
            return  # told of `fill`
    sample = tuple(inputs["real"].shape[1:])
    memory = tuple(tuple(leaf.shape[1:]) for leaf in tree_leaves(inputs.get("extra")) if isinstance(leaf, Tensor))
    own_weights = None if trick.network else (params,)  # a network of its own may have buffers
    shapes = {"inputs": (sample, sample), "params": own_weights, "loss": ((),), "after": memory, "sampled": (params,)}
    for player in PLAYERS:
        for role, result in shapes.items():
            if (function := getattr(trick, role)) is not None:
                hints = LOSS_HINTS if role == "loss" else LOSS_HINTS | {"shape": "it keeps the shapes that it is given"}
                needed = "one number" if role == "loss" else "its result"
                call = _call((role, function), setting, {"hyper": own, "noise": draws}, player)
                yield Hook(role, function, call, inputs, (), result, needed, hints, may_be_constant=role == "loss")


def _call(
    hook: tuple[str, Callable[..., Any]],
    setting: Setting,
    declared: Declarations,
    player: str = "",
    setup: Mapping[str, int] | None = None,
) -> Call:
    """Return the call of a hook of an objective or trick, its arguments made from inputs of one run or of a stack."""
    role, function = hook

    def argument(name: str, inputs: Inputs, how: str) -> Any:
        if name in declared:
            return Declared(name, inputs[name], list(declared[name]))
        if name == "critic":
            return critic(inputs["params"], setting, how)
        if name == "weights":
            return {"weight": inputs["params"]}
        if name == "real_scores" and name not in inputs:  # of a loss that is not relative
            return inputs["fake_scores"].new_empty(0)
        own = {"player": player, "setup": setup, "fakes": lambda: inputs["fake"]}
        return own.get(name, inputs.get(name))

    return lambda inputs, how: function(*(argument(name, inputs, how) for name in ARGUMENTS[role].split()))


def _of_architecture(setup: Setup, setting: Setting) -> Iterator[Hook]:
    """Yield the generator, the critic and, where it is written out, the critic's slope."""
    pair = build_pair(setup)
    bound = {how: bind(pair, how, {}) for how in ("plain", "vmap")}
    entry, batch = pair.architecture, setting.batch

    def weights(player: str) -> Tensor:
        return torch.stack([pair.draw(setup, generator(f"{player} {run}"), player) for run in range(RUNS)]).double()

    def scores(inputs: Inputs, how: str) -> Tensor:
        return bound[how].critic(inputs["params"], {}).scores(inputs["x"])

    def sample(inputs: Inputs, how: str) -> Tensor:
        return bound[how].sample(inputs["params"], inputs["latent"], {})

    def difference(inputs: Inputs, how: str) -> Tensor:
        own = bound[how].critic(inputs["params"], {})
        return own.slope(inputs["x"]) - slope_by(how, own.scores, inputs["x"])

    inputs = {"params": weights("critic"), "x": _normal("real", batch, *setting.shape)}
    hints = NETWORK_HINTS | {"shape": "a critic gives one score a sample, [n, 1]"}
    function = entry.forward or entry.build_critic
    yield Hook("critic", function, scores, inputs, ("params", "x"), ((batch,),), hints=hints)
    if pair.generator is not None:
        given = {"params": weights("generator"), "latent": _normal("latent", batch, pair.latent)}
        hints = NETWORK_HINTS | {"shape": "a generator gives samples of the data's shape"}
        function = entry.forward or entry.build_generator
        yield Hook("generator", function, sample, given, ("params",), ((batch, *pair.shape),), hints=hints)
    if entry.slope is not None and entry.can_slope(pair.critic):
        shapes = ((batch, *pair.packed_shape),)
        yield Hook("slope", entry.slope, difference, inputs, ("params",), shapes, hints=NETWORK_HINTS, vanishes=True)


def _of_dataset(name: str, setup: Setup, setting: Setting) -> Iterator[Hook]:
    """Yield the samplers of a data set. Each serves one run at a time: there is nothing to stack."""
    entry, n = DATASETS[name], SAMPLES["dataset"]
    settings = {**setup.data, **{key: setting.hyper.get(f"data.{key}", value) for key, value in entry.hyper.items()}}

    def call(role: str, function: Callable[..., Any]) -> Call:
        if role in ("points", "modes"):
            return lambda inputs, how: function(dict(settings))
        return lambda inputs, how: function(n, generator(role), dict(settings))

    for role in ("sample", "reference", "fake", "points", "modes"):
        if (function := getattr(entry, role)) is not None:
            shapes = None if role in ("points", "modes") else ((n, *entry.shape(setup.data)),)
            yield Hook(role, function, call(role, function), {}, (), shapes, "samples", SAMPLER_HINTS, stacks=False)


def generator(purpose: str) -> Generator:
    """Return a source of random numbers that is the same at every call."""
    return torch.Generator().manual_seed(sum(map(ord, purpose)) + 1)


def _normal(purpose: str, *shape: int) -> Tensor:
    return torch.randn(RUNS, *shape, dtype=torch.float64, generator=generator(purpose))


def _inputs(setting: Setting, draws: Inputs) -> dict[str, Any]:
    """Return flat parameters [runs, P] of the invented critic, samples [runs, n, *shape], and the declared noise."""
    size = math.prod(setting.shape)
    parts = _normal("w", size * HIDDEN) / math.sqrt(size), _normal("b", HIDDEN) * 0.1, _normal("v", HIDDEN) * 0.5
    real, fake = (_normal(purpose, setting.batch, *setting.shape) for purpose in ("real", "fake"))
    noise = {"real": real, "fake": fake, "latent": _normal("latent", setting.batch, 2)}
    for name, kind in draws.items():
        shape = (RUNS, setting.batch, *(() if kind == () else setting.shape))
        draw = torch.randn if kind == "normal" else torch.rand
        noise[name] = draw(shape, dtype=torch.float64, generator=generator(name))
    return {"params": torch.cat(parts, -1), "real": real, "fake": fake, "noise": noise}


def critic(flat: Tensor, setting: Setting, how: str) -> Critic:
    """Return a critic with one hidden layer of tanh, of one run or of a stack; `how` as in `engine.networks.bind`."""
    dims, size = len(setting.shape), math.prod(setting.shape)
    weight, bias, last = flat.split([size * HIDDEN, HIDDEN, HIDDEN], -1)
    weight = weight.unflatten(-1, (size, HIDDEN))

    def features(x: Tensor) -> Tensor:
        return torch.tanh(x.flatten(-dims) @ weight + bias[..., None, :])

    def scores(x: Tensor) -> Tensor:
        return (features(x) * last[..., None, :]).sum(-1)

    return Critic(scores, features, lambda x: slope_by(how, scores, x), dims)


def floats(setting: Setting, defaults: Mapping[str, float], ranges: Inputs) -> dict[str, Tensor]:
    """Return two values of every float of a run, within its range: the default, and three or five quarters of it.

    A default of 0 is replaced by the run's value, and that, where it is 0, by another: 0 times anything hides it.
    """
    pairs = {}
    for name, value in setting.hyper.items():
        default, (low, high) = defaults.get(name, value), ranges.get(name, (-math.inf, math.inf))
        others = (x for x in (0.5, -0.5, high / 2, low / 2, high, low) if x and math.isfinite(x) and low <= x <= high)
        first = float(default) if default and math.isfinite(default) else float(value) or next(others, 0.0)
        second = next((x for x in (first * 0.75, first * 1.25) if low < x < high), first)
        pairs[name] = torch.tensor([first, second], dtype=torch.float64)
    return pairs
