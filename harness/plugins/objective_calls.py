"""What the functions of an objective are called with."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from harness.objectives import OBJECTIVES, Objective, no_penalty
from harness.objectives.constraints import keep
from harness.plugins import invented
from harness.plugins.calls import Called, Declared, Setting
from harness.spec import Setup

MEAN = "reduce over the samples alone: mean(-1)"
AXIS = "count axes from the end: dim=-1, mean(-1)"
HINTS = {
    "shape": MEAN,
    "stacked": f"a stack has an axis of runs in front; {AXIS}",
    "axis": AXIS,
    "random": "random numbers are declared in `draws` and read from `noise`, and nothing is remembered between calls",
    "gradient": "a detach(), an item() or a new torch.tensor in it cuts it off",
    "lifted": "torch.autograd.grad is not known there: `critic.slope` is the slope",
}


def called(name: str, setup: Setup, setting: Setting) -> Iterator[Called]:
    """Yield the functions of an objective, each with invented inputs."""
    entry = OBJECTIVES[name]
    hyper = invented.floats(setting, entry.hyper, entry.ranges)
    yield from _losses(entry, hyper, setting)
    if entry.penalty is not no_penalty:
        yield _penalty(entry, hyper, setting)
    if entry.constrain is not keep:
        yield _constrain(entry, hyper, setting)


def _hyper(entry: Objective, inputs: Mapping[str, Any]) -> Declared:
    return Declared("hyper", inputs["hyper"], list(entry.hyper))


def _losses(entry: Objective, hyper: Mapping[str, Tensor], setting: Setting) -> Iterator[Called]:
    real, fake = invented.normal("real scores", setting.batch), invented.normal("fake scores", setting.batch)

    def critic_loss(inputs: Mapping[str, Any], how: str) -> Any:
        return entry.critic_loss(inputs["real"], inputs["fake"], _hyper(entry, inputs))

    def generator_loss(inputs: Mapping[str, Any], how: str) -> Any:
        real = inputs["real"] if entry.relative else inputs["fake"].new_empty(0)
        return entry.generator_loss(real, inputs["fake"], _hyper(entry, inputs))

    given = {"real": real, "fake": fake, "hyper": hyper}
    yield Called("critic_loss", entry.critic_loss, critic_loss, given, ("real", "fake"), hints=HINTS)
    empty = "where it reads real_scores, the entry says relative=True"
    hints = HINTS if entry.relative else {**HINTS, "finite": empty, "alone": empty}
    yield Called("generator_loss", entry.generator_loss, generator_loss, given, ("fake",), hints=hints)


def _penalty(entry: Objective, hyper: Mapping[str, Tensor], setting: Setting) -> Called:
    def penalty(inputs: Mapping[str, Any], how: str) -> Any:
        critic = invented.critic(inputs["params"], setting, how)
        drawn = Declared("noise", inputs["noise"], list(entry.draws))
        return entry.penalty(critic, inputs["real"], inputs["fake"], drawn, _hyper(entry, inputs))

    real, fake = invented.samples("real", setting), invented.samples("fake", setting)
    noise = {**invented.noise(entry.draws, setting), "real": real, "fake": fake}
    given = {"params": invented.parameters(setting), "real": real, "fake": fake, "noise": noise, "hyper": hyper}
    return Called("penalty", entry.penalty, penalty, given, ("params",), may_be_constant=True, hints=HINTS)


def _constrain(entry: Objective, hyper: Mapping[str, Tensor], setting: Setting) -> Called:
    def constrain(inputs: Mapping[str, Any], how: str) -> Any:
        return entry.constrain(inputs["params"], _hyper(entry, inputs))

    params = invented.parameters(setting)
    hints = {**HINTS, "shape": "it maps critic parameters [..., P] to as many", "axis": "count axes from the end"}
    given = {"params": params, "hyper": hyper}
    shapes = (tuple(params.shape[1:]),)
    return Called(
        "constrain", entry.constrain, constrain, given, shapes=shapes, in_place=True, needed="parameters", hints=hints
    )
