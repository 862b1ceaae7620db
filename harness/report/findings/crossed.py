"""Losses crossed with penalties: what the critic is trained with as two factors, found from the runs themselves.

A loss is named by the first objective of the table that has it and no penalty: `r1` and `dragan` are penalties of
`nsgan`. A clipped critic and a spectrally normalised one stand among the penalties: they serve the same end.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from harness.metrics import lower_is_better
from harness.metrics.columns import MetricColumn
from harness.objectives import OBJECTIVES, PENALTIES, no_penalty, objective_of
from harness.objectives.constraints import keep
from harness.report.analysis import cell_table, grid_edges
from harness.report.analysis.across_tasks import variance_shares
from harness.report.analysis.cell_table import FAILURES
from harness.report.analysis.critic_norms import RESOLVED, SWEPT
from harness.report.analysis.headline import Headline, headline, tuned
from harness.spec import content_id
from harness.statistics import intervals
from harness.statistics.intervals import Interval
from harness.statistics.trials import wilson

NONE, CLIPPED, SPECTRAL = "none", "clipping", "spectral norm"
PARTS = ["objective.base", "setup.penalty", RESOLVED, "setup.tricks"]
FEWEST = 2  # losses, and penalties, that make a cross


@dataclass(frozen=True)
class Crossed:
    """Every loss with every penalty.

    headline  of these runs, a candidate a combination: `combined` has their names. Without the tasks in which every run
              scores 0, where two others are left: they would add the same 0 to every mean
    cells     a row a task, loss and penalty: score, low, high (tuned, over seeds); modes with modes_low, modes_high and
              modes_of, those that real samples show; n_runs, n_lost, n_no_better (at score 0), and of these two
              together the share `unlearned` with its bounds
    effects   a row a penalty and loss: by how much it raises the score over the loss with the first penalty, in the
              mean over tasks: difference, low, high; the loss MEAN is that over all losses, the
              penalty ANY that over all others
    shares    of the variance of tuned scores within tasks (`across_tasks.variance_shares`), by loss, penalty and task:
              of runs with a penalty, where there are several, else of all
    coverage  a row a penalty: modes as a share of those that real samples show, in the mean over losses and the tasks
              that have modes, with low and high, and the share of a Gaussian fit (`gaussian`); empty where none has,
              or a run that counts was lost
    at_zero   a row a task in which every run scores 0 and penalty, the best first: mean, low, high of the task's own
              metric over losses, and by how much it is worse than the first, paired by seed: behind, behind_low,
              behind_high
    alike     a row a task, penalty and several losses (`losses`, a tuple) whose runs, of two seeds at least, have the
              same values of the task's metric throughout
    """

    losses: tuple[str, ...]
    penalties: tuple[str, ...]
    headline: Headline
    cells: pd.DataFrame
    effects: pd.DataFrame
    shares: pd.DataFrame
    coverage: pd.DataFrame
    at_zero: pd.DataFrame
    alike: pd.DataFrame


MEAN, ANY = "mean", "any penalty"
AT_ZERO = ("task", "metric", "penalty", "mean", "low", "high", "behind", "behind_low", "behind_high")


def named(penalty: str) -> str:
    """Return what a penalty is called in words."""
    if penalty == NONE:
        return "no penalty"
    return " + ".join(PENALTIES[name].label if name in PENALTIES else name for name in penalty.split(" + "))


def combined(loss: str, penalty: str) -> str:
    """Return the name of a combination: "hinge + r1", "hinge" without a penalty."""
    return loss if penalty == NONE else f"{loss} + {penalty}"


def loss_and_penalty(base: str, penalty: str, norm: str) -> tuple[str, str]:
    """Return the loss of an objective of the table, and its penalty, the one that a suite adds to it, or its norm.

    One that the table does not have, or whose penalty is no one's, is a loss of its own.
    """
    if base not in OBJECTIVES:
        return base, penalty or NONE
    entry = objective_of(base)
    own = next((name for name, one in PENALTIES.items() if one.term is entry.penalty), "")
    if entry.penalty is not no_penalty and not own:
        return base, NONE
    losses = entry.critic_loss, entry.generator_loss
    plain = (
        name
        for name, other in OBJECTIVES.items()
        if (other.critic_loss, other.generator_loss) == losses and other.penalty is no_penalty
    )
    restraints = [
        own or penalty,
        CLIPPED if entry.constrain is not keep else "",
        SPECTRAL if norm == "spectral" else "",
    ]
    return next(plain, base), " + ".join(filter(None, restraints)) or NONE


def factors(table: pd.DataFrame) -> pd.DataFrame | None:
    """Return the runs of a labelled table that cross losses with penalties, with `loss` and `penalty`; None for none.

    Each combination must be one objective with one norm in a task, and be there in every task that another is in.
    """
    parts = table.reindex(columns=PARTS).astype(object).where(lambda values: values.notna(), "")
    if table.empty or (parts["setup.tricks"] != "").any():
        return None
    known = {key: loss_and_penalty(*map(str, key)) for key in set(parts[PARTS[:3]].itertuples(index=False, name=None))}
    pairs = [known[key] for key in parts[PARTS[:3]].itertuples(index=False, name=None)]
    runs = table.assign(loss=[loss for loss, _ in pairs], penalty=[penalty for _, penalty in pairs])
    offered = runs.groupby("loss", sort=False)["penalty"].agg(set)
    offered = offered[offered.map(len) >= FEWEST]
    if len(offered) < FEWEST:
        return None
    runs = runs[runs["loss"].isin(offered.index) & runs["penalty"].isin(set.intersection(*offered))]
    cells = runs.groupby(["task", "loss", "penalty"])
    is_one = cells["objective"].nunique().max() == 1 and (RESOLVED not in runs or cells[RESOLVED].nunique().max() <= 1)
    is_whole = len(cells) == runs["task"].nunique() * runs["loss"].nunique() * runs["penalty"].nunique()
    return runs if runs["penalty"].nunique() >= FEWEST and is_one and is_whole else None


def crossed(
    table: pd.DataFrame,
    scored: pd.DataFrame,
    metrics: Mapping[str, str],
    data_axes: Collection[str] = (),
) -> Crossed | None:
    """Return the cross of a labelled table; None where it has none, or no headline. Arguments as of `headline`.

    Of runs whose steps were not scored (`scored` is empty) the last is known; that is enough where all of a task have
    as many.
    """
    runs = factors(table)
    if runs is None:
        return None
    names = [combined(*pair) for pair in zip(runs["loss"], runs["penalty"], strict=True)]
    runs = runs.assign(objective=names).drop(columns=SWEPT, errors="ignore")
    runs = runs.assign(setting=cell_table.settings(runs, data_axes)).reset_index(drop=True)
    if scored.empty:
        if runs.groupby("task")["steps"].nunique().max() > 1:
            return None
        scored = runs.assign(step=runs["steps"])
    whole = headline(runs, scored, metrics, data_axes)
    if whole is None:
        return None
    highest = whole.judged.groupby("task")["score"].max()
    at_zero = [task for task in whole.by_task.index if highest[task] == 0]
    scoring = runs[~runs["task"].isin(at_zero)]
    own = {data: metric for data, metric in metrics.items() if data in set(scoring["dataset"])}
    best = (at_zero and headline(scoring, scored, own, data_axes)) or whole
    runs = _with_modes(runs[runs["task"].isin(whole.by_task.index)])
    losses, penalties = (tuple(map(str, runs[name].unique())) for name in ("loss", "penalty"))
    penalties = tuple(sorted(penalties, key=lambda name: name != NONE))
    keys = [*grid_edges.keys_of(whole.judged), "setting", "seed"]
    chosen = tuned(whole.judged)[[*keys, "pseudo"]].merge(runs, on=keys)
    within = chosen["pseudo"] - chosen.groupby("task")["pseudo"].transform("mean")
    seeds = chosen.assign(score=within, status="ok")
    seeds = seeds[seeds["task"].isin(best.by_task.index)]
    if NONE in penalties and len(penalties) > FEWEST:  # at so unlike all others it would hide what these differ in
        seeds = seeds[seeds["penalty"] != NONE]
    generator = np.random.default_rng(int(content_id(sorted(runs["run_id"])), 16))
    return Crossed(
        losses=losses,
        penalties=penalties,
        headline=best,
        cells=_cells(runs, chosen),
        effects=_effects(best.at_steps, losses, penalties),
        shares=variance_shares(seeds, {"loss": "loss", "penalty": "penalty", "task": "task"}, "score", generator),
        coverage=_coverage(chosen, penalties),
        at_zero=_at_zero(chosen[chosen["task"].isin(at_zero)], metrics),
        alike=_alike(runs, metrics),
    )


def _with_modes(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with `modes`, those found, and `modes_of`, those that real samples show, and `modes_fit`,
    those of a Gaussian fit; NaN without any.
    """
    parts = []
    for _, part in runs.groupby("task", sort=False):
        names = [name for name in map(str, part) if _is_modes(MetricColumn.parse(name)) and part[name].notna().any()]
        own = names[0] if names else ""
        possible = cell_table.numbers(part, f"null.real.{own}").max()
        fit = cell_table.numbers(part, f"null.gaussian.{own}").mean()
        parts.append(part.assign(modes=cell_table.numbers(part, own), modes_of=possible, modes_fit=fit))
    return pd.concat(parts)


