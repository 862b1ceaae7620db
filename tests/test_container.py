"""The container file by its text: what it copies is there and let through, and what it installs is declared."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Containerfile").read_text()


def test_what_it_copies_is_there_and_not_ignored():
    copied = [name for line in re.findall(r"^COPY (.+)$", TEXT, re.M) for name in line.split()[:-1]]
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"pyproject.toml", "requirements.lock", "harness", "suites"} <= {*copied} == let_through
    assert all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {project["readme"], *project["license-files"]} <= {*copied}


def test_what_it_installs_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extras,) = re.findall(r"pip install -c requirements.lock \.\[(.*?)\]", TEXT)
    assert {*extras.split(",")} <= project["optional-dependencies"].keys()
    (python,) = re.findall(r"^FROM python:3\.(\d+)", TEXT, re.M)
    assert f">=3.{python}" == project["requires-python"]
