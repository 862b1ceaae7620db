"""What decides the cost of a task has a part in its address, and nothing else has."""

from dataclasses import replace

import pytest

from harness.plan.make import make_plan, unfinished
from harness.plan.stacks import work
from harness.plan.workload import StackLeft, reference_address, trials, workload
from harness.suite.format.models import Suite


def planned(**parts):
    block = {"dataset": parts.pop("dataset", "ring"), "architecture": "mlp", "objective": parts.pop("objective", "gan")}
    made = Suite.model_validate({"version": 1, "name": "t", "matrix": [block], **parts})
    return make_plan(made, None, "cpu")


def load_of(plan, done=(), unscored=(), score=None):
    plan = replace(plan, resolved={"score": score or {"at": [0.5, 1], "samples": 100}})
    left = [StackLeft(*each, each.stack.runs) for each in unfinished(plan, {*done}, "cpu", plan.run_ids)]
    return workload(plan, left, unscored, set(done) - set(unscored))


def only_stack(**parts):
    (stack,) = load_of(planned(**parts)).stacks
    return stack


@pytest.mark.slow
@pytest.mark.parametrize("parts", [{"train": {"steps": 77}}, {"train": {"lr": 0.1}}, {"seeds": [5]}, {"name": "u"}])
def test_steps_rates_and_seeds_share_their_timings(parts):
    plain, other = only_stack(), only_stack(**parts)
    assert (other.key, other.size) == (plain.key, pytest.approx(plain.size))
    assert other.scores[0].key == plain.scores[0].key


@pytest.mark.slow
@pytest.mark.parametrize(
    "parts",
    [
        {"train": {"batch": 8}}, {"train": {"n_critic": 3}}, {"train": {"optimizer": "sgd"}}, {"objective": "wgan"},
        {"architectures": {"mlp": {"width": 8}}}, {"objectives": {"gan": {"tricks": {"ema": {}}}}},
        {"dataset": "swissroll"}, {"datasets": {"ring": {"fixed": 100}}},
    ],
)  # fmt: skip
def test_what_shapes_the_cost_has_timings_of_its_own(parts):
    assert only_stack(**parts).key != only_stack().key


@pytest.mark.slow
def test_a_stack_trains_whole_and_scores_what_is_missing():
    plan = planned(seeds=3)
    runs = list(plan.stacks[0].runs)
    load = load_of(plan, done=runs[:2], unscored=runs[1:2])
    (stack,) = load.stacks
    assert (stack.members, stack.steps, stack.points) == (3, 1000, 2)
    assert [score.run_id for score in stack.scores] == runs[2:]
    assert [score.run_id for score in load.scores] == runs[1:2]
    assert load.references == {reference_address(plan.specs[runs[0]])} == {load.scores[0].reference}


@pytest.mark.slow
def test_size_is_the_work_of_a_step_and_a_lone_run_trains_twice():
    one, two, three = (only_stack(seeds=n) for n in (1, 2, 3))
    plan = planned()
    setup = plan.spec(plan.runs[0].run_id).setup
    assert one.size == two.size == pytest.approx(2 * work(setup) / setup.train["steps"])
    assert three.size == pytest.approx(1.5 * two.size)


def test_scoring_grows_with_steps_and_samples_and_differs_by_data():
    plan = planned()
    scores = {
        (at, n): load_of(plan, score={"at": [k / at for k in range(1, at + 1)], "samples": n}).stacks[0].scores[0]
        for at in (1, 4)
        for n in (100, 200)
    }
    assert scores[4, 100].size == 2 * scores[1, 100].size
    assert scores[1, 200].size == 4 * scores[1, 100].size
    assert len({score.key for score in scores.values()}) == 1
    swept = load_of(planned(datasets={"ring": {"sd": [0.1, 0.2]}})).stacks[0].scores
    assert swept[0].key == swept[1].key
    assert swept[0].reference != swept[1].reference


def test_there_is_a_trial_of_every_kind_of_stack():
    plan = planned(seeds=41, objective=["gan", "wgan"])  # stacks of 16, 13 and 12
    load = load_of(plan)
    found = trials(plan, load)
    assert sorted(trial.task.members for trial in found) == [12, 12, 13, 13, 16, 16]
    assert {(trial.task.key, trial.task.size) for trial in found} == {(s.key, s.size) for s in load.stacks}
    assert all(len(trial.specs) == trial.task.members for trial in found)
    assert found[0].task is load.stacks[0]  # the longest comes first
