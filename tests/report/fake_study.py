"""The made-up records of a study, with values that tests choose."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.store.plan_file import Plan, PlannedRun, PlannedTrial, StudyState

CONFIRMED = {"lr": 2e-3, "norm": "none"}
CONFIRMED = {"lr": 2e-3, "norm": "none"}
SPACE = {
    "lr": {"low": 1e-4, "high": 1e-2, "log": True, "whole": False},
    "norm": {"choices": ["none", "layer"], "log": False, "whole": False},
}


@dataclass
class Study:
    """A study's records, two seeds a trial with scores .02 apart around `values` [trials] of each objective.

    `points` [trials] are what all objectives draw from `space`; some even ones where none are given. `chosen` are the
    numbers of the trials that `fresh` confirms, where these are not the best.
    """

    values: dict[str, list[float]]
    fresh: dict[str, list[float]] = field(default_factory=dict)
    sampler: str = "random"
    statuses: dict[str, str] = field(default_factory=dict)
    points: list[dict[str, Any]] = field(default_factory=list)
    chosen: dict[str, int] = field(default_factory=dict)
    space: dict[str, Any] = field(default_factory=lambda: SPACE)
    folder: Path = Path("results/t")

    @property
    def plan(self) -> Plan:
        n = len(next(iter(self.values.values())))
        points = self.points or [{"lr": 1e-3 * (1 + i * min(1.0, 9 / n)), "norm": "none"} for i in range(n)]
        trials = [
            PlannedTrial(name, i, dict(points[i]), [f"{name}-{i}-{seed}" for seed in (100, 101)])
            for name, values in self.values.items() for i in range(len(values))
        ]  # fmt: skip
        best = {name: int(np.argmax(values)) for name, values in self.values.items()} | self.chosen
        chosen = [
            PlannedTrial(name, best[name], dict(CONFIRMED), [f"{name}-best-{i}" for i in range(len(values))])
            for name, values in self.fresh.items()
        ]  # fmt: skip
        block = {"space": self.space, "trials": n, "sampler": self.sampler, "seeds": 2, "batch": 8, "seed": 0}
        columns = self.table()[["run_id", "objective", "seed"]].itertuples(index=False)
        runs = tuple(PlannedRun(run_id, "", "", name, name, seed, {"lr": 1.0}) for run_id, name, seed in columns)
        state = StudyState("x", tuple(trials), tuple(chosen))
        return Plan("", runs, {}, (), resolved={"study": block}, study=state)

    def table(self) -> pd.DataFrame:
        return self._table.copy()

    @cached_property
    def _table(self) -> pd.DataFrame:
        rows = [
            (f"{name}-{i}-{seed}", name, seed, value + (0.01 if seed == 100 else -0.01))
            for name, values in self.values.items() for i, value in enumerate(values) for seed in (100, 101)
        ]  # fmt: skip
        rows += [(f"{name}-best-{i}", name, i, x) for name, values in self.fresh.items() for i, x in enumerate(values)]
        table = pd.DataFrame(rows, columns=["run_id", "objective", "seed", "score"])
        status = pd.Series([self.statuses.get(run_id, "ok") for run_id in table["run_id"]])
        return table.assign(status=status, score=table["score"].where(status == "ok"), train_s=2.0, **{"sweep.lr": 1.0})

    def scored(self) -> pd.DataFrame:
        return self._table[["run_id"]].assign(step=10)
