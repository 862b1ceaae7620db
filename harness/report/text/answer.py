"""The paragraphs that a report opens with: what was compared on what, what ranks first by how much, how sure that is.

Each is one template. Without a ranking over tasks `sentence` is the first, with one `of_headline` returns all.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations

import pandas as pd

from harness.metrics import lower_is_better
from harness.report.analysis.cell_table import FAILURES
from harness.report.analysis.headline import GIVEN, SAME, Headline, Lead, way_names
from harness.report.analysis.ranking import Contender, TaskResult, mean_gap, overall
from harness.report.analysis.tables import View
from harness.report.text import remarks
from harness.statistics import intervals
from harness.statistics.intervals import Interval
from harness.statistics.power import smallest_effect
from harness.statistics.trials import BELOW
from harness.store import LOST
from harness.text import counted, interval, listed, number, percent, significance

STATUS_WORDS = {"oom": "out of memory", "timeout": "timed out"}
MOST_NAMES = 8  # that a sentence lists


def subject(table: pd.DataFrame) -> str:
    """Return "gan and wgan-gp were compared on 3 tasks (ring and digits) with 5 seeds (30 runs)"."""
    names, tasks = list(map(str, table["objective"].unique())), list(map(str, table["task"].unique()))
    data = list(map(str, table["dataset"].unique()))
    on = tasks[0] if len(tasks) == 1 else f"{counted(len(tasks), 'task')} ({_few(data, 'data set')})"
    was = "was trained" if len(names) == 1 else "were compared"
    runs, seeds = counted(len(table), "run"), counted(table["seed"].nunique(), "seed")
    return f"{_few(names, 'candidate')} {was} on {on} with {seeds} ({runs})"


def _few(names: Sequence[str], noun: str) -> str:
    return listed(names) if len(names) <= MOST_NAMES else counted(len(names), noun)


def statuses(counts: Mapping[str, int]) -> str:
    """Return "2 diverged, 1 out of memory" for counts by status; only failures are named."""
    return ", ".join(f"{counts[name]:,} {STATUS_WORDS.get(name, name)}" for name in FAILURES if counts.get(name))


def of_seeds(gap: Interval, n: int) -> str:
    """Return whether a difference that is positive is significant over n seeds, one of which gives no interval."""
    return "no interval with one seed" if n == 1 else significance(gap.low > 0, n, "seed", smallest_effect(n))


# Without a ranking over tasks


def sentence(table: pd.DataFrame, results: list[TaskResult], commands: tuple[str, str]) -> str:
    """Return the answer of a table of rivals (`ranking.rivals`) as one paragraph.

    The first of the commands goes on with its suite, the second trains what failed again.
    """
    counts = Counter(str(status) for status in table["status"])
    if table.empty:
        return "The suite plans no runs."
    lost, pending = sum(counts[status] for status in FAILURES), counts["pending"]
    parts = [f"{subject(table)}."]
    if not counts["ok"]:
        parts.append("No run has finished successfully.")
    else:
        parts.append(_of_task(results[0]) if table["task"].nunique() == 1 else _of_tasks(results, table))
    if lost:
        parts.append(f"{lost:,} of {counted(len(table), 'run')} were lost and rank last ({statuses(counts)}).")
    if pending:
        parts.append(f"{pending:,} pending: continue with `{commands[0]}`.")
    if failed := sum(counts[status] for status in LOST):
        parts.append(f"{failed:,} failed: retry with `{commands[1]}`.")
    return " ".join(parts)


def _of_task(result: TaskResult) -> str:
    first = result.order[0]
    value = _value(first, result.metric)
    if len(result.order) == 1:
        return f"{first.objective} reaches {value}; there is no second."
    by = "" if result.whole else " by median"
    second, unpaired = result.order[1], ""
    if result.gap is None:
        unpaired = "seeds differ" if first.spread.complete and second.spread.complete else "runs are missing"
        ahead = f"{second.objective} has {_value(second, result.metric)} (no paired difference: {unpaired})"
    else:
        size = _side(result.gap, result.metric, better=False)
        ahead = f"{second.objective} is {size}, {of_seeds(result.gap, first.spread.n_planned)}"
    return f"{first.objective} ranks first{by}: {value}; {ahead}."


def _value(contender: Contender, metric: str) -> str:
    """Return "mean w1_excess 0.051 [0.040, 0.062] (95 % confidence interval, 3 of 3 seeds)", or the median."""
    spread = contender.spread
    seeds = f"{spread.n_ok} of {counted(spread.n_planned, 'seed')}"
    conditions = ", ".join([seeds, *_tuning(contender.swept, spread.n_planned)])
    if math.isinf(spread.median):
        return f"no finite median ({conditions})"
    if spread.complete and spread.n_planned > 1:
        mean = interval(spread.interval.mean, spread.interval.low, spread.interval.high)
        return f"mean {metric} {mean} (95 % confidence interval, {conditions})"
    return f"{'' if spread.n_planned == 1 else 'median '}{metric} {number(spread.median)} ({conditions})"


def _tuning(swept: Sequence[str], seeds: int) -> list[str]:
    on = "the other seeds" if seeds > 1 else "the same seed, which is optimistic"
    return [f"{listed(swept)} tuned on {on}"] if swept else []


def _of_tasks(results: list[TaskResult], table: pd.DataFrame) -> str:
    order, n_tasks = overall(results), table["task"].nunique()
    if len(order) == 1:
        return f"{order[0][0]} is the only candidate with finished runs."
    (best, wins), others = order[0], [f"{name} in {n}" for name, n in order[1:] if n]
    metrics = sorted({result.metric for result in results})
    n_own = table.loc[table["objective"] == best, "task"].nunique()
    own = f"{n_own} tasks" if n_own == n_tasks else f"its {n_own} tasks"
    planned = sorted({contender.spread.n_planned for result in results for contender in result.order})
    swept = list(dict.fromkeys(name for result in results for c in result.order for name in c.swept))
    n = (
        "n = 1 seed: no interval"
        if planned == [1]
        else f"n = {' to '.join(map(str, dict.fromkeys((planned[0], planned[-1]))))} seeds"
    )
    n_significant = sum(result.is_significant for result in results if result.order[0].objective == best)
    text = f"{best} ranks first in {wins} of {own}{f' ({listed(others)})' if others else ''} by {listed(metrics)}"
    text += f", {n_significant or 'none'} significantly ({'; '.join([n, *_tuning(swept, planned[-1])])})."
    by_name = [{contender.objective: contender for contender in result.order} for result in results]
    pairs = [(each[best], each[order[1][0]]) for each in by_name if {best, order[1][0]} <= each.keys()]
    mean = mean_gap(pairs, metrics[0]) if len(metrics) == 1 and len(pairs) == n_tasks else None
    if mean is None:
        return text
    return f"{text} Mean over tasks: {best} {_side(mean, metrics[0], better=True)} than {order[1][0]}."


def _side(worse: Interval, metric: str, better: bool) -> str:
    """Return "0.15 [0.14, 0.16] lower" of the better one, "... higher" of the one that is `worse`."""
    size = worse if worse.mean >= 0 else Interval(-worse.mean, -worse.high, -worse.low)
    is_up = (lower_is_better(metric) != better) == (worse.mean >= 0)
    return f"{interval(size.mean, size.low, size.high)} {'higher' if is_up else 'lower'}"


# With a ranking over tasks


def of_headline(view: View) -> list[str]:
    """Return the paragraphs of the answer over many tasks; none where there is no headline."""
    headline, norms = view.headline, view.norms
    if headline is None:
        return []
    usual = ""
    at = f" with the same norm in every critic ({listed(norms.compared)})" if norms.is_factor else ""
    if view.usual:
        usual = f"With each objective's usual norm ({norms.usual_text}): {rank_one(view.usual)}"
    first = f"{subject(view.compared)}{_left_out(headline)}{at}"
    paragraphs = [
        f"{first}. {rank_one(headline)} {lost(view.compared, headline.nulls)}",
        " ".join(filter(None, [rank_by_comparison(headline, "steps"), rank_by_comparison(headline, "seconds")])),
        usual or remarks.unequal_norms(norms),
        remarks.edges(headline.edges),
    ]
    return list(filter(None, paragraphs))


def _left_out(headline: Headline) -> str:
    shared = len(headline.by_task)
    return "" if shared == headline.n_tasks else f", ranked on the {shared} tasks that every objective has"


def rank_one(headline: Headline) -> str:
    """Return who ranks first, tuned and at equal steps, with the score, the lead, and whether that is significant."""
    best, row, seeds = headline.best, headline.rows.iloc[0], headline.seeds
    score = interval(row["score"], row["low"], row["high"])
    conditions = [*(["95 % confidence interval"] if seeds > 1 else []), GIVEN[best.budget], *_budgets(headline)]
    first = f"mean score {score} ({', '.join(conditions)})"
    others = [name for name in best.not_significant if name not in (best.second, *best.tied)] if seeds > 1 else []
    more = f" Also not significantly different from it: {listed(others)}." if others else ""
    if best.tied:
        return f"{listed([best.first, *best.tied])} tie for rank 1, {first}.{more}"
    ahead = interval(best.ahead.mean, best.ahead.low, best.ahead.high)
    if abs(best.ahead.mean) < SAME:
        lost_runs = [f"{percent(best.lost[name])} of {name}" for name in (best.first, best.second)]
        ahead = f"level by score and first by fewer lost runs ({listed(lost_runs)}):"
        return f"{best.first} ranks first, {first}, {ahead} {of_seeds(best.ahead, seeds)}.{more}"
    return f"{best.first} ranks first, {first}, {ahead} ahead of {best.second}, {of_seeds(best.ahead, seeds)}.{more}"


def _budgets(headline: Headline) -> list[str]:
    """Return what was tuned on what, and over how many settings of whom where these are not as many."""
    if not headline.swept:
        return []
    having: dict[int, list[str]] = {}
    for name, n in zip(headline.runs["objective"], headline.runs["n_settings"], strict=True):
        having.setdefault(int(n), []).append(str(name))
    over = [f"{n} of {listed(names)}" for n, names in having.items()]
    unequal = f", unequal budget: settings tuned over {listed(over)}" if len(over) > 1 else ""
    return [f"{_tuning([headline.swept], headline.seeds)[0]}{unequal}"]


def lost(table: pd.DataFrame, nulls: pd.DataFrame) -> str:
    """Return how many runs finished, were lost, and are no better than the best null sampler."""
    counts = Counter(str(status) for status in table["status"])
    n, n_lost = len(table), len(table) - counts["ok"]
    n_worse = int((table.loc[table["status"] == "ok", "score"] == 0).sum())
    gone = f"{n_lost:,} ({percent(n_lost / n)}) were lost and score 0: {statuses(counts)}; " if n_lost else ""
    worse = f"{n_worse:,} ({percent(n_worse / n)}) finished no better than {remarks.zero(nulls)} (score 0)"
    return f"Of {counted(n, 'run')}, {gone}{worse}."


def rank_by_comparison(headline: Headline, budget: str) -> str:
    """Return who ranks first by each other comparison of a budget, and how far ahead of the first; "" for none."""
    leads = [lead for lead in headline.leads if lead.budget == budget and lead is not headline.best]
    if not leads:
        return ""
    at = ""
    if budget == "seconds":
        least = headline.runs.sort_values("steps_at_equal_seconds", kind="stable").iloc[0]
        at = f" ({least['objective']} at {percent(float(least['steps_at_equal_seconds']))} of its steps)"
    ranked = "; ".join(_rank(headline, lead) for lead in leads)
    passed = reversals(headline) if budget == "seconds" else []
    also = "; ".join(f"{name} passes {other} by {interval(*gap)}" for name, other, gap in passed)
    return f"{GIVEN[budget].capitalize()}{at}: {ranked}{f'; {also}' if also else ''}."


def _rank(headline: Headline, lead: Lead) -> str:
    best, n = headline.best.first, headline.seeds
    by = f"with {way_names(headline)[lead.way]}, " if headline.swept else ""
    ranks = "tie for rank 1" if lead.tied else "ranks first"
    named = f"{by}{listed([lead.first, *lead.tied])} {ranks}"
    if best in (lead.first, *lead.tied):
        return named
    gap = lead.gaps[best]
    sure = "no interval" if n == 1 else "significant" if gap.low > 0 else "not significant"
    return f"{named} ({interval(gap.mean, gap.low, gap.high)} ahead of {best}, {sure})"


def reversals(headline: Headline) -> list[tuple[str, str, tuple[float, float, float]]]:
    """Return (who passes, whom, by how much) at equal seconds where the order of two turns, significantly both times.

    What `_rank` names already, the first at equal seconds against the best, is left out.
    """
    steps, seconds = headline.at_steps, headline.at_seconds
    named = {
        (lead.first, headline.best.first) for lead in headline.leads if (lead.way, lead.budget) == ("tuned", "seconds")
    }
    turned = []
    for before, after in combinations(map(str, headline.by_task.columns), 2):  # in the order at equal steps
        was = intervals.paired_difference(steps[before], steps[after])
        now = intervals.paired_difference(seconds[after], seconds[before])
        if was.low > 0 and now.low > 0 and (after, before) not in named:
            turned.append((after, before, (now.mean, now.low, now.high)))
    return turned


def by_task(headline: Headline) -> str:
    """Return in how many tasks the best has the highest tuned score, and who has it in the others."""
    grid, best = (headline.by_task - BELOW * headline.lost_by_task).round(12), headline.best.first
    tops = {str(task): [str(name) for name in grid.columns[row == row.max()]] for task, row in grid.iterrows()}
    mine = [top for top in tops.values() if best in top]
    n_shared = sum(len(top) > 1 for top in mine)
    shared = f" ({n_shared} shared)" if n_shared else ""
    others: dict[str, list[str]] = {}
    for task, top in tops.items():
        if best not in top:
            others.setdefault(" and ".join(top), []).append(task)
    elsewhere = "".join(f"; {top} in {listed(tasks)}" for top, tasks in others.items())
    return f"{best} ranks first in {len(mine)} of {counted(len(tops), 'task')}{shared}{elsewhere}."
