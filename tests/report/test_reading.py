"""A table of runs read by itself says what the page says of the same runs."""

import pandas as pd
import pytest
from plans import rewrite
from report.fake_results import FakeResults

import harness
from harness.errors import HarnessError
from harness.report import page
from harness.report.analysis import tables
from harness.report.reading import CONFIRMING, TRIALS, read
from harness.store import Store

TASKS = (("8gaussians", "mlp"), ("ring", "mlp"))


def sentence_of_the_page(store):
    return " ".join(page.answers(store))


@pytest.mark.slow
@pytest.mark.parametrize(
    "store",
    [
        FakeResults(),
        FakeResults(rates=(1e-4, 1e-3)),
        FakeResults(overrides={(0, "gan", 0, 1): {"status": "diverged"}}),
        FakeResults(tasks=TASKS, score=False),
        FakeResults(objectives=("gan",)),
    ],
    ids=["plain", "swept", "lost", "tasks", "alone"],
)
def test_the_sentence_and_the_cells_are_the_pages(store):
    found = read(store.table())
    assert found.sentence == str(found) == sentence_of_the_page(store)
    pd.testing.assert_frame_equal(found.cells, tables.read(store).cells)


@pytest.mark.slow
def test_a_tuned_value_at_the_edge_of_its_grid_is_told_without_a_headline():
    assert "At the edge" not in read(FakeResults().table()).sentence
    said = read(FakeResults(objectives=("gan", "wgan-gp"), rates=("recipe", 1e-3, 3e-3)).table()).sentence
    assert said.endswith("lr of gan in 3 of 3 choices (the smallest); lr of wgan-gp in 3 of 3 choices (the smallest).")


def test_a_filter_reads_as_a_suite_of_those_runs_alone():
    whole = FakeResults(objectives=("gan", "wgan-gp"), tasks=TASKS).table()
    part = whole[(whole["dataset"] == "8gaussians") & (whole["seed"] < 2)]
    assert read(part).sentence == sentence_of_the_page(FakeResults(objectives=("gan", "wgan-gp"), seeds=2))


@pytest.mark.slow
def test_neither_order_nor_repetition_of_rows_matters():
    table = FakeResults(rates=(1e-4, 1e-3)).table()
    mixed = pd.concat([table.sample(frac=1, random_state=0), table.head(7)])
    assert read(mixed).sentence == read(table).sentence


def test_several_suites_are_read_together_and_two_runs_for_one_place_are_refused():
    one, other = (FakeResults(objectives=names).table() for names in (("gan", "wgan-gp"), ("nsgan",)))
    assert set(read(pd.concat([one, other])).cells["objective"]) == {"gan", "wgan-gp", "nsgan"}
    longer = one.assign(run_id="x" + one["run_id"], steps=2000)
    with pytest.raises(HarnessError, match="gan on 8gaussians / mlp"):
        read(pd.concat([one, longer]))


@pytest.mark.slow
def test_what_ranks_is_asked_then_the_suites_then_what_is_there():
    table = FakeResults().table().assign(sliced_w=[0.3, 0.2, 0.1] * 3)
    assert set(read(table).metrics.values()) == {"w1_excess"}
    assert set(read(table, "hq").metrics.values()) == {"hq"}
    table.attrs = {"primary": {"toys": "sliced_w", "images": "fid"}, "images": []}
    assert set(read(table[table["seed"] < 2]).metrics.values()) == {"sliced_w"}
    pictures = table.rename(columns={"w1_excess": "fid[rotations]@68"})
    pictures.attrs = {}
    assert set(read(pictures).metrics.values()) == {"fid[rotations]@68"}


@pytest.mark.slow
def test_of_a_study_the_runs_that_confirm_it_are_read_alone():
    trials = FakeResults(rates=(1e-4, 1e-3)).table().assign(seed=lambda t: t["seed"] + 100)
    best = FakeResults(rates=(1e-3,), seeds=2).table().assign(run_id=lambda t: "best" + t["run_id"])
    table = pd.concat([trials, best], ignore_index=True)
    table.attrs["confirming"] = list(best["run_id"])
    alone = best.drop(columns="sweep.lr")
    assert read(table).sentence == read(alone).sentence + CONFIRMING
    pd.testing.assert_frame_equal(read(table).cells, read(alone).cells)
    assert read(table[table["seed"] >= 100]).sentence == read(trials).sentence + TRIALS
    table.attrs["confirming"] = []  # none yet
    assert read(table[table["seed"] >= 100]).sentence == read(trials).sentence + TRIALS


@pytest.mark.slow
def test_the_table_of_a_study_knows_which_runs_confirm_it(results):
    assert "confirming" not in harness.load("results/small").attrs
    store = Store("results/small")
    trials = [{"objective": "averaged", "number": 0, "params": {}, "runs": [results["averaged mlp"]]}]
    study = {"space": {"lr": {"choices": [1.0]}}, "trials": 1, "seeds": 1, "seed": 0, "sampler": "random"}
    plan = store.plan.to_json()
    plan = {**plan, "resolved": {**plan["resolved"], "study": study}}
    rewrite(store, {**plan, "study": {"identity": "x", "trials": [], "chosen": trials}})
    table = harness.load("results/small")
    assert table.attrs["confirming"] == [results["averaged mlp"]]
    found = harness.report(table)
    assert list(found.table["run_id"]) == [results["averaged mlp"]]
    assert found.sentence.endswith(CONFIRMING)
    runs = [harness.load_run(results[name]) for name in ("averaged mlp", "averaged mlp-bn")]
    with pytest.raises(HarnessError, match="2 tasks given"):  # no trial is left out of what was asked for by its id
        harness.plot.steps(runs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("axis", "column"), [("sd", "data.sd"), ("n_modes", "setup.n_modes"), ("fixed", "setup.fixed")]
)
def test_swept_values_of_the_data_make_tasks_and_others_settings(axis, column):
    table = FakeResults(rates=(1, 2)).table().drop(columns="sweep.lr")
    table = table.assign(**{f"sweep.{axis}": [1, 1, 1, 2, 2, 2] * 3, column: [1, 1, 1, 2, 2, 2] * 3})
    assert set(read(table).cells["task"]) == {f"8gaussians / mlp, {axis}=1", f"8gaussians / mlp, {axis}=2"}
    assert set(read(table.rename(columns={f"sweep.{axis}": "sweep.lr"})).cells["setting"]) == {"lr=1", "lr=2"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop(columns="seed"), "no column 'seed'"),
        (lambda table: table.drop(columns="w1_excess"), "8gaussians: no run"),
        (lambda table: table.assign(w1_excess=[None, *table["w1_excess"][1:]]), "score it again"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(change, words):
    with pytest.raises(HarnessError, match=words):
        read(change(FakeResults().table()))


def test_in_a_notebook_it_shows_the_sentence_and_the_cells_escaped():
    shown = read(FakeResults(objectives=("<b>", "wgan-gp")).table())._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
    assert shown.count("<tr") == 3  # a head and two cells


@pytest.mark.slow
def test_harness_report_reads_a_table_and_writes_a_folders_page(results, undrawn):
    table = harness.load("results/small")
    part = table[(table["dataset"] == "8gaussians") & (table["architecture"] == "mlp")]
    assert "averaged ranks first" in repr(harness.report(part))
    written = harness.report("results/small")
    assert (written.name, written.parent.name) == ("index.html", "small")
    assert harness.report("results", output="elsewhere").read_bytes() == written.read_bytes()
    assert harness.report.page.build_report  # it is still the package
