"""What README, CONTRIBUTING and docs show is true: suites load, Python runs, commands exist, links lead somewhere."""

import json
import re
import shlex
import string
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
import typer
from PIL import Image
from ruamel.yaml import YAML

import harness
from harness.architectures import ARCHITECTURES
from harness.commands.cli import app
from harness.datasets import DATASETS
from harness.errors import SuiteError
from harness.execution.requests import Request
from harness.execution.runner import run
from harness.objectives import OBJECTIVES
from harness.papers import cited
from harness.store import Store
from harness.suite.expand import expand
from harness.suite.load import load_suite
from harness.suite.shipped import find_suite, write_template

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
RUNS = {"datasets.md": 8, "gpu.md": 18, "tutorial.md": 30}  # of the first suite of a page
SMALL = ["steps=2", "seeds=1", "score.at=[1]", "score.samples=40"]


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


def yaml_of(page):
    return blocks(page, "yaml")


@pytest.fixture
def surroundings(tmp_path, monkeypatch):
    """A working directory with the files that pages take for granted."""
    monkeypatch.chdir(tmp_path)
    draws = np.random.default_rng(0)
    for folder in ("data/cats", "suites"):
        Path(folder).mkdir(parents=True)
    np.savetxt("data/mine.csv", draws.normal(size=(200, 2)), delimiter=",")
    for i in range(220):  # of which more are held out than an extractor has features
        Image.fromarray(draws.integers(0, 256, (8, 8, 3), np.uint8)).save(f"data/cats/{i}.png")
    write_template(Path("suites/mine.yaml"))


def lay(page):
    """Write the plug-ins and suites that a page shows where it says; return the paths of the suites."""
    for code in blocks(page, "python"):
        if name := re.match(r"# (\w+\.py)\n", code):
            Path(name[1]).write_text(code)
    suites = []
    for text in yaml_of(page):
        if name := re.match(r"version: 1\nname: (\S+)\n", text):
            suites.append(f"{name[1]}.yaml")
            Path(suites[-1]).write_text(text.replace("[mnist, fashion-mnist]", "digits"))  # which every machine has
    return suites


DECODES = {"own-data.md": pytest.mark.slow}  # a folder of images


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=DECODES.get(page.name, ()), id=page.name) for page in PAGES if yaml_of(page)],
)
def test_the_suites_shown_load_and_the_rest_are_keys_of_one(page, surroundings):
    loaded = [load_suite(suite) for suite in lay(page)]
    runs = [len(expand(suite).runs) for suite in loaded if suite.study is None]
    assert all(runs)
    assert runs[:1] == [RUNS.get(page.name, *runs[:1])] if runs else True
    keys = set(harness_schema()["properties"])
    for part in (YAML(typ="safe").load(text) for text in yaml_of(page)):
        assert set(part) <= keys or "apiVersion" in part, page.name  # what Kubernetes reads


def harness_schema():
    return json.loads((ROOT / "harness/suite.schema.json").read_text(encoding="utf-8"))


def python_of(page):
    """Return the blocks of a page but for those, or the whole of it, below `<!-- not run: why -->`."""
    text = page.read_text(encoding="utf-8")
    parts = re.findall(r"(<!-- not run: .+? -->\n)?```python\n(.*?)```", text, re.DOTALL)
    return [] if text.startswith("<!-- not run: ") else [code for mark, code in parts if not mark]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if python_of(page)], ids=lambda page: page.name)
def test_the_python_shown_runs(page, surroundings, monkeypatch):
    """One block after another, in a few steps and without a report."""
    import matplotlib.pyplot as plt

    monkeypatch.setattr("harness.report.page.build_report", lambda store, out, workers: out)
    whole = harness.run

    def small(suite, objectives=None, **options):
        return whole(suite, objectives, **options | {"workers": 0, "sets": SMALL})

    monkeypatch.setattr(harness, "run", small, raising=False)
    code = python_of(page)
    for suite in lay(page):
        if f'"results/{Path(suite).stem}"' in "".join(code):
            small(suite)
    known = {"__name__": "__main__"}
    for i, block in enumerate(code):
        cell = Path(f"block{i}.py").absolute()  # a file, as an objective's source counts for its runs
        cell.write_text(block)
        exec(compile(block, str(cell), "exec"), known)
    plt.close("all")


