"""What a study found: how much of its space is good, how soon a search finds that, and whether the best one holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from harness.report import figures, panels, stats
from harness.report.figures import Style
from harness.report.panels import Drawn, Section
from harness.report.records import Records
from harness.spec import content_id
from harness.study import budget
from harness.study.value import WORST, value_of
from harness.wording import NOTHING, counted, interval, number, plain, range_text

INDEPENDENT = ("random",)  # samplers whose trials could have come in any order
SPREAD = ("random", "qmc")  # samplers that spread trials over the whole space, of which shares may then be taken
SAMPLERS = {"random": "at random", "qmc": "as scrambled Sobol points", "tpe": "by TPE"}


class Contrast(NamedTuple):
    """The objectives with the largest and the smallest of a number, and how far these are apart."""

    first: str
    last: str
    gap: stats.Interval


@dataclass(frozen=True)
class Studied:
    """What a study found.

    block      the suite's `study`, resolved
    trials     a row for every trial drawn: objective, trial, value (null before its runs have ended), runs, lost,
               seconds (of training, a run), and its settings
    objectives a row for every objective: trials, runs, lost, best, trial (the number of the best), settings, seconds;
               confirmed with low and high; q1 and q3 of the values; share (of trials near the best) and mean (of their
               values), both with _low and _high, where the trials spread over the space; NaN where not known
    curves     objective, k, best, low, high: the best of k trials, expected where they are independent
    contrasts  of share and of mean, where there are two objectives whose trials spread over the space
    counts     runs by status, in words
    """

    block: Mapping[str, Any]
    trials: pd.DataFrame
    objectives: pd.DataFrame
    curves: pd.DataFrame
    contrasts: Mapping[str, Contrast]
    counts: str

    @property
    def ended(self) -> bool:
        """Whether all trials were drawn and have ended."""
        planned = self.block["trials"] * self.objectives["objective"].nunique()
        return len(self.trials) == planned and bool(self.trials["value"].notna().all())


def read(store: Records) -> Studied | None:
    """Return what the study of a results folder found so far; None where it holds none."""
    kept = store.plan.get("study")
    if not kept:
        return None
    block, table = store.plan["resolved"]["study"], store.table()
    runs = {row["run_id"]: row for row in table.to_dict("records")}
    trials = pd.DataFrame([_trial(trial, runs) for trial in kept["trials"]])
    names = list(dict.fromkeys(trials["objective"]))
    ended = bool(trials["value"].notna().all()) and len(trials) == block["trials"] * len(names)
    rows = [_objective(name, trials[trials["objective"] == name]) for name in names]
    objectives = pd.DataFrame(rows).merge(_confirmations(kept["chosen"], runs), on="objective", how="left")
    curves, contrasts = pd.DataFrame(columns=["objective", "k", "best", "low", "high"]), dict[str, Contrast]()
    if ended:
        values = np.stack([trials.loc[trials["objective"] == name, "value"].astype(float) for name in names])
        drawn = budget.redrawn(values, np.random.default_rng(int(content_id(kept["identity"]), 16)))
        curves = _curves(names, values, drawn, block["sampler"])
        if block["sampler"] in SPREAD:
            objectives, contrasts = _spread(objectives, values, drawn)
    return Studied(block, trials, objectives, curves, contrasts, _counts(table, kept))


def _trial(trial: Mapping[str, Any], runs: Mapping[str, Mapping[Any, Any]]) -> dict[str, Any]:
    mine = [runs[run_id] for run_id in dict.fromkeys(trial["runs"])]
    value = value_of(_result(run) for run in mine)
    seconds = [float(run["train_s"]) for run in mine if not _is_missing(run.get("train_s"))]
    return {
        "objective": trial["objective"], "trial": trial["number"], "value": np.nan if value is None else value,
        "runs": len(mine), "lost": sum(run["status"] in stats.FAILURES for run in mine),
        "seconds": float(np.mean(seconds)) if seconds else np.nan, **trial["params"],
    }  # fmt: skip


def _result(run: Mapping[Any, Any]) -> tuple[str, float | None]:
    """Return the status and score of a row of the table: one that is not scored yet is pending."""
    if run["status"] != "ok":
        return run["status"], None
    score = run.get("score")
    return ("pending", None) if _is_missing(score) else ("ok", float(cast(float, score)))


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _objective(name: str, trials: pd.DataFrame) -> dict[str, Any]:
    values = trials["value"].astype(float)
    q1, q3 = np.quantile(values, [0.25, 0.75]) if values.notna().all() else (np.nan, np.nan)
    numbers, known = trials["trial"].to_numpy(), values.fillna(-np.inf).to_numpy()
    return {
        "objective": name, "trials": int(values.notna().sum()), "runs": int(trials["runs"].sum()),
        "lost": int(trials["lost"].sum()), "best": values.max(), "q1": q1, "q3": q3,
        "trial": int(numbers[known.argmax()]) if values.notna().any() else None,
        "seconds": float(trials["seconds"].mean()),
    }  # fmt: skip


def _confirmations(chosen: list[Mapping[str, Any]], runs: Mapping[str, Mapping[Any, Any]]) -> pd.DataFrame:
    """Return a row for every chosen trial: its settings, and the mean score on fresh seeds with its t interval."""
    rows = []
    for trial in chosen:
        found = [(runs[run_id]["seed"], *_result(runs[run_id])) for run_id in trial["runs"]]
        made = pd.DataFrame(found, columns=["seed", "status", "score"])
        by_seed = made.assign(score=made["score"].astype(float).fillna(WORST)).groupby("seed")["score"].mean()
        pending = (made["status"] == "pending").any()
        mean = stats.t_interval([] if pending else by_seed.to_numpy())
        settings = ", ".join(f"{name}={plain(value)}" for name, value in trial["params"].items())
        bounds = {"confirmed": mean.mean, "low": max(mean.low, 0.0), "high": min(mean.high, 1.0)}
        rows.append({"objective": trial["objective"], "settings": settings, **bounds})
    return pd.DataFrame(rows, columns=["objective", "settings", "confirmed", "low", "high"])


def _spread(
    objectives: pd.DataFrame, values: budget.Array, drawn: budget.Array
) -> tuple[pd.DataFrame, dict[str, Contrast]]:
    """Return the objectives with what their trials say of the space, the largest share first, and the contrasts."""
    names, contrasts = list(objectives["objective"]), dict[str, Contrast]()
    shares = budget.share_near_best(values), budget.share_near_best(drawn)
    for name, (found, redrawn) in {"share": shares, "mean": (values.mean(-1), drawn.mean(-1))}.items():
        low, high = budget.bounds(redrawn)
        objectives = objectives.assign(**{name: found, f"{name}_low": low, f"{name}_high": high})
        contrasts |= {name: _contrast(names, found, redrawn)} if len(names) > 1 else {}
    return objectives.sort_values("share", ascending=False, kind="stable", ignore_index=True), contrasts


def _contrast(names: list[str], found: budget.Array, redrawn: budget.Array) -> Contrast:
    """Set the objective with the largest of numbers [objectives] against the one with the smallest."""
    order = np.argsort(-found, kind="stable")
    first, last = order[0], order[-1]
    low, high = budget.bounds(redrawn[:, first] - redrawn[:, last])
    return Contrast(
        names[first], names[last], stats.Interval(float(found[first] - found[last]), float(low), float(high))
    )


def _curves(names: list[str], values: budget.Array, drawn: budget.Array, sampler: str) -> pd.DataFrame:
    independent = sampler in INDEPENDENT
    best = budget.expected_best(values) if independent else budget.running_best(values)
    low, high = budget.bounds(budget.expected_best(drawn)) if independent else (np.full_like(best, np.nan),) * 2
    k = np.arange(1, values.shape[-1] + 1)
    parts = [
        pd.DataFrame({"objective": name, "k": k, "best": best[i], "low": low[i], "high": high[i]})
        for i, name in enumerate(names)
    ]
    return pd.concat(parts, ignore_index=True)


def _counts(table: pd.DataFrame, kept: Mapping[str, Any]) -> str:
    """Return how many runs there are of trials and of the confirmation, by status: they add up to the plan."""
    fresh = table["run_id"].isin({run_id for trial in kept["chosen"] for run_id in trial["runs"]})
    parts = [f"{counted(len(kept['trials']), 'trial')} in {_by_status(table[~fresh])}"]
    parts += [f"the best of each objective confirmed in {_by_status(table[fresh])}"] if fresh.any() else []
    return "; ".join(parts)


def _by_status(table: pd.DataFrame) -> str:
    counts = table["status"].value_counts()
    return f"{counted(len(table), 'run')} ({', '.join(f'{n:,} {status}' for status, n in counts.items())})"


def sentence(found: Studied) -> str:
    """Return what the study says: whose space is good in a larger part, by how much, and how sure that is."""
    rows, block = found.objectives.to_dict("records"), found.block
    if not found.ended:
        n = int(found.trials["value"].notna().sum())
        return (
            f"{n:,} of {counted(block['trials'] * len(rows), 'trial')} have ended; the same command goes on from there."
        )
    each = " of each" if len(rows) > 1 else ""
    drawn = f"{counted(block['trials'], 'trial')}{each}, drawn {SAMPLERS[block['sampler']]}"
    if "share" not in found.objectives:
        best = max(rows, key=lambda row: row["best"])
        return f"The best trial is one of {best['objective']}, with a score of {best['best']:.2f} ({drawn})."
    first, last = rows[0], rows[-1]
    said = f"{_share(first)} of the trials of {first['objective']} come within {budget.NEAR:g} of its best score"
    if not found.contrasts:
        return f"{said}, {first['best']:.2f} ({drawn})."
    said += f", {first['best']:.2f}, and {_share(last)} of those of {last['objective']} of its own, {last['best']:.2f}"
    gap = found.contrasts["share"].gap
    text = f"{_points(gap.mean)} points [{_points(gap.low)}, {_points(gap.high)}]"
    if gap.excludes_zero:
        said += f": {last['objective']} is more sensitive, by {text}, an interval that excludes 0 ({drawn})."
    else:
        said += f": a difference of {text}, an interval that contains 0: no difference found ({drawn})."
    return f"{said} {_mean_sentence(found)}"


def _mean_sentence(found: Studied) -> str:
    """Say what a setting is worth that nobody chose."""
    first, last, gap = found.contrasts["mean"]
    mean = found.objectives.set_index("objective")["mean"]
    told = "excludes 0" if gap.excludes_zero else "contains 0: no difference found"
    return (
        f"A setting drawn at random scores {mean[first]:.2f} with {first} and {mean[last]:.2f} with {last}, "
        f"{interval(gap.mean, gap.low, gap.high)} less, an interval that {told}."
    )


def _share(row: Mapping[Any, Any]) -> str:
    return f"{_points(row['share'])} % [{_points(row['share_low'])}, {_points(row['share_high'])}]"


def _points(share: float) -> str:
    return f"{100 * share:.0f}".replace("-0", "0")


def shown(found: Studied) -> dict[str, Any]:
    """Return what the page shows of a study, as text."""
    rows = found.objectives.to_dict("records")
    spread = "share" in found.objectives
    space = "; ".join(f"{name} {range_text(where)}" for name, where in found.block["space"].items())
    return {
        "space": space,
        "drawn": SAMPLERS[found.block["sampler"]],
        "seeds": counted(_seeds(found), "seed"),
        "expected": found.block["sampler"] in INDEPENDENT,
        "spread": spread,
        "near": f"{budget.NEAR:g}",
        "rows": [
            {
                "objective": row["objective"], "trials": f"{row['trials']:,}",
                "lost": f"{row['lost']} of {row['runs']:,}", "best": number(row["best"]),
                "confirmed": interval(row["confirmed"], row["low"], row["high"]),
                "share": _share(row) if spread else "",
                "mean": interval(row["mean"], row["mean_low"], row["mean_high"]) if spread else "",
                "middle": f"{number(row['q1'])} to {number(row['q3'])}" if row["q1"] == row["q1"] else NOTHING,
                "settings": row["settings"] if isinstance(row["settings"], str) else "",
                "seconds": number(row["seconds"]),
            }
            for row in rows
        ],
    }  # fmt: skip


def _seeds(found: Studied) -> int:
    seeds = found.block["seeds"]
    return len(seeds) if isinstance(seeds, list) else int(seeds)


def section(found: Studied, styled: Mapping[str, Style]) -> Section:
    """Return the panel of the best of k trials, where all have ended."""
    items = [found.curves] if len(found.curves) else []
    return panels.collect("study", items, partial(_panel, found, styled), len(items), "studies")


def _panel(found: Studied, styled: Mapping[str, Style], curves: pd.DataFrame) -> Drawn:
    figure, ax = figures.blank(4.7, 3.6)
    for name, part in curves.groupby("objective", sort=True):
        look = styled[str(name)]
        ax.plot(
            part["k"], part["best"], color=look.colour, linestyle=look.dash, linewidth=1.8, label=str(name), zorder=3
        )
        if part["low"].notna().any():
            ax.fill_between(part["k"], part["low"], part["high"], color=look.colour, alpha=0.15, linewidth=0)
    expected = found.block["sampler"] in INDEPENDENT
    ax.set_xlabel("trials")
    ax.set_ylabel("expected best score" if expected else "best score so far")
    cast(Figure, ax.figure).legend(loc="outside lower center", ncols=3, handlelength=3)
    ax.set_ylim(-0.02, 1.02)
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)
    what = "Expected best score" if expected else "Best score so far"
    return figure, "best against trials", f"{what} against the number of trials, a line an objective"
