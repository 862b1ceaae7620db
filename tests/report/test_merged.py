"""Several folders as one: halves of a suite give the report of the whole; nothing is mixed that means two things."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from plans import rewrite

from harness.errors import HarnessError
from harness.report.analysis import tables
from harness.report.merged import merge
from harness.store import Store


def replan(folder, keep=lambda row: True, change=lambda plan: plan):
    """Let a folder plan some of its rows, with a change to its plan."""
    store = Store(folder)
    plan = json.loads(json.dumps(store.plan.to_json()))
    rewrite(store, change(plan | {"runs": [row for row in plan["runs"] if keep(row)]}))


@pytest.fixture
def halves(results):
    """The suite in two folders: the runs on mlp-bn and the rest."""
    for name in ("one", "two"):
        shutil.copytree("results/small", f"results/{name}")
        replan(f"results/{name}", lambda row, name=name: (row["architecture"] == "mlp-bn") == (name == "one"))
    return ["results/one", "results/two"]


def in_order(table):
    kept = table.drop(columns="folder", errors="ignore").dropna(axis=1, how="all")
    return kept.sort_values(["run_id", "objective"], ignore_index=True).sort_index(axis=1)


@pytest.mark.slow
def test_the_halves_of_a_suite_are_the_whole(halves):
    whole, found = Store("results/small"), merge(halves)
    pd.testing.assert_frame_equal(in_order(found.table()), in_order(whole.table()), check_dtype=False, check_exact=True)
    assert set(found.table()["folder"]) == set(halves)
    steps = [store.scored().sort_values(["run_id", "step"], ignore_index=True) for store in (found, whole)]
    pd.testing.assert_frame_equal(*(table.sort_index(axis=1) for table in steps))
    cells = [tables.read(store).cells.sort_values(["task", "objective"], ignore_index=True) for store in (found, whole)]
    pd.testing.assert_frame_equal(*(table.sort_index(axis=1) for table in cells), check_dtype=False)


def test_pictures_of_a_run_come_from_its_own_folder(halves, results):
    found, run_id = merge(halves), results["averaged mlp-bn"]
    shutil.rmtree("results/two/runs/" + run_id)
    whole = Store("results/small")
    assert (found.snapshot(run_id)["generated"] == whole.snapshot(run_id)["generated"]).all()
    assert (found.reference("8gaussians", run_id) == whole.reference("8gaussians", run_id)).all()
    pd.testing.assert_frame_equal(found.curves(run_id), whole.curves(run_id))
    assert found.frames(run_id) is None


def test_a_run_that_both_hold_is_one_row_and_the_finished_one(results):
    shutil.copytree("results/small", "results/again")
    run_id = results["averaged mlp"]
    shutil.rmtree(f"results/again/runs/{run_id}")
    for order in (["results/again", "results/small"], ["results/small", "results/again"]):
        found = merge(order).table().set_index("run_id")
        assert len(found) == 5
        assert found.loc[run_id, ["status", "folder"]].tolist() == ["ok", "results/small"]
        assert set(found["folder"].drop([run_id])) == {order[0]}
    assert set(merge(["results/again", "results/small"]).table()["objective"]) == {
        "averaged",
        "wild",
        "pending",
        "wgan-clip",
    }


def sweeps(plan):
    """The same names, and other runs behind those of one objective."""
    for row in plan["runs"]:
        if row["objective"] == "averaged":
            spec = plan["specs"][row["run_id"]]
            row["run_id"] = row["run_id"][::-1]
            plan["specs"][row["run_id"]] = {**spec, "hyper": {**spec["hyper"], "critic_lr": 0.5}}
    return plan


def narrows(plan):
    for row in plan["runs"]:
        spec = plan["specs"][row["run_id"]]
        row["run_id"] = row["run_id"][::-1]
        setup = {**spec["setup"], "generator": {**spec["setup"]["generator"], "width": 3}}
        plan["specs"][row["run_id"]] = {**spec, "setup": setup}
    return plan


def defines(plan):
    plan["resolved"]["objectives"]["averaged"]["tricks"] = {}
    return plan


@pytest.mark.parametrize(
    ("change", "kind", "names"),
    [
        (sweeps, "objective", {"averaged (other)", "averaged (small)", "wild", "pending", "wgan-clip"}),
        (defines, "objective", {"averaged (other)", "averaged (small)", "wild", "pending", "wgan-clip"}),
        (
            narrows,
            "architecture",
            {f"{name} ({folder})" for name in ("mlp", "mlp-bn") for folder in ("small", "other")},
        ),
    ],
)
def test_names_that_mean_two_things_are_told_apart_by_folder(results, change, kind, names):
    shutil.copytree("results/small", "results/other")
    replan("results/other", change=change)
    found = merge(["results/small", "results/other"])
    assert {run.label(kind) for run in found.plan.runs} == names
    assert set(found.table()[kind]) == names
    for other in {"objective", "architecture", "dataset"} - {kind}:
        assert not any("(" in name for name in found.table()[other])
    if kind == "objective":
        assert {entry["objective"] for entry in found.plan.settings} == names


def test_pictures_stay_pictures_under_the_name_that_tells_them_apart(results):
    def drawn(plan, scale):
        plan["resolved"]["datasets"] = {"8gaussians": {"base": "8gaussians", "scale": scale}}
        return plan | {"pictures": ["8gaussians"], "resolved": plan["resolved"]}

    shutil.copytree("results/small", "results/other")
    for scale, folder in enumerate(("small", "other"), start=1):
        replan(f"results/{folder}", change=lambda plan, scale=scale: drawn(plan, scale))
    found = merge(["results/small", "results/other"])
    assert set(found.plan.pictures) == {"8gaussians (small)", "8gaussians (other)"}


def test_folders_of_one_name_are_told_apart_by_their_paths(results):
    shutil.copytree("results/small", "old/small")
    replan("old/small", change=sweeps)
    names = {run.objective for run in merge(["results/small", "old/small"]).plan.runs}
    assert {"averaged (results/small)", "averaged (old/small)"} <= names


def scored_otherwise(key, value):
    def change(plan):
        plan["resolved"]["score" if key in ("samples", "extractors") else "primary"][key] = value
        return plan

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (scored_otherwise("toys", "w1"), "ranked on w1_excess"),
        (
            scored_otherwise("samples", 30),
            "score results/other --samples 60",
        ),
        (lambda plan: {**plan, "score_id": "0" * 16}, "`harness score results/other`"),
    ],
)
def test_what_cannot_stand_in_one_table_is_refused_in_a_sentence(results, change, words):
    shutil.copytree("results/small", "results/other")
    replan("results/other", change=change)
    with pytest.raises(HarnessError) as error:
        merge(["results/small", "results/other"])
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_metric_for_data_that_one_alone_has_keeps_nobody_apart(results):
    shutil.copytree("results/small", "results/other")
    replan("results/other", change=scored_otherwise("images", "kid"))
    assert len(merge(["results/small", "results/other"]).table()) == 5


@pytest.mark.slow
def test_the_command_writes_one_report_of_all(undrawn, halves, call):
    code, out, err = call("report", *halves)
    assert (code, out, err) == (0, "reports/one+two/index.html\n", "")
    page = Path("reports/one+two/index.html").read_text()
    assert "results/one and results/two" in page
    assert "<code>harness run suites/small.yaml\nharness report results/one results/two</code>" in page
    assert len(pd.read_csv("reports/one+two/tables/runs.csv")) == 5
    assert call("report", "results/small", "-o", "whole")[0] == 0
    cells = [pd.read_csv(f"{folder}/tables/cells.csv") for folder in ("whole", "reports/one+two")]
    pd.testing.assert_frame_equal(
        *(table.sort_values(["task", "objective"], ignore_index=True).sort_index(axis=1) for table in cells)
    )
    shutil.rmtree("results/small")
    assert call("report", "results")[1] == "reports/one/index.html\nreports/two/index.html\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["results", "-o", "x"], "-o x: 3 suites found"),
    ],
)
def test_a_wrong_call_is_one_sentence(halves, call, arguments, words):
    code, out, err = call("report", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert not Path("reports").exists()


@pytest.mark.slow
def test_damage_of_one_is_said_and_costs_its_run_alone(undrawn, halves, results, call):
    run_id = results["averaged mlp"]
    (Path("results/two/runs") / run_id / "record.json").write_text("{")
    code, _, err = call("report", *halves, "-o", "all")
    assert code == 0
    assert "record.json: not valid JSON" in err
    runs = pd.read_csv("all/tables/runs.csv").set_index("run_id")
    assert runs.loc[run_id, "status"] == "pending"
