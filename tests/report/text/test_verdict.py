"""The answer over many tasks: its first sentence for each outcome of the comparisons, and what was lost."""

import re

import pytest
from report.fake_results import FakeResults

from harness.report.analysis import tables
from harness.report.text import verdict
from harness.text import NOTHING

TASKS = (("8gaussians", "mlp"), ("swissroll", "mlp"), ("swissroll", "mlp-tanh"))
RATES = ("recipe", 2e-3)


def many(**more):
    return FakeResults(**{"tasks": TASKS, "rates": RATES, **more})


def told(store):
    view = tables.read(store)
    return verdict.text(view.headline, view.table)


def late(store):
    """What the page says of equal training seconds, further down."""
    return verdict.at_seconds(tables.read(store).headline)


def changed(objective, values, rates=(0, 1), seeds=3):
    """Overrides of every run of an objective at some settings, in all tasks."""
    return {(t, objective, r, seed): values for t in range(len(TASKS)) for r in rates for seed in range(seeds)}


@pytest.mark.slow
def test_the_first_sentence_where_one_objective_is_best_by_every_comparison():
    assert re.fullmatch(
        r"Over 3 tasks, wgan-gp is best, with mean score 0\.\d+ \[0\.\d+, 0\.\d+\] \(lr tuned on the other seeds, "
        r"at equal generator steps, 95 % jackknife interval, n = 3 seeds\), 0\.\d+ \[0\.\d+, 0\.\d+\] above the "
        r"runner-up, wgan-clip, paired by seed, an interval that excludes 0; it comes first with lr tuned, with the "
        r"recipe's lr and in the mean over lr\. "
        r"All 54 runs did better than the best single point, which scores 0\.",
        told(many()),
    )
    assert re.fullmatch(
        r"At equal training seconds, when \S+ has had \d+ % of its steps, wgan-gp comes first, too\.", late(many())
    )


@pytest.mark.slow
def test_the_first_sentence_says_where_another_comes_first():
    recipe_fails = changed("wgan-gp", {"w1_excess": 1.0}, rates=[0])
    text = told(many(overrides=recipe_fails))
    first = text.split(". ")[0]
    assert first.startswith(
        "Over 3 tasks, the first place depends on how one compares: wgan-gp is best, with mean score"
    )
    ahead = r"0\.\d+ \[0\.\d+, 0\.\d+\] and 0\.\d+ \[0\.\d+, 0\.\d+\] ahead of wgan-gp"
    assert re.search(
        "; but wgan-clip comes first with the recipe's lr and in the mean over lr at equal generator steps, "
        rf"{ahead}$", first
    )  # fmt: skip
    later = late(many(overrides=recipe_fails))
    assert re.search(rf", wgan-clip comes first with the recipe's lr and in the mean over lr, {ahead}\.$", later)


@pytest.mark.slow
def test_the_first_sentence_says_where_equal_seconds_turn_the_order_round():
    slow = changed("wgan-gp", {"train_s": 31.0})
    assert "wgan-gp is best" in told(many(overrides=slow))
    assert "seconds" not in told(many(overrides=slow))
    later = late(many(overrides=slow))
    assert re.match(
        r"At equal training seconds, when wgan-gp has had \d.*? % of its steps, wgan-clip comes first, 0\.", later
    )
    assert re.search(
        r"ahead of wgan-gp; with lr tuned gan passes wgan-gp by 0\.\d+ \[0\.\d+, 0\.\d+\]\.$", later
    )  # fmt: skip


@pytest.mark.slow
def test_later_places_that_change_are_named_where_both_orders_are_told_apart():
    """c learns late: at equal seconds it is judged at a twentieth of its steps, and falls behind b."""
    found = scored_as(a=(1.0, [0.9] * 5), b=(1.0, (0.5, 0.51, 0.5, 0.49, 0.5)), c=(20.0, [0.8] * 5))
    assert re.search(
        r", a comes first, too; b passes c by 0\.\d+ \[0\.\d+, 0\.\d+\]\.$", late(found)
    )  # fmt: skip
    noisy = scored_as(a=(1.0, [0.9] * 5), b=(1.0, WIDE), c=(20.0, [0.8] * 5))
    assert [str(name) for name in tables.read(noisy).headline.at_seconds.mean().sort_values().index] == ["c", "b", "a"]
    assert "passes" not in late(noisy)  # at equal steps nobody knows which of the two is ahead


