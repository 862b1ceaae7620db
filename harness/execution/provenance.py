"""Where and with what a run is trained and scored."""

import os
import platform
import re
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import harness

LIBRARIES = ("numpy", "scipy", "pot", "torch-fidelity")  # that scores depend on, beside torch


def provenance(device: str) -> dict[str, Any]:
    """Return where and with what a run was trained."""
    driver = {"gpu_driver": _gpu_driver()} if device == "cuda" else {}
    return {"python": platform.python_version(), "git": _git_commit(), **_libraries(), **driver, **machine(device)}


def scoring_provenance() -> dict[str, str]:
    """Return with what this process scores, whatever trained: versions and the instruction set of its processor."""
    import torch

    facts = {"torch": str(torch.__version__), **_libraries(), "cpu_isa": torch.backends.cpu.get_cpu_capability()}
    return {f"scoring.{name}": value for name, value in facts.items()}


def machine(device: str) -> dict[str, Any]:
    """Return what decides how fast a run trains, other than the run: processor, device, versions."""
    import torch

    return {
        "device": torch.cuda.get_device_name() if device == "cuda" and torch.cuda.is_available() else device,
        "torch": str(torch.__version__),  # a class of its own, which unpickling would import torch for
        "harness": harness.__version__,
        "host_cpu": _cpu_name(),
        "cpu_isa": torch.backends.cpu.get_cpu_capability(),  # two processors of one name may differ in it
        "platform": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def peak_mb(device: str) -> float:
    """Return the most memory in MB held so far: by torch on the GPU, else by this process."""
    import torch

    if device == "cuda":
        return float(torch.cuda.max_memory_allocated() / 1e6)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


@cache
def _git_commit() -> str | None:
    """The commit of this package's checkout, with a + where it has changes; None outside a checkout."""
    folder = Path(__file__).resolve().parents[1]
    try:
        top = _git(folder, "rev-parse", "--show-toplevel")
        if Path(top) != folder.parent:
            return None  # installed inside somebody else's repository
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", str(folder))
        return _git(folder, "rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


@cache
def _libraries() -> dict[str, str]:
    return {name: version(name) for name in LIBRARIES}


@cache
def _gpu_driver() -> str | None:
    """The version of NVIDIA's driver; None where it is unknown."""
    with suppress(OSError):
        match = re.search(r"Module\s+(\d[\d.]+)", Path("/proc/driver/nvidia/version").read_text())
        if match:
            return match[1]
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    with suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(query, capture_output=True, text=True, check=True, timeout=10).stdout
        return next(iter(answer.split()), None)
    return None


@cache
def _cpu_name() -> str:
    """The processor's name: from /proc/cpuinfo on Linux, else what Python knows."""
    with suppress(OSError):  # of another system, or of a container without /proc
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