def _is_modes(column: MetricColumn) -> bool:
    return column.name == "modes" and not (column.sampler or column.suffix)


def _cells(runs: pd.DataFrame, chosen: pd.DataFrame) -> pd.DataFrame:
    keys, rows = ["task", "loss", "penalty"], []
    tuned_runs = dict(list(chosen.groupby(keys)))
    for key, part in runs.groupby(keys, sort=False):
        own = tuned_runs[key]
        score, modes = intervals.score_interval(own["pseudo"]), _mean_of(own["modes"])
        n_lost = int(part["status"].isin(FAILURES).sum())
        n_no_better = int(((part["status"] == "ok") & (part["score"] == 0)).sum())
        low, high = wilson(n_lost + n_no_better, len(part))
        rows.append({
            **dict(zip(keys, key, strict=True)), "score": score.mean, "low": score.low, "high": score.high,
            "modes": modes.mean, "modes_low": modes.low, "modes_high": modes.high, "modes_of": part["modes_of"].max(),
            "n_runs": len(part), "n_lost": n_lost, "n_no_better": n_no_better,
            "unlearned": (n_lost + n_no_better) / len(part), "unlearned_low": low, "unlearned_high": high,
        })  # fmt: skip
    return pd.DataFrame(rows)


def _coverage(chosen: pd.DataFrame, penalties: tuple[str, ...]) -> pd.DataFrame:
    counted = chosen[chosen["modes_of"].notna()]
    rows, by_task = [], counted.groupby("task")[["modes_fit", "modes_of"]].mean()
    fit = (by_task["modes_fit"] / by_task["modes_of"]).mean(skipna=False)
    for penalty in penalties if np.isfinite(counted["modes"]).all() and len(counted) else ():
        own = counted[counted["penalty"] == penalty]
        share = _mean_of((own["modes"] / own["modes_of"]).groupby(own["seed"]).mean())
        rows.append((penalty, share.mean, share.low, share.high, fit))
    return pd.DataFrame(rows, columns=["penalty", "share", "low", "high", "gaussian"])


