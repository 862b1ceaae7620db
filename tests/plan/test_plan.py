"""Plans pin runs in stacks that only grow, say what is left, and what their results could show."""

import copy
import json
import math
from collections import Counter
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import data_for, make_spec
from plans import RESOLVED
from scipy.stats import binomtest

from harness.architectures import ARCHITECTURES
from harness.datasets import DATASETS
from harness.errors import HarnessError
from harness.plan.describe import cells_of, component_papers, conclusions, describe, shares
from harness.plan.make import make_plan, unfinished
from harness.plan.run_filter import run_filter
from harness.plan.screen import WIDTH, render
from harness.plan.stacks import STACK_BYTES, STACK_SIZE, cut, run_bytes, stack_size
from harness.spec import RunSpec, canonical_json
from harness.statistics.power import seeds_for
from harness.store.plan_file import Plan, PlannedRun
from harness.suite.checks.network_sizes import player_sizes
from harness.suite.expand import expand
from harness.suite.format.models import Suite
from harness.suite.format.study_block import Study


def suite(**parts):
    block = {"dataset": "ring", "architecture": "mlp", "objective": ["gan", "wgan-gp"]}
    block |= {key: parts.pop(key) for key in ("dataset", "architecture", "objective") if key in parts}
    return Suite.model_validate({"version": 1, "name": "t", "matrix": [block], **parts})


def run_of(objective, dataset="x", seed=0, **sweep):
    return PlannedRun("", dataset, "a", objective, objective, seed, sweep)


def first_setup(**parts):
    return expand(suite(**parts)).runs[0].spec.setup


@given(st.integers(0, 300), st.integers(1, 64))
def test_cut_keeps_every_run_in_order_and_balances_the_end(n, size):
    runs = [f"{i}" for i in range(n)]
    parts = cut(runs, size)
    assert [run for part in parts for run in part] == runs
    assert len(parts) == math.ceil(n / size)
    assert all(0 < len(part) <= size for part in parts)
    assert all(len(part) == size for part in parts[:-2])
    if len(parts) > 1 and n % size:
        assert 0 <= len(parts[-2]) - len(parts[-1]) <= 1


def test_nine_runs_are_five_and_four():
    assert [len(part) for part in cut(list("abcdefghi"), 8)] == [5, 4]
    assert [len(part) for part in cut(list("abcdefgh"), 8)] == [8]
    assert [len(part) for part in cut(["x"] * 17, 8)] == [8, 5, 4]


def test_a_plan_holds_every_run_once_in_stacks_of_one_setup():
    plan = make_plan(suite(seeds=5, train={"lr": [1e-3, 1e-2], "batch": [8, 16]}), None, "cpu")
    placed = [run_id for stack in plan.stacks for run_id in stack.runs]
    assert Counter(placed) == Counter({row.run_id: 1 for row in plan.runs})
    assert len(placed) == 2 * 5 * 2 * 2
    for stack in plan.stacks:
        assert len({canonical_json(plan.specs[run_id]["setup"]) for run_id in stack.runs}) == 1
        assert (stack.device, stack.mode) == ("cpu", "stacked")
    assert [stack.id for stack in plan.stacks] == [f"{i + 1:04d}" for i in range(len(plan.stacks))]
    for row in plan.runs:
        assert RunSpec.from_json(plan.specs[row.run_id]).run_id == row.run_id
        assert RunSpec.from_json(plan.specs[row.run_id]).to_json() == plan.specs[row.run_id]
        assert set(row.to_json()) == {
            "run_id",
            "dataset",
            "architecture",
            "objective",
            "objective.base",
            "seed",
            "sweep",
        }


def test_a_plan_survives_json():
    plan = make_plan(suite(seeds=3, train={"lr": ["recipe", 1e-2]}), None, "cpu")
    plan = replace(plan, settings=[], data_axes=["sd"], pictures=[], resolved=RESOLVED, score_id="s")
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


SEEDS = st.lists(st.integers(0, 40), min_size=1, max_size=20, unique=True)


