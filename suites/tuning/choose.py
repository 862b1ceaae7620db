"""Print the table by which a suite's rates were chosen: python suites/tuning/choose.py results/tuning-quickstart

The rule: every objective gets the same grid of rates; the rate with the lowest mean of the primary metric over the
tuning seeds is its default, a rate at which any run failed counts as worst; steps are enough when the best objective's
mean excess is within two floors of zero.
"""

import sys
from pathlib import Path

import harness
from harness.store import Store


def main(folder: str) -> None:
    """Print rates against objectives at every scored step, the chosen ones marked, and whether the steps are enough."""
    table = harness.load(folder)
    scored = Store(folder).scored().merge(table[["run_id", "status", "objective", "dataset", "hyper.lr", "w1_floor"]])
    for (dataset, step), part in scored.groupby(["dataset", "step"]):
        part = part.assign(value=part["w1_excess"].where(part["status"] == "ok", float("inf")))
        mean = part.pivot_table(index="objective", columns="hyper.lr", values="value", aggfunc="mean")
        best = mean.idxmin(axis=1)
        print(f"\n{dataset} after {step} steps, mean w1_excess over {table['seed'].nunique()} tuning seeds:\n")
        print("| objective | " + " | ".join(f"lr {rate:g}" for rate in mean.columns) + " | chosen |")
        print("| --- " * (len(mean.columns) + 2) + "|")
        for objective, row in mean.iterrows():
            cells = " | ".join(f"**{v:.3f}**" if rate == best[objective] else f"{v:.3f}" for rate, v in row.items())
            print(f"| {objective} | {cells} | {best[objective]:g} |")
        floor, lowest = part["w1_floor"].mean(), mean.min().min()
        word = "within" if lowest <= 2 * floor else "not within"
        print(f"\nThe best mean, {lowest:.3f}, is {word} two floors ({2 * floor:.3f}).")
    machine = table.iloc[0]
    print(f"\n{Path(folder).name}: {machine['host_cpu']}, torch {machine['torch']}, harness {machine['harness']}")


if __name__ == "__main__":
    main(sys.argv[1])
