"""Plug-ins that are installed packages: named by their entry points, identified by version and source."""

import shutil
import sys

import pytest
from distributions import distribution

from harness.commands.list import catalogue
from harness.errors import SuiteError
from harness.objectives import OBJECTIVES
from harness.plugins.components import fingerprint, forget, load_plugins
from harness.suite.load import load_suite

ENTRY = """\
from dataclasses import replace
from harness.objectives import OBJECTIVES as known
from %s import loss
OBJECTIVES = {"tidy": replace(known["gan"], generator_loss=loss, summary="tidy")}
"""
LOSS = "def loss(real, fake, hyper):\n    return %s\n"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages: `tidy`, whose loss is in a module of its package."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "tidy").mkdir()
    (tmp_path / "tidy" / "__init__.py").write_text(ENTRY % ".losses")
    (tmp_path / "tidy" / "losses.py").write_text(LOSS % "-fake.mean(-1)")
    distribution(tmp_path, "gan-tidy", "1.0", {"tidy": "tidy"})
    yield tmp_path
    unload()


def unload() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "tidy"]:
        del sys.modules[name]


def mark() -> int | None:
    forget("tidy")
    unload()
    load_plugins(["tidy"])
    return fingerprint("objective", "tidy")


def test_a_package_is_loaded_by_name_and_known_by_its_version_and_all_of_its_source(site):
    first = mark()
    assert OBJECTIVES["tidy"].summary == "tidy"
    assert mark() == first
    (site / "tidy" / "unused.py").write_text("x = 1\n")
    second = mark()
    shutil.rmtree(site / "gan_tidy-1.0.dist-info")
    distribution(site, "gan-tidy", "1.1", {"tidy": "tidy"})
    assert len({first, second, mark()}) == 3


def test_installed_plug_ins_are_listed_and_a_broken_one_says_why(site):
    (site / "broken.py").write_text("1 / 0")
    distribution(site, "gan-broken", "0.2", {"broken": "broken"})
    plugins = {entry.name: entry.summary for entry in catalogue("plugins")}
    assert plugins["tidy 1.0"] == "objective tidy"
    assert "the plug-in broken: while it is imported, it raises ZeroDivisionError" in plugins["broken 0.2"]
    objectives = {entry.name: entry.summary for entry in catalogue("objectives")}
    assert objectives["tidy"].startswith("tidy")
    assert "ZeroDivisionError" in objectives["broken"]
    assert "gan" in objectives


SUITE = """\
version: 1
name: tidied
question: Which plug-in is named?
plugins: [%s]
seeds: 1
train: {steps: 2, batch: 8}
score: {at: 1, samples: 20}
matrix: [{dataset: ring, architecture: mlp, objective: %s}]
"""


def test_a_broken_plug_in_ends_the_suites_that_name_it_and_no_other(site):
    (site / "broken.py").write_text("1 / 0")
    distribution(site, "gan-broken", "0.2", {"broken": "broken"})
    assert load_suite(SUITE % ("tidy", "tidy")).plugins == ["tidy"]
    with pytest.raises(SuiteError, match="the plug-in broken: while it is imported, it raises ZeroDivisionError"):
        load_suite(SUITE % ("tidy, broken", "tidy"))
    with pytest.raises(SuiteError, match=r"no plug-in 'tydy' is installed.*Did you mean 'tidy'"):
        load_suite(SUITE % ("tydy", "gan"))


def test_a_function_of_an_inner_module_that_cannot_serve_is_named(site):
    (site / "tidy" / "losses.py").write_text(LOSS % "1 / 0")
    with pytest.raises(SuiteError, match=r"'tidy' of a plug-in: its generator_loss.*ZeroDivisionError"):
        load_suite(SUITE % ("tidy", "tidy"))


def test_a_module_that_is_gone_is_named(site):
    distribution(site, "gan-gone", "0.1", {"gone": "gone_module"})
    with pytest.raises(SuiteError, match="the plug-in gone: its module gone_module is not there"):
        load_plugins(["gone"])


def test_names_that_a_plug_in_would_have_defined_are_no_further_mistakes():
    suite = {"version": 1, "name": "x", "question": "?", "seeds": 1, "train": {"steps": 1}, "plugins": ["absent"]}
    block = {"dataset": "cross", "architecture": "mlp", "objective": "tidy"}
    with pytest.raises(SuiteError) as caught:
        load_suite({**suite, "matrix": [block], "steps": 3})
    assert [problem.path for problem in caught.value.problems] == [("plugins", 0), ("steps",)]
