"""The trial of the package in clean environments: what it installs, and which Pythons it finds."""

import importlib.util
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def matrix():
    spec = importlib.util.spec_from_file_location("matrix_of_versions", ROOT / "tests" / "matrix.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_lowest_versions_are_those_of_the_project(matrix):
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for pin in matrix.lowest():
        name, floor = re.fullmatch(r"(\w+)~=([\d.]+)\.0", pin).groups()
        assert any(need.startswith(f"{name}>={floor}") for need in needs)
    assert {pin.partition("~")[0] for pin in matrix.lowest()} == {"torch", "torchvision", "pandas"}


def test_a_python_is_one_that_answers_to_its_version(matrix, monkeypatch, tmp_path):
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    (tmp_path / "python2.0").write_text("#!/bin/sh\nexit 127\n")  # a name without a Python, as pyenv leaves them
    (tmp_path / "python2.0").chmod(0o755)
    (tmp_path / f"python{here}").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert matrix.interpreter(here) == str(tmp_path / f"python{here}")
    assert (matrix.interpreter("2.0"), matrix.interpreter("2.1")) == ("", "")


def test_what_a_newcomer_does_are_verbs_of_the_command(matrix):
    import typer.main

    from harness.commands.cli import app

    verbs = typer.main.get_command(app).commands
    for verb, *given in matrix.STEPS:
        verbs[verb].make_context(verb, list(given), resilient_parsing=True)
