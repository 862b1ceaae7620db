"""Tuned values at the edge of their grid: there a better one may lie outside, and tuning is not at its end."""

from collections.abc import Collection

import numpy as np
import pandas as pd

RESOLVED = {"lr": "hyper.critic_lr", "n_critic": "setup.n_critic", "batch": "setup.batch", "steps": "steps"}
HELD = ("norm", "computing")
COLUMNS = ("objective", "setting", "choices", "at_smallest", "at_largest", "fewest_values")


def keys_of(runs: pd.DataFrame) -> list[str]:
    """Return the columns whose values share a grid: norms and ways of computing are held fixed, never tuned."""
    return ["task", "objective", *(name for name in HELD if name in runs)]


def edges(judged: pd.DataFrame, chosen: pd.DataFrame, swept: Collection[str]) -> pd.DataFrame:
    """Return how many of the choices of each objective and swept number are the smallest or largest of their grid.

    `chosen` holds the tuned runs among the `judged` ones, a choice a task, seed (and what is held fixed); `swept` the
    swept columns. `recipe` counts with the number that it stands for; settings that are no numbers have no edge.
    `fewest_values` is the size of the smallest grid: below three every choice is at an edge.
    """
    keys, rows = keys_of(judged), []
    for column in swept:
        values = judged.assign(number=numbers(judged, column)).dropna(subset=["number"])
        grids = values.groupby(keys)["number"].agg(["min", "max", "nunique"]).query("nunique > 1").reset_index()
        own = values[[*keys, "setting", "number"]].drop_duplicates([*keys, "setting"])
        choices = chosen[[*keys, "setting", "seed"]].merge(own, on=[*keys, "setting"]).merge(grids, on=keys)
        for objective, part in choices.groupby("objective", sort=False):
            low, high = (int(np.isclose(part["number"], part[end], rtol=1e-9).sum()) for end in ("min", "max"))
            name = column.removeprefix("sweep.")
            rows.append((str(objective), name, len(part), low, high, int(part["nunique"].min())))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def numbers(runs: pd.DataFrame, column: str) -> pd.Series:
    """Return the numbers of a swept column, `recipe` as what it stands for; none where some value is no number."""
    name, swept = column.removeprefix("sweep."), runs[column]
    values = pd.to_numeric(swept.where(swept.map(lambda value: not isinstance(value, bool))), errors="coerce")
    resolved = next((c for c in (RESOLVED.get(name), f"hyper.{name}", f"setup.{name}") if c in runs), None)
    if resolved:
        values = values.where(swept != "recipe", pd.to_numeric(runs[resolved], errors="coerce"))
    known = values.notna() | swept.isna()
    return values.astype(float) if known.all() else pd.Series(np.nan, index=runs.index)
