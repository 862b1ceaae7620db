"""Updates compiled as a whole, where a suite says `compile: true`: fewer kernels, and less memory read between them.

The whole update is one graph: compiling a part of one is silently wrong where a gradient is differentiated again. So is
a Function of our own in PyTorch 2.13, which loses its second derivative: `harness.lanes` and
`harness.architectures.grouped` leave theirs out while they are compiled. Compiled kernels sum in an order of their own:
a run equals an eager one up to rounding, and its last bits depend on its stack, on a CPU too.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from harness.engine.replay import Update
from harness.engine.step import RunState


class Compiled:
    """An update that is compiled at its first call. Where it cannot be, `reason` says why, and it runs as written."""

    def __init__(self, update: Update, backend: str = "inductor") -> None:
        self._update, self._compiled = update, torch.compile(update, fullgraph=True, dynamic=False, backend=backend)
        self.reason = ""

    def __call__(
        self, state: RunState, batch: Mapping[str, Tensor], hyper: Mapping[str, Tensor]
    ) -> tuple[RunState, Tensor]:
        if not self.reason:
            try:
                with torch._dynamo.config.patch(trace_autograd_ops=True):
                    return self._compiled(state, batch, hyper)
            except (torch._dynamo.exc.TorchDynamoException, AttributeError) as error:  # PyTorch 2.11 cannot trace these
                self.reason = str(error).strip().partition("\n")[0]
        return self._update(state, batch, hyper)
