"""A comparison in words: the sentence that answers, and the screen of plain text around it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from harness.report.comparison.paired_tests import RANKS, Difference, Judged, OverTasks
from harness.statistics.intervals import Interval
from harness.store.plan_file import Json
from harness.text import NOTHING, aligned, counted, interval, listed, number, p_value, printable, waiting_scores

IDENTICAL = "identical records"
Names = tuple[str, str]


def answer(
    names: Names, overall: Judged, tasks: Mapping[str, Judged], over: OverTasks | None, swept: Sequence[str]
) -> str:
    """Return which side is better and by how much, in the mean over all tasks, and what that leaves out."""
    a, b = names
    row = overall.difference
    if row.identical:
        pairs = counted(row.n_pairs, "pair")
        return f"{a} and {b}: {IDENTICAL}: all measurements of {pairs} of runs are equal, bit for bit."
    ended = [task for task, each in tasks.items() if each.difference.n_pairs]
    where = f"over {counted(len(ended), 'task')}" if len(ended) > 1 else f"on {ended[0]}"
    where += f", in the mean over {listed(list(swept))}," if swept else ""
    if not overall.by:
        parts = [f"There is no mean difference between {a} and {b} {where.rstrip(',')}, {_why_none(row)}"]
    elif overall.by == RANKS:
        parts = [f"{_verdict_of_all(names, overall)}: {where} {_ranked(names, overall)}", *_over(over)]
    else:
        size = row.by_score if overall.by == "score" else row.by_metric
        assert size is not None  # the scale that it is judged by
        given = f"95 % t interval, paired by seed, n = {counted(row.n_seeds, 'seed')}"
        mean = _mean(b, overall.by, size)
        parts = [f"{_verdict_of_all(names, overall)}: {where} {mean} ({given})", *_over(over)]
    lost = [f"{n:,} of {name}" for name, n in zip(names, row.lost, strict=True) if n]
    left = row.n_pairs - row.n_used
    parts += [_by_task(names, tasks)] if len(tasks) > 1 else []
    parts += [f"lost runs, which count as worst: {listed(lost)}"] if lost else []
    parts += [f"{counted(left, 'pair')} of seeds that other cells lack left out of that mean"] if left else []
    return f"{'; '.join(parts)}."


def _why_none(row: Difference) -> str:
    if not row.n_seeds:
        return "as no seed is common to all cells"
    return "as runs were lost and have no score" if any(row.lost) else "as they are ranked on several metrics"


def _verdict_of_all(names: Names, overall: Judged) -> str:
    a, b = names if overall.better != "B" else names[::-1]
    if overall.better:
        return f"{a} is better than {b}"
    if not math.isnan(overall.p):
        return f"{a} and {b} do not differ significantly"
    return f"One {'pair gives no test' if overall.by == RANKS else 'seed gives no interval'} for {a} and {b}"


def _mean(name: str, by: str, difference: Interval) -> str:
    """Write how far the mean of B lies from that of A."""
    size, side = (difference, "higher") if difference.mean >= 0 else (difference.negated, "lower")
    return f"the mean {by} of {name} is {interval(size.mean, size.low, size.high)} {side}"


def _ranked(names: Names, overall: Judged) -> str:
    """Write how many runs of each side are ok, the test, and the mean score with lost runs as 0."""
    row, text = overall.difference, ""
    n = row.n_pairs
    ok = [f"{n - lost:,} of {n:,} runs of {name} are ok" for lost, name in zip(row.lost, names, strict=True)]
    if not math.isnan(overall.p):
        text = f" (Wilcoxon's signed-rank test of {counted(row.n_pairs, 'pair')}: p = {p_value(overall.p)})"
    if row.by_score is not None:
        mean = _mean(names[1], "score", row.by_score)
        text += f"; with lost runs as 0 {mean} (95 % t interval, paired by seed)"
    return f"{listed(ok)}, and a lost run ranks below every run that is ok{text}"


def _over(test: OverTasks | None) -> list[str]:
    """Say whether the difference is common to the tasks, where that is tested."""
    if test is None:
        return []
    least = f"n = {test.tasks} tasks, which allow none below {p_value(test.smallest_p)}"
    return [f"Wilcoxon's signed-rank test of the tasks' mean differences in {test.by}: p = {p_value(test.p)} ({least})"]


def _by_task(names: Names, tasks: Mapping[str, Judged]) -> str:
    """Count the tasks by their verdicts, and name their tests."""
    tested = [row for row in tasks.values() if not math.isnan(row.p)]
    scales = [by for by in dict.fromkeys(row.by for row in tested) if by != RANKS]
    tests = [f"t tests by {listed(scales)}"] if scales else []
    tests += ["signed ranks where runs were lost"] if any(row.by == RANKS for row in tested) else []
    how = f" ({listed(tests)}, Holm's correction for {len(tested)})" if tested else ""
    counts = Counter(verdict(row, names) for row in tasks.values())
    return f"of the tasks alone{how}: {', '.join(f'{what} in {n:,}' for what, n in counts.most_common())}"


def verdict(judged: Judged, names: Names = ("A", "B")) -> str:
    """Return the verdict on the pairs of one row, corrected for the number of rows."""
    if not judged.difference.n_pairs:
        return "not ended"
    if judged.difference.identical:
        return IDENTICAL
    if not judged.by:
        return "no mean"
    if math.isnan(judged.p):
        return "one seed"
    return f"{names['AB'.index(judged.better)]} is better" if judged.better else "not significant"


# The screen


def render(comparison: Json) -> str:
    """Return the screen of `harness compare`, of what it prints as JSON."""
    parts = [
        _warnings(comparison["first"]),
        comparison["answer"],
        _sides(comparison),
        _rows(comparison["tasks"], "task"),
    ]
    if comparison["objectives"] and not comparison["identical"]:
        parts.append(_rows(comparison["objectives"], "objective"))
    parts += [_settings(comparison["settings"]), _warnings(comparison["warnings"])]
    ratio = comparison["seconds_ratio"]
    if ratio not in (None, 1.0):
        parts.append(f"A run of B trained {number(ratio)} times as long as its partner (median).")
    return printable("\n\n".join(filter(None, parts)))


def _warnings(lines: Sequence[str]) -> str:
    return "\n".join(f"warning: {line}" for line in lines)


def _sides(comparison: Json) -> str:
    lines = []
    for end in "ab":
        side = comparison[end]
        counts = ", ".join(f"{n:,} {status}" for status, n in side["counts"].items() if n)
        waiting = f"; {waiting_scores(side['unscored'], side['name'])}" if side["unscored"] else ""
        alone = f"; {counted(side['alone'], 'run')} without a partner" if side["alone"] else ""
        lines.append([end.upper(), side["name"], f"{counted(side['runs'], 'run')}: {counts}{waiting}{alone}"])
    pairs = f"{aligned(lines)}\n{counted(comparison['pairs'], 'pair')} by cell and seed"
    if comparison["identical"]:
        return pairs
    return (
        f"{pairs}\np: paired t tests over seeds, each on its scale (by ranks: signed-rank tests of pairs, lost runs "
        "last), and after Holm's correction for the rows, as the verdicts; intervals are not corrected"
    )


def _rows(rows: Sequence[Json], label: str) -> str:
    """Return the differences as a table, a row a task or an objective, without empty columns."""
    head = [label, "pairs", "metric", "A", "B", "B - A [95 %]", "score B - A [95 %]", "lost A, B", "by", "p", "p Holm",
            "verdict"]  # fmt: skip
    lines = [_line(row, label) for row in rows]
    empty = {i for i in range(len(head)) if lines and all(line[i] == NOTHING for line in lines)}
    return aligned([[cell for i, cell in enumerate(line) if i not in empty] for line in (head, *lines)])


def _line(row: Json, label: str) -> list[str]:
    used = "" if row["n_used"] == row["n_pairs"] else f" ({row['n_used']} in the mean)"
    is_worst = row["metric"] and row["n_pairs"]
    return [
        row[label],
        f"{row['n_pairs']:,}{used}",
        row["metric"] or NOTHING,
        *("worst" if row[end] is None and is_worst else number(row[end]) for end in "ab"),
        *(NOTHING if row["identical"] else _interval(row[name]) for name in ("by_metric", "by_score")),
        ", ".join(map(str, row["lost"])) if any(row["lost"]) else NOTHING,
        *([NOTHING] * 3 if row["p"] is None else [row["by"], p_value(row["p"]), p_value(row["p_holm"])]),
        row["verdict"],
    ]


def _interval(size: Mapping[str, float | None] | None) -> str:
    values = [math.nan if value is None else value for value in (size or {"mean": None}).values()]
    return NOTHING if math.isnan(values[0]) else interval(*values)


def _settings(rows: Sequence[Json]) -> str:
    if not rows:
        return "No setting differs."
    lines = [["setting", "A", "B", "where"]]
    for row in rows:
        of = f" of {listed(row['objectives'])}" if row["objectives"] else ""
        lines.append(
            [row["setting"], row["a"], row["b"], f"{counted(row['pairs'], 'pair')}{of}" if row["pairs"] else "all"]
        )
    return f"Settings that differ\n{aligned(lines)}"
