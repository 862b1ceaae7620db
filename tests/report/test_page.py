"""The page: one offline file that opens with the answer, hides no run, and shows any text as text."""

import base64
import hashlib
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from report.fake_results import FakeResults

from harness.errors import HarnessError, StoreError
from harness.report.figures import panels
from harness.report.page import FIGURE, LISTED, build_report, read
from harness.store import STATUSES
from harness.text import interval

PNG = b"\x89PNG\r\n\x1a\n"
TWO = (("8gaussians", "mlp"), ("swissroll", "mlp"))

pytestmark = pytest.mark.slow


@pytest.fixture
def quick(undrawn, monkeypatch):
    """Draw one panel of a kind: for tests of the text."""
    monkeypatch.setattr(panels, "MOST", 1)


class Outline(HTMLParser):
    """Tags, attributes and text of a page, as a browser with scripts off would see them."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        if self.tags[-1:] not in (["style"], ["script"]):
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


def report(store, folder):
    return Outline(build_report(store, folder).read_text(encoding="utf-8"))


def lost(status, **more):
    return {"status": status, **more}


# The file


def test_the_report_is_one_offline_file_with_its_tables_and_figures_beside_it(tmp_path):
    found = report(FakeResults(seeds=2), tmp_path / "out")
    assert not {"link", "iframe", "object", "base", "form"} & set(found.tags)
    assert found.tags.count("script") == found.tags.count("style") == 1
    sources = [value for _, name, value in found.attributes if name in ("src", "href", "action", "srcset", "poster")]
    assert len(sources) == 1 + 1 + 3 + 3
    assert all(value.startswith("data:image/png;base64,") for value in sources)
    assert not [name for _, name, _ in found.attributes if name.startswith("on")]
    alts = [value for tag, name, value in found.attributes if tag == "img" and name == "alt"]
    assert len(alts) == len(sources)
    assert all(alts)
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {f for f in files if f.endswith(".png")} == {f[:-3] + "png" for f in files if f.endswith(".svg")}
    assert len(files) == 1 + 2 * len(sources) + sum(f.startswith("tables/") for f in files)
    for name in ("answer", "cells", "runs", "scored", "failures", "versions"):
        assert f"tables/{name}.csv" in files
        assert f"tables/{name}.csv" in found.words


def test_the_policy_lets_nothing_in_but_the_pages_own_style_and_script(quick, tmp_path):
    source = build_report(FakeResults(), tmp_path).read_text(encoding="utf-8")
    policy = next(value for _, _, value in Outline(source).attributes if "default-src" in value)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert {name: rules.pop(name) for name in ("default-src", "img-src", "base-uri", "form-action")} == {
        "default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip
    for name in ("style", "script"):  # exactly what a browser hashes: all between the tags
        [text] = re.findall(f"<{name}>(.*?)</{name}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules.pop(f"{name}-src") == f"'sha256-{digest}'"
    assert not rules
    assert "style=" not in re.sub(r"<(style|script)>.*?</\1>", "", source, flags=re.DOTALL)


def test_the_script_is_short_and_has_nothing_that_ends_it():
    script = read("page.js")
    assert script.count("\n") <= 80
    assert "</" not in script
    assert "innerHTML" not in script


def test_cells_that_say_more_than_a_number_carry_it_for_sorting(quick, tmp_path):
    store = FakeResults(seeds=3, overrides={(0, "gan", 0, 1): lost("diverged"), (0, "gan", 0, 2): lost("diverged")})
    build_report(store, tmp_path)
    source = (tmp_path / "index.html").read_text(encoding="utf-8")
    cells = pd.read_csv(tmp_path / "tables" / "cells.csv")
    shown = re.findall(r'data-value="([^"]*)">([^<]*)', source)
    for row in cells[cells["n_ok"] == 3].to_dict("records"):
        text = interval(row["mean"], row["low"], row["high"])
        assert float(next(value for value, said in shown if said == text)) == pytest.approx(row["mean"])
    assert ("Infinity", "worst") in shown  # gan's median
    assert float(next(value for value, said in shown if said.strip() == "1/3")) == pytest.approx(1 / 3)


@pytest.mark.parametrize("more", [{"objectives": ("gan",)}, {"tasks": (("ring", "mlp"), ("grid", "mlp"))}])
def test_the_same_records_give_the_same_bytes_wherever_they_are_written(more, tmp_path, monkeypatch):
    monkeypatch.setattr(panels, "MOST", 1)  # of each kind
    store = FakeResults(seeds=2, **more)
    first, second = build_report(store, tmp_path / "a"), build_report(store, tmp_path / "b" / "c")
    names = sorted(p.relative_to(first.parent) for p in first.parent.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(second.parent) for p in second.parent.rglob("*") if p.is_file())
    assert all((first.parent / name).read_bytes() == (second.parent / name).read_bytes() for name in names)


def test_the_page_holds_its_parts_in_order(quick, tmp_path):
    store = FakeResults(overrides={(0, "gan", 0, 1): lost("diverged", first_bad_step=412)}, sets=("train.steps=9",))
    words = report(store, tmp_path).words
    parts = [
        "quickstart", "Which objective learns eight gaussians?", "wgan-gp ranks first",
        "9 runs planned: 8 ok, 1 diverged",
        "W1 excess (data units)", "During training", "Losses", "Real and generated points", "Every cell",
        "Failures", "412", "Methods", "compared on 1 task", "@misc{harness",
        "How to read", "98.89 %", "Resolved settings", "Versions and machine", "torch 2.13.0",
        "harness run suites/quickstart.yaml --set train.steps=9", "tables/cells.csv",
    ]  # fmt: skip
    places = [words.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    assert "coverage at n = 3: 95 % of normal, 84 % of lognormal" in words


def test_a_page_over_many_tasks_opens_with_the_answer_the_headline_and_where_it_does_not_hold(quick, tmp_path):
    overrides = {(0, "gan", 0, 0): lost("diverged")}
    words = report(FakeResults(tasks=TWO, rates=("recipe", 2e-3), overrides=overrides), tmp_path).words
    parts = [
        "Which objective learns eight gaussians?", "were compared on 2 tasks", "wgan-gp ranks first",
        "different from it: gan",  # whose lost run makes its interval wide
        "1 (2.8 %) were lost", "Ranking over all tasks", "at equal training seconds",
        "the recipe's lr", "★ ahead by", "settings tuned over", "share of its steps", "2: lr 1/12",
        "Task by task", "in 2 of 2 tasks", "settings are tuned", "Leave one out",
        "2 values of lr", "Tests across tasks", "2 tasks are too few", "too few tasks",
        "interquartile mean of scores", "variance of scores", "W1 excess (data units)",
        "Sensitivity to lr", "wgan-gp 0.", "Every cell", "nine simulated", "among 3 means", "Shares of variance",
        "tables/headline.csv", "tables/across-pairs.csv", "tables/variance-shares.csv",
    ]  # fmt: skip
    rest = words
    for part in parts:
        assert part in rest
        rest = rest.partition(part)[2]
    kept = pd.read_csv(tmp_path / "tables" / "headline.csv")
    assert len(kept) == 3 * 3 * 2
    ranges = pd.read_csv(tmp_path / "tables" / "sweep-ranges.csv")
    assert ranges["objective"].iloc[0] == "wgan-gp"  # the least sensitive
    assert kept.groupby("objective")["n_lost"].first().to_dict() == {"gan": 1, "wgan-clip": 0, "wgan-gp": 0}
    assert list(pd.read_csv(tmp_path / "tables" / "headline-tasks.csv")["task"]) == [
        "8gaussians / mlp",
        "swissroll / mlp",
    ]


def test_a_page_of_a_suite_that_sweeps_nothing_speaks_of_no_tuning(quick, tmp_path):
    source = build_report(FakeResults(tasks=TWO), tmp_path).read_text(encoding="utf-8")
    assert re.findall(r"[^.,]*\btuned\b", source, re.IGNORECASE) == [" tuned"]  # of the simulated tasks
    assert "chosen again" not in source
    assert 'alt="Score at equal generator steps, a row a task' in source


def test_a_page_without_a_ranking_over_all_tasks_says_why(tmp_path, quick):
    said = "1 run is pending"
    for overrides in ({}, {(0, "gan", 0, 1): {"status": "pending"}}):
        words = report(FakeResults(tasks=TWO, overrides=overrides), tmp_path).words
        assert (said in words) == bool(overrides) == ("At equal training seconds" not in words)


def test_a_page_over_many_tasks_with_one_seed_promises_no_interval_and_no_other_seeds(quick, tmp_path):
    store = FakeResults(tasks=TWO, rates=("recipe", 2e-3), seeds=1)
    part = report(store, tmp_path).words.partition("Ranking over all tasks")[2].partition("Task by task")[0]
    assert "which is optimistic" in part
    assert "confidence" not in part
    assert "other seeds" not in part


@pytest.mark.parametrize("store", [FakeResults(), FakeResults(tasks=(("a", "mlp"), ("b", "mlp")), score=False)])
def test_a_page_of_one_task_or_without_scores_has_no_headline(quick, tmp_path, store):
    words = report(store, tmp_path).words
    assert "Ranking over all tasks" not in words
    assert "headline" not in words
    assert not (tmp_path / "tables" / "headline.csv").exists()


def test_the_best_cell_is_marked_by_more_than_colour(quick, tmp_path):
    source = build_report(FakeResults(), tmp_path).read_text(encoding="utf-8")
    assert source.count('title="rank 1 of its task">★') == 1
    assert "None: all 9 runs finished." in source


def test_a_suite_with_nothing_finished_or_planned_still_has_a_page(quick, tmp_path):
    overrides = {(0, name, 0, seed): lost("pending") for name in ("gan", "wgan-clip", "wgan-gp") for seed in range(3)}
    words = report(FakeResults(overrides=overrides), tmp_path / "a").words
    assert "No run has finished" in words
    assert "None among the runs" in words


def test_every_table_adds_up_to_the_plan(quick, tmp_path):
    overrides = {
        (0, "gan", 0, 1): lost("diverged"),
        (0, "gan", 0, 2): lost("timeout"),
        (0, "wgan-gp", 0, 0): lost("pending"),
    }
    build_report(FakeResults(overrides=overrides), tmp_path)
    runs, cells, failures = (pd.read_csv(tmp_path / "tables" / f"{name}.csv") for name in ("runs", "cells", "failures"))
    assert len(runs) == cells["n_planned"].sum() == cells[[f"n_{s}" for s in STATUSES]].to_numpy().sum() == 9
    assert len(failures) == 2 == (~runs["status"].isin(["ok", "pending"])).sum()


def test_text_is_shown_as_text(quick, tmp_path):
    hostile = '<script>alert("x")</script><img src=x onerror=alert(1)>\x1b[31m\x00'
    overrides = {(0, "gan", 0, 1): lost("failed", error=hostile), (0, "gan", 0, 0): {"torch": hostile}}
    source = build_report(FakeResults(question=hostile + "\ud800", overrides=overrides), tmp_path).read_text(
        encoding="utf-8"
    )
    found = Outline(source)
    assert found.tags.count("script") == 1  # the page's own
    assert not [a for a in found.attributes if a[1] == "onerror"]
    assert source.count("&lt;script&gt;") == 4  # the question, the error, the version in its table and in the methods
    assert not {"\x1b", "\x00"} & set(source)


def test_figures_of_an_earlier_report_go_and_files_of_others_stay(quick, tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("points-07-old.png", "mine.png"):
        (tmp_path / "figures" / name).write_bytes(PNG)
    build_report(FakeResults(), tmp_path)
    left = {path.name for path in (tmp_path / "figures").iterdir()}
    assert "mine.png" in left
    assert "points-07-old.png" not in left
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("store", [FakeResults(tasks=TWO, rates=("recipe", 2e-3)), FakeResults(seeds=1, ratio=0.5)])
def test_all_that_a_report_writes_goes_when_a_later_one_does_not_write_it(quick, tmp_path, store):
    build_report(store, tmp_path)
    files = {folder: {path.name for path in (tmp_path / folder).iterdir()} for folder in ("figures", "tables")}
    assert all(FIGURE.fullmatch(name) for name in files["figures"])
    assert set(LISTED.findall((tmp_path / "index.html").read_bytes())) == {name.encode() for name in files["tables"]}


def test_tables_of_an_earlier_report_go_and_files_of_others_stay(quick, tmp_path):
    build_report(FakeResults(tasks=TWO, rates=("recipe", 2e-3)), tmp_path)
    (tmp_path / "tables" / "mine.csv").write_text("a\n")
    build_report(FakeResults(), tmp_path)
    left = {path.name for path in (tmp_path / "tables").iterdir()}
    assert {"mine.csv", "cells.csv"} <= left
    assert not {"headline.csv", "sweeps.csv", "sweep-ranges.csv", "across-pairs.csv"} & left


def test_a_folder_that_cannot_be_written_is_one_sentence(quick, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreError, match=r"be written to .*taken"):
        build_report(FakeResults(), tmp_path / "taken")


def test_a_write_that_fails_leaves_the_page_that_was_there(quick, tmp_path, monkeypatch):
    before = build_report(FakeResults(), tmp_path).read_bytes()
    replace = os.replace

    def failing(source, target):
        if Path(target).name == "cells.csv":
            raise OSError(28, "No space left")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(StoreError, match="No space left"):
        build_report(FakeResults(question="another"), tmp_path)
    assert (tmp_path / "index.html").read_bytes() == before


def test_a_finished_run_without_its_metric_stops_the_report(tmp_path):
    store = FakeResults(overrides={(0, "gan", 0, 1): {"w1_excess": None}})
    with pytest.raises(HarnessError, match=r"seed 1.*w1_excess"):
        build_report(store, tmp_path)
    assert not list(tmp_path.iterdir())


def test_reports_import_no_torch(tmp_path):
    check = (
        "import pathlib, sys; from report.fake_results import FakeResults; from harness.report import page; "
        "from harness.report.figures import encoding; encoding.encode = lambda figure: {'png': b'', 'svg': b''}; "
        "page.build_report(FakeResults(), pathlib.Path(sys.argv[1])); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check, str(tmp_path)], check=False).returncode == 0


def test_mixed_machines_are_flagged(quick, tmp_path):
    words = report(FakeResults(overrides={(0, "gan", 0, 0): {"torch": "2.12.0"}}), tmp_path).words
    assert "Mixed: torch" in words
    assert "2.12.0 1" in words
    assert "2.13.0 8" in words
