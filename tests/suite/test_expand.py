"""A suite expands into exactly the runs it asks for, each with its settings resolved by the documented precedence."""

import dataclasses
import itertools
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import FILES

from harness.architectures import ARCHITECTURES
from harness.datasets import DATASETS
from harness.errors import SuiteError
from harness.objectives import OBJECTIVES, PENALTIES, TRICKS
from harness.spec import ENGINE_VERSION, RunSpec, canonical_json
from harness.suite.expand import expand
from harness.suite.format.models import Suite


def suite(**parts):
    """A suite of one block; `dataset`, `architecture`, `objective`, `zip`, `exclude` go into it."""
    block = {"dataset": "ring", "architecture": "mlp", "objective": "wgan-gp"}
    block |= {key: parts.pop(key) for key in ("dataset", "architecture", "objective", "zip", "exclude") if key in parts}
    block |= {"train": parts.pop("block_train")} if "block_train" in parts else {}
    return Suite.model_validate({"version": 1, "name": "t", "matrix": [block], **parts})


def runs(**parts):
    return expand(suite(**parts)).runs


def only_run(**parts):
    (run,) = runs(**parts)
    return run


LISTS = {
    "lr": st.lists(st.floats(1e-5, 1), min_size=1, max_size=3, unique=True),
    "steps": st.lists(st.integers(1, 99), min_size=1, max_size=3, unique=True),
    "beta1": st.lists(st.floats(0, 0.9), min_size=1, max_size=2, unique=True),
    "pack": st.lists(st.integers(1, 4), min_size=1, max_size=2, unique=True),
}
SOME_OBJECTIVES = st.lists(st.sampled_from(sorted(OBJECTIVES)), min_size=1, max_size=3, unique=True)


@pytest.mark.slow
@given(
    train=st.fixed_dictionaries({}, optional=LISTS),
    widths=st.lists(st.integers(1, 64), min_size=1, max_size=3, unique=True),
    sds=st.lists(st.floats(0.01, 1), min_size=1, max_size=3, unique=True),
    objectives=SOME_OBJECTIVES,
    seeds=st.integers(1, 4),
)
@settings(max_examples=40, deadline=None)
def test_as_many_runs_as_the_product_of_the_lists(train, widths, sds, objectives, seeds):
    planned = runs(
        train={"optimizer": "adam", **train},  # RMSProp reads no beta1: its sweep would be one run
        architectures={"mlp": {"width": widths}},
        datasets={"ring": {"sd": sds}},
        objective=objectives,
        seeds=seeds,
    )
    expected = math.prod(map(len, [*train.values(), widths, sds, objectives])) * seeds
    assert len(planned) == len({run.run_id for run in planned}) == expected
    assert all(set(run.sweep) == {*train, "width", "sd"} for run in planned)


@pytest.mark.slow
@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_keys_changes_nothing(random):
    def shuffled(value):
        if not isinstance(value, dict):
            return value
        keys = list(value)
        random.shuffle(keys)
        return {key: shuffled(value[key]) for key in keys}

    parts = {
        "train": {"lr": [1e-3, "recipe"], "critic_lr": 0.5, "batch": [3, 4], "n_critic": {"base": 1, "first": [2, 3]}},
        "architectures": {"a": {"base": "mlp", "width": [3, 4], "critic": {"width": [5], "norm": "layer"}}},
        "objectives": {"wgan-gp": {"gp_weight": [1, 2], "tricks": {"ema": {"decay": [0.5, 0.9]}}, "beta1": 0.1}},
        "datasets": {"ring": {"sd": [0.1, 0.2], "scale": 2, "fixed": 9}},
    }
    plain = [(run.run_id, run.sweep) for run in runs(**parts, architecture="a")]
    assert [(run.run_id, run.sweep) for run in runs(**shuffled(parts), architecture="a")] == plain
    assert len(plain) == 64


@given(st.integers(1, 1000), st.sampled_from(["lr", "gp_weight", "sd"]))
@settings(max_examples=20, deadline=None)
def test_a_whole_float_is_the_integer(n, name):
    def with_value(value):
        parts = {"lr": {"train": {"lr": value}}, "gp_weight": {"objectives": {"wgan-gp": {"gp_weight": value}}}}
        return only_run(**parts.get(name, {"datasets": {"ring": {"sd": value}}})).run_id

    assert with_value(n) == with_value(float(n))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("dataset", DATASETS)
