"""The state of the process that numerics run in: stated here, whatever the user's own code or a library has set."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch


@contextmanager
def own_state(tf32: bool = False) -> Iterator[None]:
    """Compute in float32 by default, without autocast, with gradients, on the CPU where no device is named.

    A GPU multiplies and convolves in float32 too, or in TensorFloat-32 where `tf32` says so, and by algorithms that
    give the same bits each time: cuDNN left to itself takes TensorFloat-32, and adds in any order.
    """
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with ExitStack() as stack:
            stack.enter_context(_precision(tf32))
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


@contextmanager
def _precision(tf32: bool) -> Iterator[None]:
    """Compute float32 products in TensorFloat-32, or in float32, whichever of PyTorch's two settings the process uses.

    The older one cannot be read where only the newer one, `fp32_precision`, was set: it then has its default.
    """
    backends: Any = torch.backends
    newer = [
        backends,
        *(backends.cudnn, backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn),
        *(backends.mkldnn.matmul, backends.mkldnn.conv, backends.mkldnn.rnn),
    ]
    before = [each.fp32_precision for each in newer]
    products, convolutions = "highest", True
    with suppress(RuntimeError):
        products = torch.get_float32_matmul_precision()
    with suppress(RuntimeError):
        convolutions = backends.cudnn.allow_tf32
    for each in newer:
        each.fp32_precision = "none"
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    backends.cudnn.allow_tf32 = tf32
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(products)
        backends.cudnn.allow_tf32 = convolutions
        for each, value in zip(newer, before, strict=True):
            each.fp32_precision = value
