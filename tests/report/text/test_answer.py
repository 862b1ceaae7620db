"""The answer: what each situation says, as numbers and key words; what is not significant is never said to be."""

import pytest
from report.fake_results import FakeResults

from harness.report.analysis import ranking, tables
from harness.report.text import answer

TASKS = (("8gaussians", "mlp"), ("swissroll", "mlp"), ("swissroll", "mlp-tanh"))
TWO = TASKS[:2]
RATES = ("recipe", 2e-3)


def text_of(store):
    view = tables.read(store)
    rivals = ranking.rivals(view.table)
    return answer.sentence(rivals, ranking.judge(rivals, view.metrics), tables.advice(view))


def lost(status):
    return {"status": status}


# Without a ranking over tasks


def test_a_clear_winner_is_significant_and_what_was_compared_is_named():
    text = text_of(FakeResults())
    assert text.startswith("gan, wgan-clip and wgan-gp were compared on 8gaussians / mlp with 3 seeds (9 runs). ")
    assert "wgan-gp ranks first: mean w1_excess 0." in text
    assert "(95 % confidence interval, 3 of 3 seeds)" in text
    assert "wgan-clip is 0." in text
    assert text.endswith(" higher, significant.")


def test_what_the_seeds_explain_is_not_significant():
    text = text_of(FakeResults(noise=0.5, seeds=3))
    assert text.endswith("not significant (n = 3 seeds; minimum detectable effect d = 3.26 at 80 % power).")


def test_one_seed_gives_no_interval():
    text = text_of(FakeResults(seeds=1))
    assert "no interval" in text
    assert "[" not in text


def test_lost_runs_are_counted_and_leave_medians():
    text = text_of(FakeResults(overrides={(0, "wgan-clip", 0, 0): lost("diverged"), (0, "gan", 0, 1): lost("oom")}))
    assert "ranks first by median" in text
    assert "wgan-clip has median" in text
    assert "(2 of 3 seeds) (no paired" in text
    assert "(1 diverged, 1 out of memory)" in text
    most = {(0, name, 0, seed): lost("diverged") for name in ("gan", "wgan-clip") for seed in (0, 1)}
    assert "no finite median" in text_of(FakeResults(overrides=most))


def test_before_anything_has_finished_the_command_continues():
    pending = {(0, name, 0, seed): lost("pending") for name in ("gan", "wgan-gp") for seed in range(3)}
    store = FakeResults(objectives=("gan", "wgan-gp"), overrides=pending, name="quickstart", sets=("train.steps=5",))
    assert text_of(store).endswith("6 pending: continue with `harness run results/quickstart/suite.yaml`.")
    failed = {(0, "gan", 0, 0): lost("failed"), (0, "gan", 0, 1): lost("diverged")}
    text = text_of(FakeResults(objectives=("gan",), seeds=2, overrides=failed))
    assert "(1 diverged, 1 failed)" in text
    assert text.endswith("1 failed: retry with `harness retry results/quickstart`.")
    assert "1 pending" in text_of(FakeResults(overrides={(0, "gan", 0, 2): lost("pending")}))


def test_one_objective_alone_has_no_second():
    text = text_of(FakeResults(objectives=("gan",)))
    assert "gan was trained on" in text
    assert "gan reaches mean w1_excess 0.3" in text


@pytest.mark.slow
def test_two_tasks_count_ranks_and_average_the_paired_difference():
    text = text_of(FakeResults(tasks=TWO))
    assert "with 3 seeds (18 runs)" in text
    assert "wgan-gp ranks first in 2 of 2 tasks by w1_excess, 2 significantly (n = 3 seeds)" in text
    assert "wgan-gp 0.17" in text
    assert text.endswith("lower than wgan-clip.")
    better = {(1, "gan", 0, seed): {"w1_excess": 0.001 * seed} for seed in range(3)}
    better |= {(1, "wgan-gp", 0, seed): {"w1_excess": 0.1 + 0.001 * seed**2} for seed in range(3)}
    assert "of 2 tasks (gan in 1)" in text_of(FakeResults(tasks=TWO, overrides=better))


@pytest.mark.slow
def test_ranks_are_counted_among_the_tasks_that_an_objective_was_run_on():
    store = FakeResults(tasks=(("8gaussians", "mlp"), ("ring", "mlp"), ("swissroll", "mlp")))
    table = store.table()
    store._table = table[(table["objective"] != "wgan-gp") | (table["dataset"] != "ring")]
    text = text_of(store)
    assert "tasks (wgan-clip in 1)" in text
    assert "Mean over tasks" not in text


@pytest.mark.slow
def test_what_was_tuned_on_which_seeds_is_named_once():
    assert "on the other seeds" in text_of(FakeResults(rates=RATES))
    assert "seed, which is optimistic" in text_of(FakeResults(rates=RATES, seeds=1))
    assert "n = 1 seed: no interval" in text_of(FakeResults(seeds=1, tasks=TWO))
    store = FakeResults(rates=RATES, tasks=TWO)
    weights = {("wgan-gp", "recipe"): 10.0, ("wgan-gp", 2e-3): 1.0}
    keys = list(zip(store.table()["objective"], store.table()["sweep.lr"], strict=True))
    store._table["sweep.gp_weight"] = [weights.get(key) for key in keys]  # which the other objectives do not have
    assert "n = 3 seeds; lr and gp_weight tuned on the other seeds" in text_of(store)


