"""What the critics know: their estimates beside the exact W1, at the end and during training."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.report.analysis.cell_table import FAILURES, best_cells, numbers
from harness.statistics import correlation
from harness.statistics.intervals import Interval, t_interval

RATIO = "ratio"  # dual_over_slope / w1
# What an objective's row holds of the last step, in the order in which it is shown.
AT_END = (RATIO, "dual", "slope_max", "slope_mean", "direction", "js_bound")
# Where the values of some end, and so do their intervals.
ENDS = {
    "slope_max": (0, math.inf), "slope_mean": (0, math.inf), "direction": (-1, 1), "js_bound": (-math.inf, math.log(2)),
}  # fmt: skip
DISTANCES = ("w1", "w1_floor", "dual_over_slope", "dual_certified")  # in units of the data: they share an axis
ESTIMATES = ("dual_over_slope", "js_bound")  # what is set against W1 over all runs
COEFFICIENTS = {"pearson": correlation.pearson, "spearman": correlation.spearman}
POOLED = ""  # the objective of a correlation over all of them
CELL = ["task", "objective", "setting"]


@dataclass(frozen=True)
class Critics:
    """What the records of a suite say of its critics; tables without rows where they have no such columns.

    objectives    a row an objective, at its best setting of every task: n_ok, n_planned, and of each of AT_END that it
                  has, at the last step, the median of the runs that are ok, and over the seeds `_mean`, `_low` and
                  `_high`, NaN unless all planned runs have it
    steps         a row a cell at its best setting and scored step: of each of DISTANCES the median of the runs that are
                  ok, with their range (`_low`, `_high`), and n of them
    points        a row a run and scored step after step 0 that has W1 and an estimate; `group` is the task in which
                  it is correlated, POOLED where the generator is fixed
    correlations  a row an estimate and objective: its correlation with W1 by each of COEFFICIENTS inside a task, in
                  the mean over tasks, `_low` and `_high` over the seeds; in the row POOLED over all points at once;
                  n_points, n_runs, and n_negative, points whose estimate is not above 0
    """

    objectives: pd.DataFrame
    steps: pd.DataFrame
    points: pd.DataFrame
    correlations: pd.DataFrame

    @property
    def quantities(self) -> list[str]:
        """Those of AT_END that some objective has."""
        return [name for name in AT_END if name in self.objectives]

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """The CSV files by name; the points are rows of scored.csv."""
        tables = {"objectives": self.objectives, "steps": self.steps, "correlations": self.correlations}
        return {f"critic-{name}.csv": table for name, table in tables.items() if len(table)}


def critics(table: pd.DataFrame, scored: pd.DataFrame, cells: pd.DataFrame) -> Critics | None:
    """Return what is known of the critics of a labelled table; None where no run says anything of its critic.

    `scored` is the store's long table; `cells` are those of `cell_table.cells`, by which the best settings are chosen.
    """
    if not {"dual", *ESTIMATES, "slope_max"} & set(scored) or not len(cells):
        return None
    known = [name for name in dict.fromkeys((*AT_END, *DISTANCES)) if name in scored]
    labels = table[["run_id", *CELL, "seed", "status"]].assign(group=table["task"])
    if "setup.trained" in table:  # then W1 varies between tasks alone
        labels["group"] = labels["group"].where(table["setup.trained"] != "fixed", POOLED)
    values = scored[["run_id", "step"]].join(pd.DataFrame({name: numbers(scored, name) for name in known}))
    values = values.merge(labels, on="run_id")
    best = values.merge(best_cells(cells)[CELL], on=CELL)
    points, objectives = _points(values), _objectives(table.merge(best_cells(cells)[CELL], on=CELL))
    result = Critics(objectives, _steps(best[best["status"] == "ok"]), points, _correlations(points))
    return result if result.quantities else None


def _objectives(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of objectives; `runs` are those of their best cells."""
    exact, labels = numbers(runs, "w1"), runs[["objective", "task", "seed", "status"]]
    values = pd.DataFrame({name: numbers(runs, name) for name in AT_END})
    values[RATIO] = (numbers(runs, "dual_over_slope") / exact).where(exact > 0)
    values = values.where(np.isfinite(values)).where(runs["status"] == "ok")
    rows = []
    for objective, part in labels.join(values).groupby("objective", sort=False):
        statuses = part["status"]
        row = {"objective": str(objective), "n_ok": int((statuses == "ok").sum()), "n_planned": len(part)}
        row |= {"n_lost": int(statuses.isin(FAILURES).sum())}
        for name in AT_END:
            row |= _summary(part, name)
        rows.append(row)
    return pd.DataFrame(rows)