def _mean_of(values: pd.Series) -> Interval:
    """Return the mean of values a seed; none where one is missing."""
    return intervals.t_interval(values if np.isfinite(values).all() else [])


def _effects(seeds: pd.DataFrame, losses: tuple[str, ...], penalties: tuple[str, ...]) -> pd.DataFrame:
    """Return what each penalty adds to each loss, of the scores of candidates by seed."""
    rows, others = [], penalties[1:]
    for penalty, added in {**{penalty: [penalty] for penalty in others}, ANY: list(others)}.items():
        means = {loss: seeds[[combined(loss, one) for one in added]].mean(axis=1) for loss in losses}
        gaps = {loss: means[loss] - seeds[combined(loss, penalties[0])] for loss in losses}
        for loss, gap in {MEAN: pd.DataFrame(gaps).mean(axis=1), **gaps}.items():
            interval = intervals.t_interval(gap)
            rows.append((penalty, loss, interval.mean, interval.low, interval.high))
    return pd.DataFrame(rows, columns=["penalty", "loss", "difference", "low", "high"])


def _at_zero(chosen: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    rows = []
    for (task, data), part in chosen.groupby(["task", "dataset"], sort=False):
        metric = metrics[str(data)]
        values = part.assign(value=cell_table.numbers(part, metric))
        if not np.isfinite(values["value"]).all():
            continue
        seeds = values.groupby(["seed", "penalty"])["value"].mean().unstack("penalty")
        sign = 1.0 if lower_is_better(metric) else -1.0
        order = [str(name) for name in (sign * seeds).mean().sort_values(kind="stable").index]
        for penalty in order:
            own, gap = intervals.t_interval(seeds[penalty]), sign * (seeds[penalty] - seeds[order[0]])
            behind = intervals.t_interval(gap)
            rows.append({
                "task": task, "metric": metric, "penalty": penalty, "mean": own.mean, "low": own.low,
                "high": own.high, "behind": behind.mean, "behind_low": behind.low, "behind_high": behind.high,
            })  # fmt: skip
    return pd.DataFrame(rows, columns=list(AT_ZERO))


def _alike(runs: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    rows = []
    for (task, data, penalty), part in runs.groupby(["task", "dataset", "penalty"], sort=False):
        ordered = part.assign(value=cell_table.numbers(part, metrics[str(data)])).sort_values(["setting", "seed"])
        same: dict[tuple[tuple[str, int, float], ...], list[str]] = {}
        for loss, own in ordered.groupby("loss", sort=False):
            if own["seed"].nunique() > 1 and np.isfinite(own["value"]).all():
                key = tuple(own[["setting", "seed", "value"]].itertuples(index=False, name=None))
                same.setdefault(key, []).append(str(loss))
        rows += [(task, penalty, tuple(losses)) for losses in same.values() if len(losses) > 1]
    return pd.DataFrame(rows, columns=["task", "penalty", "losses"])
