"""The state of the process that numerics run in: stated here, whatever the user's own code or a library has set."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch


@contextmanager
def own_state(tf32: bool = False) -> Iterator[None]:
    """Compute in float32 by default, without autocast, with gradients, on the CPU where no device is named.

    A GPU multiplies and convolves in float32 too, or in TensorFloat-32 where `tf32` says so, and by algorithms that
    give the same bits each time: cuDNN left to itself takes TensorFloat-32, and adds in any order.
    """
    dtype, precision = torch.get_default_dtype(), torch.get_float32_matmul_precision()
    torch.set_default_dtype(torch.float32)
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    try:
        with ExitStack() as stack:
            stack.enter_context(torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=tf32))
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            for kind in ("cpu", "cuda"):
                if torch.is_autocast_enabled(kind):
                    stack.enter_context(torch.autocast(kind, enabled=False))
            if torch.get_default_device().type != "cpu":
                stack.enter_context(torch.device("cpu"))
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_float32_matmul_precision(precision)
