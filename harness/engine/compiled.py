"""Updates compiled as a whole, where a suite says `compile: true`: fewer kernels, and less memory read between them.

The whole update is one graph: compiling a part of one is silently wrong where a gradient is differentiated again. So is
a Function of our own in PyTorch 2.13, which loses its second derivative: `harness.lanes` and
`harness.architectures.grouped` leave theirs out while they are compiled. Networks differentiate by torch.func then, as
PyTorch 2.11 does not trace autograd.grad. Compiled kernels sum in an order of their own: a run equals an eager one up
to rounding, and its last bits depend on its stack, on a CPU too.
"""

from collections.abc import Callable, Mapping
from subprocess import SubprocessError
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from harness.engine.replay import Update
from harness.engine.step import RunState


class Compiled:
    """An update that is compiled at its first call. Where it cannot be, `reason` says why, and it runs as written."""

    def __init__(self, update: Update, backend: str = "inductor") -> None:
        self._update, self.reason, self._has_run = update, "", False
        self._compiled = torch.compile(_alone(update), fullgraph=True, dynamic=False, backend=backend)

    def __call__(
        self, state: RunState, batch: Mapping[str, Tensor], hyper: Mapping[str, Tensor]
    ) -> tuple[RunState, Tensor]:
        if not self.reason:
            try:
                moved, values = self._compiled(tuple(state), batch, hyper)
            except (RuntimeError, OSError, SubprocessError) as error:
                # Dynamo compiles again where a trick's memory begins; kernels are built when they are first launched.
                by_compiler = isinstance(error, torch._dynamo.exc.TorchDynamoException) or not self._has_run
                if not by_compiler or isinstance(error, torch.OutOfMemoryError):
                    raise
                self.reason = " ".join(str(error).strip().splitlines()[:2])  # a backend's first line is its name alone
            else:
                self._has_run = True
                return RunState(*moved), values
        return self._update(state, batch, hyper)


def _alone(update: Update) -> Callable[..., Any]:
    """Return an update of plain tuples, with code of its own.

    Dynamo compiles the same code eight times at most, and a worker trains any number of stacks; what was compiled goes
    with its code. What PyTorch 2.11 compiles returns named tuples without their fields.
    """

    def alone(
        state: tuple[Any, ...], batch: Mapping[str, Tensor], hyper: Mapping[str, Tensor]
    ) -> tuple[tuple[Any, ...], Tensor]:
        moved, values = update(RunState(*state), batch, hyper)
        return (moved.params, moved.opt, moved.extra, moved.step), values

    return FunctionType(alone.__code__.replace(), alone.__globals__, closure=alone.__closure__)
