"""A suite file becomes a frozen Suite, or each of its mistakes a sentence with its line."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from oracles import write_grey
from pydantic import ValidationError

from harness.datasets import DATASETS
from harness.plan.describe import describe
from harness.plan.make import make_plan
from harness.study.trial_runs import Planner, Trial
from harness.study.trial_sampling import points
from harness.suite import matrix
from harness.suite.expand import expand
from harness.suite.format.models import Suite, schema, scored_steps
from harness.suite.load import load_suite

HEAD = "version: 1\nname: t\n"
BLOCK = "matrix:\n  - dataset: ring\n    architecture: mlp\n    objective: [gan, wgan-gp]\n"
SCHEMA = Path(__file__).parents[2] / "harness" / "suite.schema.json"


def test_a_scale_and_a_file_extended_are_merged_key_by_key(load):
    Path("base.yaml").write_text(
        HEAD
        + "train: {steps: 10, batch: 8, lr: [1, 2]}\nseeds: 3\n"
        + BLOCK
        + "scales: {paper: {train: {steps: 99}}}\n"
    )
    text = "extends: base.yaml\nname: child\ntrain: {lr: [3]}\nscales: {paper: {seeds: 7}, tiny: {seeds: 1}}\n"
    suite = load(text)
    assert (suite.name, suite.folder, suite.seeds, suite.train.steps, suite.train.batch) == ("child", "child", 3, 10, 8)
    assert suite.train.lr == [3]  # lists are replaced
    paper = load(text, scale="paper")
    assert (paper.folder, paper.seeds, paper.train.steps, paper.train.batch) == ("child@paper", 7, 99, 8)
    assert load(text, scale="tiny").seeds == 1
    assert load("scale: tiny\n" + text).folder == "child@tiny"


def test_a_mistake_in_a_merged_part_is_told_where_it_was_written(problems):
    Path("base.yaml").write_text(HEAD + "train:\n  batch: 0\n" + BLOCK + "scales:\n  a:\n    seeds: 0\n")
    found = problems("extends: base.yaml\n\ntrain: {steps: 0}\n", scale="a")
    assert [(problem.place, problem.path[-1]) for problem in found] == [
        ("base.yaml:4", "batch"),
        ("base.yaml:11", "seeds"),
        ("x.yaml:3", "steps"),
    ]


def test_a_cycle_and_an_unknown_scale_are_refused(problems):
    Path("a.yaml").write_text("extends: b.yaml\n")
    Path("b.yaml").write_text("extends: a.yaml\n")
    (problem,) = problems("extends: a.yaml\n")
    assert (problem.place, problem.code) == ("x.yaml:1", "extends-itself")
    (problem,) = problems(HEAD + "scales: {paper: {}}\n" + BLOCK, scale="papr")
    assert (problem.place, problem.code) == ("x.yaml:3", "unknown-name")
    assert "'paper'" in problem.text
    (problem,) = problems(HEAD + BLOCK, scale="a")
    assert (problem.place, problem.code) == ("x.yaml:1", "unknown-name")


def test_set_wins_over_every_block_and_is_recorded(load):
    text = HEAD + (
        "seeds: 4\ntrain: {lr: 1}\nobjectives: {wgan-gp: {lr: 2, gp_weight: 7}, e: {base: gan, tricks: {ema: {}}}}\n"
        "datasets: {ring: {sd: 0.3}}\narchitectures: {mlp: {width: 4, critic: {width: 5}}}\n"
        "matrix:\n  - {dataset: ring, architecture: mlp, objective: [wgan-gp, e], train: {critic_lr: 3}, seeds: [9]}\n"
    )
    sets = ["lr=4", "seeds=2", "gp_weight=recipe", "width=6", "dataset.sd=.5", "at=[.5]", "primary.toys=w2", "e.x=1"]
    suite = load(text, sets=[*sets[:-1], "ema.decay=.25", "architecture.generator.latent=3"])
    assert suite.set == [*sets[:-1], "ema.decay=.25", "architecture.generator.latent=3"]
    assert (suite.score.at, suite.primary.toys, suite.seeds) == ([0.5], "w2", 2)
    runs = expand(suite).runs
    assert [run.spec.seed for run in runs] == [0, 1, 0, 1]
    for run in runs:
        assert run.spec.hyper["critic_lr"] == run.spec.hyper["generator_lr"] == 4
        assert (run.spec.setup.generator["width"], run.spec.setup.critic["width"]) == (6, 6)
        assert (run.spec.setup.generator["latent"], run.spec.hyper["data.sd"]) == (3, 0.5)
    assert runs[0].spec.hyper["gp_weight"] == 0.1  # the recipe's
    assert runs[2].spec.hyper["ema.decay"] == 0.25
    assert load(suite.to_yaml()).to_json() == suite.to_json()


PLUGIN = """
from dataclasses import replace
from harness.datasets import DATASETS as BUILT_IN
from harness.objectives import OBJECTIVES as KNOWN
OBJECTIVES = {"%s": replace(KNOWN["wgan-gp"], hyper={"gp_weight": 3.0, "extra": 1.0}, version=%d)}
DATASETS = {"own-ring": replace(BUILT_IN["ring"], version=7)}
"""


def test_a_plug_in_extends_the_tables(load, mistakes):
    block = "plugins: [sub/p.py]\n" + BLOCK.replace("gan, wgan-gp", "mine").replace("ring", "own-ring")
    Path("sub").mkdir()
    Path("sub/p.py").write_text(PLUGIN % ("mine", 1))
    suite = load(HEAD + "objectives: {mine: {extra: [1, 2]}}\n" + block)
    assert suite.plugins == [str(Path("sub/p.py").absolute())]
    runs = expand(suite).runs
    assert [run.spec.hyper["extra"] for run in runs] == [1, 2]
    versions = runs[0].spec.setup.versions
    assert (versions["dataset"], versions["objective"], versions["architecture"]) == (7, 1, 1)
    assert versions["objective.file"] == versions["dataset.file"]  # its content is part of what was run
    assert load(suite.to_yaml()).to_json() == suite.to_json()
    Path("sub/p.py").write_text(PLUGIN % ("mine", 2))  # changed: its entries are replaced
    again = expand(load(HEAD + "objectives: {mine: {extra: [1, 2]}}\n" + block)).runs[0].spec.setup.versions
    assert again["objective"] == 2
    assert again["objective.file"] != versions["objective.file"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("x x", "raises SyntaxError"),
        ("raise SystemExit(3)", "raises SystemExit: 3 at line 1"),
        ("OBJECTIVES = {'a': 3}", "an Objective record is needed"),
        ("OBJECTIVES = ['a']", "OBJECTIVES must be a dictionary"),
        (PLUGIN % ("gan", 1), "the objective 'gan', a name"),
    ],
)
def test_a_broken_plug_in_is_one_sentence_naming_it(source, expected, mistakes):
    Path("p.py").write_text(source)
    (said,) = mistakes(HEAD + "plugins: [p.py]\n" + BLOCK)
    assert said.startswith("x.yaml:3: plugins:")
    assert "p.py" in said
    assert expected in said


def test_a_suite_is_frozen_and_its_resolved_file_says_the_same(load):
    text = (
        HEAD + "question: 'Why: \"x\" # 1?'\ntrain: {lr: [recipe, 1e-5], n_critic: {base: 5, first: [2, 3]}}\n"
        "architectures: {mlp: {widths: [[3, 4], [5]]}}\nseeds: [3, 1]\n"
        + BLOCK
        + "    exclude: [{lr: 1e-5, objective: gan}]\n"
        "scales: {a: {seeds: 2}}\n"
    )
    suite = load(text, scale="a")
    with pytest.raises(ValidationError):
        suite.name = "other"
    again = load(suite.to_yaml())
    assert again.to_json() == suite.to_json()
    assert again.folder == suite.folder == "t@a"
    assert [run.run_id for run in expand(again).runs] == [run.run_id for run in expand(suite).runs]
    assert suite.to_json()["seeds"] == [0, 1]
    assert json.loads(json.dumps(suite.to_json())) == suite.to_json()


def test_the_committed_schema_is_the_models(load):
    assert SCHEMA.read_text() == json.dumps(schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _properties(node):
    if isinstance(node, dict):
        yield from node.get("properties", {}).items()
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    yield from itertools.chain.from_iterable(map(_properties, inside))


def test_every_key_of_the_schema_is_described_and_unknown_ones_are_refused():
    plain = schema()
    assert all(value.get("description") for _, value in _properties(plain))
    assert plain["additionalProperties"] is False
    for name in ("Train", "SuiteTrain", "Limits", "Score", "Primary", "Block", "Body"):
        assert plain["$defs"][name]["additionalProperties"] is False, name
    assert set(plain["required"]) == {"version", "name", "matrix"}
    lr = plain["$defs"]["Train"]["properties"]["lr"]["anyOf"]
    assert [form.get("type") for form in lr] == [None, "array"]  # a value, or a list of them
    said_once = set(plain["$defs"]["SuiteTrain"]["properties"]) - set(plain["$defs"]["Train"]["properties"])
    assert said_once == {"checkpoint_s", "keep", "limits"}


@pytest.mark.slow
def test_the_schema_needs_no_torch():
    code = "import sys; from harness.suite.format.models import schema; schema(); print('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("at", "steps", "expected"),
    [
        ([0.05, 0.1, 0.25, 0.5, 1], 1000, [50, 100, 250, 500, 1000]),
        ([0, 0.5], 3, [0, 2, 3]),
        ([0.07], 100, [7, 100]),  # .07 * 100 is a little over 7
        ([1e-9], 10, [1, 10]),
        (1, 5, [5]),
        ([0.5, 0.5, 1], 1, [1]),
    ],
)
def test_scored_steps_round_up_and_end_with_the_last(at, steps, expected):
    assert scored_steps(at, steps) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "suites").glob("*.yaml")), ids=lambda path: path.stem
)
def test_shipped_suites_load(path, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    write_grey(tmp_path / "MNIST/raw", times=50)  # which a scale may ask for
    suite = load_suite(path)
    assert isinstance(suite, Suite)
    assert expand(suite).runs
    for scale in _scales(path):
        assert expand(load_suite(path, scale=scale)).runs


def _scales(path):
    from harness.suite.format.yaml_file import read_yaml

    return list(read_yaml(path).data.get("scales", {}))


def test_digits_mlp_differs_in_nothing_but_what_it_asks_about():
    """RMSProp's smoothing would else be each recipe's: Adam's for the GANs."""
    runs = expand(load_suite(SCHEMA.parents[1] / "suites/digits-mlp.yaml")).runs
    assert {run.spec.hyper["beta2"] for run in runs} == {0.99}
    assert len({(str(run.spec.setup.generator), str(run.spec.setup.critic)) for run in runs}) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scale", "data"), [("robustness", "paper", "shapes"), ("robustness-images", None, "digits")]
)
def test_figure_2_crosses_seven_architectures_with_its_norms(name, scale, data):
    """Batch norm or layer norm by objective (Gulrajani et al. 2017, figure 2), none where the architecture has none."""
    runs = expand(load_suite(SCHEMA.parents[1] / f"suites/{name}.yaml", scale=scale)).runs
    setups = [run.spec.setup for run in runs if run.spec.setup.dataset == data]
    norms = {(setup.architecture, setup.objective, setup.critic["norm"]) for setup in setups}
    architectures = {"dcgan", "dcgan-no-bn", "mlp-g", "dcgan-no-norm", "dcgan-gated", "dcgan-tanh", "resnet"}
    objectives = {setup.objective for setup in setups}
    assert {"gan", "nsgan", "wgan-clip", "wgan-gp"} <= objectives
    assert norms == {
        (a, o, "none" if a == "dcgan-no-norm" else "layer" if o == "wgan-gp" else "batch")
        for a in architectures
        for o in objectives
    }