def test_of_one_objective_the_architectures_compete_on_each_data_set():
    text = text_of(FakeResults(objectives=("wgan-gp",), tasks=(("8gaussians", "mlp"), ("8gaussians", "mlp-bn"))))
    assert "mlp-bn were compared" in text


def test_of_one_objective_on_one_architecture_the_settings_compete():
    store = FakeResults(objectives=("wgan-gp",), rates=(1e-4, 1e-3), noise=0)
    rivals = ranking.rivals(tables.read(store).table)
    (result,) = ranking.judge(rivals, {"8gaussians": "w1_excess"})
    assert {contender.objective for contender in result.order} == {"lr=1e-4", "lr=1e-3"}
    assert [contender.spread.n_ok for contender in result.order] == [3, 3]
    assert {contender.swept for contender in result.order} == {()}  # nothing is tuned where settings are compared


@pytest.mark.slow
def test_several_objectives_compete_whatever_else_differs():
    table = tables.read(FakeResults(rates=(1e-4, 1e-3), tasks=(("8gaussians", "mlp"), ("ring", "mlp-bn")))).table
    assert ranking.rivals(table) is table


# With a ranking over tasks


def many(**more):
    return FakeResults(**{"tasks": TASKS, "rates": RATES, **more})


def first_of(store):
    return answer.rank_one(tables.read(store).headline)


def later_of(store, budget="seconds"):
    return answer.rank_by_comparison(tables.read(store).headline, budget)


def changed(objective, values, rates=(0, 1), seeds=3):
    """Overrides of every run of an objective at some settings, in all tasks."""
    return {(t, objective, r, seed): values for t in range(len(TASKS)) for r in rates for seed in range(seeds)}


def scored_as(**by_seed):
    """Return results that sweep nothing, with these scores of an objective's seeds in every task, and its seconds."""
    return FakeResults(
        objectives=tuple(by_seed), tasks=TASKS, seeds=5,
        overrides={
            (t, name, 0, seed): {"w1_excess": 1.2 * (1 - score), "train_s": seconds}
            for t in range(len(TASKS)) for name, (seconds, scores) in by_seed.items()
            for seed, score in enumerate(scores)
        },
    )  # fmt: skip


WIDE = (0.95, 0.20, 0.90, 0.99, 0.40)


@pytest.mark.slow
def test_the_first_paragraph_stands_on_its_own():
    first, *_ = answer.of_headline(tables.read(many()))
    for part in (
        "gan, wgan-clip and wgan-gp were compared on 3 tasks (8gaussians and swissroll) with 3 seeds (54 runs)",
        "wgan-gp ranks first, mean score 0.",
        "(95 % confidence interval, at equal generator steps, lr tuned on the other seeds)",
        "ahead of wgan-clip, significant.",
        "Of 54 runs, 0 (0.0 %)",
    ):
        assert part in first
    assert later_of(many(), "steps") == (
        "At equal generator steps: with the recipe's lr, wgan-gp ranks first; with mean over lr, wgan-gp ranks first."
    )


@pytest.mark.slow
def test_another_rank_1_is_named_with_its_lead_over_the_best():
    store = many(overrides=changed("wgan-gp", {"w1_excess": 1.0}, rates=[0]))
    assert first_of(store).startswith("wgan-gp ranks first")
    text = later_of(store, "steps")
    assert "with the recipe's lr, wgan-clip ranks first (0." in text
    assert text.count("ahead of wgan-gp, significant") == 2


@pytest.mark.slow
def test_equal_seconds_may_turn_the_order():
    store = many(overrides=changed("wgan-gp", {"train_s": 31.0}))
    text = later_of(store)
    assert "(wgan-gp at 10 % of its steps): with lr tuned, wgan-clip ranks first (0." in text
    assert [(name, other) for name, other, _ in answer.reversals(tables.read(store).headline)] == [("gan", "wgan-gp")]
    assert "; gan passes wgan-gp by 0." in text


@pytest.mark.slow
def test_reversals_are_named_where_both_orders_are_significant():
    """c learns late: at equal seconds it is judged at a twentieth of its steps, and falls behind b."""
    store = scored_as(a=(1.0, [0.9] * 5), b=(1.0, (0.5, 0.51, 0.5, 0.49, 0.5)), c=(20.0, [0.8] * 5))
    assert [turn[:2] for turn in answer.reversals(tables.read(store).headline)] == [("b", "c")]
    noisy = tables.read(scored_as(a=(1.0, [0.9] * 5), b=(1.0, WIDE), c=(20.0, [0.8] * 5))).headline
    assert [str(name) for name in noisy.at_seconds.mean().sort_values().index] == ["c", "b", "a"]
    assert answer.reversals(noisy) == []


