"""Make torchvision importable beside a CPU build of torch.

torchvision's wheel is compiled for CUDA: beside a CPU torch its library does not load, the operators `nms` and `qnms`
are never registered, and `import torchvision` fails while it attaches shape functions to them; torch_fidelity, which
imports it, fails too. Declaring the two schemas is enough for data sets, transforms, models, make_grid and save_image
(not for `torchvision.io` or `ops.nms`). Where the library loads this does nothing.

Call `mend()` before the first import of torchvision or torch_fidelity, in every process.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import torch

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_declared: list[torch.library.Library] = []  # a library's schemas last as long as the object


@cache
def mend() -> bool:
    """Declare torchvision's missing operators. Returns whether that was needed."""
    if _loads():
        return False
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}{_SCHEMA}")
    _declared.append(library)
    return True


def _loads() -> bool:
    """Whether torchvision's own compiled library registers its operators."""
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True  # not installed: its import will say so
    for path in Path(spec.origin).parent.glob("_C*.so"):
        try:
            torch.ops.load_library(str(path))
        except OSError:
            return False
    return hasattr(torch.ops.torchvision, "nms")