@given(st.lists(st.tuples(SEEDS, st.sampled_from(["cpu", "cuda"])), min_size=2, max_size=4))
@settings(max_examples=25, deadline=None)
def test_stacks_are_only_ever_appended_to(history):
    plan = None
    for seeds, device in history:
        previous, before = plan, copy.deepcopy(plan)
        plan = make_plan(suite(seeds=seeds, objective="gan"), previous, device)
        assert previous == before  # the previous plan is not changed in place
        if before is not None:
            assert plan.stacks[: len(before.stacks)] == before.stacks
            assert before.specs.items() <= plan.specs.items()
        assert {row.seed for row in plan.runs} == set(seeds)
        for kind in ("cpu", "cuda"):
            placed = [run_id for stack in plan.stacks if stack.device == kind for run_id in stack.runs]
            assert len(placed) == len(set(placed))
            assert kind != device or {row.run_id for row in plan.runs} <= set(placed)
        assert len({stack.id for stack in plan.stacks}) == len(plan.stacks)


def test_what_is_unfinished_is_what_is_selected_planned_now_and_not_done():
    plan = make_plan(suite(seeds=24, objective="gan"), None, "cpu")
    first, second = plan.stacks
    a, b = list(first.runs), list(second.runs)
    every = {*a, *b}
    assert unfinished(plan, set(), "cpu", every) == [(first, a), (second, b)]
    assert unfinished(plan, set(a), "cpu", every) == [(second, b)]
    assert unfinished(plan, set(a[1:]), "cpu", every) == [(first, a[:1]), (second, b)]
    assert unfinished(plan, set(), "cuda", every) == []
    assert unfinished(plan, {b[1]}, "cpu", set(b[:2])) == [(second, b[:1])]
    fewer = make_plan(suite(seeds=3, objective="gan"), plan, "cpu")  # the other runs are planned no longer
    assert unfinished(fewer, set(a[:3]), "cpu", every) == []
    assert unfinished(fewer, set(a[:1]), "cpu", every) == [(first, a[1:3])]


def test_long_stacks_come_first():
    plan = make_plan(suite(seeds=2, objective="gan", train={"steps": [10, 30, 20]}), None, "cpu")
    steps = {stack.id: plan.specs[stack.runs[0]]["setup"]["train"]["steps"] for stack in plan.stacks}
    found = unfinished(plan, set(), "cpu", run_filter([], plan))
    assert [steps[stack.id] for stack, _ in found] == [30, 20, 10]


@pytest.mark.slow
@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("objective", ["gan", "wgan-gp"])
def test_sizes_are_those_of_the_networks_built(architecture, objective):
    setup = make_spec(objective, data_for(architecture), architecture).setup
    entry, shape = ARCHITECTURES[architecture], DATASETS[setup.dataset].shape(setup.data)
    networks = {
        "generator": entry.build_generator(entry.generator_model(**setup.generator), shape),
        "critic": entry.build_critic(entry.critic_model(**setup.critic), shape),
    }
    for player, size in player_sizes(setup).items():
        assert size.parameters == sum(p.numel() for p in networks[player].parameters())


def test_units_count_what_every_layer_puts_out():
    sizes = player_sizes(first_setup(architectures={"mlp": {"widths": [3, 5], "latent": 7}}))
    assert sizes["generator"].units == 2 * (3 + 5) + 2 + 2  # each hidden layer and its ReLU, the last layer, its shape
    assert sizes["critic"].units == 2 + 2 * (3 + 5) + 1
    assert sizes["generator"].parameters == 7 * 3 + 3 + 3 * 5 + 5 + 5 * 2 + 2
    packed = player_sizes(first_setup(architectures={"mlp": {"widths": [3, 5]}}, train={"pack": 3}))
    assert packed["critic"].parameters - sizes["critic"].parameters == 2 * 2 * 3
    fixed = first_setup(dataset="parallel-lines", train={"generator": "fixed"})
    assert set(player_sizes(fixed)) == {"critic"}


def test_stacks_shrink_with_the_memory_of_a_run_and_never_to_one_of_two():
    assert stack_size(first_setup(), "cpu") == STACK_SIZE["cpu"]
    assert stack_size(first_setup(), "cuda") == STACK_SIZE["cuda"]
    sizes = []
    for width in (64, 2048, 3072, 4096, 8192):
        setup = first_setup(architectures={"mlp": {"width": width}})
        sizes.append(stack_size(setup, "cpu"))
        assert sizes[-1] * run_bytes(setup) <= STACK_BYTES["cpu"] or sizes[-1] == 1
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == STACK_SIZE["cpu"]
    assert sizes[-1] == 1
    plan = make_plan(suite(architectures={"mlp": {"width": 8192}}, seeds=2, objective="gan"), None, "cpu")
    assert [(stack.mode, len(stack.runs)) for stack in plan.stacks] == [("single", 1), ("single", 1)]


