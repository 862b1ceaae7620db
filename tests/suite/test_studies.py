"""The study of a suite: what is drawn lies over all that the suite says, and every mistake in it has file and line."""

import pytest

from harness.plugins.components import tables
from harness.suite.checks.study_check import all_choices
from harness.suite.expand import all_triples, choices, drawn, drawn_names
from harness.suite.resolve import resolve

HEAD = "version: 1\nname: t\nseeds: 2\n"
BLOCK = "matrix:\n  - {dataset: ring, architecture: mlp, objective: [wgan-clip, wgan-gp]}\n"


def suite(space, more="", block=BLOCK):
    lines = "".join(f"    {line}\n" for line in space)
    return f"{HEAD}study:\n  trials: 4\n{more}  space:\n{lines}{block}"


RATE = "lr: {low: 1e-4, high: 1e-2, log: true}"
WRONG = {
    "no trials": (HEAD + "study: {space: {lr: {low: 1, high: 2}}}\n" + BLOCK, "x.yaml:4: trials: this key is needed"),
    "one trial": (suite([RATE]).replace("trials: 4", "trials: 1"), "x.yaml:5: trials: 1 given, a whole number from 2"),
    "unknown key": (suite([RATE], "  budget: 3\n"), "x.yaml:6: budget: unknown key."),
    "near key": (suite([RATE], "  sampel: 3\n"), "sampel: unknown key. Did you mean 'sampler'?"),
    "key of a range": (suite(["lr: {lo: 1, high: 2}"]), "x.yaml:7: lo: unknown key. Did you mean 'low'?"),
    "sampler": (suite([RATE], "  sampler: grid\n"), "x.yaml:6: sampler: 'grid' given, 'random', 'qmc'"),
    "empty space": (HEAD + "study: {trials: 4, space: {}}\n" + BLOCK, "x.yaml:4: space: nothing in it; name at least"),
    "nothing": (HEAD + "study:\n" + BLOCK, "x.yaml:4: study: nothing given, a mapping needed."),
    "unknown name": (suite([RATE.replace("lr", "lrr")]), "x.yaml:7: lrr: unknown name. Did you mean 'lr'?"),
    "of data": (suite(["dataset.sd: {low: .1, high: .2}"]), "x.yaml:7: dataset.sd: a study draws settings of training"),
    "of the machine": (suite(["checkpoint_s: {low: 1, high: 2}"]), "checkpoint_s: a study draws settings of training"),
    "seeds": (suite(["seeds: {low: 1, high: 2, whole: true}"]), "x.yaml:7: seeds: a study draws settings of training"),
    "no end": (suite(["lr: {low: 1e-4}"]), "x.yaml:7: lr: low and high needed, or choices."),
    "turned": (suite(["lr: {low: 1, high: 1}"]), "x.yaml:7: lr: low 1 and high 1 given; low must be below high."),
    "log of zero": (suite(["beta1: {low: 0, high: .9, log: true}"]), "beta1: low 0 given with log: true"),
    "whole": (suite(["n_critic: {low: 1, high: 2.5, whole: true}"]), "n_critic: low 1 and high 2.5 given with whole"),
    "both": (suite(["lr: {low: 1, choices: [1, 2]}"]), "x.yaml:7: lr: choices given beside low, high, log or whole"),
    "one choice": (suite(["lr: {choices: [1e-3]}"]), "x.yaml:7: lr: choices must be two different values or more"),
    "same choices": (suite(["lr: {choices: [1, 2, 2]}"]), "x.yaml:7: lr: choices must be two different values"),
    "low end": (suite(["lr:", "  low: -1", "  high: 1"]), "x.yaml:8: low: lr: -1 given, a number above 0"),
    "a choice": (suite(["optimizer: {choices: [adam, adamw]}"]), "x.yaml:7: choices: optimizer: 'adamw' given, 'adam'"),
    "a choice of norm": (suite(["critic.norm: {choices: [layer, bacth]}"]), "x.yaml:7: choices: 'bacth' given"),
    "fractions": (suite(["batch: {low: 16, high: 64}"]), "x.yaml:7: batch: fractions would be drawn, and whole num"),
    "fractions of units": (suite(["width: {low: 8, high: 64}"]), "x.yaml:7: width: fractions would be drawn, and "),
    "of a player": (suite(["critic.widht: {low: 8, high: 64}"]), "critic.widht: unknown name 'widht'. Did you mean '"),
    "replaced": (suite([RATE, RATE.replace("lr", "critic_lr"), RATE.replace("lr", "generator_lr")]),
                 "x.yaml:7: lr: never drawn: other settings of the space replace it"),
    "said in two ways": (suite([RATE, "clip: {low: .1, high: 1}", "objective.clip: {low: .1, high: 1}"]),
                         "x.yaml:8: clip: never drawn"),
    "nobody has it": (suite([RATE, "gp_weight: {low: 1, high: 2}"], block=BLOCK.replace(", wgan-gp", ", gan")),
                      "x.yaml:8: gp_weight: no objective that this suite trains has a setting 'gp_weight'."),
    "nothing to draw": (suite(["clip: {low: .1, high: 1}"]), "x.yaml:6: space: 'wgan-gp' has none of these settings"),
    "swept": (suite([RATE]) + "train: {batch: [32, 64]}\n", "batch: swept beside a study, which draws all that varies"),
    "block seeds": (suite([RATE], block=BLOCK.replace("]}", "], seeds: 3}")), "seeds: a study has the suite's seeds"),
    "excluded": (suite([RATE], block=BLOCK.replace("]}", "], exclude: [{objective: wgan-gp}]}")),
                 "exclude: a study leaves nothing out"),
    "same seeds": (suite([RATE], "  seeds: [1, 7]\n"), "x.yaml:6: seeds: seed 1 is one of the suite's too"),
    "unequal budgets": (suite([RATE]) + "  - {dataset: swissroll, architecture: mlp, objective: wgan-gp}\n",
                        "x.yaml:10: objective: 1 task of 'wgan-clip' and 2 of 'wgan-gp' given; every objective of"),
    "unequal draws": (
        suite([RATE, "growth: {choices: [1, 2]}"],
              block=BLOCK.replace("ring", "digits").replace("mlp", "[mlp, dcgan]")),
        "it must be the same on every task.",
    ),
    "no score": (suite([RATE]) + "primary: {toys: w2}\n", "toys: 'w2' given, and a study chooses by the score"),
    "refused combination": (
        suite(["critic.norm: {choices: [layer, batch]}"]),
        "x.yaml:7: critic.norm: batch norm in the critic of 'mlp' couples the samples",
    ),
    "two that meet": (
        suite(["batch: {choices: [8, 1]}", "generator.norm: {choices: [none, batch]}",
               "critic.width: {choices: [4, 8]}"]),
        "x.yaml:7: batch: batch=1 and generator.norm=batch can be drawn together: batch norm needs more than one "
        "sample a batch: with one, every output is its bias; leave one of these values out of the space.",
    ),
    "two that build nothing": (
        suite(["critic.depth: {choices: [5, 3]}", "critic.extra: {choices: [0, 2]}"],
              block=BLOCK.replace("ring", "digits").replace("mlp", "dcgan-no-norm")),
        "x.yaml:7: critic.depth: critic.depth=3 and critic.extra=2 can be drawn together: ",
    ),
    "one beside the suite": (
        suite([RATE, "batch: {choices: [8, 12]}"]) + "train: {micro_batch: 8}\n",
        "x.yaml:8: batch: batch=12 can be drawn: micro_batch: 8 given, a number that divides the batch of 12 needed; "
        "leave this value out of the space.",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_bad_study_is_a_sentence_with_file_and_line(mistakes, name):
    text, said = WRONG[name]
    found = mistakes(text)
    assert said in " ".join(found)
    assert all(line.startswith("x.yaml:") for line in found)


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
    triples, _ = all_triples(
        load(suite([RATE, "clip: {low: .1, high: 1}", "critic.width: {choices: [8, 16]}"])), tables()
    )
    assert [drawn_names(triple) for triple in triples] == [{"lr", "clip", "critic.width"}, {"lr", "critic.width"}]


def test_what_is_drawn_is_what_a_variant_would_say(load):
    """Two routes to one run: a trial's values, and the same written into the suite, whatever else it says."""
    values = {"lr": 0.00125, "n_critic": 3, "gp_weight": 2.5, "critic.width": 16}
    space = [RATE, "n_critic: {low: 1, high: 4, whole: true}", "gp_weight: {low: 1, high: 9}",
             "critic.width: {choices: [8, 16]}"]  # fmt: skip
    more = "train: {generator_lr: .1, n_critic: 7}\n"
    block = BLOCK.replace("[wgan-clip, wgan-gp]", "wgan-gp")
    [triple], _ = all_triples(load(suite(space, block=block) + more), tables())
    written = "objectives: {wgan-gp: {lr: 0.00125, n_critic: 3, gp_weight: 2.5}}\n"
    written += "architectures: {mlp: {critic: {width: 16}}}\n"
    plain = load(HEAD + block + more + written)
    [said], _ = all_triples(plain, tables())
    choice = drawn(triple, values)
    [other] = choices(plain.matrix[0], said)
    assert choice.sweep == values
    assert resolve(triple, choice.values, tables()) == resolve(said, other.values, tables())


def test_checks_see_every_end_and_choice(load):
    made = load(suite([RATE, "critic.norm: {choices: [layer, none, auto]}"]))
    triples, _ = all_triples(made, tables())
    seen = {(c.values["train.critic_lr"], c.values["critic.norm"]) for c in all_choices(made, triples[0])}
    assert seen == {(1e-4, "layer"), (1e-2, "layer"), (1e-4, "none"), (1e-4, "auto")}


def test_checks_see_every_pair_of_values_that_decide_a_setup(load):
    made = load(suite([RATE, "critic.norm: {choices: [none, layer]}", "batch: {low: 2, high: 9, whole: true}"]))
    triples, _ = all_triples(made, tables())
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


def test_a_scale_changes_parts_of_a_study_and_ranges_whole(load, mistakes):
    space = "{lr: {choices: [1e-3, 1e-4]}, beta1: {low: 0, high: .5}}"
    text = suite([RATE, "clip: {low: .1, high: 1}"]) + f"scales: {{paper: {{study: {{trials: 64, space: {space}}}}}}}\n"
    assert load(text).study.trials == 4
    scaled = load(text, scale="paper").study
    assert (scaled.trials, list(scaled.space)) == (64, ["lr", "clip", "beta1"])
    assert (scaled.space["lr"].choices, scaled.space["lr"].low, scaled.space["clip"].low) == ([1e-3, 1e-4], None, 0.1)
    [said] = mistakes(text.replace("choices: [1e-3, 1e-4]", "low: 1e-5"), scale="paper")
    assert said == "x.yaml:11: lr: low and high needed, or choices."
    [said] = mistakes(text.replace("64", "1"))
    assert said == "x.yaml:11: trials: 1 given, a whole number from 2 to 10,000 needed."
