"""The answer where there is no headline: one sentence with numbers, intervals, and what was lost on the way."""

import math
from collections import Counter
from collections.abc import Mapping

import pandas as pd

from harness.metrics import lower_is_better
from harness.report.analysis.cell_table import FAILURES
from harness.report.analysis.ranking import Contender, TaskResult, mean_gap, overall
from harness.statistics.intervals import Interval
from harness.statistics.power import smallest_effect
from harness.store import LOST
from harness.text import counted, interval, listed, number, seen

STATUS_WORDS = {"oom": "out of memory", "timeout": "timed out"}


def sentence(table: pd.DataFrame, results: list[TaskResult], name: str) -> str:
    """Return the answer: which objective is best, by how much, how sure that is, and what was lost on the way."""
    counts = Counter(str(status) for status in table["status"])
    if not len(table):
        return "The suite plans no runs."
    if not counts["ok"]:
        none = f"none of the {counted(len(table), 'run')} is ok{_lost(counts)}"
        return f"There is no answer yet: {none}{_missing(counts, name)}."
    body = _one_task(results[0]) if table["task"].nunique() == 1 else _many_tasks(results, table)
    lost = sum(counts[status] for status in FAILURES)
    tail = (
        f"; {lost:,} of {counted(len(table), 'run')} did not finish and count as worst{_lost(counts)}" if lost else ""
    )
    return f"{body}{tail}{_collapsed(table)}{_missing(counts, name)}."


def statuses(counts: Mapping[str, int]) -> str:
    """Return "2 diverged, 1 out of memory" for counts by status; only failures are named."""
    return ", ".join(f"{counts[name]:,} {STATUS_WORDS.get(name, name)}" for name in FAILURES if counts.get(name))


def _lost(counts: Mapping[str, int]) -> str:
    return f" ({statuses(counts)})" if statuses(counts) else ""


def _collapsed(table: pd.DataFrame) -> str:
    """Say how many finished runs of what collapsed, by the declared rule; "" where none did."""
    ok = table[table["status"] == "ok"]
    found = ok[ok["collapsed"] == 1] if "collapsed" in ok else ok.head(0)
    if not len(found):
        return ""
    whose = [
        f"{n} of {(ok['objective'] == name).sum()} of {name}" for name, n in found["objective"].value_counts().items()
    ]
    return f"; {len(found):,} of {counted(len(ok), 'finished run')} collapsed ({', '.join(whose)})"


def _missing(counts: Mapping[str, int], name: str) -> str:
    """Say how to go on where runs are pending, or where nothing but failures is left."""
    if counts.get("pending"):
        return f"; {counted(counts['pending'], 'run')} still pending: go on with `harness run {name}`"
    if not counts.get("ok") and any(counts.get(status) for status in LOST):
        return f"; see the failures below, then try them again with `harness run {name}`"
    return ""


def _one_task(result: TaskResult) -> str:
    """Write the order of one task: best, its mean with interval, runner-up, paired difference."""
    best = result.order[0]
    start = f"On {result.task}, {best.objective}"
    if len(result.order) == 1:
        reached = f"the only objective with finished runs, reached {_where(best, result)}"
        return f"{start}, {reached}; there is nothing to compare it with"
    if not result.whole:
        failed = any(c.spread.n_failed for c in result.order)
        rule = "by median, failed runs counted as worst" if failed else "so far, by median"
        return f"{start} comes first {rule}: {_where(best, result)}; {_runner_up(result)}"
    if result.shown:
        return f"{start} is best: {_where(best, result)}; {_runner_up(result)}"
    extreme = "lowest" if lower_is_better(result.metric) else "highest"
    return f"{start} has the {extreme} {_where(best, result, ', ')}; {_runner_up(result)}"


def _seen(contender: Contender) -> str:
    n = contender.spread.n_planned
    return seen(n, "seed", smallest_effect(n))


