"""The rule by which shipped defaults are chosen."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.suite.load import load_suite

PATH = Path(__file__).parents[1] / "suites" / "tuning" / "choose.py"


@pytest.fixture
def choose():
    spec = importlib.util.spec_from_file_location("choose", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_rate_at_which_a_run_was_lost_counts_as_worst(choose):
    table = pd.DataFrame(
        {
            "run_id": list("abcdef"),
            "status": ["ok", "ok", "ok", "diverged", "ok", "failed"],
            "objective": "gan",
            "sweep.lr": [0.1, 0.1, 0.2, 0.2, 0.3, 0.3],
        }
    )
    scored = pd.DataFrame({"run_id": list("abcd"), "step": 10, "excess": [0.5, 0.7, 0.1, 0.1]})
    assert choose.means(table, scored, 10).loc["gan"].tolist() == pytest.approx([0.6, np.inf, np.inf])


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["quickstart", "robustness", "table2"])
def test_a_shipped_suite_has_the_steps_that_were_chosen(suite):
    part = (PATH.parents[2] / "docs" / "defaults.md").read_text().split(f"\n## {suite}\n")[1].split("\n## ")[0]
    (steps,) = re.findall(r"Chosen: ([\d,]+) steps", part)
    assert load_suite(str(PATH.parents[1] / f"{suite}.yaml")).train.steps == int(steps.replace(",", ""))


@pytest.mark.parametrize(
    ("means", "edges"),
    [
        ([0.3, 0.2, 0.1], ["gan (largest)"]),
        ([0.1, 0.2, 0.3], ["gan (smallest)"]),
        ([0.2, 0.1, 0.3], []),
        ([np.inf, 0.1, np.inf], []),
        ([0.1], []),
        ([np.inf, np.inf], []),
    ],
)
def test_a_best_rate_at_the_edge_of_the_grid_is_told(choose, means, edges):
    """`recipe` is the number it stands for: 3e-4, between the others here."""
    labels, rates = ["0.0001", "recipe", "0.001"][: len(means)], [1e-4, 3e-4, 1e-3][: len(means)]
    runs = pd.DataFrame({"objective": "gan", "sweep.lr": labels * 2, "hyper.critic_lr": rates * 2})
    mean = pd.DataFrame([means], index=["gan"], columns=labels)
    assert choose.at_edge(runs, mean) == edges


RATE = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]


def of_tuning(rows):
    """Return the means of objectives on two data sets, one twice as far off as the other."""
    found = pd.DataFrame.from_dict(rows, orient="index", columns=RATE).rename_axis("objective")
    return pd.concat({"ring": found, "25gaussians": 2 * found}, names=["dataset"])


def test_all_objectives_get_the_grid_with_the_most_best_rates_inside(choose):
    means = {"gan": [0.9, 0.7, 0.3, 0.4, 0.8], "nsgan": [0.9, 0.6, 0.5, 0.7, 0.8], "wgan-gp": [0.9, 0.4, 0.3, 0.2, 0.5]}
    base = {name: name for name in means}
    assert choose.grid(of_tuning(means), base) == RATE[1:]  # 1e-3 and 3e-3 inside, where the other has 1e-3 alone
    means["lost"], base["lost"] = [np.inf] * 5, "lost"
    means["wgan-gp"][3] = np.inf
    assert choose.grid(of_tuning(means), base) == RATE[:4]  # as many inside either, and the best rates in both


def test_a_variant_that_is_worse_at_its_best_rate_has_no_say(choose):
    means = {"gan": [0.9, 0.7, 0.3, 0.4, 0.8], "small": [0.8, 0.3, 0.9, 0.9, 0.9], "large": [0.9, 0.8, 0.7, 0.2, 0.9]}
    base = {"gan": "gan", "small": "wgan-clip", "large": "wgan-clip"}
    assert choose.grid(of_tuning(means), base) == RATE[1:]
    means["small"][1] = 0.1
    assert choose.grid(of_tuning(means), base) == RATE[:4]


def test_a_penalty_has_the_weight_that_is_best_relative_to_the_best_of_each_data_set(choose):
    """On `a` weight 1 is best by a little, on `b`, whose excess is a hundred times as large, weight 10 by a factor."""
    names = ["nsgan-1", "nsgan-10", "wgan-1", "wgan-10", "plain"]
    last = {
        "a": pd.DataFrame({0.1: [0.4, 0.5, 0.6, 0.7, 0.1], 0.2: [0.5, 0.4, 0.5, 0.6, 0.1]}, index=names),
        "b": pd.DataFrame({0.1: [90.0, 40.0, 70.0, 40.0, 1.0]}, index=names),
    }
    weight = pd.Series({"nsgan-1": 1.0, "nsgan-10": 10.0, "wgan-1": 1.0, "wgan-10": 10.0})
    table = choose.weights(last, weight)
    assert table["a"].to_dict() == pytest.approx({1.0: 0.45, 10.0: 0.5})
    assert table["b"].to_dict() == pytest.approx({1.0: 80.0, 10.0: 40.0})
    assert table["relative"].to_dict() == pytest.approx({1.0: 1.5, 10.0: (0.5 / 0.45 + 1) / 2})
