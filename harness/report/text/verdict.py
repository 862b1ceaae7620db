"""The answer over many tasks, in words: who is best, whether that depends on how one compares, and what was lost."""

import math
from collections import Counter
from itertools import combinations
from typing import Any

import pandas as pd

from harness.report.analysis import null_rows
from harness.report.analysis.headline import BUDGETS, COVERAGE, GIVEN, SAME, TIES, WORK, Headline, Lead, way_names
from harness.report.text.answer import statuses
from harness.report.text.table_rows import by_value, share
from harness.statistics import intervals
from harness.statistics.power import smallest_effect
from harness.statistics.trials import BELOW
from harness.text import NOTHING, counted, interval, listed, number, percent, score, seen

WORK_NAMES = {"train_s": "seconds", "critic_updates": "critic updates", "samples_seen": "samples seen"}


def text(found: Headline, table: pd.DataFrame, at: str = "") -> str:
    """Return the answer at equal generator steps: its first sentence names the best, `at` which norms, and says where
    another comes first; then what was lost.
    """
    steps = [lead for lead in found.leads if lead.budget == "steps"]
    others = [lead for lead in steps if found.best.first not in (lead.first, *lead.tied)]
    depends = "the first place depends on how one compares: " if others else ""
    end = f"; but {_differing(found, others)}" if others else _agreeing(found, steps)
    over = f"{at[0].upper()}{at[1:]}, over" if at else "Over"
    return f"{over} {_tasks(found)}, {depends}{_body(found)}{end}. {_lost(table, found.nulls)}"


def short(found: Headline) -> str:
    """Return who is best over how many tasks, tuned and at equal generator steps, without a capital or full stop."""
    return f"over {_tasks(found)}, {_body(found)}"


def at_seconds(found: Headline) -> str:
    """Return what changes at equal training seconds, and how little training that may be."""
    steps = [lead for lead in found.leads if lead.budget == "seconds"]
    others = [lead for lead in steps if found.best.first not in (lead.first, *lead.tied)]
    least = found.runs.sort_values("steps_at_equal_seconds", kind="stable").to_dict("records")[0]
    share = percent(float(least["steps_at_equal_seconds"]))
    first = _differing(found, others, "") if others else f"{found.best.first} comes first, too{_shared(found, steps)}"
    text = f"{GIVEN['seconds']}, when {least['objective']} has had {share} of its steps, {first}{_below(found)}."
    return f"{text[0].upper()}{text[1:]}"


def _tasks(found: Headline) -> str:
    shared = len(found.by_task)
    if shared == found.n_tasks:
        return counted(shared, "task")
    return f"the {shared} of {counted(found.n_tasks, 'task')} that every objective was run on"


def _interval(found: Headline, n: str) -> str:
    """Name the interval of a score: where settings are tuned that of the jackknife of tuning and judging together."""
    return f"95 % {'jackknife' if found.swept else 't'} interval, {n}"


def _body(found: Headline) -> str:
    """Write the best objective's score, and how far it is ahead of the runner-up."""
    best = found.best
    row = found.rows.iloc[0]  # the first lead's first
    score = interval(row["score"], row["low"], row["high"])
    n = f"n = {counted(found.seeds, 'seed')}"
    told = [*_chosen(found), GIVEN[best.budget], _interval(found, n) if found.seeds > 1 else "one seed"]
    is_best = "has the highest mean score," if best.not_significant else "is best, with mean score"
    ahead = f"{interval(best.ahead.mean, best.ahead.low, best.ahead.high)} above the runner-up, {best.second}, "
    if best.tied:
        is_best, ahead = f"{is_best} shared with {listed(best.tied)},", ""
    elif abs(best.ahead.mean) < SAME:
        shares = [f"{percent(best.lost[name])} of {name}" for name in (best.second, best.first)]
        ahead = f"the same as the runner-up, {best.second}, which lost more runs ({listed(shares)}), "
    return f"{best.first} {is_best} {score} ({', '.join(told)}), {ahead}{_sure(best, found.seeds)}"


