"""Whether the runs of a suite can be averaged over its tasks, and why not where they cannot."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from harness.report.analysis.grid_edges import keys_of
from harness.report.analysis.noise_floors import over_floor
from harness.report.analysis.null_rows import undefined
from harness.text import counted, listed

SCORES = ("w1", "w1_excess", "fid_excess", "score")  # metrics that order the runs of a task as the score does


def why_none(table: pd.DataFrame, metrics: Mapping[str, str]) -> str:
    """Return why a labelled table has no ranking over all tasks, as the end of a sentence; "" where it has one.

    `metrics` is the primary metric by data set. There is none for a single task or objective, before every run has
    ended, where a metric other than a distance ranks, where no generator is trained, where the cells have different
    seeds, and where a run that is ok lacks its score or time.
    """
    for label in ("task", "objective"):
        if (n := table[label].nunique()) < 2:
            return f"the suite has {counted(n, label)}"
    if waiting := int((table["status"] == "pending").sum()):
        return f"{counted(waiting, 'run')} {'is' if waiting == 1 else 'are'} pending"
    if "score" not in table:
        return "no run has a score"
    others: dict[str, list[str]] = {}
    for dataset, metric in metrics.items():
        if not _orders_as_score(metric, table):
            others.setdefault(metric, []).append(dataset)
    if others:
        names = listed([f"{metric} (of {listed(datasets)})" for metric, datasets in others.items()])
        return f"{names} need not order runs as the score does"
    runs = shared(table)
    if (n := runs["task"].nunique()) < 2:
        return f"every objective was run on {counted(n, 'task')} alone" if n else "no task has runs of every objective"
    if "setup.trained" in runs and (runs["setup.trained"] == "fixed").any():
        return "not every run trains a generator"
    ok = runs[runs["status"] == "ok"]
    if ok.empty:
        return "no run is ok"
    if runs.groupby([*keys_of(runs), "setting"])["seed"].agg(lambda seeds: str(sorted(seeds))).nunique() > 1:
        return "cells have different seeds"
    known = np.isfinite(ok[["score", "train_s"]].to_numpy(dtype=np.float64, na_value=np.nan)).all()
    return "" if known else "a run that is ok lacks its score or its time"


def shared(table: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the tasks that have a score and that every objective was run on."""
    table = table[~table["task"].isin(undefined(table))]
    objectives = table.groupby("task")["objective"].nunique()
    return table[table["task"].isin(objectives.index[objectives == table["objective"].nunique()])]


def _orders_as_score(metric: str, table: pd.DataFrame) -> bool:
    """Whether a primary metric orders the runs of a task as the score does: of several FIDs one does."""
    if metric in SCORES:
        return True
    excess = over_floor(table, metric)
    if excess is None or "fid_excess" not in table:
        return False
    beyond = (excess[0] - table["fid_excess"]).astype(float).dropna()
    return bool(len(beyond)) and bool(np.allclose(beyond, 0, atol=1e-6))
