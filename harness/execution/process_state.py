"""Tasks that compute do so in a state of their own: with `workers=0` they run in the user's process."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def stated(task: Callable[P, R]) -> Callable[P, R]:
    """Let a task compute in `own_state`. Imports torch when it is called."""

    @wraps(task)
    def run(*arguments: P.args, **named: P.kwargs) -> R:
        from harness.engine.process import own_state

        with own_state():
            return task(*arguments, **named)

    return run
