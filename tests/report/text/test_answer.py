"""The answer: one sentence for each situation, with its numbers and what they cannot show."""

import re

import pytest
from report.fake_results import FakeResults

from harness.report.analysis import ranking, tables
from harness.report.text import answer


def spoken(store):
    view = tables.read(store)
    compared = ranking.rivals(view.table)
    return answer.sentence(compared, ranking.judge(compared, view.metrics), tables.arguments(view, path=False))


def lost(status):
    return {"status": status}


@pytest.mark.slow
def test_answer_of_a_clear_winner():
    assert re.fullmatch(
        r"On 8gaussians / mlp, wgan-gp is best: mean w1_excess 0\.\d+ \[0\.\d+, 0\.\d+\] "
        r"\(95 % t interval, 3 of 3 seeds\); "
        r"the runner-up, wgan-clip, is 0\.\d+ \[0\.\d+, 0\.\d+\] higher, paired by seed, an interval that excludes 0\.",
        spoken(FakeResults()),
    )


def test_answer_where_the_seeds_explain_the_difference():
    text = spoken(FakeResults(noise=0.5, seeds=3))
    assert "has the lowest mean w1_excess" in text
    seen = "(n = 3 seeds, smallest effect seen with 80 % power: d = 3.26 before correction)"
    assert f"an interval that contains 0: no difference found {seen}" in text
    assert "equal" not in text
    assert "is best" not in text


def test_answer_of_one_seed_gives_no_interval_and_says_so():
    text = spoken(FakeResults(seeds=1))
    assert "wgan-gp has the lowest w1_excess, 0.0" in text
    assert "(one seed)" in text
    assert "one seed gives no interval: another seed may turn the order round" in text
    assert "[" not in text


def test_answer_counts_diverged_runs_and_gives_no_mean_where_runs_are_lost():
    overrides = {(0, "wgan-clip", 0, 0): lost("diverged"), (0, "gan", 0, 1): lost("oom")}
    text = spoken(FakeResults(overrides=overrides))
    assert "wgan-gp comes first by median, failed runs counted as worst: mean w1_excess 0.0" in text
    assert "the runner-up, wgan-clip, has median w1_excess 0.2" in text
    assert "(2 of 3 seeds finished)" in text
    assert "no paired difference is given where runs are missing" in text
    assert text.endswith("2 of 9 runs did not finish and count as worst (1 diverged, 1 out of memory).")


def test_answer_where_the_runner_up_lost_most_of_its_runs():
    overrides = {(0, name, 0, seed): lost("diverged") for name in ("gan", "wgan-clip") for seed in (0, 1)}
    assert "has no finite median (1 of 3 seeds finished)" in spoken(FakeResults(overrides=overrides))


def test_answer_before_anything_has_finished():
    objectives = ("gan", "wgan-gp")
    overrides = {(0, name, 0, seed): lost("pending") for name in objectives for seed in range(3)}
    store = FakeResults(objectives=objectives, overrides=overrides, name="quickstart", sets=("train.steps=5",))
    assert spoken(store) == (
        "There is no answer yet: none of the 6 runs is ok; 6 runs still pending: "
        "go on with `harness run quickstart --set train.steps=5`."
    )


def test_answer_where_everything_failed():
    overrides = {(0, "gan", 0, 0): lost("failed"), (0, "gan", 0, 1): lost("diverged")}
    assert spoken(FakeResults(objectives=("gan",), seeds=2, overrides=overrides)) == (
        "There is no answer yet: none of the 2 runs is ok (1 diverged, 1 failed); "
        "see the failures below, then try them again with `harness run quickstart`."
    )


def test_answer_while_runs_are_pending():
    text = spoken(FakeResults(overrides={(0, "gan", 0, 2): lost("pending")}))
    assert "wgan-gp comes first so far, by median" in text
    assert text.endswith("1 run still pending: go on with `harness run quickstart`.")


def test_answer_of_one_objective_only():
    text = spoken(FakeResults(objectives=("gan",)))
    assert text.startswith(
        "On 8gaussians / mlp, gan, the only objective with finished runs, reached mean w1_excess 0.3"
    )
    assert text.endswith("there is nothing to compare it with.")


@pytest.mark.slow
def test_answer_of_two_tasks_counts_first_places_and_averages_the_paired_difference():
    text = spoken(FakeResults(tasks=(("8gaussians", "mlp"), ("ring", "mlp"))))
    assert text.startswith(
        "wgan-gp comes first in 2 of 2 tasks by w1_excess (n = 3 seeds); its lead over the runner-up"
    )
    assert "excludes 0 in 2 of those 2; averaged over the tasks it is 0.17" in text
    assert "lower than wgan-clip." in text