def _chosen(found: Headline) -> list[str]:
    if not found.swept:
        return []
    other = "the other seeds" if found.seeds > 1 else "that same seed, which flatters all"
    having: dict[int, list[str]] = {}
    for name, n in zip(found.runs["objective"], found.runs["n_settings"], strict=True):
        having.setdefault(int(n), []).append(str(name))
    counts = [f"{counted(n, 'setting')} of {listed(names)}" for n, names in having.items()]
    return [f"{found.swept} tuned on {other}{f', over {listed(counts)}' if len(counts) > 1 else ''}"]


def _sure(lead: Lead, seeds: int) -> str:
    """Say what the seeds make of a first place: against the runner-up, and against whom else they leave it open."""
    if seeds == 1:
        return "but one seed gives no interval: another seed may turn the order round"
    n = f"({seen(seeds, 'seed', smallest_effect(seeds))})"
    if lead.tied:
        return f"no difference found from {listed(lead.not_significant)} {n}"
    others = [name for name in lead.not_significant if name != lead.second]
    if lead.ahead.low > 0:
        also = f", but no difference found from {listed(others)} {n}" if others else ""
        return f"paired by seed, an interval that excludes 0{also}"
    also = f", nor from {listed(others)}" if others else ""
    return f"paired by seed, an interval that contains 0: no difference found{also} {n}"


def _agreeing(found: Headline, leads: list[Lead]) -> str:
    """Say by which other ways of one budget the best comes first, too."""
    return f"; it comes first {_by(found, leads)}{_shared(found, leads)}" if len(leads) > 1 else ""


def _shared(found: Headline, leads: list[Lead]) -> str:
    """Say with whom the best shares its first places by some comparisons; "" where with nobody."""
    best, others = found.best.first, [lead for lead in leads if lead is not found.best]
    names = dict.fromkeys(name for lead in others if lead.tied for name in (lead.first, *lead.tied) if name != best)
    part = "" if all(lead.tied for lead in others) else "in part "
    return f", {part}shared with {listed(list(names))}" if names else ""


def _differing(found: Headline, others: list[Lead], given: str | None = None) -> str:
    """Write "b comes first with lr tuned at equal training seconds, 0.2 [0.1, 0.3] ahead of a; c comes first ..."."""
    parts = []
    for objective in dict.fromkeys(lead.first for lead in others):
        mine = [[lead for lead in others if (lead.first, lead.budget) == (objective, budget)] for budget in BUDGETS]
        said = listed([_where(found, leads, given) for leads in mine if leads])
        parts.append(f"{objective} comes first{'' if said.startswith(',') else ' '}{said}")
    return "; ".join(parts)


def _where(found: Headline, leads: list[Lead], given: str | None = None) -> str:
    """Name the ways of one budget by which an objective comes first, and how far ahead of the overall best it is."""
    best, alone = found.best.first, found.seeds == 1
    ways = sum(lead.budget == leads[0].budget for lead in found.leads)
    by = f"{_by(found, leads)} " if len(leads) < ways else ""
    gaps = [lead.gaps[best] for lead in leads]
    which = [f" {_by(found, [lead])}" if not by and ways > 1 else "" for lead in leads]
    doubts = [not (alone or gap.low > 0) for gap in gaps]
    marks = [" (no difference found)" if doubt and not all(doubts) else "" for doubt in doubts]
    sizes = [
        f"{interval(gap.mean, gap.low, gap.high)}{way}{mark}" for gap, way, mark in zip(gaps, which, marks, strict=True)
    ]
    ahead = f"{listed(sizes)} ahead of {best}{': no difference found' if all(doubts) else ''}"
    where = f"{by}{GIVEN[leads[0].budget] if given is None else given}".strip()
    return f"{where}, {ahead}"


