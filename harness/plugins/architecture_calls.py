"""What the networks of an architecture are called with: small batches, and weights as the suite draws them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from harness.engine.networks import Pair, bind, build_pair, slope_by
from harness.engine.step import Networks
from harness.plugins import invented
from harness.plugins.calls import RUNS, Called, Setting
from harness.spec import Setup

SAMPLES = 4  # of a network of any size, a moment
HINTS = {
    "stacked": "a stack has an axis of runs in front of every parameter and input; count axes from the end",
    "axis": "`forward` keeps the runs of a stack apart, and counts axes from the end",
    "random": "a network draws no random numbers (dropout) and remembers nothing (running statistics)",
}


def called(name: str, setup: Setup, setting: Setting) -> Iterator[Called]:
    """Yield the generator, the critic and, where it is written out, the critic's slope."""
    pair = build_pair(setup)
    bound = {how: bind(pair, how, {}) for how in ("plain", "vmap")}
    setting = setting._replace(batch=SAMPLES)
    x = {"x": invented.samples("real", setting)}
    weights = {"params": _drawn(pair, setup, "critic")}
    function = pair.architecture.forward
    critic = function or pair.architecture.build_critic

    def scores(inputs: Mapping[str, Any], how: str) -> Tensor:
        return bound[how].critic(inputs["params"], {}).scores(inputs["x"])

    shape = {"shape": "a critic gives one score a sample, [n, 1]"}
    yield Called("critic", critic, scores, weights | x, ("params", "x"), ((SAMPLES,),), hints=HINTS | shape)
    if pair.generator is not None:
        yield _generator(pair, setup, bound, function or pair.architecture.build_generator)
    if pair.architecture.slope is not None and pair.architecture.can_slope(pair.critic):
        yield _slope(pair, bound, weights | x)


def _drawn(pair: Pair, setup: Setup, player: str) -> Tensor:
    draws = [pair.draw(setup, invented.generator(f"{player} {run}"), player) for run in range(RUNS)]
    return torch.stack(draws).double()


def _generator(pair: Pair, setup: Setup, bound: Mapping[str, Networks], function: Callable[..., Any]) -> Called:
    def sample(inputs: Mapping[str, Any], how: str) -> Tensor:
        return bound[how].sample(inputs["params"], inputs["latent"], {})

    given = {"params": _drawn(pair, setup, "generator"), "latent": invented.normal("latent", SAMPLES, pair.latent)}
    shape = {"shape": "a generator gives samples of the data's shape"}
    return Called("generator", function, sample, given, ("params",), ((SAMPLES, *pair.shape),), hints=HINTS | shape)


def _slope(pair: Pair, bound: Mapping[str, Networks], given: Mapping[str, Tensor]) -> Called:
    """Return the difference between the slope written out and that of automatic differentiation: 0, as its gradient."""

    def difference(inputs: Mapping[str, Any], how: str) -> Tensor:
        critic = bound[how].critic(inputs["params"], {})
        return critic.slope(inputs["x"]) - slope_by(how, critic.scores, inputs["x"])

    return Called(
        "slope", pair.architecture.slope, difference, given, ("params",), ((SAMPLES, *pair.packed_shape),),
        hints=HINTS | {"gradient": "a detach() or torch.no_grad() around its weights cuts it off"}, vanishes=True,
    )  # fmt: skip
