"""What the hooks of a trick are called with."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from harness.objectives import TRICKS, Trick
from harness.plugins import invented
from harness.plugins.calls import RUNS, Called, Declared, Setting
from harness.plugins.objective_calls import HINTS
from harness.spec import Setup

PLAYERS = ("critic", "generator")


def called(name: str, setup: Setup, setting: Setting) -> Iterator[Called]:
    """Yield the hooks of a trick, each with invented inputs; its memory is what its `init` makes of them."""
    trick, given = TRICKS[name], _inputs(name, TRICKS[name], setting)
    kept = dict(setup.tricks.get(name, trick.setup))
    if trick.init is not None:
        yield _init(trick, kept, given)
        try:
            given["extra"] = _memory(trick, kept, given)
        except Exception:
            return  # told of `init`
    for player in PLAYERS:
        yield from _hooks(name, trick, setting, (player, given))


def _inputs(name: str, trick: Trick, setting: Setting) -> dict[str, Any]:
    params, owned = invented.parameters(setting), {f"{name}.{key}": value for key, value in trick.hyper.items()}
    ranges = {f"{name}.{key}": bounds for key, bounds in trick.ranges.items()}
    real, fake = invented.samples("real", setting), invented.samples("fake", setting)
    draws = {f"{name}.{key}": kind for key, kind in trick.draws.items()}
    hyper = invented.floats(setting._replace(hyper={**owned, **setting.hyper}), owned, ranges)
    noise = {**invented.noise(draws, setting), "real": real, "fake": fake}
    return {"params": params, "real": real, "fake": fake, "extra": None, "noise": noise, "hyper": hyper}


def _memory(trick: Trick, kept: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    assert trick.init is not None
    runs = [trick.init(_by_player(given["params"][i]), kept, invented.generator("init")) for i in range(RUNS)]
    return tree_map(lambda *leaves: torch.stack([leaf.double() for leaf in leaves]), *runs)


def _by_player(flat: Tensor) -> dict[str, Tensor]:
    return dict.fromkeys(PLAYERS, flat)


def _init(trick: Trick, kept: Mapping[str, Any], given: Mapping[str, Any]) -> Called:
    """Return its `init`, which the engine calls for one run at a time."""

    def init(inputs: Mapping[str, Any], how: str) -> Any:
        assert trick.init is not None
        flat = inputs["params"]
        rows = [flat] if flat.ndim == 1 else list(flat)
        made = [trick.init(_by_player(row.clone()), kept, invented.generator("init")) for row in rows]
        return made[0] if flat.ndim == 1 else tree_map(lambda *leaves: torch.stack(leaves), *made)

    hints = {"random": "it draws from the torch.Generator that it is given"}
    return Called(
        "init", trick.init, init, {"params": given["params"]}, shapes=None, needed="what the trick remembers",
        hints=hints,
    )  # fmt: skip


def _hooks(name: str, trick: Trick, setting: Setting, of: tuple[str, Mapping[str, Any]]) -> Iterator[Called]:
    player, given = of
    sample, params = tuple(given["real"].shape[1:]), tuple(given["params"].shape[1:])
    memory = tuple(tuple(leaf.shape[1:]) for leaf in tree_leaves(given["extra"]) if isinstance(leaf, Tensor))

    def hyper(inputs: Mapping[str, Any]) -> Declared:
        return Declared("hyper", inputs["hyper"], [f"{name}.{key}" for key in trick.hyper])

    def noise(inputs: Mapping[str, Any]) -> Declared:
        return Declared("noise", inputs["noise"], [f"{name}.{key}" for key in trick.draws])

    hooks: Any = trick  # each is called only where it is there
    calls: dict[str, tuple[Callable[[Mapping[str, Any], str], Any], Any]] = {
        "inputs": (
            lambda i, how: hooks.inputs(player, i["real"], i["fake"], i["extra"], noise(i), hyper(i)),
            (sample, sample),
        ),
        "params": (lambda i, how: hooks.params(player, {"weight": i["params"]}, i["extra"])["weight"], (params,)),
        "loss": (lambda i, how: _loss(trick, player, invented.critic(i["params"], setting, how), i, hyper(i)), ((),)),
        "after": (lambda i, how: hooks.after(player, i["params"], i["fake"], i["extra"], noise(i), hyper(i)), memory),
        "sampled": (lambda i, how: hooks.sampled(i["extra"]), (params,)),
    }
    for role, (call, shapes) in calls.items():
        function = getattr(trick, role)
        if function is not None:
            shape = {} if role == "loss" else {"shape": "it keeps the shapes that it is given"}
            yield Called(role, function, call, given, shapes=shapes, needed="its result" if shape else "one number",
                         may_be_constant=role == "loss", hints={**HINTS, **shape})  # fmt: skip


def _loss(trick: Trick, player: str, critic: Any, inputs: Mapping[str, Any], hyper: Declared) -> Any:
    assert trick.loss is not None
    return trick.loss(player, inputs["params"], critic, inputs["real"], inputs["fake"], inputs["extra"], hyper)
