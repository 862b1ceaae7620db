"""examples/plugin: installed by its entry point, each of its six components is in list, plan, records and report."""

import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from distributions import install

from harness.commands.list import catalogue
from harness.execution.runner import Request, run
from harness.plan.describe import describe
from harness.plan.make import make_plan
from harness.plugins.components import fingerprint
from harness.store import Store
from harness.suite.load import load_suite

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[1] / "examples" / "plugin"
NAMES = {
    "objective": "signed-lsgan",
    "architecture": "shallow",
    "dataset": "cross",
    "metric": "spread",
    "extractor": "pooled",
    "trick": "shrink",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    install(PROJECT, folder)
    return folder


@pytest.fixture(autouse=True)
def _on_path(site, monkeypatch):
    monkeypatch.syspath_prepend(str(site))


@pytest.fixture(scope="module")
def plugged(site, tmp_path_factory):
    """A folder where the suite of the README has been run to its report, with the example installed."""
    folder = tmp_path_factory.mktemp("plugged")
    (suite,) = re.findall(r"```yaml\n(.*?)```", (PROJECT / "README.md").read_text(), flags=re.S)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(site))
        patch.setattr("harness.report.figures.encoding.encode", lambda figure: {"png": b"", "svg": b""})
        Path("plugged.yaml").write_text(suite)
        assert run(Request("plugged.yaml", workers=0)).counts["ok"] == 4
    return folder


def test_it_is_small():
    files = [file for file in PROJECT.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    assert sum(len(file.read_text().splitlines()) for file in files) < 120


@pytest.mark.parametrize("kind", NAMES)
def test_each_is_in_the_list_and_known_by_its_source(kind):
    assert NAMES[kind] in [entry.name for entry in catalogue(f"{kind}s")]
    assert fingerprint(kind, NAMES[kind])
    (entry,) = catalogue("plugins")
    assert entry.name == "example 0.1"
    assert f"{kind} {NAMES[kind]}" in entry.summary


def test_each_is_in_the_plan(plugged, monkeypatch):
    monkeypatch.chdir(plugged)
    suite = load_suite("plugged.yaml")
    plan = make_plan(suite, None, "cpu")
    description = describe(suite, plan)
    assert "cross" in description.datasets
    assert description.architectures == ["shallow"]
    assert {row.base for row in description.settings} == {"signed-lsgan", "wgan-gp"}
    assert description.scored.plugged == ["spread"]
    (setup,) = {
        str(s["setup"]["versions"]): s["setup"]
        for s in plan.specs.values()
        if s["setup"]["tricks"] and s["setup"]["dataset"] == "cross"
    }.values()
    files = {key: value for key, value in setup["versions"].items() if key.endswith(".file")}
    assert set(files) == {"dataset.file", "architecture.file", "objective.file", "trick.shrink.file"}
    assert set(files.values()) == {fingerprint("metric", "spread")}


def test_each_is_in_the_records_and_the_report(plugged):
    store = Store(plugged / "results" / "plugged")
    runs = store.table()
    assert set(runs["objective.base"]) == {"signed-lsgan", "wgan-gp"}
    assert runs["spread"].notna().all()
    images = runs[runs["dataset"] == "digits"]
    assert images["fd[pooled]@100"].notna().all()
    assert images["extractor_weights[pooled]"].nunique() == 1
    assert store.plan.resolved["plugins"] == ["example"]
    (page,) = plugged.glob("reports/**/index.html")
    text = page.read_text(encoding="utf-8")
    for words in ("shrunk", "shallow", "cross", "spread", "pooled", "shrink"):
        assert words in text, words
    assert "fd[pooled]@100" in pd.read_csv(page.parent / "tables" / "runs.csv")
    assert "harness_example" not in sys.modules