def test_every_combination_of_the_tables_resolves(dataset, objective):
    """Each two of a data set, an objective and an architecture meet, with a third of the entries of the other kind."""
    place = list(DATASETS).index(dataset) + list(OBJECTIVES).index(objective)
    for architecture in list(ARCHITECTURES)[place % 3 :: 3]:
        check_resolved(dataset, architecture, objective)


def check_resolved(dataset, architecture, objective):
    keys = DATASETS[dataset].files
    variants = {dataset: {key: FILES[key] for key in keys}} if keys else {}
    run = only_run(dataset=dataset, architecture=architecture, objective=objective, datasets=variants)
    recipe, entry = OBJECTIVES[objective].recipe[DATASETS[dataset].kind], OBJECTIVES[objective]
    hyper = run.spec.hyper
    assert {key: hyper[key] for key in ("critic_lr", "generator_lr", "beta1", "beta2")} == {
        key: getattr(recipe, key) for key in ("critic_lr", "generator_lr", "beta1", "beta2")
    }
    assert {key: hyper[key] for key in entry.hyper} == {**entry.hyper, **recipe.hyper}
    assert {k.removeprefix("data."): v for k, v in hyper.items() if k.startswith("data.")} == DATASETS[dataset].hyper
    train = run.spec.setup.train
    assert (train["optimizer"], train["n_critic"]) == (recipe.optimizer, recipe.n_critic)
    assert (train["steps"], train["batch"], train["pack"], train["schedule"]) == (1000, 64, 1, {})
    table = ARCHITECTURES[architecture]
    assert run.spec.setup.generator == table.generator_model(**table.generator).model_dump(mode="json")
    assert run.spec.setup.critic["norm"] != "auto"
    assert run.spec.setup.versions == {
        "dataset": DATASETS[dataset].version,
        "architecture": table.version,
        "objective": entry.version,
        "engine": ENGINE_VERSION,
    }


def test_run_ids_and_canonical_json_survive_a_round_trip():
    planned = runs(
        train={"lr": [1e-3, 1, "recipe"], "n_critic": {"base": 2, "every": [3, 4]}, "schedule": {"lr": "linear"}},
        objectives={"wgan-gp": {"tricks": {"ema": {}}}},
        seeds=[4, 2],
    )
    for run in planned:
        plain = json.loads(canonical_json(run.spec.to_json()))
        assert RunSpec.from_json(plain).run_id == run.spec.run_id == run.run_id
        assert canonical_json(plain) == canonical_json(run.spec.to_json())


# Precedence: each row adds a level above the one before; the value of (critic_lr, generator_lr) must follow.
LEVELS = [
    ({}, (1e-4, 1e-4)),  # recipe of wgan-gp
    ({"train": {"lr": 2, "critic_lr": 3}}, (3, 2)),
    ({"block_train": {"lr": 4}}, (4, 4)),  # a higher level's lr beats a lower level's critic_lr
    ({"objectives": {"wgan-gp": {"generator_lr": 5}}}, (4, 5)),
    ({"set": ["critic_lr=6"]}, (6, 5)),
    ({"set": ["critic_lr=6", "lr=7"]}, (6, 7)),  # one level: the one that sets one player wins, whatever the order
    ({"set": ["lr=recipe"]}, (1e-4, 1e-4)),
]


@pytest.mark.parametrize("height", range(len(LEVELS)))
def test_precedence_of_training_settings(height):
    parts = {}
    for level, _ in LEVELS[: height + 1]:
        parts |= level
    hyper = only_run(**parts).spec.hyper
    assert (hyper["critic_lr"], hyper["generator_lr"]) == LEVELS[height][1]


def test_a_sweep_that_a_higher_level_replaces_is_no_sweep():
    planned = runs(train={"lr": [1, 2]}, objectives={"wgan-gp": {"lr": 3}}, objective=["wgan-gp", "gan"])
    assert [(run.objective, dict(run.sweep)) for run in planned] == [
        ("wgan-gp", {}),
        ("gan", {"lr": 1}),
        ("gan", {"lr": 2}),
    ]


def test_half_an_lr_is_still_the_axis_lr():
    planned = runs(train={"lr": [1, 2]}, block_train={"critic_lr": [3, 4]})
    seen = [(run.sweep["lr"], run.sweep["critic_lr"]) for run in planned]
    assert sorted(seen) == [(1, 3), (1, 4), (2, 3), (2, 4)]
    for run in planned:
        assert (run.spec.hyper["generator_lr"], run.spec.hyper["critic_lr"]) == (
            run.sweep["lr"],
            run.sweep["critic_lr"],
        )


