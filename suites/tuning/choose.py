"""Print how a suite's rates and steps were chosen: python suites/tuning/choose.py results/tuning-quickstart

The rule: every objective gets the same grid of rates; the rate with the lowest mean excess (w1_excess, or FID less its
floor) over the tuning seeds is its default, and a rate at which any run failed or diverged counts as worst; steps are
enough when the best objective's mean excess is within two floors of zero (harness/report/analysis/noise_floors.py). A
suite that sweeps rates offers every objective the same four neighbouring ones. A penalty has one weight for all losses:
the one with the lowest mean excess at its best rate, over losses, relative to the lowest of each data set.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from harness.objectives import PENALTIES
from harness.report.analysis import tables
from harness.report.analysis.noise_floors import FLOORS, over_floor
from harness.report.results import Results
from harness.store import Store

RATES = 4  # that a suite offers every objective


def means(table: pd.DataFrame, scored: pd.DataFrame, step: int) -> pd.DataFrame:
    """Return the mean `excess` after `step` by objective (rows) and rate (columns); inf where a run was lost.

    Where the suite has several architectures, the mean is over them too.
    """
    runs = table[["run_id", "status", "objective", "sweep.lr"]]
    runs = runs.merge(scored.loc[scored["step"] == step, ["run_id", "excess"]], how="left")
    runs["excess"] = runs["excess"].where(runs["status"] == "ok").fillna(float("inf"))
    return runs.pivot_table(index="objective", columns="sweep.lr", values="excess", aggfunc="mean")


def at_edge(runs: pd.DataFrame, mean: pd.DataFrame) -> list[str]:
    """Return which objectives have their best rate at the edge of the grid: "gan (largest)"; `recipe` is its number."""
    found = []
    for objective, row in mean.iterrows():
        mine = runs[runs["objective"] == objective].drop_duplicates("sweep.lr")
        rates = pd.Series(mine["hyper.critic_lr"].astype(float).to_numpy(), index=mine["sweep.lr"])
        if not np.isfinite(row.min()):
            continue
        best = rates[row.idxmin()]
        ends = {"largest": rates.max(), "smallest": rates.min()}
        found += [f"{objective} ({end})" for end, rate in ends.items() if best == rate and len(rates) > 1]
    return found


def grid(mean: pd.DataFrame, base: Mapping[str, str]) -> list[float]:
    """Return four neighbouring rates, the same for every objective: those with the most best rates inside, at no end.

    `mean` has a row a data set and objective, a column a rate; data sets weigh alike. `base` says which table entry an
    objective is a variant of: of several variants the one with the lowest mean excess at its best rate counts. Of grids
    with as many best rates inside the one with the lowest mean excess at the best rates that it offers.
    """
    by = mean.groupby("objective").mean()
    by = by[np.isfinite(by.min(axis=1))]
    lowest = by.min(axis=1)
    by = by.loc[lowest.groupby([base[name] for name in by.index]).idxmin()]
    best = by.to_numpy().argmin(axis=1)
    starts = range(len(by.columns) - RATES + 1)

    def worth(start: int) -> tuple[int, float]:
        offered = by.iloc[:, start : start + RATES]
        return int(((best > start) & (best < start + RATES - 1)).sum()), -float(offered.min(axis=1).mean())

    start = max(starts, key=worth)
    return list(by.columns[start : start + RATES])


def text(folder: str | Path) -> str:
    """Return a table for every data set and scored step, the chosen rates marked, and whether the steps are enough.

    Exits with a sentence where a data set is ranked on a metric that the rule says nothing of.
    """
    view = tables.read(Results.of(Store(folder)))
    parts, last = [], {}
    for dataset, runs in view.table.groupby("dataset"):
        metric, scored = view.metrics[dataset], view.scored[view.scored["run_id"].isin(runs["run_id"])]
        lost = int((runs["status"] != "ok").sum())
        parts.append(f"{dataset}: {len(runs)} runs, {runs['seed'].nunique()} tuning seeds, {lost} runs not ok")
        if lost == len(runs):
            continue
        found = over_floor(scored, metric)
        if found is None:
            sys.exit(f"{folder}: {dataset} is ranked on {metric}, of which no rule is written down")
        excess, floor = found
        for step in sorted(scored["step"].unique()):
            mean = means(runs, scored.assign(excess=excess), step)
            parts += _table(
                mean, f"Mean {metric} after {step:,} steps{'' if metric == 'w1_excess' else ', less its floor'}:"
            )
            edges = at_edge(runs, mean)
            if edges:
                parts.append(f"At the edge of the grid: {', '.join(edges)}; extend it there by factors of about 3.")
            word = "within" if mean.min().min() <= FLOORS * floor else "not within"
            parts.append(f"The best mean, {mean.min().min():.3f}, is {word} two floors ({FLOORS * floor:.3f}).")
        last[dataset] = mean
    return "\n\n".join([*parts, *_weights(last, view.table), *_grids(last, view)])


def weights(last: Mapping[str, pd.DataFrame], weight: pd.Series) -> pd.DataFrame:
    """Return a row a weight of one penalty: its mean excess at its best rate, over losses, in a column a data set, and
    as `relative` the mean over data sets of what that is of the lowest there. The lowest of these is chosen.

    `last` has by data set a row an objective, a column a rate; `weight` those of the objectives with this penalty.
    """
    means = {name: mean.min(axis=1).reindex(weight.index).groupby(weight).mean() for name, mean in last.items()}
    table = pd.DataFrame(means)
    return table.assign(relative=(table / table.min()).mean(axis=1))


def _weights(last: dict[str, pd.DataFrame], table: pd.DataFrame) -> list[str]:
    """Return a table for every penalty of which the suite has several weights."""
    parts = []
    for penalty, runs in table.groupby("setup.penalty") if "setup.penalty" in table else ():
        (name,) = PENALTIES[str(penalty)].hyper
        rows = weights(last, runs.groupby("objective")[f"hyper.{name}"].first().astype(float))
        if len(rows) > 1:
            lines = ["| weight | " + " | ".join(rows.columns) + " |", "| --- " * (len(rows.columns) + 1) + "|"]
            lines += [f"| {w:g} | " + " | ".join(f"{value:.3f}" for value in row) + " |" for w, row in rows.iterrows()]
            parts += [f"Mean excess with `{penalty}` at the best rate, over the losses:", "\n".join(lines)]
            parts.append(f"Chosen for all losses and data: {name} {rows['relative'].idxmin():g}.")
    return parts


def _table(mean: pd.DataFrame, title: str) -> list[str]:
    lines = ["| objective | " + " | ".join(f"lr {rate}" for rate in mean.columns) + " | chosen |"]
    lines.append("| --- " * (len(mean.columns) + 2) + "|")
    for objective, row in mean.iterrows():
        best = row.idxmin() if np.isfinite(row.min()) else "none"
        cells = " | ".join(f"**{v:.3f}**" if rate == best else f"{v:.3f}" for rate, v in row.items())
        lines.append(f"| {objective} | {cells} | {best} |")
    return [title, "\n".join(lines)]


def _grids(last: dict[str, pd.DataFrame], view: tables.View) -> list[str]:
    """Return the rates that a suite offers, of points and of images, where the grid is wide enough to choose from."""
    kinds: dict[str, dict[str, pd.DataFrame]] = {}
    for dataset, mean in last.items():
        if len(mean.columns) > RATES and "recipe" not in mean:
            kinds.setdefault("images" if dataset in view.plan.pictures else "toys", {})[dataset] = mean
    base = dict(zip(view.table["objective"], view.table["objective.base"], strict=True))
    return [
        f"{RATES} rates on {kind}, around the best of the objectives over its data sets after the last step: "
        f"{', '.join(map(str, grid(pd.concat(means_of, names=['dataset']), base)))}."
        for kind, means_of in kinds.items()
    ]


if __name__ == "__main__":
    print(text(sys.argv[1]))