@pytest.fixture(scope="module")
def planned():
    swept = suite(
        dataset=["ring", "8gaussians"],
        seeds=[0, 7],
        train={"lr": ["recipe", 2e-3]},
        datasets={"ring": {"sd": [0.1, 0.2]}},
        objectives={"wgan-gp": {"gp_weight": [1, 10], "tricks": {"ema": {"decay": 0.5}}}},
    )
    return swept, make_plan(swept, None, "cpu")


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        ([], lambda row: True),
        (["objective=gan"], lambda row: row.objective == "gan"),
        (["objective=gan,dataset=ring"], lambda row: row.objective == "gan" and row.dataset == "ring"),
        (["dataset=ring", "dataset=8gaussians,seed=7"], lambda row: row.seed == 7),
        (["lr=recipe"], lambda row: row.sweep["lr"] == "recipe"),
        (["lr=0.002"], lambda row: row.sweep["lr"] == 2e-3),
        (["lr=2e-4"], lambda row: row.sweep["lr"] == "recipe" and row.objective == "gan"),
        (["gp_weight=1.0"], lambda row: row.sweep.get("gp_weight") == 1),
        (["sd=.2"], lambda row: row.sweep.get("sd") == 0.2),
        (["data.sd=.02"], lambda row: row.dataset == "8gaussians"),
        (["hyper.ema.decay=.5"], lambda row: row.objective == "wgan-gp"),
        (["objective.base = wgan-gp"], lambda row: row.objective == "wgan-gp"),
    ],
)
def test_only_selects_rows(texts, wanted, planned):
    plan = planned[1]
    assert run_filter(texts, plan) == {row.run_id for row in plan.runs if wanted(row)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("obective=gan", "--only: unknown name 'obective'. Did you mean 'objective'?"),
        ("objective=gna", "--only: no planned run has objective=gna. Did you mean 'gan'?"),
        ("seed=3", "--only: no planned run has seed=3. Known: 0, 7."),
        ("gan", "--only: 'gan' given, KEY=VALUE needed"),
        ("objective=gan,", "--only: '' given, KEY=VALUE needed"),
    ],
)
def test_only_refuses_what_matches_nothing(text, expected, planned):
    with pytest.raises(HarnessError) as error:
        run_filter([text], planned[1])
    assert str(error.value).startswith(expected)


def smallest_of_all(trials):
    """Try all numbers of trials that one objective alone, the other alone, is good in."""
    counts = [(a, b) for a in range(trials + 1) for b in range(trials + 1 - a)]
    return min(binomtest(a, a + b).pvalue if a + b else 1.0 for a, b in counts)


@pytest.mark.parametrize("trials", range(2, 10))
def test_shares_of_a_study_reach_the_smallest_p_of_all_that_trials_can_show(trials):
    study = Study.model_validate({"space": {"lr": {"low": 1, "high": 2}}, "trials": trials})
    rows = [run_of(name, lr=trial) for name in "ghk" for trial in range(trials)]
    found = shares(study, rows)
    assert found.smallest_p == pytest.approx(smallest_of_all(trials))
    assert (found.pairs, found.smallest_p_corrected) == (3, min(1, 3 * found.smallest_p))
    needed = found.trials_needed
    assert 3 * smallest_of_all(needed) <= 0.05 < 3 * smallest_of_all(needed - 1)
    again = shares(study, [*rows[:-1], rows[0]])  # one objective repeats a trial: no p can be given
    assert (again.distinct, again.smallest_p, again.smallest_p_corrected) == (trials - 1, None, None)
    assert shares(study, [run_of("g")]) is shares(None, []) is None
    assert shares(study.model_copy(update={"sampler": "tpe"}), [run_of("g"), run_of("h")]) is None


