"""The study of a suite: what is drawn lies over all that the suite says, and every mistake in it has file and line."""

import pytest

from harness.suite.checks.study_check import all_choices
from harness.suite.expand import choices, drawn, drawn_names
from harness.suite.matrix import matrix_of

HEAD = "version: 1\nname: t\nseeds: 2\n"
BLOCK = "matrix:\n  - {dataset: ring, architecture: mlp, objective: [wgan-clip, wgan-gp]}\n"


def suite(space, more="", block=BLOCK):
    lines = "".join(f"    {line}\n" for line in space)
    return f"{HEAD}study:\n  trials: 4\n{more}  space:\n{lines}{block}"


RATE = "lr: {low: 1e-4, high: 1e-2, log: true}"
WRONG = {
    "no trials": (HEAD + "study: {space: {lr: {low: 1, high: 2}}}\n" + BLOCK, 4, "trials", "missing-key", ""),
    "one trial": (suite([RATE]).replace("trials: 4", "trials: 1"), 5, "trials", "bad-value", "2"),
    "unknown key": (suite([RATE], "  budget: 3\n"), 6, "budget", "unknown-key", ""),
    "near key": (suite([RATE], "  sampel: 3\n"), 6, "sampel", "unknown-key", "'sampler'"),
    "key of a range": (suite(["lr: {lo: 1, high: 2}"]), 7, "lo", "unknown-key", "'low'"),
    "sampler": (suite([RATE], "  sampler: grid\n"), 6, "sampler", "bad-value", "'qmc'"),
    "empty space": (HEAD + "study: {trials: 4, space: {}}\n" + BLOCK, 4, "space", "empty-space", ""),
    "nothing": (HEAD + "study:\n" + BLOCK, 4, "study", "bad-value", ""),
    "unknown name": (suite([RATE.replace("lr", "lrr")]), 7, "lrr", "unknown-name", "'lr'"),
    "of data": (suite(["dataset.sd: {low: .1, high: .2}"]), 7, "dataset.sd", "not-drawn", ""),
    "of the machine": (suite(["checkpoint_s: {low: 1, high: 2}"]), 7, "checkpoint_s", "not-drawn", ""),
    "seeds": (suite(["seeds: {low: 1, high: 2, whole: true}"]), 7, "seeds", "not-drawn", ""),
    "no end": (suite(["lr: {low: 1e-4}"]), 7, "lr", "bad-range", ""),
    "turned": (suite(["lr: {low: 1, high: 1}"]), 7, "lr", "bad-range", "1"),
    "log of zero": (suite(["beta1: {low: 0, high: .9, log: true}"]), 7, "beta1", "bad-range", "0"),
    "whole": (suite(["n_critic: {low: 1, high: 2.5, whole: true}"]), 7, "n_critic", "bad-range", "2.5"),
    "both": (suite(["lr: {low: 1, choices: [1, 2]}"]), 7, "lr", "bad-range", ""),
    "one choice": (suite(["lr: {choices: [1e-3]}"]), 7, "lr", "bad-range", ""),
    "same choices": (suite(["lr: {choices: [1, 2, 2]}"]), 7, "lr", "bad-range", ""),
    "low end": (suite(["lr:", "  low: -1", "  high: 1"]), 8, "low", "bad-value", "0"),
    "a choice": (suite(["optimizer: {choices: [adam, adamw]}"]), 7, "choices", "bad-value", "'adam'"),
    "a choice of norm": (suite(["critic.norm: {choices: [layer, bacth]}"]), 7, "choices", "bad-value", "'bacth'"),
    "fractions": (suite(["batch: {low: 16, high: 64}"]), 7, "batch", "bad-range", ""),
    "fractions of units": (suite(["width: {low: 8, high: 64}"]), 7, "width", "bad-range", ""),
    "of a player": (suite(["critic.widht: {low: 8, high: 64}"]), 7, "critic.widht", "unknown-name", "'widht'"),
    "replaced": (
        suite([RATE, RATE.replace("lr", "critic_lr"), RATE.replace("lr", "generator_lr")]),
        7,
        "lr",
        "unused-setting",
        "",
    ),
    "said in two ways": (
        suite([RATE, "clip: {low: .1, high: 1}", "objective.clip: {low: .1, high: 1}"]),
        8,
        "clip",
        "unused-setting",
        "",
    ),
    "nobody has it": (
        suite([RATE, "gp_weight: {low: 1, high: 2}"], block=BLOCK.replace(", wgan-gp", ", gan")),
        8,
        "gp_weight",
        "unused-setting",
        "'gp_weight'",
    ),
    "nothing to draw": (suite(["clip: {low: .1, high: 1}"]), 6, "space", "nothing-to-draw", "'wgan-gp'"),
    "swept": (suite([RATE]) + "train: {batch: [32, 64]}\n", 10, "batch", "swept-in-a-study", ""),
    "block seeds": (suite([RATE], block=BLOCK.replace("]}", "], seeds: 3}")), 9, "seeds", "not-in-a-study", ""),
    "excluded": (
        suite([RATE], block=BLOCK.replace("]}", "], exclude: [{objective: wgan-gp}]}")),
        9,
        "exclude",
        "not-in-a-study",
        "",
    ),
    "computing": (suite([RATE, "compile: {choices: [true, false]}"]), 8, "compile", "not-in-a-study", ""),
    "same seeds": (suite([RATE], "  seeds: [1, 7]\n"), 6, "seeds", "shared-seeds", "1"),
    "unequal budgets": (
        suite([RATE]) + "  - {dataset: swissroll, architecture: mlp, objective: wgan-gp}\n",
        10,
        "objective",
        "unequal-budgets",
        "'wgan-gp'",
    ),
    "unequal draws": (
        suite(
            [RATE, "growth: {choices: [1, 2]}"], block=BLOCK.replace("ring", "digits").replace("mlp", "[mlp, dcgan]")
        ),
        10,
        "objective",
        "unequal-draws",
        "",
    ),
    "no score": (suite([RATE]) + "primary: {toys: w2}\n", 10, "toys", "no-score", "'w2'"),
    "refused combination": (
        suite(["critic.norm: {choices: [layer, batch]}"]),
        7,
        "critic.norm",
        "batch-norm-in-penalty",
        "'mlp'",
    ),
    "two that meet": (
        suite(
            ["batch: {choices: [8, 1]}", "generator.norm: {choices: [none, batch]}", "critic.width: {choices: [4, 8]}"]
        ),
        7,
        "batch",
        "batch-norm-of-one",
        "1",
    ),
    "two that build nothing": (
        suite(
            ["critic.depth: {choices: [5, 3]}", "critic.extra: {choices: [0, 2]}"],
            block=BLOCK.replace("ring", "digits").replace("mlp", "dcgan-no-norm"),
        ),
        7,
        "critic.depth",
        "not-buildable",
        "2",
    ),
    "one beside the suite": (
        suite([RATE, "batch: {choices: [8, 12]}"]) + "train: {micro_batch: 8}\n",
        8,
        "batch",
        "bad-value",
        "12",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_bad_study_has_its_line_and_code(check, name):
    check(WRONG[name][0], *WRONG[name][1:])


@pytest.mark.parametrize(
    "name",
    [
        "fractions",
        "fractions of units",
        "nobody has it",
        "low end",
        "a choice",
        "two that meet",
        "one beside the suite",
    ],
)
def test_one_mistake_is_one_sentence(mistakes, name):
    assert len(mistakes(WRONG[name][0])) == 1


def test_set_and_space_do_not_say_the_same(mistakes):
    [said] = mistakes(suite([RATE]), sets=["critic_lr=1e-3"])
    assert said == "--set critic_lr=1e-3: set: critic_lr: the study draws it; leave it out here, or in its space."


def test_an_objective_draws_what_it_has(load):
    made = load(suite([RATE, "clip: {low: .1, high: 1}", "critic.width: {choices: [8, 16]}"]))
    assert [drawn_names(triple) for triple in matrix_of(made).triples] == [
        {"lr", "clip", "critic.width"},
        {"lr", "critic.width"},
    ]


def test_what_is_drawn_is_what_a_variant_would_say(load):
    """Two routes to one run: a trial's values, and the same written into the suite, whatever else it says."""
    values = {"lr": 0.00125, "n_critic": 3, "gp_weight": 2.5, "critic.width": 16}
    space = [RATE, "n_critic: {low: 1, high: 4, whole: true}", "gp_weight: {low: 1, high: 9}",
             "critic.width: {choices: [8, 16]}"]  # fmt: skip
    more = "train: {generator_lr: .1, n_critic: 7}\n"
    block = BLOCK.replace("[wgan-clip, wgan-gp]", "wgan-gp")
    study = matrix_of(load(suite(space, block=block) + more))
    [triple] = study.triples
    written = "objectives: {wgan-gp: {lr: 0.00125, n_critic: 3, gp_weight: 2.5}}\n"
    written += "architectures: {mlp: {critic: {width: 16}}}\n"
    plain = load(HEAD + block + more + written)
    [same] = matrix_of(plain).triples
    choice = drawn(triple, values)
    [other] = choices(plain.matrix[0], same)
    assert choice.sweep == values
    assert study.resolved(triple, choice.values) == matrix_of(plain).resolved(same, other.values)


def test_checks_see_every_end_and_choice(load):
    made = load(suite([RATE, "critic.norm: {choices: [layer, none, auto]}"]))
    triples = matrix_of(made).triples
    seen = {(c.values["train.critic_lr"], c.values["critic.norm"]) for c in all_choices(made, triples[0])}
    assert seen == {(1e-4, "layer"), (1e-2, "layer"), (1e-4, "none"), (1e-4, "auto")}


def test_checks_see_every_pair_of_values_that_decide_a_setup(load):
    made = load(suite([RATE, "critic.norm: {choices: [none, layer]}", "batch: {low: 2, high: 9, whole: true}"]))
    triples = matrix_of(made).triples
    values = [c.values for c in all_choices(made, triples[0])]
    assert {(v["critic.norm"], v["train.batch"]) for v in values} == {
        ("none", 2),
        ("none", 9),
        ("layer", 2),
        ("layer", 9),
    }
    assert len(values) == 2 + 2 + 2 + 4


def test_a_number_of_seeds_is_apart_from_the_suites(load):
    assert load(suite([RATE], "  seeds: 2\n")).study.tuning == [100, 101]


def test_the_suite_that_is_kept_says_the_same(load):
    made = load(suite([RATE, "n_critic: {low: 1, high: 4, whole: true}", "optimizer: {choices: [adam, sgd]}"]))
    assert load(made.to_yaml()).study == made.study


def test_a_scale_changes_parts_of_a_study_and_ranges_whole(load, problems):
    space = "{lr: {choices: [1e-3, 1e-4]}, beta1: {low: 0, high: .5}}"
    text = suite([RATE, "clip: {low: .1, high: 1}"]) + f"scales: {{paper: {{study: {{trials: 64, space: {space}}}}}}}\n"
    assert load(text).study.trials == 4
    scaled = load(text, scale="paper").study
    assert (scaled.trials, list(scaled.space)) == (64, ["lr", "clip", "beta1"])
    assert (scaled.space["lr"].choices, scaled.space["lr"].low, scaled.space["clip"].low) == ([1e-3, 1e-4], None, 0.1)
    [problem] = problems(text.replace("choices: [1e-3, 1e-4]", "low: 1e-5"), scale="paper")
    assert (problem.place, problem.code, problem.path[-1]) == ("x.yaml:11", "bad-range", "lr")
    [problem] = problems(text.replace("64", "1"))
    assert (problem.place, problem.code, problem.path[-1]) == ("x.yaml:11", "bad-value", "trials")
