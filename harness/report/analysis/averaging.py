"""Whether the runs of a suite can be averaged over its tasks, and why not where they cannot."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from harness.report.analysis.null_rows import undefined
from harness.report.analysis.undertrained import over_floor
from harness.text import counted, listed


def why_none(table: pd.DataFrame, metrics: Mapping[str, str]) -> str:
    """Return why a labelled table has no ranking over all tasks, as the end of a sentence; "" where it has one.

    `metrics` is the primary metric by data set. There is none for a single task or objective, before every run has
    ended, where a metric other than a distance ranks, where no generator is trained, where the cells have different
    seeds, and where a run that is ok lacks its score or time.
    """
    for label in ("task", "objective"):
        if (n := table[label].nunique()) < 2:
            return f"the suite has {counted(n, label)}"
    if waits := int((table["status"] == "pending").sum()):
        return f"{counted(waits, 'run')} {'is' if waits == 1 else 'are'} pending"
    if "score" not in table:
        return "no run has a score"
    ranked: dict[str, list[str]] = {}
    for dataset, metric in metrics.items():
        if not _scored_by(metric, table):
            ranked.setdefault(metric, []).append(dataset)
    if ranked:
        others = listed([f"{metric} (of {listed(names)})" for metric, names in ranked.items()])
        return f"{others} need not order runs as the score does"
    return _why_unfair(shared(table))


def shared(table: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the tasks that have a score and that every objective was run on."""
    table = table[~table["task"].isin(undefined(table))]
    objectives = table.groupby("task")["objective"].nunique()
    return table[table["task"].isin(objectives.index[objectives == table["objective"].nunique()])]


def _why_unfair(runs: pd.DataFrame) -> str:
    """Return why runs of the tasks that all objectives share are not to be averaged; "" where they are."""
    if (n := runs["task"].nunique()) < 2:
        return f"every objective was run on {counted(n, 'task')} alone" if n else "no task has runs of every objective"
    if "setup.trained" in runs and (runs["setup.trained"] == "fixed").any():
        return "not every run trains a generator"
    ok = runs[runs["status"] == "ok"]
    if ok.empty:
        return "no run is ok"
    cell = ["task", "objective", "setting", *(["norm"] if "norm" in runs else [])]
    seeds = runs.groupby(cell)["seed"].agg(lambda found: str(sorted(found)))
    if seeds.nunique() > 1:
        return "cells have different seeds"
    known = np.isfinite(ok[["score", "train_s"]].to_numpy(dtype=np.float64, na_value=np.nan)).all()
    return "" if known else "a run that is ok lacks its score or its time"


def _scored_by(metric: str, table: pd.DataFrame) -> bool:
    """Whether a primary metric orders the runs of a task as the score does: of several FIDs one does."""
    if metric in ("w1", "w1_excess", "fid_excess", "score"):
        return True
    found = over_floor(table, metric)
    if found is None or "fid_excess" not in table:
        return False
    beyond = (found[0] - table["fid_excess"]).astype(float).dropna()
    return bool(len(beyond)) and bool(np.allclose(beyond, 0, atol=1e-6))
