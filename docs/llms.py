"""Write llms.txt, what lets a coding assistant write a valid suite: python docs/llms.py [--check]

The rules and the suites are below; keys and names follow from the schema and the tables, and what harness says of each
mistake from harness itself. `--check` writes nothing, and exits with 1 where llms.txt is another.
"""

import re
import sys
import tempfile
from pathlib import Path
from runpy import run_path

from harness.errors import SuiteError
from harness.suite.expand import expand
from harness.suite.load import load_suite

ROOT = Path(__file__).parents[1]
REFERENCE = Path(__file__).parent / "site" / "reference.py"

RULES = """\
# harness

> A declarative benchmark of GAN objectives: a YAML suite in, a report with confidence intervals out. This file says
> how to write a suite that is valid at the first try. It is made by `python docs/llms.py`.

1. Write one YAML file (YAML 1.2: `1e-4` is a number), such as `suites/mine.yaml`. Use names from the tables below
   alone.
2. Check it with `harness plan suites/mine.yaml --json`: it trains nothing, prints runs, settings, time and cost, or
   every mistake at once, each in a sentence with its line, and exits with 2. Change the file until it exits with 0.
3. Train with `harness run suites/mine.yaml`; the same command continues after an interruption. The report's path is
   printed.
4. `harness compare DIR A B`, `harness export DIR --to csv`, `harness report DIR`; in Python `harness.load(DIR)` (a
   DataFrame, one row a run) and `harness.report(table).sentence`.

Rules of a suite:

- `version: 1`, `name` and `matrix` are needed; `question` is a full sentence with a question mark, which the report
  answers.
- `matrix` is a list of blocks. Each has `dataset`, `architecture` and `objective`, a name or a list of names, and
  trains every combination of them with every seed.
- Any list of scalars under `train`, or in a variant, is swept: `lr: [recipe, 1e-3]` trains both. `recipe` keeps the
  value of the objective's paper; what is not written has it anyway. Do not write optimizer, betas or n_critic
  unless they are the question.
- A variant is a new name with `base`, or a table's name with other settings: `objectives: {strong: {base: wgan-gp,
  gp_weight: 10}}`. The matrix names it as `strong`.
- The number of runs is the product of all lists times seeds: `harness plan` says it, and how long they take.
- Intervals need `seeds: 2` or more, 5 is better. Compare objectives with the same tuning: sweep the same `lr` for
  all.
- `mlp` networks take points and images; `dcgan`, `resnet` and other convolutional ones images alone. `harness plan`
  refuses what does not fit.
- Paths of your own data (`datasets: {mine: {base: points, file: data/mine.csv}}`, or `{base: folder, folder:
  photos}`) are relative to the suite file.
"""

SUITES = {
    "Two objectives on toys, each at the rate of its paper and at one more": """\
version: 1
name: first
question: Does WGAN-GP cover more modes than the GAN?
seeds: 5
train: {steps: 1000, lr: [recipe, 1e-3]}
matrix:
  - {dataset: [8gaussians, 25gaussians], architecture: mlp, objective: [nsgan, wgan-gp]}
""",
    "The weight of a penalty, a penalty on another loss, and a trick": """\
version: 1
name: penalties
question: Which penalty helps which loss?
seeds: 3
train: {steps: 1000}
objectives:
  wgan-gp: {gp_weight: [0.1, 1, 10]}
  hinge-r1: {base: hinge, penalty: r1, gamma: 0.1}
  averaged: {base: nsgan, tricks: {ema: {decay: 0.99}}}
architectures: {small: {base: mlp, width: 32, depth: 2}}
matrix:
  - {dataset: ring, architecture: [mlp, small], objective: [wgan-gp, hinge, hinge-r1, averaged]}
""",
    "Images: FID in features of a small network, beside its floor": """\
version: 1
name: images
question: Does the objective or the network decide on digits?
seeds: 3
train: {steps: 750, batch: 64}
score: {at: [.25, .5, 1], samples: 540}
matrix:
  - {dataset: digits, architecture: [dcgan, mlp], objective: [nsgan, wgan-clip, wgan-gp]}
""",
    "Blocks with settings of their own, lists that advance together, exceptions, and a scale (`--scale smoke`)": """\
version: 1
name: blocks
question: Is a deep network harder to train?
seeds: [0, 1, 2]
train: {steps: 500}
matrix:
  - dataset: 8gaussians
    architecture: [mlp, mlp-deep]
    objective: [gan, wgan-gp]
    train: {lr: [1e-4, 1e-3], steps: [1000, 500]}
    zip: [[lr, steps]]
    exclude: [{objective: gan, architecture: mlp-deep}]
  - {dataset: swissroll, architecture: mlp, objective: wgan-gp, train: {n_critic: [1, 5]}}
scales:
  smoke: {seeds: 1, train: {steps: 20}}
""",
    "A study (`harness study FILE`): settings drawn from a space, as many for each objective, the best confirmed": """\
version: 1
name: tuned
question: Which objective needs the least tuning?
seeds: 5
train: {steps: 500}
study:
  space: {lr: {low: 1e-4, high: 1e-2, log: true}, n_critic: {choices: [1, 5]}}
  trials: 20
matrix:
  - {dataset: ring, architecture: mlp, objective: [nsgan, wgan-gp]}
""",
}

# What is often written, by the line of the first suite that it takes the place of.
MISTAKES = {
    "train: {steps: 1000, lr: [recipe, 1e-3]}": [
        "train: {steps: 1000, learning_rate: 1e-3}",
        "train: {steps: 1000, lr: -1}",
    ],
    "objective: [nsgan, wgan-gp]}": ["objective: [nsgan, wgan_gp]}", "objectives: [nsgan, wgan-gp]}"],
    "architecture: mlp,": ["architecture: dcgan,"],
}  # fmt: skip


def write() -> str:
    """Return the text of llms.txt."""
    reference = run_path(str(REFERENCE))
    suites = "\n".join(f"### {title}\n\n```yaml\n{text}```\n" for title, text in SUITES.items())
    pages = "\n".join(_within(reference[page]()) for page in ("suite_keys", "names"))
    wrong = "\n".join(f"- `{written}`\n\n{_code(message)}" for written, message in mistakes())
    return (
        f"{RULES}\n## Whole suites\n\n{suites}\n## What harness says of mistakes\n\n"
        f"Of the first suite above, with another line:\n\n{wrong}\n{pages}"
    )


def _code(text: str) -> str:
    return "".join(f"      {line}\n" for line in text.splitlines())


def _within(page: str) -> str:
    """Return a page of the reference a heading deeper, with links that hold from the root."""
    return re.sub(r"^#", "##", page, flags=re.MULTILINE).replace("](../", "](docs/")


def mistakes() -> list[tuple[str, str]]:
    """Return what is written wrong, and what harness says of it."""
    first, pairs = next(iter(SUITES.values())), []
    for right, wrongs in MISTAKES.items():
        assert first.count(right) == 1, right
        pairs += [(wrong, _refusal(first.replace(right, wrong))) for wrong in wrongs]
    return pairs


def _refusal(text: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            expand(load_suite(str(path)))
        except SuiteError as error:
            return str(error).replace(str(path), "mine.yaml")
    raise AssertionError(f"harness takes it: {text}")


def main(arguments: list[str]) -> int:
    """Write llms.txt, or with --check only say whether it is current."""
    path, text = ROOT / "llms.txt", write()
    is_current = path.is_file() and path.read_text(encoding="utf-8") == text
    if "--check" in arguments:
        print(f"{path.name}: {'current' if is_current else 'another; run python docs/llms.py'}")
        return 0 if is_current else 1
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
