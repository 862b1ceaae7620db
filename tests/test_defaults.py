"""The rule by which shipped defaults are chosen."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.suite import load_suite

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


@pytest.mark.parametrize("suite", ["quickstart", "robustness", "table2"])
def test_a_shipped_suite_has_the_steps_that_were_chosen(suite):
    part = (PATH.parents[2] / "docs" / "defaults.md").read_text().split(f"\n## {suite}\n")[1].split("\n## ")[0]
    (steps,) = re.findall(r"Chosen: ([\d,]+) steps", part)
    assert load_suite(str(PATH.parents[1] / f"{suite}.yaml")).train.steps == int(steps.replace(",", ""))
