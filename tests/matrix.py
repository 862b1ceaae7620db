"""Try the package outside its checkout: a wheel in a clean environment, in an empty folder, by every Python here.

    make matrix                                         # Python 3.11 to 3.14, lowest and newest torch and pandas
    python3 tests/matrix.py --python 3.12 --pins newest # one of them

A Python that is not here (on the path, or among pyenv's) is said not to be tried. An environment takes gigabytes where
pip brings PyTorch for CUDA; each is removed once it has been tried. Prints a line a step and, last, a Markdown table;
exits with 1 where one failed.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PINS = ("lowest", "newest")
PINNED = ("torch", "torchvision", "pandas")  # whose lowest supported versions are tried; the others follow
ENOUGH = ("--set", "steps=4", "--set", "score.samples=50", "--set", "seeds=1", "--workers", "1")
STEPS = (  # what a newcomer does, in a folder with nothing in it
    ("init",),
    ("plan", "suites/mine.yaml"),
    ("run", "suites/mine.yaml", *ENOUGH),
    ("run", "robustness", "--only", "dataset=8gaussians,objective=gan", *ENOUGH),
    ("report", "results/mine"),
    ("export", "results/mine", "--to", "csv"),
    ("publish", "results/mine"),
    ("report", "results/mine", "mine.zip"),
)  # fmt: skip
SHOWS = "import importlib.metadata as m; print(*(m.version(n) for n in ('torch', 'pandas')))"


def interpreter(version: str) -> str:
    """Return the path of a Python that is here, "" where it is not."""
    known = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python"))
    candidates = [shutil.which(f"python{version}"), *map(str, reversed(known))]
    return next((path for path in candidates if path and _answers(path, version)), "")


def _answers(path: str, version: str) -> bool:
    """Whether an interpreter is of a version: pyenv leaves names of those that are not there."""
    says = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([path, "-c", says], capture_output=True, text=True)
    return done.stdout.strip() == version


def lowest() -> list[str]:
    """Return PINNED at the lowest versions that pyproject.toml allows."""
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    floors = {name: floor for need in needs for name, floor in re.findall(r"^([\w-]+)>=([\d.]+)", need)}
    return [f"{name}~={floors[name]}.0" for name in PINNED]


def tried(python: str, pins: str, wheel: Path, limit: float) -> tuple[str, str]:
    """Return which torch and pandas an environment had, and "ok", or what failed in it."""
    with tempfile.TemporaryDirectory(prefix="harness-matrix-") as place:
        home, work = Path(place) / "env", Path(place) / "empty"
        work.mkdir()
        binary = home / "bin" / "python"
        wanted = lowest() if pins == "lowest" else []
        setup = [[python, "-m", "venv", str(home)], [str(binary), "-m", "pip", "install", "-q", *wanted, str(wheel)]]
        clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        clean |= {"OMP_NUM_THREADS": "1", "HARNESS_CACHE": str(Path(place) / "cache")}
        calls = [*setup, *([str(home / "bin" / "harness"), *step] for step in STEPS)]
        versions = "-"
        for number, call in enumerate(calls):
            try:
                done = subprocess.run(call, cwd=work, env=clean, capture_output=True, text=True, timeout=limit)
            except subprocess.TimeoutExpired:
                return versions, f"no end within {limit:g} s: {_short(call)}"
            if done.returncode:
                last = (done.stderr or done.stdout).strip().splitlines()[-1:]
                return versions, f"exit code {done.returncode}: {_short(call)}: {' '.join(last)}"
            if number == len(setup) - 1:
                shown = subprocess.run([str(binary), "-c", SHOWS], cwd=work, env=clean, capture_output=True, text=True)
                versions = " and ".join(shown.stdout.split())
            print(f"  {_short(call)}", flush=True)
    return versions, "ok"


def _short(call: Sequence[str]) -> str:
    return " ".join([Path(call[0]).name, *call[1:]])[:90]


def main(arguments: list[str]) -> int:
    """Try every environment that is asked for; return 1 where one failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", nargs="+", default=PYTHONS, choices=PYTHONS)
    parser.add_argument("--pins", nargs="+", default=PINS, choices=PINS)
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds that a step may take")
    given, rows = parser.parse_args(arguments), []
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, str(ROOT)]
        subprocess.run(build, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        for version in given.python:
            python = interpreter(version)
            for pins in given.pins:
                print(f"Python {version}, {pins}", flush=True)
                began = time.monotonic()
                versions, result = tried(python, pins, wheel, given.limit) if python else ("-", "not tried: not here")
                rows.append((version, pins, versions, result, f"{time.monotonic() - began:.0f} s" if python else "-"))
    print("\n| Python | versions | torch and pandas | result | took |\n| --- | --- | --- | --- | --- |")
    print("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return int(any(row[3] != "ok" and not row[3].startswith("not tried") for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
