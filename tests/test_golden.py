"""The first 15 steps of every objective and architecture, kept: numerics may not change without a new version.

`python tests/test_golden.py` writes the file again; raise the version of what changed in the same commit.
"""

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from oracles import BLOBS, DOUBLE, HERE, data_for, make_spec

from harness.architectures import ARCHITECTURES
from harness.datasets import DATASETS
from harness.engine import train
from harness.objectives import OBJECTIVES, TRICKS
from harness.spec import ENGINE_VERSION

GOLDEN = Path(__file__).with_name("golden.json")


def cases():
    """Every entry of every table once, by name, but for data sets that must be downloaded."""
    specs = {f"objective {name}": make_spec(name) for name in OBJECTIVES}
    for name in ARCHITECTURES:
        data = data_for(name)
        specs[f"architecture {name}"] = make_spec(
            dataset=data, architecture=name, **({"batch": 4} if data == "large" else {})
        )
    specs |= {f"dataset {name}": make_spec(dataset=name) for name in HERE}
    specs["norm spectral"] = make_spec("hinge", critic={"norm": "spectral"})
    # What couples samples is refused beside wgan-gp, whose penalty has second derivatives.
    losses_of = {name: "nsgan" if trick.couples else "wgan-gp" for name, trick in TRICKS.items()}
    return specs | {f"trick {name}": make_spec(losses_of[name], tricks=(name,)) for name in TRICKS}


LONG = {f"architecture {name}" for name, entry in ARCHITECTURES.items() if len(entry.shape) == 3}


def version(case):
    kind, name = case.split(" ", 1)
    if kind == "norm":
        return [ENGINE_VERSION]
    table = {"objective": OBJECTIVES, "architecture": ARCHITECTURES, "dataset": DATASETS, "trick": TRICKS}[kind]
    return [ENGINE_VERSION, table[name].version]


def losses(spec):
    curves = train([spec], placement=DOUBLE)[0].curves
    return {player: [float(f"{x:.6g}") for x in curves[f"{player}_loss"]] for player in ("critic", "generator")}


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.slow] if case in LONG else []) for case in cases()]
)
def test_numerics_change_only_with_a_version(case):
    kept = json.loads(GOLDEN.read_text())[case]
    assert kept["version"] == version(case), "a version moved: run `python tests/test_golden.py`"
    for player, expected in losses(cases()[case]).items():
        np.testing.assert_allclose(expected, kept[player], rtol=1e-4, atol=1e-5)


if __name__ == "__main__":
    DATASETS.update(BLOBS)
    with tempfile.TemporaryDirectory() as empty:
        os.environ["HARNESS_CACHE"] = empty  # images that earlier code decoded tell nothing
        kept = {case: {"version": version(case), **losses(spec)} for case, spec in cases().items()}
    GOLDEN.write_text(json.dumps(kept, indent=1) + "\n")
