"""Tuned values at the edge of their grid: there a better one may lie outside, and tuning is not at its end."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from harness.text import listed

RESOLVED = {"lr": "hyper.critic_lr", "n_critic": "setup.n_critic", "batch": "setup.batch", "steps": "steps"}
COLUMNS = ("objective", "setting", "choices", "at_smallest", "at_largest", "fewest_values")


def edges(judged: pd.DataFrame, chosen: pd.DataFrame, swept: Collection[str]) -> pd.DataFrame:
    """Return how many of the choices of each objective and swept number are the smallest or largest of their grid.

    `chosen` holds the tuned runs among the `judged` ones, a choice a task, seed (and norm); `swept` the swept columns.
    `recipe` counts with the number that it stands for; settings that are no numbers have no edge. `fewest_values` is
    the size of the smallest grid: below three every choice is at an edge.
    """
    keys = ["task", "objective", *(["norm"] if "norm" in judged else [])]
    rows = []
    for column in swept:
        values = judged.assign(number=numbers(judged, column)).dropna(subset=["number"])
        texts = values.groupby(keys)["number"].agg(["min", "max", "nunique"]).query("nunique > 1").reset_index()
        own = values[[*keys, "setting", "number"]].drop_duplicates([*keys, "setting"])
        made = chosen[[*keys, "setting", "seed"]].merge(own, on=[*keys, "setting"]).merge(texts, on=keys)
        for objective, part in made.groupby("objective", sort=False):
            low, high = (int(np.isclose(part["number"], part[end], rtol=1e-9).sum()) for end in ("min", "max"))
            rows.append(
                (str(objective), column.removeprefix("sweep."), len(part), low, high, int(part["nunique"].min()))
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def numbers(runs: pd.DataFrame, column: str) -> pd.Series:
    """Return the numbers of a swept column, `recipe` as what it stands for; none where some value is no number."""
    name = column.removeprefix("sweep.")
    said = runs[column]
    found = pd.to_numeric(said.where(said.map(lambda value: not isinstance(value, bool))), errors="coerce")
    resolved = RESOLVED.get(name, f"hyper.{name}")
    if resolved in runs:
        found = found.where(said != "recipe", pd.to_numeric(runs[resolved], errors="coerce"))
    known = found.notna() | said.isna()
    return found.astype(float) if known.all() else pd.Series(np.nan, index=runs.index)


def sentence(found: pd.DataFrame) -> str:
    """Say which tuned values lie at the edge of their grid; "" where none does."""
    parts = [part for row in found.to_dict("records") if (part := _part(row))]
    if not parts:
        return ""
    few = found[found["fewest_values"] < 3]["setting"].unique()
    end = f" A grid of two values of {listed(list(few))} has no interior." if len(few) else ""
    return f"At the edge of its grid, so that a better value may lie outside: {'; '.join(parts)}.{end}"


def _part(row: dict[Any, Any]) -> str:
    """Write "lr of wgan-gp in 130 of 130 choices (the largest)"."""
    ends = [(row[f"at_{end}"], end) for end in ("largest", "smallest")]
    at = [(n, end) for n, end in ends if n]
    if not at:
        return ""
    which = f"the {at[0][1]}" if len(at) == 1 else listed([f"{n} the {end}" for n, end in at])
    return f"{row['setting']} of {row['objective']} in {sum(n for n, _ in at)} of {row['choices']} choices ({which})"