def test_a_shared_parameter_is_one_axis_and_a_player_may_differ():
    own = {"base": "mlp", "width": [3, 4], "critic": {"depth": [1, 2]}, "generator": {"activation": "tanh"}}
    planned = runs(architectures={"own": own}, architecture="own")
    assert len(planned) == 4
    for run in planned:
        generator, critic = run.spec.setup.generator, run.spec.setup.critic
        assert generator["width"] == critic["width"] == run.sweep["width"]
        assert (generator["depth"], critic["depth"]) == (3, run.sweep["critic.depth"])
        assert (generator["activation"], critic["activation"]) == ("tanh", "relu")


def test_a_list_parameter_sweeps_as_a_list_of_lists():
    assert only_run(architectures={"mlp": {"widths": [3, 4]}}).spec.setup.critic["widths"] == [3, 4]
    planned = runs(architectures={"mlp": {"widths": [[3, 4], [5]]}})
    assert [run.spec.setup.critic["widths"] for run in planned] == [[3, 4], [5]]
    assert [run.sweep for run in planned] == [{"widths": [3, 4]}, {"widths": [5]}]


def test_initial_weights_of_the_suite_beat_the_architecture():
    run = only_run(architectures={"mlp": {"init": "default"}}, train={"critic_init": {"normal": 0.5}})
    assert run.spec.setup.critic["init"] == {"normal": 0.5}
    assert run.spec.setup.generator["init"] == "default"


def test_the_same_run_under_the_same_labels_is_merged_and_counted():
    rate = OBJECTIVES["wgan-gp"].recipe["toys"].critic_lr
    expansion = expand(suite(train={"lr": ["recipe", rate]}, seeds=3))
    assert (len(expansion.runs), expansion.merged) == (3, 3)
    assert all(run.sweep == {"lr": "recipe"} for run in expansion.runs)


@pytest.mark.parametrize("norms", [["auto", "none", "layer"], ["none", "layer", "auto"]])
def test_a_norm_that_auto_stands_for_is_one_run_labelled_auto(norms):
    critic = {"mlp-bn": {"critic": {"norm": norms}}}
    planned = runs(architectures=critic, architecture="mlp-bn", objective=["nsgan", "wgan-gp"])
    found = {(run.objective, run.sweep["critic.norm"], run.spec.setup.critic["norm"]) for run in planned}
    assert len(planned) == 5
    assert found == {
        ("nsgan", "auto", "batch"), ("nsgan", "none", "none"), ("nsgan", "layer", "layer"),
        ("wgan-gp", "auto", "layer"), ("wgan-gp", "none", "none"),
    }  # fmt: skip


def test_the_same_run_under_two_labels_stays_two_planned_runs():
    planned = runs(objectives={"again": {"base": "wgan-gp"}}, objective=["wgan-gp", "again"])
    assert [run.objective for run in planned] == ["wgan-gp", "again"]
    assert [run.base for run in planned] == ["wgan-gp", "wgan-gp"]
    assert planned[0].run_id == planned[1].run_id


def test_zip_advances_lists_together():
    train = {"lr": [1, 2, 3], "steps": [10, 20, 30], "batch": [5, 6]}
    planned = runs(train=train, zip=[["lr", "steps"]])
    assert len(planned) == 6
    assert {(run.sweep["lr"], run.sweep["steps"]) for run in planned} == {(1, 10), (2, 20), (3, 30)}


@given(
    excluded=st.sets(st.tuples(st.sampled_from(["gan", "wgan-gp"]), st.sampled_from([1, 2]), st.sampled_from([3, 4])))
)
@settings(max_examples=30, deadline=None)
def test_exclude_leaves_out_what_it_names(excluded):
    everything = set(itertools.product(["gan", "wgan-gp"], [1, 2], [3, 4]))
    entries = [{"objective": o, "lr": float(lr), "critic.width": w} for o, lr, w in sorted(excluded)]
    planned = runs(
        train={"lr": [1, 2]},
        architectures={"mlp": {"critic": {"width": [3, 4]}}},
        objective=["gan", "wgan-gp"],
        exclude=entries,
    )
    assert {(run.objective, run.sweep["lr"], run.sweep["critic.width"]) for run in planned} == everything - excluded


def test_exclude_takes_lists_and_leaves_alone_what_has_no_such_axis():
    planned = runs(
        objectives={"wgan-gp": {"gp_weight": [1, 2, 3]}},
        objective=["gan", "wgan-gp"],
        exclude=[{"gp_weight": [1, 3]}],
    )
    assert [(run.objective, dict(run.sweep)) for run in planned] == [("gan", {}), ("wgan-gp", {"gp_weight": 2})]