def test_modes_at_the_scale_of_its_source():
    """Lin et al. 2018, section 4.1, and config.py of their code."""
    runs = expand(load_suite(SCHEMA.parents[1] / "suites/modes.yaml", scale="paper")).runs
    assert len(runs) == 2 * 4 * 10
    for spec in (run.spec for run in runs):
        setup, hyper = spec.setup, spec.hyper
        dataset = DATASETS[setup.dataset]
        settings = {**setup.data, **{k.removeprefix("data."): v for k, v in hyper.items() if k.startswith("data.")}}
        ring = setup.dataset == "8gaussians"
        modes = dataset.modes(settings)
        assert modes.abs().max().item() == pytest.approx(1.0 if ring else 4.0)
        assert settings["sd"] / settings["scale"] == pytest.approx(0.01 if ring else 0.05)
        assert (setup.data["fixed"], setup.train["batch"], setup.train["steps"]) == (100_000, 100, 400 * 1000)
        sizes = {"generator": (4, 400, "batch", "relu"), "critic": (3, 200, "none", "maxout")}
        for player, size in sizes.items():
            settings = getattr(setup, player)
            assert tuple(settings[key] for key in ("depth", "width", "norm", "activation")) == size
            assert settings["init"] == {"normal": 0.02}
        assert (setup.critic["pieces"], setup.generator["latent"]) == (5, 2)
        assert (hyper["critic_lr"], hyper["generator_lr"], hyper["beta1"], hyper["beta2"]) == (1e-4, 1e-4, 0.8, 0.999)
    assert {run.spec.setup.train["pack"] for run in runs} == {1, 2, 3, 4}


