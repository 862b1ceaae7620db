"""Print how a suite's rates and steps were chosen: python suites/tuning/choose.py results/tuning-quickstart

The rule: every objective gets the same grid of rates; the rate with the lowest mean excess (w1_excess, or FID less its
floor) over the tuning seeds is its default, and a rate at which any run failed or diverged counts as worst; steps are
enough when the best objective's mean excess is within two floors of zero (harness/report/enough.py).
"""

import sys

import pandas as pd

from harness.report import tables
from harness.report.enough import FLOORS, over_floor
from harness.store import Store


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
        best = rates[row.idxmin()]
        ends = {"largest": rates.max(), "smallest": rates.min()}
        found += [f"{objective} ({end})" for end, rate in ends.items() if best == rate and len(rates) > 1]
    return found


def main(folder: str) -> None:
    """Print a table for every data set and scored step, the chosen rates marked, and whether the steps are enough."""
    view = tables.read(Store(folder))
    for dataset, runs in view.table.groupby("dataset"):
        if not (runs["status"] == "ok").any():
            print(f"\n{dataset}: none of its {len(runs)} runs is ok")
            continue
        metric, scored = view.metrics[dataset], view.scored[view.scored["run_id"].isin(runs["run_id"])]
        found = over_floor(scored, metric)
        if found is None:
            sys.exit(f"{folder}: {dataset} is ranked on {metric}, of which no rule is written down")
        excess, floor = found
        lost = int((runs["status"] != "ok").sum())
        print(f"\n{dataset}: {len(runs)} runs, {runs['seed'].nunique()} tuning seeds, {lost} runs not ok")
        for step in sorted(scored["step"].unique()):
            mean = means(runs, scored.assign(excess=excess), step)
            print(f"\nMean {metric} after {step} steps{'' if metric == 'w1_excess' else ', less its floor'}:\n")
            print("| objective | " + " | ".join(f"lr {rate}" for rate in mean.columns) + " | chosen |")
            print("| --- " * (len(mean.columns) + 2) + "|")
            for objective, row in mean.iterrows():
                best = row.idxmin()
                cells = " | ".join(f"**{v:.3f}**" if rate == best else f"{v:.3f}" for rate, v in row.items())
                print(f"| {objective} | {cells} | {best} |")
            edges = at_edge(runs, mean)
            if edges:
                print(f"\nAt the edge of the grid: {', '.join(edges)}; extend it there by factors of about 3.")
            word = "within" if mean.min().min() <= FLOORS * floor else "not within"
            print(f"\nThe best mean, {mean.min().min():.3f}, is {word} two floors ({FLOORS * floor:.3f}).")
    machine = view.table.iloc[0]
    print(f"\n{machine['host_cpu']}, torch {machine['torch']}, harness {machine['harness']}")


if __name__ == "__main__":
    main(sys.argv[1])