@pytest.mark.slow
def test_a_first_place_that_is_shared_is_told_with_whom():
    nothing = scored_as(gan=(1.0, [0.0] * 5), nsgan=(1.0, [0.0] * 5))
    view = tables.read(nothing)
    assert told(nothing).startswith(
        "Over 3 tasks, gan has the highest mean score, shared with nsgan, 0 [0, 0] (at equal generator steps, 95 % t "
        "interval, n = 5 seeds), no difference found from nsgan (n = 5 seeds, smallest effect seen with 80 % power: "
        "d = 1.68 before correction). "
    )
    assert late(nothing).endswith("gan comes first, too, shared with nsgan.")
    assert verdict.by_task(view.headline) == "gan has the highest score in each of the 3 tasks, shared with nsgan."
    starred = {row["objective"]: [s["first"] for s in row["scores"]] for row in verdict.shown(view.headline)["rows"]}
    assert starred == {"gan": [True, True], "nsgan": [True, True]}


@pytest.mark.slow
def test_who_shares_the_first_place_elsewhere_does_not_take_it():
    """At equal seconds b, dear and late, scores as little as a, whose name comes first."""
    store = scored_as(a=(1.0, [0.0] * 5), b=(300.0, [0.5] * 5))
    found = tables.read(store).headline
    assert [(lead.first, lead.tied) for lead in found.leads] == [("b", []), ("a", ["b"])]
    assert late(store).endswith(", b comes first, too, shared with a.")
    one = {(0, name, 0, seed): {"w1_excess": 1.2} for name in ("a", "b") for seed in range(3)}
    view = tables.read(FakeResults(objectives=("a", "b", "wgan-gp"), tasks=TASKS, overrides=one | {
        (0, "wgan-gp", 0, seed): {"w1_excess": 1.3} for seed in range(3)
    }))  # fmt: skip
    assert verdict.by_task(view.headline) == (
        "wgan-gp has the highest score in each of the 3 tasks, shared with a and b in 1 of them."
    )


@pytest.mark.slow
def test_a_first_place_that_the_seeds_explain_is_no_difference_found():
    first = told(many(rates=(), noise=0.5)).split(". ")[0]
    assert "wgan-clip has the highest mean score, 0." in first
    assert first.partition("paired by seed, ")[2].startswith(
        "an interval that contains 0: no difference found, nor from wgan-gp (n = 3 seeds, smallest effect seen with "
        "80 % power: d = 3.26 before correction)"
    )
    assert "equal " not in first.replace("at equal ", "")
    slow = changed("wgan-gp", {"train_s": 6.0}) | changed("wgan-clip", {"w1_excess": 0.16}, rates=[0])
    assert re.search(
        r", wgan-clip comes first with lr tuned and with the recipe's lr, "
        r"0\.\d+ \[-0\.\d+, 0\.\d+\] and 0\.\d+ \[-0\.\d+, 0\.\d+\] ahead of wgan-gp: no difference found\.$",
        late(many(overrides=slow, noise=0.08)),
    )


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
def test_best_is_who_is_told_apart_from_every_other_and_not_from_the_second_alone():
    near = (0.70, 0.69, 0.71, 0.70, 0.70)
    text = told(scored_as(a=(1.0, [0.8] * 5), b=(1.0, near), c=(1.0, WIDE)))
    assert "Over 3 tasks, a has the highest mean score, 0.8" in text
    assert "above the runner-up, b, paired by seed, an interval that excludes 0, but no difference found from c" in text
    assert "a is best, with mean score" in told(scored_as(a=(1.0, [0.8] * 5), b=(1.0, near)))


@pytest.mark.slow
def test_another_first_is_set_against_the_best_of_the_sentence_and_not_against_its_own_second():
    # At equal seconds b and c, each at about .78, are ahead of a, which is judged before it has learnt anything.
    store = scored_as(a=(300.0, [0.9] * 5), b=(1.0, [0.78] * 5), c=(1.0, (0.76, 0.79, 0.77, 0.78, 0.79)))
    found = tables.read(store).headline
    lead = found.leads[1]
    assert (found.best.first, lead.first, lead.second, lead.not_significant) == ("a", "b", "c", ["c"])
    assert re.search(r", b comes first, 0\.\d+( \[0\.\d+, 0\.\d+\])? ahead of a; ", late(store))


@pytest.mark.slow
def test_where_one_of_two_intervals_contains_0_that_one_is_marked():
    scores = {("a", 0): [0.1] * 5, ("a", 1): [0.9] * 5, ("b", 0): [0.5] * 5, ("b", 1): WIDE}
    store = many(objectives=("a", "b"), seeds=5, overrides={
        (t, name, r, seed): {"w1_excess": 1.2 * (1 - score)}
        for t in range(len(TASKS)) for (name, r), values in scores.items() for seed, score in enumerate(values)
    })  # fmt: skip
    assert re.search(
        r"; but b comes first with the recipe's lr and in the mean over lr at equal generator steps, "
        r"0\.40\d* (\[0\.40\d*, 0\.40\d*\] )?and 0\.09 \[-0\.\d+, 0\.\d+\] \(no difference found\) ahead of a\. ",
        told(store),
    )


