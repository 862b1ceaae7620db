"""Losses crossed with penalties, in words and as rows of tables."""

from collections.abc import Callable

import pandas as pd

from harness.report.findings import crossed_figures
from harness.report.findings.crossed import ANY, MEAN, NONE, Crossed, combined, crossed, named
from harness.report.findings.finding import Finding, Runs
from harness.report.text.table_rows import Record, Row, by_value
from harness.statistics import intervals
from harness.text import NOTHING, counted, interval, listed, number, percent, score

Say = Callable[[Record], str]  # what a cell says

SOURCES = {"penalty": "penalty", "loss": "loss", "loss x penalty": "interaction of the two"}


def find(runs: Runs) -> Finding | None:
    """Return losses crossed with penalties; None where they are not."""
    cross = None if runs.is_study else crossed(runs.table, runs.scored, runs.metrics, runs.data_axes)
    if cross is None:
        return None
    frames = {"crossed.csv": cross.cells, "crossed-effects.csv": cross.effects, "crossed-shares.csv": cross.shares}
    some = {"crossed-coverage.csv": cross.coverage, "crossed-at-zero.csv": cross.at_zero}
    return Finding(
        values=values(cross),
        draw=lambda: {"crossed": crossed_figures.section(cross)},
        frames=frames | {name: frame for name, frame in some.items() if len(frame)},
        paragraphs=paragraphs(cross),
        opens=True,
    )


def paragraphs(cross: Crossed) -> list[str]:
    """Return what the cross says: which factor decides; what each penalty adds and how far losses differ; what cells
    have in common, find and lose."""
    best = cross.headline
    row = best.rows.iloc[0]
    tuned = f", {best.swept} tuned on the other seeds" if best.swept and best.seeds > 1 else ""
    effects = cross.effects[(cross.effects["loss"] == MEAN) & (cross.effects["penalty"] != ANY)]
    effects = effects.sort_values("difference", ascending=False)
    added = [f"{_signed(effect)} with {named(effect['penalty'])}" for effect in effects.to_dict("records")]
    of_loss = {
        loss: best.at_steps[[combined(loss, penalty) for penalty in cross.penalties[1:]]].mean(axis=1)
        for loss in cross.losses
    }
    order = sorted(of_loss, key=lambda loss: -float(of_loss[loss].mean()))
    gap = intervals.paired_difference(of_loss[order[0]], of_loss[order[-1]])
    candidates = len(cross.losses) * len(cross.penalties)
    crossing = (
        f"{listed(cross.losses)} were crossed with {listed([named(p) for p in cross.penalties])} on "
        f"{counted(len(best.by_task), 'task')} (n = {counted(best.seeds, 'seed')}{tuned}). Scores rise over "
        f"{named(cross.penalties[0])}, in the mean over losses and tasks, by {listed(added)}; intervals are "
        f"uncorrected. "
        f"Losses with a penalty differ by {interval(gap.mean, gap.low, gap.high)} at most "
        f"({order[0]} over {order[-1]}). "
        f"Highest of {candidates}, on the same seeds, is {row['objective']} with "
        f"{score(row['score'], row['low'], row['high'])}."
    )
    rest = f"{_left_out(cross)}{_same(cross)}{_covered(cross)}{unlearned(cross)}"
    return [f"{_any(cross)}{_deciding(cross)}", crossing, rest]


def _covered(cross: Crossed) -> str:
    """Return which share of the modes each penalty finds, with a space at the end; "" where no task has modes."""
    rows = cross.coverage.sort_values("share", ascending=False).to_dict("records")
    each = [f"{_bounded(row)} with {named(row['penalty'])}" for row in rows]
    fit = f"; a Gaussian fit finds {percent(rows[0]['gaussian'])}" if rows and pd.notna(rows[0]["gaussian"]) else ""
    return f"Of the modes that real samples show, {listed(each)} are found{fit}. " if each else ""


def _any(cross: Crossed) -> str:
    """Return how penalties as such compare with none, with a space at the end; "" where none is not among them."""
    if cross.penalties[0] != NONE:
        return ""
    rows = cross.effects[cross.effects["penalty"] == ANY].to_dict("records")
    (effect,) = (row for row in rows if row["loss"] == MEAN)
    least, *_, most = sorted((row for row in rows if row["loss"] != MEAN), key=lambda row: float(row["difference"]))
    which = "Any penalty" if len(cross.penalties) > 2 else f"The {named(cross.penalties[1])}"
    return (
        f"{which} against none changes the score by {_signed(effect)} in the mean over losses, from "
        f"{number(least['difference'])} ({least['loss']}) to {number(most['difference'])} ({most['loss']}). "
    )


def _left_out(cross: Crossed) -> str:
    """Return what tasks without any score say by their own metric, with a space at the end; "" where there are none."""
    sentences = ""
    for (task, metric), part in cross.at_zero.groupby(["task", "metric"], sort=False):
        first, *others = part.to_dict("records")
        each = [
            f"{interval(row['behind'], row['behind_low'], row['behind_high'])} with {named(row['penalty'])}"
            for row in others
        ]
        mean = "every mean has its 0" if task in cross.headline.by_task.index else "no mean of scores has it"
        sentences += (
            f"On {task} every run scores 0, so that {mean}; by {metric}, in the mean over losses, "
            f"{named(first['penalty'])} is first with {interval(first['mean'], first['low'], first['high'])}, and it "
            f"is worse by {listed(each)}. "
        )
    return sentences


