"""Every mistake of a suite is a sentence with file and line, all of them at once, before any run."""

import pytest

from harness.suite.expand import expand

HEAD = "version: 1\nname: t\n"
BLOCK = "matrix:\n  - dataset: ring\n    architecture: mlp\n    objective: [gan, wgan-gp]\n"


WRONG = {  # the file after its head; line, key and code of its problem, and a word of the text
    "unknown key": ("sedes: 3\n" + BLOCK, 3, "sedes", "unknown-key", "'seeds'"),
    "unknown key of train": ("train: {micro_batches: 3}\n" + BLOCK, 3, "micro_batches", "unknown-key", "'micro_batch'"),
    "unknown key in a block": (BLOCK + "    sed: 3\n", 7, "sed", "unknown-key", "'seeds'"),
    "unknown key in a scale": ("scales: {a: {trian: {}}}\n" + BLOCK, 3, "trian", "unknown-key", "'train'"),
    "value of one player": (
        "architectures: {mlp: {norm: spectral}}\n" + BLOCK,
        3,
        "norm",
        "bad-value",
        "critic: {norm",
    ),
    "negative": ("train:\n  steps: -5\n" + BLOCK, 4, "steps", "bad-value", "1"),
    "zero": ("train:\n  batch: 0\n" + BLOCK, 4, "batch", "bad-value", "1"),
    "text": ("train: {batch: '64'}\n" + BLOCK, 3, "batch", "bad-value", "1"),
    "truth": ("train: {pack: true}\n" + BLOCK, 3, "pack", "bad-value", "1"),
    "nothing": ("train: {pack: }\n" + BLOCK, 3, "pack", "bad-value", "1"),
    "NaN": ("train: {lr: .nan}\n" + BLOCK, 3, "lr", "bad-value", "'recipe'"),
    "infinity": ("train:\n  lr:\n    - 1\n    - .inf\n" + BLOCK, 6, "lr", "bad-value", "0"),
    "too large": ("train: {lr: 1e999}\n" + BLOCK, 3, "lr", "bad-value", "0"),
    "rate of 0": ("train: {lr: 0}\n" + BLOCK, 3, "lr", "bad-value", "'recipe'"),
    "word": ("train: {lr: recip}\n" + BLOCK, 3, "lr", "bad-value", "'recipe'"),
    "beta": ("train: {beta1: 1}\n" + BLOCK, 3, "beta1", "bad-value", "1"),
    "empty sweep": ("train: {lr: []}\n" + BLOCK, 3, "lr", "bad-value", ""),
    "nested sweep": ("train: {lr: [[1e-4]]}\n" + BLOCK, 3, "lr", "bad-value", "0"),
    "optimiser": ("train: {optimizer: adamw}\n" + BLOCK, 3, "optimizer", "bad-value", "'sgd'"),
    "n_critic": ("train: {n_critic: {first: [1, 2]}}\n" + BLOCK, 3, "n_critic", "bad-value", "2"),
    "init": ("train: {critic_init: {normal: 0}}\n" + BLOCK, 3, "critic_init", "bad-value", "'default'"),
    "schedule": ("train: {schedule: {lr: exp}}\n" + BLOCK, 3, "schedule", "bad-value", "'exp'"),
    "unknown schedule": (
        "train: {schedule: {gp_wieght: linear}}\n" + BLOCK.replace("[gan, wgan-gp]", "wgan-gp"),
        3,
        "schedule",
        "unknown-name",
        "'gp_weight'",
    ),
    "no mapping": ("train: 5\n" + BLOCK, 3, "train", "bad-value", "5"),
    "no list": ("matrix: ring\n", 3, "matrix", "bad-value", "'ring'"),
    "empty matrix": ("matrix: []\n", 3, "matrix", "bad-value", ""),
    "no matrix": ("seeds: 3\n", 1, "matrix", "missing-key", ""),
    "block without objective": (
        "matrix:\n  - dataset: ring\n    architecture: mlp\n",
        4,
        "objective",
        "missing-key",
        "",
    ),
    "no seeds": ("seeds: 0\n" + BLOCK, 3, "seeds", "bad-value", "10,000"),
    "empty seeds": ("seeds: []\n" + BLOCK, 3, "seeds", "bad-value", "10,000"),
    "too many seeds": ("seeds: 10001\n" + BLOCK, 3, "seeds", "bad-value", "10,000"),
    "repeated seeds": ("seeds: [1, 2, 1]\n" + BLOCK, 3, "seeds", "bad-value", "1"),
    "negative seed": ("seeds: [-1]\n" + BLOCK, 3, "seeds", "bad-value", "1"),
    "fraction": ("score: {at: [.5, 1.5]}\n" + BLOCK, 3, "at", "bad-value", "1"),
    "version": (BLOCK.replace("matrix", "version: 2\nmatrix"), 3, "", "duplicate-key", "'version'"),
    "unknown objective": (BLOCK.replace("wgan-gp", "wgan_gp"), 6, "objective", "unknown-name", "'wgan-gp'"),
    "unknown data": (BLOCK.replace("ring", "rign"), 4, "dataset", "unknown-name", "'ring'"),
    "unknown in a column": (
        "matrix:\n  - dataset: ring\n    architecture: mlp\n    objective:\n    - gan\n    - gna\n",
        8,
        "objective",
        "unknown-name",
        "'gan'",
    ),
    "no base": ("objectives: {mine: {lr: 1}}\n" + BLOCK, 3, "mine", "missing-key", "'mine'"),
    "unknown base": ("objectives:\n  mine:\n    base: gann\n" + BLOCK, 5, "base", "unknown-name", "'gan'"),
    "base of a table name": ("datasets: {ring: {base: 8gaussians}}\n" + BLOCK, 3, "base", "name-taken", "'ring'"),
    "hyper of another": ("objectives:\n  wgan-gp:\n    clip: 3\n" + BLOCK, 5, "clip", "unknown-key", "'wgan-gp'"),
    "hyper of none": ("objectives: {gan: {clip: 3}}\n" + BLOCK, 3, "clip", "unknown-key", "'gan'"),
    "near hyper": ("objectives: {wgan-gp: {gp_wieght: 3}}\n" + BLOCK, 3, "gp_wieght", "unknown-key", "'gp_weight'"),
    "hyper as text": ("objectives: {wgan-gp: {gp_weight: a}}\n" + BLOCK, 3, "gp_weight", "bad-value", "'recipe'"),
    "unknown trick": ("objectives: {gan: {tricks: {emma: {}}}}\n" + BLOCK, 3, "emma", "unknown-name", "'ema'"),
    "trick's parameter": (
        "objectives: {gan: {tricks: {ema: {deacy: 1}}}}\n" + BLOCK,
        3,
        "deacy",
        "unknown-key",
        "'ema'",
    ),
    "unknown field": ("architectures: {mlp: {widht: 3}}\n" + BLOCK, 3, "widht", "unknown-key", "'width'"),
    "field of no player": ("architectures: {mlp: {gen.width: 3}}\n" + BLOCK, 3, "gen.width", "unknown-key", "'width'"),
    "field of the other": (
        "architectures: {mlp: {critic: {latent: 3}}}\n" + BLOCK,
        3,
        "latent",
        "unknown-key",
        "'mlp'",
    ),
    "field's value": ("architectures: {mlp: {width: 0}}\n" + BLOCK, 3, "width", "bad-value", "1"),
    "field's swept value": (
        "architectures:\n  mlp:\n    width:\n    - 8\n    - '8'\n" + BLOCK,
        7,
        "width",
        "bad-value",
        "'8'",
    ),
    "widths": ("architectures: {mlp: {widths: [[8], [0]]}}\n" + BLOCK, 3, "widths", "bad-value", "1"),
    "player's init": ("architectures: {mlp: {init: {}}}\n" + BLOCK, 3, "init", "bad-value", "'dcgan'"),
    "data parameter": ("datasets: {ring: {thetta: 3}}\n" + BLOCK, 3, "thetta", "unknown-key", "'ring'"),
    "spread of 0": ("datasets: {ring: {sd: 0}}\n" + BLOCK, 3, "sd", "bad-value", "0"),
    "modes": ("datasets: {8gaussians: {n_modes: 2.5}}\n" + BLOCK, 3, "n_modes", "bad-value", "1"),
    "allowance": ("allow: [batch-norm]\n" + BLOCK, 3, "allow", "bad-value", "'batch-norm-in-penalty'"),
    "batch norm": (
        "architectures:\n  bn:\n    base: mlp\n    critic:\n      norm: batch\n" + BLOCK.replace("mlp", "bn"),
        7,
        "norm",
        "batch-norm-in-penalty",
        "'wgan-gp'",
    ),
    "unknown penalty": (
        "objectives: {gan: {penalty: r3}}\n" + BLOCK.replace("[gan, wgan-gp]", "gan"),
        3,
        "penalty",
        "unknown-name",
        "r1r2",
    ),
    "penalty beside another": ("objectives: {wgan-gp: {penalty: r1}}\n" + BLOCK, 3, "penalty", "not-together", "own"),
    "batch norm beside a penalty": (
        "architectures: {bn: {base: mlp, critic: {norm: batch}}}\nobjectives: {gan: {penalty: r1}}\n"
        + BLOCK.replace("mlp", "bn").replace("[gan, wgan-gp]", "gan"),
        3,
        "norm",
        "batch-norm-in-penalty",
        "'gan'",
    ),
    "zip of one": (BLOCK + "    zip: [[lr]]\n", 7, "zip", "bad-zip", ""),
    "zip of a fixed value": (BLOCK + "    zip: [[lr, steps]]\n", 7, "zip", "not-swept", "'lr'"),
    "zip of unequal lists": (
        "train: {lr: [1, 2], steps: [1, 2, 3]}\n" + BLOCK + "    zip: [[lr, steps]]\n",
        8,
        "zip",
        "bad-zip",
        "3",
    ),
    "zip twice": (
        "train: {lr: [1, 2], steps: [1, 2]}\n" + BLOCK + "    zip: [[lr, steps], [steps, lr]]\n",
        8,
        "zip",
        "bad-zip",
        "'steps'",
    ),
    "exclude unknown key": (BLOCK + "    exclude: [{lr: 3}]\n", 7, "lr", "not-swept", ""),
    "exclude unknown value": (BLOCK + "    exclude: [{objective: gna}]\n", 7, "objective", "bad-value", "'wgan-gp'"),
    "exclude nothing": (BLOCK + "    exclude: [{}]\n", 7, "exclude", "bad-value", ""),
    "exclude all": (BLOCK + "    exclude: [{dataset: ring}]\n", 7, "exclude", "nothing-left", ""),
    "constrain unread": ("train: {constrain: before}\n" + BLOCK, 3, "constrain", "unused-setting", ""),
    "n_critic of a fixed generator": (
        "train: {generator: fixed, n_critic: 5}\n" + BLOCK,
        3,
        "n_critic",
        "not-together",
        "5",
    ),
    "missing plug-in": ("plugins: [nope.py]\n" + BLOCK, 3, "plugins", "bad-plugin", ""),
    "extends nothing": ("extends: nope.yaml\n" + BLOCK, 3, "extends", "no-file", ""),
    "extends itself": ("extends: x.yaml\n" + BLOCK, 3, "extends", "extends-itself", ""),
    "too many runs": (
        "seeds: 10000\ntrain: {batch: [" + "1, " * 60 + "2]}\n" + BLOCK,
        5,
        "matrix",
        "too-many-runs",
        "100,000",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_has_its_line_and_code(name, check):
    text, *expected = WRONG[name]
    assert len(check(HEAD + text, *expected)) <= 2  # one mistake does not drag others along


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a" * 65, "<script>", "=cmd()", "", ".x", "a b", "_x", "x\\x1b"])
def test_hostile_names_are_refused(name, mistakes):
    quoted = f'"{name}"'
    assert any("name: " in line for line in mistakes(f"version: 1\nname: {quoted}\n" + BLOCK))
    for table in ("architectures", "datasets", "objectives"):
        text = HEAD + f"{table}: {{{quoted}: {{base: x}}}}\n" + BLOCK
        assert any("needed" in line or "it is empty" in line for line in mistakes(text))
    assert mistakes(HEAD + f"scales: {{{quoted}: {{}}}}\n" + BLOCK)


def test_all_mistakes_are_told_at_once_in_file_order(mistakes):
    said = mistakes(
        "version: 1\nname: bad\nsedes: 4\nseeds: [1, 1]\ntrain:\n  steps: -5\n  lr: [1e-4, .nan]\n"
        "objectives:\n  wgan-gp: {clip: 3}\n  mine: {base: gna}\ndatasets: {ring: {sd: -1}}\n"
        "matrix:\n  - dataset: 8gaussian\n    architecture: [mlp, mpl]\n    objective: wgan-lp\n"
        "    zip: [[lr, steps]]\n"
    )
    lines = [int(line.split(":")[1]) for line in said]
    assert lines == [3, 4, 6, 7, 9, 10, 11, 13, 14]


def test_batch_norm_with_a_penalty_is_allowed_where_the_suite_says_so(load):
    bn = "architectures:\n  bn: {base: mlp, critic: {norm: batch}%s}\n"
    block = BLOCK.replace("mlp", "bn")
    allow = "allow: [batch-norm-in-penalty]"
    assert load(HEAD + allow + "\n" + bn % "" + block)
    assert load(HEAD + bn % f", {allow}" + block)
    assert load(HEAD + bn % "" + f"objectives: {{wgan-gp: {{{allow}}}}}\n" + block)
    assert load(HEAD + bn % "" + block.replace("[gan, wgan-gp]", "[gan, wgan-clip]"))


def test_norm_auto_follows_the_objective(load):
    suite = load(HEAD + BLOCK.replace("mlp", "mlp-bn").replace("[gan, wgan-gp]", "[gan, wgan, wgan-clip, wgan-gp]"))
    norms = {run.objective: run.spec.setup.critic["norm"] for run in expand(suite).runs}
    assert norms == {"gan": "batch", "wgan-clip": "batch", "wgan": "layer", "wgan-gp": "layer"}


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("clipp=3", "unknown-name", "'clip'"),
        ("objective.x=3", "unknown-name", "'x'"),
        ("train.stesp=3", "unknown-name", "'steps'"),
        ("lr", "bad-value", "KEY=VALUE"),
        ("lr=", "bad-value", "lr: nothing"),
        ("lr=-1", "bad-value", "lr: -1"),
        ("lr=[1", "not-yaml", "not YAML"),
        ("clip=3", "unused-setting", "'clip'"),
        ("theta=3", "unused-setting", "'theta'"),
        ("sd=0", "bad-value", "sd: 0"),
        ("width=x", "bad-value", "width: 'x'"),
        ("samples=0", "bad-value", "samples: 0"),
        ("seeds=0", "bad-value", "seeds: 0"),
        ("activation=3", "bad-value", "'relu'"),
        ("extractors=[classifer]", "unknown-name", "'classifier'"),
    ],
)
def test_a_wrong_set_is_one_problem(text, code, word, problems):
    (problem,) = problems(HEAD + BLOCK, sets=["steps=5", text])
    assert problem.code == code
    assert str(problem).startswith(f"--set {text}: ")
    assert word in str(problem)


def test_set_may_end_a_sweep_that_zip_and_exclude_name(load):
    text = HEAD + "train: {lr: [1, 2], steps: [3, 4]}\n" + BLOCK
    text += "    zip: [[lr, steps]]\n    exclude: [{lr: 1, objective: gan}]\n"
    assert [run.sweep for run in expand(load(text)).runs] == [
        {"lr": 2, "steps": 4},
        {"lr": 1, "steps": 3},
        {"lr": 2, "steps": 4},
    ]
    assert [run.sweep for run in expand(load(text, sets=["lr=5"])).runs] == [{"steps": 3}, {"steps": 4}] * 2
