"""What README and CONTRIBUTING show is true: their suites load, their plug-in trains, their links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from harness.architectures import ARCHITECTURES
from harness.commands.cli import app
from harness.datasets import DATASETS
from harness.errors import SuiteError
from harness.execution.requests import Request
from harness.execution.runner import run
from harness.objectives import OBJECTIVES
from harness.papers import cited
from harness.suite.expand import expand
from harness.suite.load import load_suite
from harness.suite.shipped import find_suite

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


def test_the_suite_for_a_gpu_loads(tmp_path):
    here = blocks("docs/gpu.md", "yaml")[0].replace("[mnist, fashion-mnist]", "digits")  # which every machine has
    (tmp_path / "mnist.yaml").write_text(here)
    assert len(expand(load_suite(str(tmp_path / "mnist.yaml"))).runs) == 18


def test_the_study_that_is_shown_loads(tmp_path):
    (tmp_path / "s.yaml").write_text(blocks("docs/studies.md", "yaml")[0])
    assert set(load_suite(str(tmp_path / "s.yaml")).study.space) > {"critic.norm", "n_critic"}


@pytest.mark.slow
def test_the_suite_on_pictures_trains_to_its_report(tmp_path, undrawn, monkeypatch, cache):
    """Its two sets of classes are seen by two extractors, of other numbers of pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.metrics.extractors.extractor_training.STEPS", 5)
    Path("s.yaml").write_text(blocks("docs/datasets.md", "yaml")[0])
    small = ["steps=2", "width=2", "score.samples=60"]
    assert run(Request("s.yaml", workers=0, sets=small)).counts["ok"] == 8
    (page,) = Path().glob("**/index.html")
    assert "fid[rotations]@60" in (page.parent / "tables" / "runs.csv").read_text()
    assert "Real images of digits, classes=[3, 0] reach" in page.read_text()


@pytest.mark.slow
def test_the_worked_example_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.report.page.build_report", lambda store, out: out)
    Path("rphinge.py").write_text(blocks("CONTRIBUTING.md", "python")[0])
    Path("s.yaml").write_text(blocks("CONTRIBUTING.md", "yaml")[0])
    assert run(Request("s.yaml", workers=0, sets=["steps=10", "score.samples=50"])).counts["ok"] == 4


def shown_commands(page):
    """Yield the arguments of every command that a page shows, and whether it stands on a line of its own."""
    text = page.read_text(encoding="utf-8")
    whole = re.findall(r"^    harness (.*?)(?: [>|] .*)?$", text, re.MULTILINE)  # without where its output goes
    for line in [*whole, *re.findall(r"`harness ([^`]+)`", text)]:
        if len(arguments := shlex.split(line.replace("\n", " "), comments=True)) > 1 and "[" not in line:
            yield arguments, line in whole


def test_every_command_shown_exists_and_names_what_is_there():
    verbs, shown = typer.main.get_command(app).commands, 0
    known = {"show": ARCHITECTURES, "data": DATASETS}
    for page in PAGES:
        for (verb, *given), is_whole in shown_commands(page):
            placed = [re.sub(r"^[A-Z]+$", "1", each) for each in given]  # a placeholder, which may be a number
            context = verbs[verb].make_context(verb, placed, resilient_parsing=not is_whole)  # a mention may leave out
            first = given[0]
            if verb in ("run", "plan", "study") and re.fullmatch(r"[a-z0-9-]+", first):
                find_suite(first)
            assert first in known.get(verb, (first,)) or first.isupper(), (page.name, verb, given)
            shown += is_whole and context is not None
    assert shown > 20


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


def test_the_headings_that_figures_of_the_sources_stand_under_are_those_of_a_report():
    text = (ROOT / "docs/experiments.md").read_text(encoding="utf-8").split("## Where each figure of the sources")[1]
    template = (ROOT / "harness/report/page.html.j2").read_text(encoding="utf-8")
    template = re.sub(r"{{[^}]*noun }}", "trial", template)
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if re.search("harness (run|study) [a-z]", line)]
    names = [name for *_, where in rows for name in where.split(", ") if name[:1].isupper()]
    assert len(names) > 20
    assert [name for name in names if f">{name}</" not in template and f'"{name}"' not in template] == []


def generator_steps(epochs, batches, cut):
    """Count the generator steps of shapes-wgan's source: 100 critic updates in the first 25 and every 500th, else 5.

    `cut`: a generator step's updates end with their epoch.
    """
    steps, left = 0, epochs * batches
    while left > 0:
        updates = 100 if steps < 25 or steps % 500 == 0 else 5
        left -= min(updates, (left - 1) % batches + 1) if cut else updates
        steps += 1
    return steps


def test_the_strided_critics_epochs_are_as_many_generator_steps_as_is_said():
    text = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
    fresh, cut = (generator_steps(500, 20_000 // 32, cut) for cut in (False, True))
    assert f"{cut:,} generator steps" in text
    runs = expand(load_suite(find_suite("shapes-wgan"), scale="paper")).runs
    assert {run.plain["setup"]["train"]["steps"] for run in runs if run.base == "wgan-clip"} == {fresh}
