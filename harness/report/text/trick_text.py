"""What tricks do, in words and as rows of tables."""

import pandas as pd

from harness.report.studies.trick_effects import TrickEffects
from harness.report.text.table_rows import Record, Row, by_value
from harness.text import NOTHING, counted, interval, listed, number

MEAN = "mean over tasks"


def paragraph(effects: TrickEffects) -> str:
    """Return which tricks help, which harm, and of which neither was found, by the mean over tasks."""
    rows = effects.overall if len(effects.overall) else effects.by_task
    ordered = rows.sort_values("difference", ascending=False).to_dict("records")
    better = [_named(row) for row in ordered if row["is_significant"] and row["difference"] > 0]
    worse = [_named(row) for row in ordered[::-1] if row["is_significant"] and row["difference"] < 0]
    unclear = [_named(row) for row in ordered if not row["is_significant"]]
    n, bases = rows["trick"].nunique(), listed(list(map(str, rows["base"].unique())))
    help_, harm = (f"{len(names) or 'none'} {verb}" for names, verb in ((better, "helps"), (worse, "harms")))
    if len(better) > 1:
        help_ = f"{len(better)} help"
    if len(worse) > 1:
        harm = f"{len(worse)} harm"
    tuned = f", {listed(list(effects.swept))} tuned on the other seeds" if effects.swept and effects.seeds > 1 else ""
    what = "score, in the mean over the tasks that have the trick" if len(effects.overall) else "metric of a task"
    parts = [f"Of {counted(n, 'trick')} added one at a time to {bases}, {help_} and {harm}"]
    parts[0] += f"{f': {listed(better)}' if better else ''}{f'; for the worse {listed(worse)}' if worse else ''}."
    if unclear:
        parts.append(f"No difference was found for {listed(unclear)}.")
    family = f"Holm's correction for {counted(len(rows), 'comparison')}"
    parts.append(
        f"Each is the change of the {what}, with its 95 % interval, paired by seed (n = "
        f"{counted(effects.seeds, 'seed')}{tuned}; paired t tests, {family})."
    )
    return " ".join(parts)


def _named(row: Record) -> str:
    at = f" on {row['task']}" if "task" in row else ""
    return f"{row['trick']}{at} {_signed(row)}"


def _signed(row: Record) -> str:
    return interval(row["difference"], row["low"], row["high"])


def values(effects: TrickEffects) -> Row:
    """Return what the page shows of tricks."""
    rows = [_row(row, MEAN if row["tasks"] > 1 else "its only task", "score") for row in _records(effects.overall)]
    return {
        "overall": rows,
        "by_task": [_row(row, str(row["task"]), str(row["metric"])) for row in _records(effects.by_task)],
        "seeds": effects.seeds,
        "swept": listed(list(effects.swept)) if effects.swept else "",
    }


def _records(rows: pd.DataFrame) -> list[Record]:
    return list(rows.to_dict("records"))


def _row(row: Record, task: str, metric: str) -> Row:
    p: str = NOTHING if pd.isna(row["p_holm"]) else number(row["p_holm"])
    return {
        "trick": row["trick"], "base": row["base"], "task": task, "metric": metric,
        "without": by_value(number(row["without"]), row["without"]),
        "with_it": by_value(number(row["with_it"]), row["with_it"]),
        "difference": by_value(_signed(row), row["difference"]),
        "p_holm": by_value(p, row["p_holm"]),
        "verdict": ("better" if row["difference"] > 0 else "worse") if row["is_significant"] else "not significant",
    }  # fmt: skip
