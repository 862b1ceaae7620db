"""What README and CONTRIBUTING show is true: their suites load, their plug-in trains, their links lead somewhere."""

import re
from pathlib import Path

import pytest

from harness.architectures import ARCHITECTURES
from harness.errors import SuiteError
from harness.execution.requests import Request
from harness.execution.runner import run
from harness.objectives import OBJECTIVES
from harness.papers import cited
from harness.suite.expand import expand
from harness.suite.load import load_suite

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_readmes_suite_loads_and_its_mistake_is_told_as_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (suite,) = blocks("README.md", "yaml")
    Path("suites").mkdir()
    Path("suites/weights.yaml").write_text(suite)
    assert load_suite("suites/weights.yaml").name == "weights"
    Path("suites/weights.yaml").write_text(suite.replace("[nsgan, wgan-gp]", "[nsgan, wgan_gp]"))
    with pytest.raises(SuiteError) as error:
        load_suite("suites/weights.yaml")
    assert str(error.value) in (ROOT / "README.md").read_text()


def test_the_suite_on_pictures_loads(tmp_path):
    (tmp_path / "s.yaml").write_text(blocks("docs/datasets.md", "yaml")[0])
    assert len(expand(load_suite(str(tmp_path / "s.yaml"))).runs) == 8


def test_the_study_that_is_shown_loads(tmp_path):
    (tmp_path / "s.yaml").write_text(blocks("docs/studies.md", "yaml")[0])
    assert set(load_suite(str(tmp_path / "s.yaml")).study.space) > {"critic.norm", "n_critic"}


@pytest.mark.slow
def test_the_suite_on_pictures_trains_to_its_report(tmp_path, monkeypatch, cache):
    """Its two sets of classes are seen by two extractors, of other numbers of pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.metrics.extractors.extractor_training.STEPS", 5)
    Path("s.yaml").write_text(blocks("docs/datasets.md", "yaml")[0])
    small = ["steps=2", "width=2", "score.samples=60"]
    assert run(Request("s.yaml", workers=0, sets=small)).counts["ok"] == 8
    (page,) = Path().glob("**/index.html")
    assert "fid[rotations]@60" in (page.parent / "tables" / "runs.csv").read_text()
    assert "Real images of digits, classes=[3,0] reach" in page.read_text()


@pytest.mark.slow
def test_the_worked_example_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.report.page.build_report", lambda store, out: out)
    Path("rphinge.py").write_text(blocks("CONTRIBUTING.md", "python")[0])
    Path("s.yaml").write_text(blocks("CONTRIBUTING.md", "yaml")[0])
    assert run(Request("s.yaml", workers=0, sets=["steps=10", "score.samples=50"])).counts["ok"] == 4


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [
        link for link in links if not (page.parent / link).exists() and not (page.parent / f"{link}.md").exists()
    ] == []


@pytest.mark.parametrize(("page", "table"), [("methods.md", OBJECTIVES), ("architectures.md", ARCHITECTURES)])
def test_a_source_column_names_the_papers_of_the_record(page, table):
    """Further words follow a semicolon."""
    lines = [line.strip("| ").split(" | ") for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()]
    header = next(cells for cells in lines if "source" in cells)
    rows = {cells[0].strip("`"): cells[header.index("source")] for cells in lines if len(cells) == len(header)}
    assert rows.keys() >= table.keys()
    for name, entry in table.items():
        papers = cited(entry.papers) or "ours"
        assert rows[name] == papers or rows[name].startswith(f"{papers}; "), name


def test_the_table_of_recipes_is_that_of_the_records():
    used: dict[tuple[str, str], dict[str, None]] = {}
    for name, entry in OBJECTIVES.items():
        for kind, recipe in entry.recipe.items():
            used.setdefault((recipe.settings, recipe.source), {})[f"`{name}` {kind}"] = None
    rows = [f"| {', '.join(of)} | {settings} | {source} |" for (settings, source), of in used.items()]
    assert "\n".join(rows) in (ROOT / "docs" / "defaults.md").read_text(encoding="utf-8")