def test_conclusions_count_tasks_pairs_and_seeds(planned):
    swept, plan = planned
    primary = describe(swept, plan).conclusions.primary
    assert (primary.objectives, primary.pairs, primary.tasks) == (2, 1, 3)  # two sd of ring, and 8gaussians
    assert primary.smallest_p_corrected == 0.25
    rows = [
        run_of(o, d, seed, lr=lr)
        for d, objectives in (("x", "gh"), ("y", "gh"), ("z", "g"))
        for o in objectives
        for lr in (1, 2)
        for seed in range(4)
    ]
    found = conclusions(cells_of(rows))
    assert asdict(found.primary) == {
        "objectives": 2, "pairs": 1, "tasks": 2, "tasks_needed": 6, "smallest_p": 0.5, "smallest_p_corrected": 0.5,
    }  # fmt: skip
    assert asdict(found.cell) == {"seeds": 4, "smallest_p": 0.125, "exploratory": True}
    apart = conclusions(cells_of([*rows, replace(rows[0], dataset="w", objective="k")])).primary
    assert (apart.objectives, apart.pairs, apart.tasks, apart.smallest_p) == (3, 0, 0, None)
    alone = conclusions(cells_of(row for row in rows if row.objective == "g"))
    assert alone.primary.pairs == 0
    assert alone.primary.smallest_p is None


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"architecture": ["mlp", "mlp-bn"]},
            "compares its architectures",
        ),
        ({"train": {"lr": [1e-3, 2e-3]}}, "compares its settings"),
        ({}, "No two objectives share"),
        ({"datasets": {"ring": {"sd": [0.1, 0.2]}}}, "No two objectives share"),  # two questions, no contest
    ],
)
def test_a_plan_of_one_objective_says_what_is_compared(parts, words):
    swept = suite(dataset="ring", objective="gan", **parts)
    assert words in " ".join(render(describe(swept, make_plan(swept, None, "cpu"))).split())


def test_objectives_without_a_common_task_are_said_to_have_no_tests():
    rows = [{"dataset": ["ring", "8gaussians"], "architecture": "mlp", "objective": "gan"},
            {"dataset": "ring", "architecture": "mlp", "objective": "wgan"},
            {"dataset": "8gaussians", "architecture": "mlp", "objective": "lsgan"}]  # fmt: skip
    made = Suite.model_validate({"version": 1, "name": "t", "matrix": rows})
    said = " ".join(render(describe(made, make_plan(made, None, "cpu"))).split())
    assert "nothing can be tested" in said


def test_a_description_counts_runs_cells_and_settings(planned):
    swept, plan = planned
    found = describe(swept, plan)
    assert json.loads(json.dumps(found.to_json())) == found.to_json()
    assert found.planned == len(plan.runs) == 2 * 2 * (2 + 2 * 2) + 2 * (2 + 2 * 2)
    assert len(found.cells) * 2 == len(plan.runs)
    assert found.swept == {"lr": ["recipe", 2e-3], "sd": [0.1, 0.2], "gp_weight": [1, 10]}
    gan, gp = found.settings
    assert (gan.critic_lr, gp.critic_lr) == ([2e-4, 2e-3], [1e-4, 2e-3])
    assert gp.hyper == {"gp_weight": [1, 10], "ema.decay": [0.5]}
    assert "gp_weight" not in gp.recipe.keys
    assert {"critic_lr", "beta1", "n_critic"} <= set(gp.recipe.keys)
    assert gp.recipe.in_part == ["critic_lr", "generator_lr"]
    assert found.data_axes == ["sd"]


ALL = {"critic_lr", "generator_lr", "beta1", "beta2", "optimizer", "n_critic"}
RATES = {"critic_lr", "generator_lr"}


@pytest.mark.parametrize(
    ("parts", "papers", "in_part"),
    [
        ({}, ALL, set()),
        ({"train": {"lr": "recipe", "beta1": "recipe"}}, ALL, set()),
        ({"train": {"lr": 3e-4}}, ALL - RATES, set()),
        ({"train": {"lr": 3e-4}, "objectives": {"gan": {"lr": "recipe"}}}, ALL, set()),
        ({"train": {"lr": 3e-4, "beta1": 0.9}, "set": ["lr=recipe"]}, ALL - {"beta1"}, set()),
        ({"objectives": {"gan": {"lr": 3e-4}}, "set": ["critic_lr=recipe"]}, ALL - {"generator_lr"}, set()),
        ({"train": {"lr": ["recipe", 1e-3]}}, ALL, RATES),
        ({"train": {"lr": ["recipe", 1e-3]}, "set": ["lr=[1e-3, 1e-2]"]}, ALL - RATES, set()),
        ({"dataset": "parallel-lines", "train": {"generator": "fixed"}}, ALL - {"n_critic"}, set()),
        ({"dataset": "parallel-lines", "train": {"generator": ["fixed", "trained"]}}, ALL, {"n_critic"}),
    ],
)
def test_only_what_stands_at_the_papers_value_is_the_papers(parts, papers, in_part):
    made = suite(objective="gan", **parts)
    (found,) = describe(made, make_plan(made, None, "cpu")).settings
    assert (set(found.recipe.keys), set(found.recipe.in_part)) == (papers, in_part)