def test_the_study_that_is_shown_draws_what_is_said(surroundings):
    (suite,) = lay(ROOT / "docs/studies.md")
    assert set(load_suite(suite).study.space) > {"critic.norm", "n_critic"}


@pytest.mark.slow
def test_the_tutorials_results_are_those_of_its_suites(surroundings, call):
    text = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    first, change = yaml_of("docs/tutorial.md")
    extended = re.sub(r"train: .*\n", change, first)
    for suite, kept in ((first, "tutorial"), (extended, "tutorial-extended")):
        Path("first.yaml").write_text(suite)
        planned = {run.spec.run_id for run in expand(load_suite("first.yaml")).runs}
        assert planned == {run.run_id for run in Store(ROOT / "results/reference" / kept).plan.runs}
    Path("first.yaml").write_text(first)
    printed = call("plan", "first.yaml")[1]
    Path("first.yaml").write_text(first.replace("wgan-gp", "wgan_gp"))
    with pytest.raises(SuiteError) as refusal:
        load_suite("first.yaml")
    refused = str(refusal.value)
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    shown = [line for language, lines in fences if not language for line in lines.splitlines()]
    ended = [line for line in shown if line.startswith("results/")]
    assert [line for line in shown if line not in (*ended, *printed.splitlines(), *refused.splitlines())] == []
    assert len(ended) == 2


@pytest.mark.slow
def test_the_suite_on_pictures_trains_to_its_report(tmp_path, undrawn, monkeypatch, cache):
    """Its two sets of classes are seen by two extractors, of other numbers of images."""
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
    monkeypatch.setattr("harness.report.page.build_report", lambda store, out, workers: out)
    (suite,) = lay(ROOT / "docs/own-objective.md")
    assert run(Request(suite, workers=0, sets=["steps=10", "score.samples=50"])).counts["ok"] == 4


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


def anchors(page):
    """Return the anchors of a page's headings, as code hosts and the site have them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    kept = string.ascii_letters + string.digits + " -_"
    return [
        "".join(sign for sign in title.lower() if sign in kept or sign.isalnum()).replace(" ", "-") for title in titles
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_headings_lead_to_one(page):
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text(encoding="utf-8"))
    assert [(to, at) for to, at in links if at not in anchors(page.parent / to if to else page)] == []


def test_every_page_is_in_the_navigation_of_the_site_once():
    sections = run_path(str(ROOT / "docs/site/build.py"))["sections"]
    listed = [
        page for pages in sections((ROOT / "docs/index.md").read_text(encoding="utf-8")).values() for page in pages
    ]
    assert sorted(listed) == sorted({*listed})
    assert {(ROOT / "docs" / page).resolve() for page in listed} == {*PAGES, ROOT / "CHANGELOG.md"} - {
        ROOT / "docs/index.md"
    }


@pytest.mark.slow
def test_the_reference_that_follows_from_the_code_has_all_of_it():
    reference = run_path(str(ROOT / "docs/site/reference.py"))
    commands, keys = reference["commands"](), reference["suite_keys"]()
    assert {*re.findall(r"^### (\S+)$", commands, re.MULTILINE)} == typer.main.get_command(app).commands.keys()
    assert all(f"\n## {part}\n" in keys for part in harness_schema()["$defs"])
    named = {*re.findall(r":: harness\.(?:errors\.)?(\w+)", reference["python"]())} | {"plot", "Store", "__version__"}
    tables = {name for name in harness.__all__ if name.isupper()}  # listed by name
    assert set(harness.__all__) - tables <= named
    names = reference["names"]()
    assert all(f"`{name}`" in names for name in (*OBJECTIVES, *ARCHITECTURES, *DATASETS))


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