@pytest.mark.slow
def test_ties_are_named():
    nothing = scored_as(gan=(1.0, [0.0] * 5), nsgan=(1.0, [0.0] * 5))
    assert first_of(nothing).startswith("gan and nsgan tie")
    assert ": gan and nsgan tie for rank 1." in later_of(nothing)
    assert "3 of 3 tasks (3 shared)" in answer.by_task(tables.read(nothing).headline)
    # At equal seconds b, dear and late, scores as little as a, whose name comes first.
    store = scored_as(a=(1.0, [0.0] * 5), b=(300.0, [0.5] * 5))
    assert [(lead.first, lead.tied) for lead in tables.read(store).headline.leads] == [("b", []), ("a", ["b"])]
    assert later_of(store).endswith(": a and b tie for rank 1.")


@pytest.mark.slow
def test_everyone_who_is_not_significantly_behind_is_named():
    text = first_of(scored_as(a=(1.0, [0.8] * 5), b=(1.0, (0.70, 0.69, 0.71, 0.70, 0.70)), c=(1.0, WIDE)))
    assert "ahead of b, significant. Also not significantly different from it: c." in text
    near = first_of(many(rates=(), noise=0.5))
    assert "not significant (n = 3 seeds; minimum detectable effect d = 3.26 at 80 % power)" in near
    assert near.endswith("different from it: wgan-gp.")


@pytest.mark.slow
def test_another_first_is_set_against_the_best_and_not_against_its_own_second():
    # At equal seconds b and c, each at about .78, are ahead of a, which is judged before it has learnt anything.
    store = scored_as(a=(300.0, [0.9] * 5), b=(1.0, [0.78] * 5), c=(1.0, (0.76, 0.79, 0.77, 0.78, 0.79)))
    headline = tables.read(store).headline
    lead = headline.leads[1]
    assert (headline.best.first, lead.first, lead.second, lead.not_significant) == ("a", "b", "c", ["c"])
    assert "ahead of a, significant" in later_of(store)


@pytest.mark.slow
def test_each_comparison_has_its_own_significance():
    scores = {("a", 0): [0.1] * 5, ("a", 1): [0.9] * 5, ("b", 0): [0.5] * 5, ("b", 1): WIDE}
    store = many(objectives=("a", "b"), seeds=5, overrides={
        (t, name, r, seed): {"w1_excess": 1.2 * (1 - score)}
        for t in range(len(TASKS)) for (name, r), values in scores.items() for seed, score in enumerate(values)
    })  # fmt: skip
    recipe, mean = later_of(store, "steps").split("; ")
    assert "with the recipe's lr, b ranks first (0.40" in recipe
    assert recipe.endswith("ahead of a, significant)")
    assert mean.endswith("ahead of a, not significant).")


@pytest.mark.slow
def test_unequal_budgets_of_tuning_are_named():
    view = tables.read(many(rates=("recipe", 2e-3, 4e-3)))
    fewer = view.table[(view.table["objective"] != "gan") | (view.table["setting"] != "lr=4e-3")]
    text = answer.rank_one(tables.headline(fewer, view.scored, view.metrics))
    assert "3 of wgan-gp and wgan-clip and 2 of gan" in text


@pytest.mark.slow
def test_one_seed_of_many_tasks_gives_no_interval():
    text = first_of(many(seeds=1))
    assert "seed, which is optimistic" in text
    assert "no interval" in text
    assert "[" not in text
    assert "tuned" not in first_of(many(rates=()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ({(0, "gan", 0, 0): {"status": "diverged"}, (0, "gan", 0, 1): {"status": "oom"}},
         ("2 (3.7 %) were lost", "1 diverged, 1 out of memory", "0 (0.0 %) finished no better")),
        ({(0, "gan", 0, 0): {"status": "diverged"}, (0, "gan", 0, 1): {"w1_excess": 1.5}},
         ("1 (1.9 %) were lost", "1 diverged", "1 (1.9 %) finished no better")),
        ({(0, "gan", r, s): {"w1_excess": 1.5} for r in (0, 1) for s in range(3)},
         ("6 (11 %) finished no better",)),
    ],
)  # fmt: skip
def test_lost_runs_and_those_no_better_than_a_null_sampler_are_counted(overrides, parts):
    view = tables.read(many(overrides=overrides))
    text = answer.lost(view.table, view.headline.nulls)
    assert all(part in text for part in parts)


@pytest.mark.slow
def test_tasks_that_are_left_out_are_counted():
    view = tables.read(many())
    part = view.table[(view.table["task"] != view.table["task"].iloc[0]) | (view.table["objective"] != "gan")]
    headline = tables.headline(part, view.scored, view.metrics)
    assert (len(headline.by_task), headline.n_tasks) == (2, 3)
    assert "2 tasks that every" in answer._left_out(headline)


@pytest.mark.slow
def test_who_ranks_first_where_is_counted_task_by_task():
    better = {(2, "gan", r, seed): {"w1_excess": 0.001} for r in (0, 1) for seed in range(3)}
    assert "tasks; gan in swissroll" in answer.by_task(tables.read(many(overrides=better)).headline)