def _below(found: Headline) -> str:
    """Say who passes whom at equal seconds, beside the first that is told already; "" where no two intervals show it.

    Of a pair both orders must be told apart, that at equal steps and that at equal seconds.
    """
    steps, seconds = found.at_steps, found.at_seconds
    told = {(lead.first, found.best.first) for lead in found.leads if (lead.way, lead.budget) == ("tuned", "seconds")}
    passed: dict[str, list[str]] = {}
    for before, after in combinations(map(str, found.by_task.columns), 2):  # in the order at equal steps
        was = intervals.paired_difference(steps[before], steps[after])
        now = intervals.paired_difference(seconds[after], seconds[before])
        if was.low > 0 and now.low > 0 and (after, before) not in told:
            passed.setdefault(after, []).append(f"{before} by {interval(now.mean, now.low, now.high)}")
    said = "; ".join(f"{name} passes {listed(others)}" for name, others in passed.items())
    return f"; {f'with {found.swept} tuned ' if found.swept else ''}{said}" if said else ""


def _by(found: Headline, leads: list[Lead]) -> str:
    """Write "with the recipe's lr and in the mean over lr"."""
    words = {
        "tuned": f"with {found.swept} tuned",
        "recipe": f"with the recipe's {found.swept}",
        "mean": f"in the mean over {found.swept}",
    }
    return listed([words[lead.way] for lead in leads])


def by_task(found: Headline) -> str:
    """Return a sentence: in how many tasks the best has the highest tuned score, and who has it elsewhere."""
    grid, best = (found.by_task - BELOW * found.lost_by_task).round(12), found.best.first
    tops = {str(task): [str(name) for name in grid.columns[row == row.max()]] for task, row in grid.iterrows()}
    held = [task for task, top in tops.items() if best in top]
    score = f"the highest {'tuned ' if found.swept else ''}score"
    shared = _level(best, [tops[task] for task in held])
    if len(held) == len(tops):
        return f"{best} has {score} in each of the {counted(len(tops), 'task')}{shared}."
    elsewhere: dict[str, list[str]] = {}
    for task, top in tops.items():
        if best not in top:
            elsewhere.setdefault(" and ".join(top), []).append(task)
    others = listed([f"{top} in {listed(tasks)}" for top, tasks in elsewhere.items()])
    return f"{best} has {score} in {len(held)} of {counted(len(tops), 'task')}{shared}; elsewhere {others}."


def _level(best: str, tops: list[list[str]]) -> str:
    """Say with whom the best shares the highest score of how many tasks; "" where of none."""
    names = dict.fromkeys(name for top in tops for name in top if name != best)
    n = sum(len(top) > 1 for top in tops)
    return f", shared with {listed(list(names))}{'' if n == len(tops) else f' in {n} of them'}" if names else ""


def _lost(table: pd.DataFrame, nulls: pd.DataFrame) -> str:
    """Say how many runs were lost, and how many finished no better than the best null sampler."""
    counts = Counter(str(status) for status in table["status"])
    n, lost = len(table), len(table) - counts["ok"]
    n_worse = int((table.loc[table["status"] == "ok", "score"] == 0).sum())
    point = f"{null_rows.zero(nulls)}, which scores 0"
    share = f"{lost:,} of {counted(n, 'run')} ({percent(lost / n)})"
    ended = f"{share} did not finish and count as 0 ({statuses(counts)})"
    if not n_worse:
        return f"{ended}; all others did better than {point}." if lost else f"All {n:,} runs did better than {point}."
    worse = f"{n_worse:,} ({percent(n_worse / n)}) finished no better than {point}"
    return f"{ended if lost else f'All {n:,} runs finished'}; {worse}."