@pytest.mark.slow
def test_the_numbers_of_settings_are_said_where_they_differ():
    view = tables.read(many(rates=("recipe", 2e-3, 4e-3)))
    fewer = view.table[(view.table["objective"] != "gan") | (view.table["setting"] != "lr=4e-3")]
    found = tables.headline(fewer, view.scored, view.metrics)
    assert "(lr tuned on the other seeds, over 3 settings of wgan-gp and wgan-clip and 2 settings of gan, " in (
        verdict.text(found, fewer)
    )
    assert {row["objective"]: row["settings"] for row in verdict.shown(found)["rows"]} == {
        "gan": "2: lr", "wgan-clip": "3: lr", "wgan-gp": "3: lr",
    }  # fmt: skip


@pytest.mark.slow
def test_one_seed_gives_no_interval_and_flatters_what_was_tuned_on_it():
    text = told(many(seeds=1))
    assert "(lr tuned on that same seed, which flatters all, at equal generator steps, one seed)" in text
    assert "but one seed gives no interval: another seed may turn the order round" in text
    assert "[" not in text


@pytest.mark.slow
def test_where_nothing_was_swept_nothing_is_said_of_tuning():
    text = told(many(rates=()))
    assert "tuned" not in text
    assert late(many(rates=())).endswith(", wgan-gp comes first, too.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "end"),
    [
        ({(0, "gan", 0, 0): {"status": "diverged"}, (0, "gan", 0, 1): {"status": "oom"}},
         "2 of 54 runs (3.7 %) did not finish and count as 0 (1 diverged, 1 out of memory); "
         "all others did better than the best single point, which scores 0."),
        ({(0, "gan", 0, 0): {"status": "diverged"}, (0, "gan", 0, 1): {"w1_excess": 1.5}},
         "1 of 54 runs (1.9 %) did not finish and count as 0 (1 diverged); "
         "1 (1.9 %) finished no better than the best single point, which scores 0."),
        ({(0, "gan", r, s): {"w1_excess": 1.5} for r in (0, 1) for s in range(3)},
         "All 54 runs finished; 6 (11 %) finished no better than the best single point, which scores 0."),
    ],
)  # fmt: skip
def test_what_was_lost_and_what_is_no_better_than_a_point_is_said(overrides, end):
    assert told(many(overrides=overrides)).endswith(f". {end}")


@pytest.mark.slow
def test_tasks_that_were_left_out_are_said():
    store = many()
    view = tables.read(store)
    part = view.table[(view.table["task"] != view.table["task"].iloc[0]) | (view.table["objective"] != "gan")]
    found = tables.headline(part, view.scored, view.metrics)
    assert verdict.text(found, part).startswith("Over the 2 of 3 tasks that every objective was run on, wgan-gp")


@pytest.mark.slow
def test_where_the_answer_does_not_hold_is_said_task_by_task():
    assert (
        verdict.by_task(tables.read(many()).headline) == "wgan-gp has the highest tuned score in each of the 3 tasks."
    )
    better = {(2, "gan", r, seed): {"w1_excess": 0.001} for r in (0, 1) for seed in range(3)}
    assert verdict.by_task(tables.read(many(overrides=better)).headline) == (
        "wgan-gp has the highest tuned score in 2 of 3 tasks; elsewhere gan in swissroll / mlp-tanh."
    )


@pytest.mark.slow
def test_the_table_marks_the_first_of_each_column_and_says_by_how_much_it_leads():
    slow = changed("wgan-gp", {"train_s": 31.0})
    shown = verdict.shown(tables.read(many(overrides=slow)).headline)
    assert shown["ways"] == ["lr tuned", "the recipe's lr", "mean over lr"]
    firsts = {row["objective"]: [score["first"] for score in row["scores"]] for row in shown["rows"]}
    assert firsts == {"wgan-gp": [True] * 3 + [False] * 3, "wgan-clip": [False] * 3 + [True] * 3, "gan": [False] * 6}
    assert [lead[2] for lead in shown["leads"]] == ["over wgan-clip"] * 3 + ["over gan"] * 3
    assert {row["objective"]: row["reached"].text for row in shown["rows"]} == {
        "wgan-gp": "10 %", "wgan-clip": "100 %", "gan": "100 %",
    }  # fmt: skip


@pytest.mark.slow
def test_what_has_no_number_is_a_dash_and_no_first_place():
    view = tables.read(many())
    table = view.table.assign(**{
        "sweep.lr": ["3e-4" if (o, lr) == ("gan", "recipe") else lr
                     for o, lr in zip(view.table["objective"], view.table["sweep.lr"].astype(str), strict=True)],
    })  # fmt: skip
    shown = verdict.shown(tables.headline(table, view.scored, view.metrics))
    scores = {row["objective"]: row["scores"][1] for row in shown["rows"]}
    assert scores["gan"]["text"] == NOTHING
    assert not any(score["first"] for score in scores.values())
    assert shown["leads"][1] == [NOTHING]
    assert shown["starless"] == "The columns of the recipe's lr have no ★, for gan has no number there."
