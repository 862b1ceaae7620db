"""A comparison in words: the sentence that answers, and the screen of plain text around it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.pairs import Difference
from harness.report.stats import Interval
from harness.wording import NOTHING, aligned, counted, interval, listed, number, printable, waiting_scores

IDENTICAL = "identical records"


def answer(names: tuple[str, str], overall: Difference, tasks: Mapping[str, Difference], swept: Sequence[str]) -> str:
    """Return which side is better and by how much, in the mean over all tasks, and what that leaves out."""
    a, b = names
    if overall.identical:
        pairs = counted(overall.n_pairs, "pair")
        return f"{a} and {b}: {IDENTICAL}: all that was measured of {pairs} of runs is equal, bit for bit."
    ended = [task for task, found in tasks.items() if found.n_pairs]
    where = f"over {counted(len(ended), 'task')}" if len(ended) > 1 else f"on {ended[0]}"
    where += f", in the mean over {listed(list(swept))}," if swept else ""
    by_score = overall.by_score is not None and (len(ended) > 1 or overall.by_metric is None)
    size, ahead = (overall.by_score,) * 2 if by_score else (overall.by_metric, overall.better)
    if size is None or ahead is None:
        said = f"There is no mean difference between {a} and {b} {where.rstrip(',')}, {_why_none(overall)}"
    else:
        what = "score" if by_score else overall.metric
        given = f"95 % t interval, paired by seed, n = {counted(overall.n_seeds, 'seed')}"
        said = f"{_difference(names, size, ahead, where, what)} ({given})"
    return f"{said}{_by_task(names, tasks)}{_lost(names, overall)}."


def _why_none(overall: Difference) -> str:
    if not overall.n_seeds:
        return "as no seed is common to all cells"
    return "as runs were lost and have no score" if any(overall.lost) else "as they are ranked on several metrics"


def _difference(names: tuple[str, str], size: Interval, ahead: Interval, where: str, what: str) -> str:
    """Write who is better, and by how much; of two that are not told apart how far B is from A."""
    a, b = names
    if ahead.excludes_zero:
        first, other = (b, a) if ahead.low > 0 else (a, b)
        start, mean = f"{first} is better than {other}", f"its mean {what}"
        size = size if first == b else _turned(size)
    else:
        start = "No difference found between" if ahead.low <= ahead.high else "One seed gives no interval for"
        start, mean = f"{start} {a} and {b}", f"the mean {what} of {b}"
    up = size.mean >= 0
    shown = size if up else _turned(size)
    apart = f"{interval(shown.mean, shown.low, shown.high)} {'higher' if up else 'lower'}"
    return f"{start}: {where} {mean} is {apart}"


def _turned(size: Interval) -> Interval:
    return Interval(-size.mean, -size.high, -size.low)


def _by_task(names: tuple[str, str], tasks: Mapping[str, Difference]) -> str:
    """Count the tasks by what each says alone; "" for a single task."""
    if len(tasks) == 1:
        return ""
    counts = Counter(verdict(found, names) for found in tasks.values())
    return f"; of the tasks alone: {', '.join(f'{what} in {n:,}' for what, n in counts.most_common())}"


def _lost(names: tuple[str, str], overall: Difference) -> str:
    """Name what is in no mean, and what counts as worst."""
    lost = [f"{n:,} of {name}" for name, n in zip(names, overall.lost, strict=True) if n]
    said = f"; lost runs, which count as worst: {listed(lost)}" if lost else ""
    left = overall.n_pairs - overall.n_used
    return said + (f"; {counted(left, 'pair')} of seeds that other cells lack left out of that mean" if left else "")


def verdict(found: Difference, names: tuple[str, str] = ("A", "B")) -> str:
    """Return what the pairs of one row say: by the primary metric, or where runs were lost by score."""
    if not found.n_pairs:
        return "not ended"
    if found.identical:
        return IDENTICAL
    if found.better is None:
        return "no mean"
    if math.isnan(found.better.low):
        return "one seed"
    first = names[1] if found.better.low > 0 else names[0]
    return f"{first} is better" if found.better.excludes_zero else "no difference found"


# The screen


def render(found: Mapping[str, Any]) -> str:
    """Return what `harness compare` prints."""
    parts = [found["answer"], _sides(found), _tasks(found["tasks"], "task")]
    parts += [_tasks(found["objectives"], "objective")] if found["objectives"] and not found["identical"] else []
    parts += [_settings(found["settings"]), *_others(found)]
    return printable("\n\n".join(parts))


def _sides(found: Mapping[str, Any]) -> str:
    lines = []
    for end in "ab":
        side = found[end]
        counts = ", ".join(f"{n:,} {status}" for status, n in side["counts"].items() if n)
        waits = f"; {waiting_scores(side['unscored'], side['name'])}" if side["unscored"] else ""
        alone = f"; {counted(side['alone'], 'run')} without a partner" if side["alone"] else ""
        lines.append([end.upper(), side["name"], f"{counted(side['runs'], 'run')}: {counts}{waits}{alone}"])
    pairs = f"{counted(found['pairs'], 'pair')} by cell and seed"
    return f"{aligned(lines)}\n{pairs}; intervals of single rows are not corrected for their number"


def _tasks(rows: Sequence[Mapping[str, Any]], label: str) -> str:
    """Return the differences as a table, a row a task or an objective."""
    head = [label, "pairs", "metric", "A", "B", "B - A [95 %]", "score B - A [95 %]", "lost A, B", "verdict"]
    lines = []
    for row in rows:
        used = "" if row["n_used"] == row["n_pairs"] else f" ({row['n_used']} in the mean)"
        ended = row["metric"] and row["n_pairs"]
        means = ["worst" if row[end] is None and ended else number(row[end]) for end in "ab"]
        sizes = [_interval(None if row["identical"] else row[name]) for name in ("by_metric", "by_score")]
        lost = ", ".join(map(str, row["lost"])) if any(row["lost"]) else NOTHING
        shown = [
            row[label],
            f"{row['n_pairs']:,}{used}",
            row["metric"] or NOTHING,
            *means,
            *sizes,
            lost,
            row["verdict"],
        ]
        lines.append(shown)
    empty = {i for i in range(len(head)) if lines and all(line[i] == NOTHING for line in lines)}
    kept = [[cell for i, cell in enumerate(line) if i not in empty] for line in (head, *lines)]
    return aligned(kept)


def _interval(found: Mapping[str, float | None] | None) -> str:
    if found is None or found["mean"] is None:
        return NOTHING
    low, high = (math.nan if found[end] is None else float(found[end] or 0) for end in ("low", "high"))
    return interval(float(found["mean"]), low, high)


def _settings(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "No setting differs."
    lines = [["setting", "A", "B", "where"]]
    for row in rows:
        whose = f" of {listed(row['objectives'])}" if row["objectives"] else ""
        where = f"{counted(row['pairs'], 'pair')}{whose}" if row["pairs"] else "all"
        lines.append([row["setting"], row["a"], row["b"], where])
    return f"Settings that differ\n{aligned(lines)}"


def _others(found: Mapping[str, Any]) -> list[str]:
    """Return the warnings, and how long B trained beside A."""
    ratio = found["seconds_ratio"]
    warnings = "\n".join(f"warning: {line}" for line in found["warnings"])
    took = (
        f"A run of B trained {number(ratio)} times as long as its partner (median)." if ratio not in (None, 1.0) else ""
    )
    return [part for part in (warnings, took) if part]
