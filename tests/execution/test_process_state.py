"""The same figures whatever the process has set: with `workers=0` a run shares it with the user's own code."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from harness.execution.requests import Request
from harness.execution.tasks import plan_suite, score_runs, train_stack
from harness.store import Store

SUITE = {
    "version": 1,
    "name": "state",
    "seeds": 2,
    "train": {"steps": 4, "batch": 8},
    "score": {"samples": 40},
    "architectures": {"mlp": {"width": 8, "depth": 1}},
    "matrix": [{"dataset": "ring", "architecture": "mlp", "objective": "wgan-gp"}],
}


@contextmanager
def setting(put, value, back):
    put(value)
    try:
        yield
    finally:
        put(back)


STATES = {
    "float64 by default": lambda: setting(torch.set_default_dtype, torch.float64, torch.float32),
    "coarse products": lambda: setting(torch.set_float32_matmul_precision, "medium", "highest"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "another device": lambda: torch.device("meta"),
}


def figures(root):
    """Return the scores and losses of a suite, planned, trained and scored in this process."""
    plan = plan_suite(Request(SUITE, str(root), device="cpu"), True)
    for stack in plan.stacks:
        done = train_stack(plan.folder, stack.id, stack.runs, "cpu")
        assert done.failure is None, done
        score_runs(plan.folder, stack.runs)
    table = Store(plan.folder).table().set_index("run_id").sort_index()
    return table.select_dtypes("number").drop(columns=[c for c in table if c.endswith(("_s", "_ms", "_mb"))])


@pytest.mark.slow
def test_a_suite_has_the_same_figures_in_every_state_of_the_process(tmp_path):
    expected = figures(tmp_path / "plain")
    assert expected["w1_excess"].notna().all()
    for name, state in STATES.items():
        with state():
            found = figures(tmp_path / name)
        same = [c for c in expected if c != "step_ms"]
        assert list(found.index) == list(expected.index), name
        assert np.array_equal(found[same].to_numpy(), expected[same].to_numpy(), equal_nan=True), name
    assert torch.get_default_dtype() == torch.float32
