"""The course of a study by made-up records: equal budgets, nothing dropped, and the same from wherever it goes on."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.store.plan_file import Plan
from harness.store.records import Scores
from harness.study.course import course
from harness.study.trial_runs import Planner, Trial
from harness.study.trial_value import value_of
from harness.suite.format.models import Suite, SuiteTrain

SPACE = {
    "lr": {"low": 1e-4, "high": 1e-2, "log": True},
    "clip": {"low": 0.01, "high": 1, "log": True},
    "gp_weight": {"low": 0.1, "high": 10, "log": True},
}
BLOCK = {"dataset": ["ring", "swissroll"], "architecture": "mlp", "objective": ["wgan-clip", "wgan-gp"]}


def suite(**study):
    study = {"space": SPACE, "trials": 6, "seeds": [100, 101], **study}
    return Suite.model_validate({"version": 1, "name": "t", "seeds": 3, "matrix": [BLOCK], "study": study})


class Records:
    """What a course reads of a store; `results` has status, score and w1_excess of each run that has ended."""

    def __init__(self):
        self.results = {}

    def status(self, run_id):
        return self.results.get(run_id, ("pending", None))[0]

    def scores(self, run_id, score_id):
        status, score, *excess = self.results.get(run_id, ("pending", None))
        last = {"score": score, "w1_excess": excess[0] if excess else 1.0, "null.gaussian.w1_excess": 2.0}
        return Scores(run_id, "s", 0.0, {}, {5: {"score": 0.0}, 10: last}) if status == "ok" else None

    def run_folder(self, run_id):
        return Path("runs") / run_id

    def train(self, runs, worth):
        for run in runs:
            self.results.setdefault(run.run_id, worth(run))


def good(run):
    """Best at an lr of 1e-3, better for the penalty, and a little lower on the second seed."""
    lr = run.sweep["lr"]
    return "ok", max(0.0, 0.9 - abs(lr - 1e-3) * 100 - 0.2 * (run.base == "wgan-clip") - 0.01 * (run.plain["seed"] % 2))


def planned_by(step):
    return Plan("", (), {}, (), study=step.state)


def carried_out(made, worth=good, records=None, plan=None):
    """Go on until nothing is left; return each step of the course and the records."""
    records, steps = records or Records(), []
    while not steps or not steps[-1].state.chosen:
        steps.append(course(made, records, plan, "s"))
        records.train(steps[-1].runs.runs, worth)
        plan = planned_by(steps[-1])
        assert len(steps) < 20
    return steps, records


def test_of_trials_that_all_score_nothing_the_nearest_to_the_data_is_chosen():
    """Scores end at 0, that of a Gaussian fit: the first trial would be no better than any other."""

    def worth(run):
        lost = run.base == "wgan-clip" and run.sweep["lr"] < 1e-3 and run.plain["seed"] == 101
        return ("diverged", None) if lost else ("ok", 0.0, 2 + abs(run.sweep["lr"] - 1e-3))

    steps, _ = carried_out(suite(trials=12), worth)
    for chosen in steps[-1].state.chosen:
        near = [trial for trial in steps[-1].state.trials if trial.objective == chosen.objective]
        near = [trial for trial in near if chosen.objective == "wgan-gp" or trial.params["lr"] >= 1e-3]
        assert chosen.params == min(near, key=lambda trial: abs(trial.params["lr"] - 1e-3)).params


@pytest.mark.parametrize("sampler", ["random", "qmc", "tpe"])
def test_every_objective_has_the_same_budget_on_the_same_tasks_and_seeds(sampler):
    steps, _ = carried_out(suite(sampler=sampler, batch=4))
    spent = [(run.objective, run.dataset, run.plain["seed"]) for run in steps[-1].runs.runs]
    for objective in BLOCK["objective"]:
        for dataset in BLOCK["dataset"]:
            assert [spent.count((objective, dataset, seed)) for seed in (100, 101, 0, 1, 2)] == [6, 6, 1, 1, 1]
    assert len(steps) == (3 if sampler == "tpe" else 2)  # batches of 4 and 2, then the confirmation


def test_objectives_share_their_points():
    kept = course(suite(), Records(), None, "s").state.trials
    clip, gp = ([trial.params for trial in kept if trial.objective == name] for name in BLOCK["objective"])
    assert [set(params) for params in (*clip, *gp)] == [{"lr", "clip"}] * 6 + [{"lr", "gp_weight"}] * 6
    assert [params["lr"] for params in clip] == [params["lr"] for params in gp]


def test_the_best_of_a_known_space_is_chosen_and_confirmed_on_fresh_seeds():
    steps, _ = carried_out(suite(trials=30))
    for chosen in steps[-1].state.chosen:
        mine = [t for t in steps[-1].state.trials if t.objective == chosen.objective]
        nearest = min(mine, key=lambda trial: abs(trial.params["lr"] - 1e-3))
        assert chosen.params == nearest.params
        assert not set(chosen.runs) & {run for trial in mine for run in trial.runs}


def test_a_lost_run_is_told_as_worst_and_never_left_out():
    assert value_of([("ok", 0.8), ("diverged", None)]) == 0.4
    assert value_of([("failed", None), ("oom", None), ("timeout", None)]) == 0
    assert value_of([("ok", 0.8), ("pending", None)]) is None
    bad = carried_out(suite(), lambda run: ("diverged", None) if run.sweep["lr"] > 1e-3 else good(run))[0]
    assert all(chosen.params["lr"] <= 1e-3 for chosen in bad[-1].state.chosen)
    assert len(bad[-1].state.trials) == 12
    none = carried_out(suite(), lambda run: ("failed", None))[0]
    assert [chosen.number for chosen in none[-1].state.chosen] == [0, 0]  # all worth the same: the first


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["random", "qmc", "tpe"])
@pytest.mark.parametrize("left", range(0, 60, 7))
def test_a_study_cut_off_anywhere_ends_in_the_same_trials(sampler, left):
    """Of its records the first so many are there; plan.json is too, of a step before, or is lost."""
    made = suite(sampler=sampler, batch=2)
    steps, whole = carried_out(made)
    for plan in (None, planned_by(steps[0])):
        some = Records()
        some.results = dict(list(whole.results.items())[:left])
        again, records = carried_out(made, records=some, plan=plan)
        assert again[-1].state == steps[-1].state
        assert records.results == whole.results


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["random", "qmc", "tpe"])
def test_a_larger_budget_goes_on_from_the_smaller(sampler):
    steps, records = carried_out(suite(trials=4, sampler=sampler, batch=3))
    more, _ = carried_out(suite(trials=7, sampler=sampler, batch=3), records=records, plan=planned_by(steps[-1]))
    assert [trial.number for trial in more[-1].state.trials] == [*range(7), *range(7)]
    assert tuple(trial for trial in more[-1].state.trials if trial.number < 4) == steps[-1].state.trials


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"sampler": "qmc"}, {"space": {**SPACE, "beta1": {"low": 0, "high": 0.5}}}]
)
def test_another_space_sampler_or_seed_is_another_study(other):
    steps, records = carried_out(suite())
    new = course(suite(**other), records, planned_by(steps[-1]), "s")
    assert new.state.chosen == ()
    assert new.state.identity != steps[-1].state.identity
    assert [trial.params for trial in new.state.trials] != [t.params for t in steps[-1].state.trials]


@pytest.mark.slow
def test_trials_that_learnt_from_other_runs_are_not_kept():
    """With other steps the trials before are worth something else; what a sampler that learns nothing drew stays."""
    for sampler, same in (("tpe", False), ("random", True)):
        made = suite(sampler=sampler, batch=4, trials=14)  # the first ten are TPE's at random
        steps, _ = carried_out(made)
        longer = made.model_copy(update={"train": SuiteTrain(steps=7)})
        again, _ = carried_out(longer, lambda run: ("ok", run.sweep["lr"] * 50), plan=planned_by(steps[-1]))
        params = [[trial.params for trial in found.state.trials] for found in (steps[-1], again[-1])]
        assert (params[0] == params[1]) == same


def test_settings_that_contradict_each_other_are_named():
    planner = Planner(suite(space={**SPACE, "width": {"choices": [8, 16]}}))
    with pytest.raises(HarnessError, match=r"study\.space\.width: width=wide can be drawn: mlp: "):
        planner.runs(Trial("wgan-gp", 0, {"lr": 0.001, "gp_weight": 1.0, "width": "wide"}), [100])


def test_what_was_drawn_is_pinned():
    """Another version of the sampler may draw otherwise; trials that have begun stay."""
    steps, records = carried_out(suite())
    state = steps[0].state
    moved = tuple(replace(trial, params={**trial.params, "lr": 0.002}) for trial in state.trials)
    plan = Plan("", (), {}, (), study=replace(state, trials=moved))
    found = course(suite(), records, plan, "s").state.trials
    assert {trial.params["lr"] for trial in found} == {0.002}


def test_trials_with_the_same_settings_share_their_runs():
    planner = Planner(suite())
    trials = [Trial("wgan-gp", number, {"lr": 0.001, "gp_weight": 1.0}) for number in range(3)]
    runs, merged = planner.expansion((trial, [100, 101]) for trial in trials)
    assert (len(runs), merged) == (4, 8)
    assert planner.ids(trials[0], [100, 101]) == [run.run_id for run in runs]


def test_a_run_without_a_score_is_named():
    first = course(suite(), records := Records(), None, "s")
    records.train(first.runs.runs, lambda run: ("ok", None))
    with pytest.raises(HarnessError, match=r"runs/[0-9a-f]{16}: the run has no score"):
        course(suite(), records, planned_by(first), "s")