def _summary(runs: pd.DataFrame, name: str) -> dict[str, float]:
    """Return the median of a column of runs and, where all runs of tasks that know it have a value, its interval."""
    whole = runs.groupby("task")[name].transform("count") > 0  # a task of images has no W1 at all
    values = runs.loc[whole, name]
    if values.empty:
        return {}
    by_seed = values.groupby([runs["seed"], runs["task"]]).mean().unstack()
    is_whole = values.notna().all() and by_seed.notna().to_numpy().all()
    interval = t_interval(by_seed.mean(axis=1)) if is_whole else Interval(math.nan, math.nan, math.nan)
    low, high = np.clip([interval.low, interval.high], *ENDS.get(name, (-math.inf, math.inf))).tolist()
    spread = {f"{name}_mean": interval.mean, f"{name}_low": low, f"{name}_high": high}
    return {name: float(values.median()), **spread}


def _steps(values: pd.DataFrame) -> pd.DataFrame:
    """Return the medians and ranges of distances by cell and step, of the runs `values` [run and step]."""
    names = [name for name in DISTANCES if name in values and values[name].notna().any()]
    if "w1" not in names or len(names) == 1:
        return pd.DataFrame(columns=[*CELL, "step"])
    return by_step(values, names)


def by_step(values: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the medians of columns by cell and step, with their ranges (`_low`, `_high`) and how many runs these are
    of.
    """
    groups = values.groupby([*CELL, "step"], sort=False)
    medians, low, high = groups[names].median(), groups[names].min(), groups[names].max()
    table = medians.join(low.add_suffix("_low")).join(high.add_suffix("_high")).join(groups.size().rename("n"))
    return table.reset_index().sort_values([*CELL, "step"], kind="stable", ignore_index=True)


def _points(values: pd.DataFrame) -> pd.DataFrame:
    """Return the scored steps at which a critic that was trained has an estimate, and its samples an exact W1."""
    names = [name for name in ESTIMATES if name in values]
    columns = ["run_id", *CELL, "group", "seed", "step", "w1"]
    if "w1" not in values or not names:
        return pd.DataFrame(columns=columns)
    known = (values["step"] > 0) & (values["w1"] > 0) & values[names].notna().any(axis=1)
    points = values.loc[known, [*columns, *names]]
    return points.drop_duplicates(
        ["run_id", "objective", "step"], ignore_index=True
    )  # a run may have two settings' names


def _correlations(points: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for estimate in (name for name in ESTIMATES if name in points):
        known = points[np.isfinite(points[estimate])]
        if len(known):
            together = pd.Series(POOLED, known.index)
            rows.append({"estimate": estimate, "objective": POOLED, **_correlation(known, estimate, together)})
        for objective, part in known.groupby("objective", sort=False):
            rows.append({"estimate": estimate, "objective": objective, **_correlation(part, estimate, part["group"])})
    return pd.DataFrame(rows)


def _correlation(points: pd.DataFrame, estimate: str, tasks: pd.Series) -> dict[str, float]:
    row: dict[str, float] = {"n_points": len(points), "n_runs": points["run_id"].nunique()}
    row["n_negative"] = int((points[estimate] <= 0).sum())
    for name, coefficient in COEFFICIENTS.items():
        interval = correlation.within_groups(coefficient, points["w1"], points[estimate], tasks, points["seed"])
        row |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return row