def shown(found: Headline) -> dict[str, Any]:
    """Return the page's table: a column a way and budget, a row an objective, best first, and who leads by how much."""
    names = way_names(found)
    columns = [(way, budget) for budget in BUDGETS for way in names]
    leads = {(lead.way, lead.budget): lead for lead in found.leads}
    cells = found.rows.set_index(["objective", "way", "budget"]).to_dict("index")
    rows = []
    for row in found.runs.to_dict("records"):
        mine = [(column, cells.get((row["objective"], *column))) for column in columns]
        firsts = {column for column, lead in leads.items() if row["objective"] in (lead.first, *lead.tied)}
        rows.append({**_runs(row), "scores": [_score(cell, column in firsts) for column, cell in mine]})
    return {
        "rows": rows,
        "leads": [_lead(leads.get(column), found.seeds) for column in columns],
        "ways": list(names.values()),
        "budgets": [GIVEN[budget] for budget in BUDGETS],
        "work": [WORK_NAMES[name] for name in WORK if name in found.runs],
        "tasks": counted(len(found.by_task), "task"),
        "swept": found.swept,
        "starless": _starless(found),
        "objectives": len(found.runs),
        "alone": found.seeds == 1,
        "by_task": by_task(found),
        "coverage": _coverage(found.seeds),
        "ties": _ties(found),
        "zero": null_rows.zero(found.nulls),
        "nulls": [_null(row) for row in null_rows.over_tasks(found.nulls).to_dict("records")],
    }


def _null(row: dict[Any, Any]) -> dict[str, Any]:
    """Write the row of a null sampler in the ranking."""
    return {"label": row["label"], **{name: null_rows.written(row[name]) for name in ("score", *null_rows.KINDS)}}


def _ties(found: Headline) -> dict[str, Any] | None:
    """Return how often the interval of a tuned score, and of a difference, held it however near the settings are."""
    measured = intervals.measured_at(TIES, found.seeds) if found.swept else None
    if measured is None:
        return None
    said: dict[str, Any] = {"n": measured[0]}
    for gap, name in ((0, "tied"), (1, "near"), (4, "far")):
        said[name], said[f"{name}_difference"] = (f"{100 * share:.1f} %" for share in measured[1][gap])
    return said


def _coverage(seeds: int) -> dict[str, Any] | None:
    """Return how often the interval held the expected score in simulated suites, at the nearest measured n below."""
    measured = intervals.measured_at(COVERAGE, seeds)
    return measured and {"n": measured[0], **{noise: percent(share) for noise, (share, _) in measured[1].items()}}


def _starless(found: Headline) -> str:
    """Say by which ways nobody comes first, and who has no number there; "" where there is a first by every way."""
    ranked, said = {lead.way for lead in found.leads}, []
    for way, name in way_names(found).items():
        if way not in ranked:
            there = set(found.rows.loc[found.rows["way"] == way, "objective"])
            absent = [str(x) for x in found.runs["objective"] if x not in there]
            has = "has" if len(absent) == 1 else "have"
            said.append(f"The columns of {name} have no ★, for {listed(absent)} {has} no number there.")
    return " ".join(said)


def _runs(row: dict[Any, Any]) -> dict[str, Any]:
    """Write what became of an objective's runs, and what they took."""
    return {
        "objective": row["objective"],
        "settings": f"{row['n_settings']}: {row['tuned_over']}" if row["tuned_over"] else "1",
        "lost": share(row["n_lost"], row["n_runs"]),
        "no_better": share(row["n_no_better"], row["n_runs"]),
        **{kind: null_rows.written(row[kind]) for kind in null_rows.KINDS},
        "reached": by_value(percent(row["steps_at_equal_seconds"]), row["steps_at_equal_seconds"]),
        "work": [_work(name, row[name]) for name in WORK if name in row],
    }


def _score(cell: dict[Any, Any] | None, first: bool) -> dict[str, Any]:
    if cell is None:
        return by_value(NOTHING, math.nan)._asdict() | {"first": False}
    made = by_value(score(cell["score"], cell["low"], cell["high"]), cell["score"])
    return made._asdict() | {"first": first}


def _lead(lead: Lead | None, seeds: int) -> list[str]:
    """Write by how much a column's first is ahead of its second, and what the seeds say to that, in lines."""
    if lead is None:
        return [NOTHING]
    size, _, bounds = interval(lead.ahead.mean, lead.ahead.low, lead.ahead.high).partition(" ")
    doubt = "one seed: no interval" if seeds == 1 else "" if lead.ahead.low > 0 else "no difference found"
    return [line for line in (size, bounds, f"over {lead.second}", doubt) if line]


def _work(name: str, value: float) -> str:
    return number(value) if name == "train_s" or math.isnan(value) else f"{value:,.0f}"