@pytest.mark.slow
def test_answer_of_two_tasks_with_different_winners():
    better = {(1, "gan", 0, seed): {"w1_excess": 0.001 * seed} for seed in range(3)}
    better |= {(1, "wgan-gp", 0, seed): {"w1_excess": 0.1 + 0.001 * seed**2} for seed in range(3)}
    text = spoken(FakeResults(tasks=(("8gaussians", "mlp"), ("ring", "mlp")), overrides=better))
    assert text.startswith("wgan-gp comes first in 1 of 2 tasks (gan in 1) by w1_excess")


@pytest.mark.slow
def test_first_places_are_counted_among_the_tasks_that_an_objective_was_run_on():
    store = FakeResults(tasks=(("8gaussians", "mlp"), ("ring", "mlp"), ("swissroll", "mlp")))
    table = store.table()
    store._table = table[(table["objective"] != "wgan-gp") | (table["dataset"] != "ring")]
    text = spoken(store)
    assert text.startswith(
        "wgan-gp comes first in 2 of the 2 tasks that it was run on, of 3 in all (wgan-clip in 1) by"
    )
    assert "averaged over the tasks" not in text


@pytest.mark.slow
def test_answer_of_swept_rates_says_on_which_seeds_they_were_tuned():
    assert "lr tuned on the other seeds)" in spoken(FakeResults(rates=("recipe", 2e-3)))
    assert "lr chosen on that same seed, which flatters it)" in spoken(FakeResults(rates=("recipe", 2e-3), seeds=1))
    two = (("8gaussians", "mlp"), ("ring", "mlp"))
    assert "lr tuned on the other seeds (n = 3 seeds)" in spoken(FakeResults(rates=("recipe", 2e-3), tasks=two))
    assert "one seed gives no interval" in spoken(FakeResults(seeds=1, tasks=two))


@pytest.mark.slow
def test_what_objectives_were_tuned_in_is_listed_once_where_they_differ_in_it():
    store = FakeResults(rates=("recipe", 2e-3), tasks=(("8gaussians", "mlp"), ("ring", "mlp")))
    weights = {("wgan-gp", "recipe"): 10.0, ("wgan-gp", 2e-3): 1.0}
    keys = list(zip(store.table()["objective"], store.table()["sweep.lr"], strict=True))
    store._table["sweep.gp_weight"] = [weights.get(key) for key in keys]  # which the other objectives do not have
    assert " by w1_excess, lr and gp_weight tuned on the other seeds (n = 3 seeds); " in spoken(store)


def test_of_one_objective_the_architectures_compete_on_each_data_set():
    text = spoken(FakeResults(objectives=("wgan-gp",), tasks=(("8gaussians", "mlp"), ("8gaussians", "mlp-bn"))))
    assert re.match(r"On 8gaussians / wgan-gp, mlp(-bn)? (is best|has the lowest mean w1_excess)", text)
    assert "the runner-up, mlp" in text


def test_of_one_objective_on_one_architecture_the_settings_compete():
    store = FakeResults(objectives=("wgan-gp",), rates=(1e-4, 1e-3), noise=0)
    compared = ranking.rivals(tables.read(store).table)
    (result,) = ranking.judge(compared, {"8gaussians": "w1_excess"})
    assert {contender.objective for contender in result.order} == {"lr=1e-4", "lr=1e-3"}
    assert [contender.spread.n_ok for contender in result.order] == [3, 3]
    assert {contender.swept for contender in result.order} == {()}  # nothing is tuned where settings are compared
    assert spoken(store).startswith("On 8gaussians / mlp, lr=")


@pytest.mark.slow
def test_several_objectives_compete_whatever_else_differs():
    table = tables.read(FakeResults(rates=(1e-4, 1e-3), tasks=(("8gaussians", "mlp"), ("ring", "mlp-bn")))).table
    assert ranking.rivals(table) is table


def test_runs_that_collapsed_are_counted():
    overrides = {(0, "gan", 0, seed): {"collapsed": 1.0} for seed in (0, 2)}
    assert "; 2 of 9 finished runs collapsed (2 of 3 of gan)." in spoken(FakeResults(overrides=overrides))
    assert "collapsed" not in spoken(FakeResults())
