"""What changes with the step: factors on hyperparameters, and how often the critic moves."""

import math
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any

SCHEDULES: dict[str, Callable[[float], float]] = {
    "linear": lambda done: 1 - done,
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
}
Updates = int | Mapping[str, Any]  # updates of the critic a generator step: a number, or {base, first, every}


def factors(schedule: Mapping[str, str], step: int, steps: int) -> dict[str, float]:
    """Return what to multiply each scheduled hyperparameter by, before generator step `step` (from 0) of `steps`."""
    return {name: SCHEDULES[kind](step / steps) for name, kind in schedule.items()}


def mean_updates(n_critic: Updates, steps: int) -> float:
    """Return about how many critic updates a generator step has, over `steps` of them."""
    if isinstance(n_critic, int):
        return float(n_critic)
    often, many = n_critic.get("every", [math.inf, n_critic["base"]])
    later = n_critic["base"] + (many - n_critic["base"]) / often
    first, at_first = n_critic.get("first", [0, 0])
    first = min(first, steps)
    return float((first * at_first + (steps - first) * later) / steps)


def updates_before(n_critic: Updates, steps: int) -> list[int]:
    """Return how many critic updates come before each generator step, and after the last one: steps + 1 numbers."""
    if isinstance(n_critic, int):
        return [n_critic * step for step in range(steps + 1)]
    return list(accumulate((critic_updates(n_critic, step) for step in range(steps)), initial=0))


def critic_updates(n_critic: Updates, step: int) -> int:
    """Return the number of critic updates before generator step `step` (from 0).

    {base: 5, first: [25, 100], every: [500, 100]} means 100 updates for the first 25 generator steps and before every
    500th, else 5 (the schedule of the first published WGAN code).
    """
    if isinstance(n_critic, int):
        return n_critic
    if "first" in n_critic and step < n_critic["first"][0]:
        return int(n_critic["first"][1])
    if "every" in n_critic and step % n_critic["every"][0] == 0:
        return int(n_critic["every"][1])
    return int(n_critic["base"])
