"""A comparison in words: the sentence that answers, and the screen of plain text around it."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.report.comparison.paired_tests import Judged, OverTasks
from harness.report.comparison.pairs import RANKS, Difference, turned
from harness.text import NOTHING, aligned, counted, interval, listed, number, p_value, printable, waiting_scores

IDENTICAL = "identical records"


def answer(
    names: tuple[str, str], overall: Judged, tasks: Mapping[str, Judged], over: OverTasks | None, swept: Sequence[str]
) -> str:
    """Return which side is better and by how much, in the mean over all tasks, and what that leaves out."""
    a, b = names
    found = overall.found
    if found.identical:
        pairs = counted(found.n_pairs, "pair")
        return f"{a} and {b}: {IDENTICAL}: all that was measured of {pairs} of runs is equal, bit for bit."
    ended = [task for task, each in tasks.items() if each.found.n_pairs]
    where = f"over {counted(len(ended), 'task')}" if len(ended) > 1 else f"on {ended[0]}"
    where += f", in the mean over {listed(list(swept))}," if swept else ""
    if overall.by == RANKS:
        said = f"{_ranked(names, overall, where)}{_over(over)}"
    elif overall.by:
        given = f"95 % t interval, paired by seed, n = {counted(found.n_seeds, 'seed')}"
        said = f"{_difference(names, overall, where)} ({given}){_over(over)}"
    else:
        said = f"There is no mean difference between {a} and {b} {where.rstrip(',')}, {_why_none(found)}"
    return f"{said}{_by_task(names, tasks)}{_lost(names, found)}."


def _why_none(overall: Difference) -> str:
    if not overall.n_seeds:
        return "as no seed is common to all cells"
    return "as runs were lost and have no score" if any(overall.lost) else "as they are ranked on several metrics"


def _difference(names: tuple[str, str], overall: Judged, where: str) -> str:
    """Write who is better, and by how much; of two that are not told apart how far B is from A."""
    a, b = names
    found = overall.found
    size = found.by_score if overall.by == "score" else found.by_metric
    assert size is not None  # what it is judged by
    if overall.better:
        first, other = (b, a) if overall.better == "B" else (a, b)
        start, mean = f"{first} is better than {other}", f"its mean {overall.by}"
        size = size if first == b else turned(size)
    else:
        start = "One seed gives no interval for" if math.isnan(overall.p) else "No difference found between"
        start, mean = f"{start} {a} and {b}", f"the mean {overall.by} of {b}"
    up = size.mean >= 0
    shown = size if up else turned(size)
    apart = f"{interval(shown.mean, shown.low, shown.high)} {'higher' if up else 'lower'}"
    return f"{start}: {where} {mean} is {apart}"


def _ranked(names: tuple[str, str], overall: Judged, where: str) -> str:
    """Write who is better where runs were lost, by how many are ok, and the mean score with lost runs as 0."""
    found = overall.found
    first = overall.better or "A"
    order = names if first == "A" else names[::-1]
    lost = found.lost if first == "A" else found.lost[::-1]
    ok = [
        f"{found.n_pairs - n:,} of {found.n_pairs:,} runs of {name} are ok" for n, name in zip(lost, order, strict=True)
    ]
    if overall.better:
        start = f"{order[0]} is better than {order[1]}"
    else:
        few = math.isnan(overall.p)
        start = f"{'One pair gives no test for' if few else 'No difference found between'} {order[0]} and {order[1]}"
    said = f"{start}: {where} {listed(ok)}, and a lost run ranks below every run that is ok"
    if not math.isnan(overall.p):
        said += f" (Wilcoxon's signed-rank test of {counted(found.n_pairs, 'pair')}: p = {p_value(overall.p)})"
    if found.by_score is None:
        return said
    mean = found.by_score if found.by_score.mean >= 0 else turned(found.by_score)
    side = "higher" if found.by_score.mean >= 0 else "lower"
    apart = f"{interval(mean.mean, mean.low, mean.high)} {side}"
    return f"{said}; with lost runs as 0 the mean score of {names[1]} is {apart} (95 % t interval, paired by seed)"


def _over(found: OverTasks | None) -> str:
    """Say whether the difference is common to the tasks; "" where that is not tested."""
    if found is None:
        return ""
    least = f"n = {found.tasks} tasks, which allow none below {p_value(found.smallest_p)}"
    return (
        f"; Wilcoxon's signed-rank test of the tasks' mean differences in {found.by}: p = {p_value(found.p)} ({least})"
    )


def _by_task(names: tuple[str, str], tasks: Mapping[str, Judged]) -> str:
    """Count the tasks by what each says alone; "" for a single task."""
    if len(tasks) == 1:
        return ""
    counts = Counter(verdict(judged, names) for judged in tasks.values())
    told = ", ".join(f"{what} in {n:,}" for what, n in counts.most_common())
    return f"; of the tasks alone{_tested(tasks.values())}: {told}"


def _tested(rows: Iterable[Judged]) -> str:
    """Say how rows are judged, on which scales, and for how many that is corrected; "" where none is."""
    tested = [row for row in rows if not math.isnan(row.p)]
    if not tested:
        return ""
    scales = [by for by in dict.fromkeys(row.by for row in tested) if by != RANKS]
    tests = [f"t tests by {listed(scales)}"] if scales else []
    tests += ["signed ranks where runs were lost"] if any(row.by == RANKS for row in tested) else []
    return f" ({listed(tests)}, Holm's correction for {len(tested)})"


def _lost(names: tuple[str, str], overall: Difference) -> str:
    """Name what is in no mean, and what counts as worst."""
    lost = [f"{n:,} of {name}" for name, n in zip(names, overall.lost, strict=True) if n]
    said = f"; lost runs, which count as worst: {listed(lost)}" if lost else ""
    left = overall.n_pairs - overall.n_used
    return said + (f"; {counted(left, 'pair')} of seeds that other cells lack left out of that mean" if left else "")


def verdict(judged: Judged, names: tuple[str, str] = ("A", "B")) -> str:
    """Return what the pairs of one row say, corrected for the number of rows."""
    if not judged.found.n_pairs:
        return "not ended"
    if judged.found.identical:
        return IDENTICAL
    if not judged.by:
        return "no mean"
    if math.isnan(judged.p):
        return "one seed"
    return f"{names['AB'.index(judged.better)]} is better" if judged.better else "no difference found"


# The screen


def render(found: Mapping[str, Any]) -> str:
    """Return what `harness compare` prints."""
    first = "\n".join(f"warning: {line}" for line in found["first"])
    parts = [*([first] if first else []), found["answer"], _sides(found), _tasks(found["tasks"], "task")]
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
    told = (
        "p: paired t tests over seeds, each by what it names (by ranks: signed-rank tests of pairs, lost runs last), "
        "and after Holm's correction for the rows, as the verdicts"
    )
    return f"{aligned(lines)}\n{pairs}" + ("" if found["identical"] else f"\n{told}; intervals are not corrected")


def _tasks(rows: Sequence[Mapping[str, Any]], label: str) -> str:
    """Return the differences as a table, a row a task or an objective."""
    head = [label, "pairs", "metric", "A", "B", "B - A [95 %]", "score B - A [95 %]", "lost A, B", "by", "p", "p Holm",
            "verdict"]  # fmt: skip
    lines = [_line(row, label) for row in rows]
    empty = {i for i in range(len(head)) if lines and all(line[i] == NOTHING for line in lines)}
    kept = [[cell for i, cell in enumerate(line) if i not in empty] for line in (head, *lines)]
    return aligned(kept)


def _line(row: Mapping[str, Any], label: str) -> list[str]:
    used = "" if row["n_used"] == row["n_pairs"] else f" ({row['n_used']} in the mean)"
    ended = row["metric"] and row["n_pairs"]
    return [
        row[label],
        f"{row['n_pairs']:,}{used}",
        row["metric"] or NOTHING,
        *("worst" if row[end] is None and ended else number(row[end]) for end in "ab"),
        *(_interval(None if row["identical"] else row[name]) for name in ("by_metric", "by_score")),
        ", ".join(map(str, row["lost"])) if any(row["lost"]) else NOTHING,
        *([NOTHING] * 3 if row["p"] is None else [row["by"], p_value(row["p"]), p_value(row["p_holm"])]),
        row["verdict"],
    ]


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
