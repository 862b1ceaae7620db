"""torchvision and torch_fidelity import beside any build of torch."""

import subprocess
import sys

import pytest

CODE = """
from harness.datasets.torchvision_repair import mend
first = mend()
assert mend() == first
import torchvision.transforms, torchvision.models
from torchvision.utils import make_grid
import torch
assert make_grid(torch.zeros(4, 1, 8, 8)).shape == (3, 12, 42)
import torch_fidelity
print("imported")
"""


@pytest.mark.slow
def test_torchvision_and_torch_fidelity_import_after_the_mend():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.stdout.strip() == "imported", done.stderr
