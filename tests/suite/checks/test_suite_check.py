"""Every mistake of a suite is a sentence with file and line, all of them at once, before any run."""

import pytest

from harness.suite.expand import expand

HEAD = "version: 1\nname: t\n"
BLOCK = "matrix:\n  - dataset: ring\n    architecture: mlp\n    objective: [gan, wgan-gp]\n"


WRONG = {
    # the file after its head, and what must be said of it
    "unknown key": ("sedes: 3\n" + BLOCK, "x.yaml:3: sedes: unknown key. Did you mean 'seeds'?"),
    "unknown key of train": (
        "train: {micro_batches: 3}\n" + BLOCK,
        "micro_batches: unknown key. Did you mean 'micro_batch'?",
    ),
    "unknown key in a block": (BLOCK + "    sed: 3\n", "x.yaml:7: sed: unknown key. Did you mean 'seeds'?"),
    "unknown key in a scale": (
        "scales: {a: {trian: {}}}\n" + BLOCK,
        "x.yaml:3: trian: unknown key. Did you mean 'train'?",
    ),
    "negative": ("train:\n  steps: -5\n" + BLOCK, "x.yaml:4: steps: -5 given, a whole number of at least 1 needed."),
    "zero": ("train:\n  batch: 0\n" + BLOCK, "x.yaml:4: batch: 0 given, a whole number of at least 1 needed."),
    "text": ("train: {batch: '64'}\n" + BLOCK, "x.yaml:3: batch: '64' given, a whole number of at least 1 needed."),
    "truth": ("train: {pack: true}\n" + BLOCK, "x.yaml:3: pack: true given, a whole number of at least 1 needed."),
    "nothing": ("train: {pack: }\n" + BLOCK, "x.yaml:3: pack: nothing given, a whole number of at least 1 needed."),
    "NaN": ("train: {lr: .nan}\n" + BLOCK, "x.yaml:3: lr: nan given, a number above 0 or 'recipe' needed."),
    "infinity": ("train:\n  lr:\n    - 1\n    - .inf\n" + BLOCK, "x.yaml:6: lr: inf given, a number above 0"),
    "too large": ("train: {lr: 1e999}\n" + BLOCK, "x.yaml:3: lr: inf given, a number above 0"),
    "rate of 0": ("train: {lr: 0}\n" + BLOCK, "x.yaml:3: lr: 0 given, a number above 0 or 'recipe' needed."),
    "word": ("train: {lr: recip}\n" + BLOCK, "x.yaml:3: lr: 'recip' given, a number above 0 or 'recipe' needed."),
    "beta": ("train: {beta1: 1}\n" + BLOCK, "x.yaml:3: beta1: 1 given, a number from 0 to below 1"),
    "empty sweep": ("train: {lr: []}\n" + BLOCK, "x.yaml:3: lr: an empty list given, at least one value needed."),
    "nested sweep": ("train: {lr: [[1e-4]]}\n" + BLOCK, "x.yaml:3: lr: [0.0001] given, a number above 0"),
    "optimiser": (
        "train: {optimizer: adamw}\n" + BLOCK,
        "x.yaml:3: optimizer: 'adamw' given, 'adam', 'rmsprop', 'sgd'",
    ),
    "n_critic": (
        "train: {n_critic: {first: [1, 2]}}\n" + BLOCK,
        "x.yaml:3: n_critic: {'first': [1, 2]} given, a whole",
    ),
    "init": (
        "train: {critic_init: {normal: 0}}\n" + BLOCK,
        "x.yaml:3: critic_init: {'normal': 0} given, 'he', 'default'",
    ),
    "schedule": (
        "train: {schedule: {lr: exp}}\n" + BLOCK,
        "x.yaml:3: schedule: {'lr': 'exp'} given, a mapping such as",
    ),
    "unknown schedule": (
        "train: {schedule: {gp_wieght: linear}}\n" + BLOCK.replace("[gan, wgan-gp]", "wgan-gp"),
        "x.yaml:3: schedule: 'gp_wieght' is no hyperparameter of 'wgan-gp'. Did you mean 'gp_weight'?",
    ),
    "no mapping": ("train: 5\n" + BLOCK, "x.yaml:3: train: 5 given, a mapping needed."),
    "no list": ("matrix: ring\n", "x.yaml:3: matrix: 'ring' given, a list needed."),
    "empty matrix": ("matrix: []\n", "x.yaml:3: matrix: an empty list given, at least one block needed."),
    "no matrix": ("seeds: 3\n", "x.yaml:1: matrix: this key is needed, and is not there."),
    "block without objective": (
        "matrix:\n  - dataset: ring\n    architecture: mlp\n",
        "x.yaml:4: objective: this key is needed, and is not there.",
    ),
    "no seeds": ("seeds: 0\n" + BLOCK, "x.yaml:3: seeds: 0 given, a number of seeds from 1 to 10,000"),
    "empty seeds": ("seeds: []\n" + BLOCK, "x.yaml:3: seeds: [] given, a number of seeds from 1 to 10,000"),
    "too many seeds": ("seeds: 10001\n" + BLOCK, "x.yaml:3: seeds: 10001 given, a number of seeds from 1 to 10,000"),
    "repeated seeds": ("seeds: [1, 2, 1]\n" + BLOCK, "x.yaml:3: seeds: seed 1 is listed twice"),
    "negative seed": ("seeds: [-1]\n" + BLOCK, "x.yaml:3: seeds: [-1] given"),
    "fraction": ("score: {at: [.5, 1.5]}\n" + BLOCK, "x.yaml:3: at: 1.5 given, a fraction from 0 to 1 needed."),
    "version": (BLOCK.replace("matrix", "version: 2\nmatrix"), "the key 'version' stands twice"),
    "unknown objective": (
        BLOCK.replace("wgan-gp", "wgan_gp"),
        "x.yaml:6: objective: unknown name 'wgan_gp'. Did you mean 'wgan-gp'?",
    ),
    "unknown data": (BLOCK.replace("ring", "rign"), "x.yaml:4: dataset: unknown name 'rign'. Did you mean 'ring'?"),
    "unknown in a column": (
        "matrix:\n  - dataset: ring\n    architecture: mlp\n    objective:\n    - gan\n    - gna\n",
        "x.yaml:8: objective: unknown name 'gna'. Did you mean 'gan'?",
    ),
    "no base": (
        "objectives: {mine: {lr: 1}}\n" + BLOCK,
        "x.yaml:3: mine: 'mine' is no objective of the table; `base` must name",
    ),
    "unknown base": (
        "objectives:\n  mine:\n    base: gann\n" + BLOCK,
        "x.yaml:5: base: unknown name 'gann'. Did you mean 'gan'?",
    ),
    "base of a table name": (
        "datasets: {ring: {base: 8gaussians}}\n" + BLOCK,
        "x.yaml:3: base: 'ring' is in the table of datasets itself",
    ),
    "hyper of another": (
        "objectives:\n  wgan-gp:\n    clip: 3\n" + BLOCK,
        "x.yaml:5: clip: the objective 'wgan-gp' has no such hyperparameter. It has gp_weight.",
    ),
    "hyper of none": (
        "objectives: {gan: {clip: 3}}\n" + BLOCK,
        "the objective 'gan' has no such hyperparameter. It has none of its own.",
    ),
    "near hyper": ("objectives: {wgan-gp: {gp_wieght: 3}}\n" + BLOCK, "Did you mean 'gp_weight'?"),
    "hyper as text": (
        "objectives: {wgan-gp: {gp_weight: a}}\n" + BLOCK,
        "x.yaml:3: gp_weight: 'a' given, a finite number or 'recipe'",
    ),
    "unknown trick": (
        "objectives: {gan: {tricks: {emma: {}}}}\n" + BLOCK,
        "x.yaml:3: emma: unknown trick 'emma'. Did you mean 'ema'?",
    ),
    "trick's parameter": (
        "objectives: {gan: {tricks: {ema: {deacy: 1}}}}\n" + BLOCK,
        "x.yaml:3: deacy: the trick 'ema' has no such parameter.",
    ),
    "unknown field": (
        "architectures: {mlp: {widht: 3}}\n" + BLOCK,
        "x.yaml:3: widht: the architecture 'mlp' has no such parameter. Did you mean 'width'?",
    ),
    "field of no player": (
        "architectures: {mlp: {gen.width: 3}}\n" + BLOCK,
        "x.yaml:3: gen.width: the architecture 'mlp' has no such parameter. Did you mean 'width'?",
    ),
    "field of the other": (
        "architectures: {mlp: {critic: {latent: 3}}}\n" + BLOCK,
        "x.yaml:3: latent: the architecture 'mlp' has no such",
    ),
    "field's value": (
        "architectures: {mlp: {width: 0}}\n" + BLOCK,
        "x.yaml:3: width: 0 given, greater than or equal to 1 needed.",
    ),
    "field's swept value": (
        "architectures:\n  mlp:\n    width:\n    - 8\n    - '8'\n" + BLOCK,
        "x.yaml:7: width: '8' given, a valid integer needed.",
    ),
    "widths": (
        "architectures: {mlp: {widths: [[8], [0]]}}\n" + BLOCK,
        "x.yaml:3: widths: [0] given, greater than or equal to 1 needed.",
    ),
    "player's init": (
        "architectures: {mlp: {init: {}}}\n" + BLOCK,
        "x.yaml:3: init: {} given, 'he', 'default', 'dcgan' or {normal: sd}",
    ),
    "data parameter": (
        "datasets: {ring: {thetta: 3}}\n" + BLOCK,
        "x.yaml:3: thetta: the data set 'ring' has no such parameter.",
    ),
    "spread of 0": ("datasets: {ring: {sd: 0}}\n" + BLOCK, "x.yaml:3: sd: 0 given, a number above 0 needed."),
    "modes": (
        "datasets: {8gaussians: {n_modes: 2.5}}\n" + BLOCK,
        "x.yaml:3: n_modes: 2.5 given, a whole number of at least 1",
    ),
    "allowance": (
        "allow: [batch-norm]\n" + BLOCK,
        "x.yaml:3: allow: 'batch-norm' given, 'batch-norm-in-penalty' needed.",
    ),
    "batch norm": (
        "architectures:\n  bn:\n    base: mlp\n    critic:\n      norm: batch\n" + BLOCK.replace("mlp", "bn"),
        "x.yaml:7: norm: batch norm in the critic of 'bn' couples the samples that the penalty of 'wgan-gp' takes",
    ),
    "zip of one": (BLOCK + "    zip: [[lr]]\n", "x.yaml:7: zip: a group names at least two swept lists"),
    "zip of what is not swept": (BLOCK + "    zip: [[lr, steps]]\n", "x.yaml:7: zip: 'lr' is not swept in this block."),
    "zip of unequal lists": (
        "train: {lr: [1, 2], steps: [1, 2, 3]}\n" + BLOCK + "    zip: [[lr, steps]]\n",
        "x.yaml:8: zip: lists that advance together must be equally long: lr has 2, steps has 3.",
    ),
    "zip twice": (
        "train: {lr: [1, 2], steps: [1, 2]}\n" + BLOCK + "    zip: [[lr, steps], [steps, lr]]\n",
        "'steps' stands in `zip` twice",
    ),
    "exclude unknown key": (
        BLOCK + "    exclude: [{lr: 3}]\n",
        "x.yaml:7: lr: neither a component nor swept in this block.",
    ),
    "exclude unknown value": (
        BLOCK + "    exclude: [{objective: gna}]\n",
        "x.yaml:7: objective: 'gna' given, one of ['gan', 'wgan-gp'] needed.",
    ),
    "exclude nothing": (BLOCK + "    exclude: [{}]\n", "x.yaml:7: exclude: an empty entry would leave nothing"),
    "exclude all": (BLOCK + "    exclude: [{dataset: ring}]\n", "x.yaml:7: exclude: nothing of this block is left."),
    "constrain unread": (
        "train: {constrain: before}\n" + BLOCK,
        "x.yaml:3: constrain: no objective trained here has a constraint",
    ),
    "n_critic of a fixed generator": (
        "train: {generator: fixed, n_critic: 5}\n" + BLOCK,
        "x.yaml:3: n_critic: 5 given, but the steps of a fixed generator are critic updates.",
    ),
    "missing plug-in": ("plugins: [nope.py]\n" + BLOCK, "nope.py cannot be read: No such file"),
    "extends nothing": ("extends: nope.yaml\n" + BLOCK, "x.yaml:3: extends: nope.yaml: there is no such file."),
    "extends itself": ("extends: x.yaml\n" + BLOCK, "x.yaml: extends itself"),
    "too many runs": (
        "seeds: 10000\ntrain: {batch: [" + "1, " * 60 + "2]}\n" + BLOCK,
        "1,220,000 runs asked for, at most 1,000,000",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_a_sentence_with_its_line(name, mistakes):
    text, expected = WRONG[name]
    said = mistakes(HEAD + text)
    assert any(expected in line for line in said), said
    assert all(line.startswith("x.yaml") and line.rstrip().endswith((".", "?")) for line in said), said
    assert len(said) <= 2, said  # one mistake does not drag others along


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
    ("text", "expected"),
    [
        ("clipp=3", "clipp: unknown name. Did you mean 'clip'?"),
        ("objective.x=3", "objective.x: unknown name 'x'."),
        ("train.stesp=3", "train.stesp: unknown name 'stesp'. Did you mean 'steps'?"),
        ("lr", "'lr' given, KEY=VALUE needed"),
        ("lr=", "lr: nothing given, a number above 0"),
        ("lr=-1", "lr: -1 given, a number above 0"),
        ("lr=[1", "not YAML"),
        ("clip=3", "no objective that this suite trains has a setting 'clip'."),
        ("theta=3", "no dataset that this suite trains has a setting 'theta'."),
        ("sd=0", "0 given, a number above 0 needed."),
        ("width=x", "'x' given, a valid integer needed."),
        ("samples=0", "samples: 0 given, a whole number of at least 1"),
        ("seeds=0", "seeds: 0 given, a number of seeds"),
    ],
)
def test_a_wrong_set_is_a_sentence(text, expected, mistakes):
    said = mistakes(HEAD + BLOCK, sets=["steps=5", text])
    assert len(said) == 1
    assert said[0].startswith(f"--set {text}: ")
    assert expected in said[0]


def test_set_may_end_a_sweep_that_zip_and_exclude_name(load):
    text = HEAD + "train: {lr: [1, 2], steps: [3, 4]}\n" + BLOCK
    text += "    zip: [[lr, steps]]\n    exclude: [{lr: 1, objective: gan}]\n"
    assert [run.sweep for run in expand(load(text)).runs] == [
        {"lr": 2, "steps": 4},
        {"lr": 1, "steps": 3},
        {"lr": 2, "steps": 4},
    ]
    assert [run.sweep for run in expand(load(text, sets=["lr=5"])).runs] == [{"steps": 3}, {"steps": 4}] * 2