@pytest.mark.parametrize("norm", ["none", "spectral"])
def test_a_norm_of_weights_is_cited(norm):
    setup = first_setup(architectures={"mlp": {"critic": {"norm": norm}}})
    keys = {paper.key for paper in component_papers(asdict(setup), is_recipe=False)}
    assert ("miyato2018" in keys) == (norm == "spectral")


def test_a_papers_value_that_is_excluded_is_not_quoted():
    block = {"dataset": "ring", "architecture": "mlp", "objective": ["gan", "wgan"]}
    block |= {"train": {"lr": ["recipe", 1e-3]}, "exclude": [{"objective": "gan", "lr": "recipe"}]}
    made = Suite.model_validate({"version": 1, "name": "t", "matrix": [block]})
    gan, wgan = describe(made, make_plan(made, None, "cpu")).settings
    assert not RATES & set(gan.recipe.keys)
    assert set(wgan.recipe.in_part) == RATES


def test_swept_settings_of_a_data_set_are_named():
    made = suite(dataset="8gaussians", objective="gan", set=["n_modes=[4, 8]", "lr=[1e-3, 1e-2]"])
    found = describe(made, make_plan(made, None, "cpu"))
    assert found.data_axes == ["n_modes"]


def test_no_recipe_is_quoted_where_none_is_used():
    own = {"lr": 1, "beta1": 0, "beta2": 0, "optimizer": "sgd", "n_critic": 2}
    given_all = suite(train=own, objective="gan")
    found = describe(given_all, make_plan(given_all, None, "cpu"))
    assert found.settings[0].recipe is None
    assert "papers" not in render(found)


def test_a_screen_is_text_that_fits_and_says_what_cannot_be_shown(planned):
    swept, plan = planned
    hostile = swept.model_copy(update={"question": "why\x1b[31m " + "long " * 60})
    screen = render(describe(hostile, plan))
    assert all(len(line) <= WIDTH for line in screen.splitlines())
    assert "\x1b" not in screen
    assert "With 3 tasks" in screen
    assert "smallest reachable p = 0.25" in screen
    assert "36 runs: 18 cells of 2 seeds" in screen
    for name in ("ring, 8gaussians", "gan, wgan-gp", "lr: recipe, 2e-3", "gp_weight: 1, 10"):
        assert name in screen


def test_a_screen_counts_the_seeds_that_an_effect_needs(planned):
    three = suite(objective=["gan", "wgan-gp", "lsgan"], seeds=5)
    found = describe(three, make_plan(three, None, "cpu"))
    said = " ".join(render(replace(found, power=seeds_for(0.8, 3, 5))).split())
    assert "To see a paired difference of d = 0.8 (Cohen's d:" in said
    assert "15 seeds a cell, and 20" in said
    assert "The 5 seeds of this suite show d = 1.68, or 2.29 for one of 3 after correction." in said
    alone = " ".join(render(replace(found, power=seeds_for(0.8, 0, 1))).split())
    assert alone.rstrip().endswith("15 seeds a cell.")
    assert "paired difference" not in render(found)


def test_a_screen_of_one_task_and_three_objectives_says_p_is_1():
    three = suite(objective=["gan", "nsgan", "wgan-gp"])
    screen = render(describe(three, make_plan(three, None, "cpu")))
    assert "smallest reachable p = 1.00" in screen
    assert "7 tasks would do" in screen
    assert "With one seed a cell" in screen


def test_a_wide_table_becomes_paragraphs():
    names = {f"a-very-long-name-of-a-variant-of-the-objective-{i}": {"base": "wgan-clip"} for i in range(2)}
    wide = suite(objectives=names, objective=list(names), train={"lr": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]})
    screen = render(describe(wide, make_plan(wide, None, "cpu")))
    assert all(len(line) <= WIDTH for line in screen.splitlines())
    assert "learning rate 0.1 | 0.2 | 0.3 | 0.4 | 2 more" in screen


def test_a_plan_says_which_of_its_data_sets_are_pictures():
    made = suite(dataset=["8gaussians", "mine"], objective="gan", datasets={"mine": {"base": "digits"}})
    assert describe(made, make_plan(made, None, "cpu")).pictures == ["mine"]