def _same(cross: Crossed) -> str:
    """Return which cells hold the same runs, with a space at the end; "" where none do."""
    tasks: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for row in cross.alike.to_dict("records"):
        tasks.setdefault((row["penalty"], row["losses"]), []).append(row["task"])
    cells = [f"{listed(losses)} with {named(penalty)} on {listed(where)}" for (penalty, losses), where in tasks.items()]
    return (
        f"Equal to the last digit in every run, so that they are one candidate: {'; '.join(cells)}. " if cells else ""
    )


def _bounded(row: Record) -> str:
    """Return "41 % [35 %, 47 %]", or the share alone where there are no bounds."""
    bounds: str = "" if pd.isna(row["low"]) else f" [{percent(row['low'])}, {percent(row['high'])}]"
    return f"{percent(row['share'])}{bounds}"


def _deciding(cross: Crossed) -> str:
    """Return which of the two factors explains more of the variance of scores, where their intervals tell."""
    shares = {row["source"]: row for row in cross.shares.to_dict("records")}
    both = [shares[name] for name in ("penalty", "loss") if name in shares]
    if len(both) < len(("penalty", "loss")):
        return "All scores are alike."
    penalty, loss = both
    among = " among runs with a penalty" if cross.penalties[0] == NONE and len(cross.penalties) > 2 else ""
    verdict = "Neither the penalty nor the loss clearly decides more"
    if penalty["low"] > loss["high"] or loss["low"] > penalty["high"]:
        names = ("penalty", "loss") if penalty["low"] > loss["high"] else ("loss", "penalty")
        verdict = "The {} decides more than the {}".format(*names)
    each = [f"the {name} explains {_bounded(shares[source])}" for source, name in SOURCES.items() if source in shares]
    rest = "the rest is of seeds and of how these differ from task to task"
    return f"{verdict}: of the variance of scores within tasks{among} {listed(each)}; {rest}."


def _signed(effect: Record) -> str:
    """Return "0.31 [0.20, 0.42]", "-0.1 [-0.3, 0.1] (not significant)"."""
    is_clear = effect["low"] > 0 or effect["high"] < 0
    text = interval(effect["difference"], effect["low"], effect["high"])
    return f"{text}{'' if is_clear or pd.isna(effect['low']) else ' (not significant)'}"


def unlearned(cross: Crossed) -> str:
    """Return the share of runs that were lost or learned nothing, by penalty."""
    cells = cross.cells[cross.cells["task"].isin(cross.headline.by_task.index)]
    sums = cells.groupby("penalty", sort=False)[["n_runs", "n_lost", "n_no_better"]].sum().loc[list(cross.penalties)]
    shares = (sums["n_lost"] + sums["n_no_better"]) / sums["n_runs"]
    lost = int(sums["n_lost"].sum())
    each = [f"{percent(float(share))} with {named(str(name))}" for name, share in shares.items()]
    diverged = f" {counted(lost, 'run')} of {int(sums['n_runs'].sum()):,} were lost." if lost else " No run was lost."
    return f"No better than the best null sampler, or lost: {listed(each)} of the runs.{diverged}"


def values(cross: Crossed) -> Row:
    """Return what the page shows of the cross."""
    return {
        "heads": [named(penalty) for penalty in cross.penalties],
        "first": named(cross.penalties[0]),
        "scores": _grid(cross, lambda cell: score(cell["score"], cell["low"], cell["high"]), "score"),
        "modes": _grid(cross, _modes, "modes") if cross.cells["modes"].notna().any() else [],
        "unlearned": _grid(cross, _unlearned, "unlearned"),
        "effects": _effects(cross),
        "at_zero": _at_zero(cross),
        "seeds": cross.headline.seeds,
        "swept": cross.headline.swept,
    }


def _grid(cross: Crossed, say: Say, value: str) -> list[Row]:
    """Return the rows of a table, a row a task and loss, a cell a penalty."""
    rows = []
    for (task, loss), part in cross.cells.groupby(["task", "loss"], sort=False):
        if part[value].isna().all():
            continue
        by_penalty = {str(cell["penalty"]): cell for cell in part.to_dict("records")}
        cells = [by_penalty[penalty] for penalty in cross.penalties]
        rows.append({"task": task, "loss": loss, "cells": [by_value(say(cell), cell[value]) for cell in cells]})
    return rows


def _modes(cell: Record) -> str:
    if pd.isna(cell["modes"]):
        return NOTHING
    return interval(cell["modes"], cell["modes_low"], cell["modes_high"])


def _unlearned(cell: Record) -> str:
    bounds = f"[{percent(cell['unlearned_low'])}, {percent(cell['unlearned_high'])}]"
    lost = f", {cell['n_lost']} lost" if cell["n_lost"] else ""
    return f"{percent(cell['unlearned'])} {bounds}{lost}"


def _effects(cross: Crossed) -> list[Row]:
    table = {(row["loss"], row["penalty"]): row for row in cross.effects.to_dict("records")}
    rows = []
    for loss in (MEAN, *cross.losses):
        cells = [table[loss, penalty] for penalty in cross.penalties[1:]]
        texts = [by_value(interval(c["difference"], c["low"], c["high"]), c["difference"]) for c in cells]
        rows.append({"loss": "mean over losses" if loss == MEAN else loss, "cells": texts})
    return rows


def _at_zero(cross: Crossed) -> list[Row]:
    return [
        {
            "task": row["task"], "metric": row["metric"], "penalty": named(row["penalty"]),
            "mean": interval(row["mean"], row["low"], row["high"]),
            "behind": interval(row["behind"], row["behind_low"], row["behind_high"]) if row["behind"] else NOTHING,
        }
        for row in cross.at_zero.to_dict("records")
    ]  # fmt: skip