def test_stacked_digits_crosses_two_losses_with_two_penalties():
    """And its four cells differ in nothing else (Huang et al. 2024)."""
    runs = expand(load_suite(SCHEMA.parents[1] / "suites/stacked-digits.yaml")).runs
    cells = {(run.spec.setup.objective, run.spec.setup.train.get("penalty")) for run in runs}
    assert cells == {("r1", None), ("r1r2", None), ("rpgan", "r1"), ("rpgan-r1r2", None)}
    assert len({json.dumps([run.spec.hyper, run.spec.setup.critic], sort_keys=True) for run in runs}) == 1


@pytest.mark.slow
def test_table2_trains_the_same_networks_with_both_objectives():
    """But for the critic's norm, where there is one: that is the objective's."""
    suite = load_suite(SCHEMA.parents[1] / "suites/table2.yaml")
    planner, norms = Planner(suite), set()
    for point in points(suite.study, suite.study.space, 0, 6):
        gan, gp = (planner.runs(Trial(name, 0, point), [100])[0].spec for name in ("nsgan", "wgan-gp"))
        norms.add((gan.setup.critic["norm"], gp.setup.critic["norm"]))
        assert gan.setup.generator == gp.setup.generator
        assert {**gan.setup.critic, "norm": ""} == {**gp.setup.critic, "norm": ""}
        assert gan.hyper["critic_lr"] == gan.hyper["generator_lr"]
        assert gp.hyper["critic_lr"] == gp.hyper["generator_lr"]
    assert norms == {("none", "none"), ("batch", "layer")}


def test_each_setup_is_resolved_once_from_reading_to_the_plan(load, monkeypatch):
    calls = []
    real = matrix.resolve
    monkeypatch.setattr(matrix, "resolve", lambda *parts: calls.append(parts) or real(*parts))
    suite = load(HEAD + "seeds: 3\ntrain: {lr: [1e-3, 1e-4]}\n" + BLOCK)
    describe(suite, make_plan(suite, None, "cpu"))
    runs = expand(suite).runs
    assert len(calls) == len({run.setup for run in runs}) == len(runs) / 6


@pytest.mark.slow
def test_a_missing_file_and_what_is_no_yaml_are_refused_without_torch(tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [")
    code = "import runpy, sys; sys.argv = ['harness', 'plan', sys.argv[1]]\n"
    code += "try:\n    runpy.run_module('harness', run_name='__main__')\n"
    code += "except SystemExit as end:\n    print(end.code, 'torch' in sys.modules)"
    for name in ("none.yaml", "bad.yaml"):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], capture_output=True, text=True)
        assert done.stdout.split() == ["2", "False"], done
