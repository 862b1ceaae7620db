"""What may be compared with what: refused, or said first, and lost runs behind all others, wherever they are read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report.comparison.test_pairs import TASKS, side, told
from report.fake_results import FakeResults

from harness.errors import HarnessError
from harness.report.analysis import comparable, tables
from harness.report.analysis.across_tasks import across
from harness.report.comparison.paired_tests import difference
from harness.report.comparison.pairs import pair
from harness.report.reading import read
from harness.report.text import answer, remarks
from harness.statistics import trials
from harness.statistics.trials import BELOW
from harness.store.table import Scoring
from harness.study.trial_value import value_of


def both(**columns):
    """The table of one suite, and of it again as another objective with other columns."""
    table = FakeResults(objectives=("gan",)).table()
    again = table.assign(objective="again", run_id=table["run_id"].str[::-1])
    return pd.concat(
        [table.assign(**{name: pair[0] for name, pair in columns.items()}),
         again.assign(**{name: pair[1] for name, pair in columns.items()})], ignore_index=True
    )  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"score.samples": (50, 800)},
            "`harness score DIR --samples 800`",
        ),
        ({"score.metrics": ("", "0" * 16)}, "versions of the metrics"),
        ({"setup.content": ("a", "b")}, "other data"),
        (
            {"extractor_weights[poses]": ("a", None), "extractor_weights[classifier]": (None, "b")},
            "classifier and of poses",
        ),
    ],
)
def test_tables_put_together_that_cannot_be_compared_are_refused(columns, words):
    with pytest.raises(HarnessError) as error:
        read(both(**columns))
    assert words in str(error.value)
    assert read(both(**{name: (values[0], values[0]) for name, values in columns.items()})).sentence


def test_the_same_runs_scored_twice_are_no_duplicates():
    table = FakeResults().table()
    with pytest.raises(HarnessError, match="on 50 and on 800"):
        read(pd.concat([table.assign(**{"score.samples": n}) for n in (50, 800)], ignore_index=True))


def test_runs_of_a_cell_differ_by_seed_alone():
    table = FakeResults(objectives=("gan",), seeds=6).table()
    late = table["seed"] >= 3
    table.loc[late, ["hyper.critic_lr", "hyper.generator_lr"]] = 1e-5
    where, values = "gan on 8gaussians / mlp: ", ("1e-4 with seeds 0, 1 and 2", "1e-5 with seeds 3, 4")
    with pytest.raises(HarnessError) as error:
        read(table)
    assert str(error.value).startswith(where)
    assert all(value in str(error.value) for value in ("hyper.critic_lr", *values))
    assert read(table.assign(objective=table["objective"].where(~late, "gan, slow"))).sentence


def test_a_setting_that_belongs_to_no_objective_is_a_caveat():
    assert remarks.caveat(comparable.confounding(read(both()).table)) == ""
    found = read(both(steps=(20, 40))).sentence
    assert "steps is 20 with gan" in found
    swept = both(steps=(20, 40), **{"sweep.steps": (20, 40)})
    assert remarks.caveat(comparable.confounding(read(swept).table)) == ""


def test_an_extractor_of_other_weights_is_a_caveat():
    weights = "extractor_weights[poses]"
    assert remarks.caveat(comparable.confounding(read(both(**{weights: ("a", "a")})).table)) == ""
    found = read(both(**{weights: ("a", "b")})).sentence
    assert "weights of the extractor poses" in found


def test_of_folders_numbers_of_samples_are_named_in_their_order_and_the_smaller_is_rescored():
    few, many = Scoring(50, None, ""), Scoring(800, None, "")
    for pair_, folders in (((few, many), ("a", "b")), ((many, few), ("b", "a"))):
        assert "`harness score a --samples 800`" in comparable.unlike_samples(folders, pair_)
    assert comparable.unlike_samples(("a", "b"), (few, few)) == ""
    assert comparable.outdated((few, Scoring(50, None, "0"))) == 1
    assert comparable.outdated((few, many)) is None
    assert comparable.outdated((Scoring(50, None, "0"), Scoring(50, None, "1"))) == 0
    assert comparable.outdated((Scoring(50, None, "0"), Scoring(50, None, "0"))) is None


def test_what_is_frozen_is_never_to_be_rescored(tmp_path):
    few, many, folders = Scoring(50, None, ""), Scoring(800, None, ""), (str(tmp_path / "a"), str(tmp_path / "b"))
    for folder in folders:
        Path(folder).mkdir()
    (tmp_path / "a" / "FROZEN").touch()
    assert comparable.unlike_samples(folders, (few, many)).endswith(f"`harness score {folders[1]} --samples 50`")
    (tmp_path / "b" / "FROZEN").touch()
    said = comparable.unlike_samples(folders, (few, many))
    assert "harness score" not in said
    assert f"run the suite of {folders[0]} again with `--set score.samples=800`" in said


# Lost runs


def lose(whole, rows):
    table = whole.table.copy()
    table.loc[rows, "status"] = "diverged"
    table.loc[rows, ["score", "w1_excess"]] = np.nan
    return type(whole)(whole.name, whole.plan, table, whole.metrics)


def test_twelve_runs_that_end_and_twelve_that_are_lost_are_told_apart_though_all_score_0():
    a = side(FakeResults(objectives=("gan",), tasks=TASKS, seeds=6), score=0.0)
    b = lose(a, a.table.index)
    found = pair(a, b).runs
    assert difference(found).ranked_p == pytest.approx(2 * 0.5**12)
    by_task = {str(task): difference(rows) for task, rows in found.groupby("task")}
    said = told(difference(found), by_task)
    assert said.startswith("a is better than b")
    assert "(Wilcoxon's signed-rank test of 12 pairs: p = 4.9e-4)" in said
    assert told(difference(pair(b, a).runs), by_task).startswith("b is better than a")


def test_without_a_score_a_lost_run_is_further_behind_than_any_other():
    a = side(FakeResults(objectives=("gan",), score=False, seeds=6))
    b = lose(a, [0])
    b.table["w1_excess"] -= 0.5  # better where it is not lost
    found = difference(pair(a, b).runs)
    assert found.ranked_p == pytest.approx(34 / 64)  # of ranks 3 (five times) and 6, sums up to 6: 17 subsets
    assert difference(pair(a, lose(a, [])).runs).scale(True) == "w1_excess"


def test_runs_that_both_sides_lost_are_ties():
    a = side(FakeResults(objectives=("gan",), tasks=TASKS, seeds=3))
    gone = lose(a, [0])
    found = difference(pair(gone, lose(a, [0])).runs)
    assert np.isnan(found.ranked)
    assert found.scale(True) == "score"


def test_an_order_of_scores_puts_lost_runs_behind_those_at_0():
    scores, ok = pd.Series([0.0, np.nan, 0.4]), pd.Series([True, False, True])
    assert trials.ranked(scores, ok).rank(ascending=False).tolist() == [2, 3, 1]


@pytest.mark.slow
def test_over_tasks_an_objective_that_loses_all_runs_is_behind_one_that_learns_nothing():
    tasks_ = tuple(
        (name, "mlp") for name in ("8gaussians", "ring", "swissroll", "gaussian", "two-moons", "25gaussians")
    )
    fates = {"gan": {"score": 0.0}, "nsgan": {"status": "diverged"}, "wgan-gp": {"score": 0.9}}
    overrides = {(t, name, 0, s): fate for t in range(6) for s in range(3) for name, fate in fates.items()}
    view = tables.read(FakeResults(objectives=tuple(fates), tasks=tasks_, overrides=overrides))
    found = across(view.headline, view.table)
    row = found.pairs.set_index(["first", "second"]).loc[("gan", "nsgan")]
    assert (row["difference"], row["improvement"], row["higher"]) == (0.0, 1.0, "gan")
    assert row["p"] == pytest.approx(2 / 2**6)
    assert found.objectives.set_index("objective")["mean_rank"].to_dict() == {"wgan-gp": 1, "gan": 2, "nsgan": 3}


def test_of_objectives_at_0_the_one_that_lost_its_runs_comes_last_and_shares_no_place():
    fates = {"gan": {"status": "diverged"}, "nsgan": {"score": 0.0}, "wgan-gp": {"score": 0.0}}
    overrides = {(t, name, 0, s): fate for t in range(2) for s in range(3) for name, fate in fates.items()}
    found = tables.read(FakeResults(objectives=tuple(fates), tasks=TASKS, overrides=overrides)).headline
    assert found.rows.query("way == 'tuned' and budget == 'steps'")["objective"].tolist() == ["nsgan", "wgan-gp", "gan"]
    assert all((lead.first, lead.tied) == ("nsgan", ["wgan-gp"]) for lead in found.leads)
    assert "2 of 2 tasks (2 shared)" in answer.by_task(found)
    assert found.lost_by_task.mean().to_dict() == {"nsgan": 0, "wgan-gp": 0, "gan": 1}


def test_a_tie_that_lost_runs_decide_is_said():
    fates = {"gan": {"status": "diverged"}, "nsgan": {"score": 0.0}}
    overrides = {(t, name, 0, s): fate for t in range(2) for s in range(3) for name, fate in fates.items()}
    view = tables.read(FakeResults(objectives=tuple(fates), tasks=TASKS, overrides=overrides))
    text = answer.rank_one(view.headline)
    assert text.startswith("nsgan ranks first")
    assert "(0.0 % of nsgan" in text


def test_of_trials_at_0_one_that_lost_a_run_is_never_chosen():
    whole, part = value_of([("ok", 0.0)] * 2, lost=-BELOW), value_of([("ok", 0.0), ("diverged", None)], lost=-BELOW)
    assert whole > part
    assert value_of([("ok", 0.0), ("diverged", None)]) == 0


def test_the_page_of_a_folder_whose_cells_hold_two_settings_says_how_to_plan_it_again():
    store = FakeResults(objectives=("gan",), seeds=4)
    store._table.loc[:1, "steps"] = 20
    with pytest.raises(HarnessError, match="plan its suite again"):
        tables.read(store)