def test_a_fixed_generator_is_the_data_sets_own_sampler_where_it_has_one():
    fixed = {"train": {"generator": "fixed"}}
    setup = only_run(dataset="parallel-lines", **fixed).spec.setup
    assert setup.generator == {}
    assert (setup.train["generator"], setup.train["n_critic"]) == ("fixed", 1)  # its steps are critic updates
    assert only_run(dataset="ring", **fixed).spec.setup.generator["latent"] == 2


def test_a_constraint_has_a_time_only_where_there_is_one():
    planned = runs(train={"constrain": ["before", "after+start"]}, objective=["wgan-clip", "gan"])
    assert [(run.objective, run.spec.setup.train["constrain"]) for run in planned] == [
        ("wgan-clip", "before"),
        ("wgan-clip", "after+start"),
        ("gan", "after"),
    ]


def test_a_schedule_of_lr_is_one_of_both_rates():
    train = {"schedule": {"lr": "linear", "critic_lr": "cosine", "gp_weight": "linear"}}
    schedule = only_run(train=train).spec.setup.train["schedule"]
    assert schedule == {"critic_lr": "cosine", "generator_lr": "linear", "gp_weight": "linear"}


def test_data_and_tricks_are_split_into_integers_and_floats():
    run = only_run(
        datasets={"8gaussians": {"n_modes": 5, "fixed": 100, "sd": 0.5}},
        dataset="8gaussians",
        objectives={"wgan-gp": {"tricks": {"ema": {"decay": 0.75}}}},
    )
    assert run.spec.setup.data == {"n_modes": 5, "fixed": 100}
    assert (run.spec.hyper["data.sd"], run.spec.hyper["ema.decay"]) == (0.5, 0.75)
    assert run.spec.setup.tricks == {"ema": {}}
    assert run.spec.setup.versions["trick.ema"] == TRICKS["ema"].version


def test_parameters_of_one_name_are_two_axes(monkeypatch):
    entry = dataclasses.replace(DATASETS["ring"], hyper={**DATASETS["ring"].hyper, "gp_weight": 1.0})
    monkeypatch.setitem(DATASETS, "odd", entry)
    planned = runs(
        dataset="odd", datasets={"odd": {"gp_weight": [1, 2]}}, objectives={"wgan-gp": {"gp_weight": [3, 4]}}
    )
    assert {(run.sweep["data.gp_weight"], run.sweep["gp_weight"]) for run in planned} == {
        (1, 3),
        (1, 4),
        (2, 3),
        (2, 4),
    }
    for run in planned:
        assert run.spec.hyper["data.gp_weight"] == run.sweep["data.gp_weight"]
        assert run.spec.hyper["gp_weight"] == run.sweep["gp_weight"]


def test_a_million_runs_are_refused_before_they_are_expanded():
    big = suite(seeds=10_000, train={"lr": [float(i) for i in range(1, 102)]})
    with pytest.raises(SuiteError, match="1,010,000 runs"):
        expand(big)


def test_an_unknown_name_in_a_suite_made_in_python_is_a_sentence():
    with pytest.raises(SuiteError, match=r"Did you mean 'gan'"):
        runs(objective="gna")


def test_a_penalty_is_added_to_an_objective_and_to_its_address_alone():
    plain, added, other = (
        only_run(objective="x", objectives={"x": {"base": "hinge", **more}})
        for more in ({}, {"penalty": "r1", "gamma": 2}, {"penalty": "gp"})
    )
    assert plain.run_id == only_run(objective="hinge").run_id
    assert "penalty" not in plain.spec.setup.train
    assert (added.spec.setup.train["penalty"], added.spec.hyper["gamma"]) == ("r1", 2)
    assert added.spec.setup.versions["penalty.r1"] == PENALTIES["r1"].version
    assert (other.spec.hyper["gp_weight"], "gamma" in other.spec.hyper) == (10, False)
    assert len({plain.run_id, added.run_id, other.run_id}) == 3


def test_two_penalties_of_one_objective_are_two_runs_of_one_suite():
    variants = {"a": {"base": "hinge", "penalty": "r1"}, "b": {"base": "hinge", "penalty": "gp"}}
    planned = runs(objective=["hinge", *variants], objectives=variants)
    assert [sorted({"gamma", "gp_weight"} & set(run.spec.hyper)) for run in planned] == [[], ["gamma"], ["gp_weight"]]
    norms = runs(objective=["nsgan", "a"], objectives={"a": {"base": "nsgan", "penalty": "r1"}}, architecture="dcgan",
                 dataset="digits")  # fmt: skip
    assert [run.spec.setup.critic["norm"] for run in norms] == ["batch", "layer"]