def _where(contender: Contender, result: TaskResult, joint: str = " ") -> str:
    """Write "mean w1_excess 0.051 [0.040, 0.062] (95 % t interval, 3 of 3 seeds)", or what can be said instead."""
    spread = contender.spread
    of_seeds = f"{spread.n_ok} of {counted(spread.n_planned, 'seed')}"
    if math.isinf(spread.median):
        return f"no finite median ({of_seeds} finished)"
    if spread.n_planned == 1:
        chosen = f", {listed(contender.swept)} chosen on that same seed, which flatters it" if contender.swept else ""
        return f"{result.metric}{joint}{number(spread.median)} (one seed{chosen})"
    chosen = f", {listed(contender.swept)} tuned on the other seeds" if contender.swept else ""
    if spread.complete:
        found = interval(spread.interval.mean, spread.interval.low, spread.interval.high)
        return f"mean {result.metric}{joint}{found} (95 % t interval, {of_seeds}{chosen})"
    return f"median {result.metric}{joint}{number(spread.median)} ({of_seeds} finished{chosen})"


def _runner_up(result: TaskResult) -> str:
    """Write how far the second is from the first, and whether the seeds explain it."""
    best, other = result.order[:2]
    who = f"the runner-up, {other.objective},"
    if result.gap is None:
        both = best.spread.complete and other.spread.complete
        missing = "no paired difference is given where runs are missing"
        return f"{who} has {_where(other, result)}, and {'with other seeds it cannot be paired' if both else missing}"
    apart = f"{who} is {_apart(result.gap, result.metric, +1)}"
    if math.isnan(result.gap.low):
        return f"{apart}, but one seed gives no interval: another seed may turn the order round"
    if result.gap.excludes_zero:
        return f"{apart}, paired by seed, an interval that excludes 0"
    return f"{apart}, paired by seed, an interval that contains 0: no difference found ({_seen(best)})"


def _many_tasks(results: list[TaskResult], table: pd.DataFrame) -> str:
    """Write who comes first where, how often the seeds bear it out, and the mean difference over the tasks."""
    order, n_tasks = overall(results), table["task"].nunique()
    tasks = counted(n_tasks, "task")
    if len(order) == 1:
        return f"{order[0][0]} is the only objective with finished runs and has nothing to compare it with in {tasks}"
    (best, wins), others = order[0], [f"{name} in {n}" for name, n in order[1:] if n]
    metrics = sorted({result.metric for result in results})
    n_own = table.loc[table["objective"] == best, "task"].nunique()
    own = tasks if n_own == n_tasks else f"the {counted(n_own, 'task')} that it was run on, of {n_tasks} in all"
    text = f"{best} comes first in {wins} of {own}{f' ({listed(others)})' if others else ''} by {listed(metrics)}"
    text += _borne_out(results, best, wins)
    mean = mean_gap(results, best, order[1][0]) if len(metrics) == 1 and len(results) == n_tasks else None
    if mean is None:
        return text
    return f"{text}; averaged over the tasks it is {_apart(mean, metrics[0], -1)} than {order[1][0]}"


def _borne_out(results: list[TaskResult], best: str, wins: int) -> str:
    """Write in how many of the tasks that the best comes first in the seeds do not explain its lead."""
    planned = {contender.spread.n_planned for result in results for contender in result.order}
    seeds, n = max(planned), f"{min(planned)} to {max(planned)}" if len(planned) > 1 else str(max(planned))
    swept = list(dict.fromkeys(name for result in results for c in result.order for name in c.swept))
    if seeds == 1:
        chosen = f", {listed(swept)} chosen on that same seed, which flatters all" if swept else ""
        return f"; one seed gives no interval{chosen}: another seed may turn the order round"
    shown = sum(result.shown for result in results if result.order[0].objective == best)
    tuned_on = f", {listed(swept)} tuned on the other seeds" if swept else ""
    lead = "its lead over the runner-up has a 95 % t interval, paired by seed, that excludes 0"
    return f"{tuned_on} (n = {n} seeds); {lead} in {shown} of those {wins}"


def _apart(worse: Interval, metric: str, side: int) -> str:
    """Write "0.15 [0.14, 0.16] lower" of the better one (side -1), "... higher" of the one that is `worse` (+1)."""
    size = worse if worse.mean >= 0 else Interval(-worse.mean, -worse.high, -worse.low)
    up = (side > 0) == lower_is_better(metric)
    return f"{interval(size.mean, size.low, size.high)} {'higher' if up == (worse.mean >= 0) else 'lower'}"
