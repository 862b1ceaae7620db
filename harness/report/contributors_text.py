"""The files of a merged report in words: what the machine alone changes, and the rows of the page's tables."""

import math
from collections.abc import Sequence

from harness.report.contributors import TITLES, Contributors, SameRuns
from harness.report.text.table_rows import Record, Row, by_value, share
from harness.statistics.power import LEVEL
from harness.text import NOTHING, counted, interval, listed, number, p_value

ONCE = "The ranking above takes each of these from the first file that finished it."
NAMED = 3  # things that differ between two files, of which the answer does


def paragraph(what: Contributors) -> str:
    """Return what the machine alone changes, for the answer; "" where no two files hold a run in common."""
    if not what.same:
        return ""
    return f"{_sentence(what.same[0]) if len(what.same) == 1 else _pairs(what)} {ONCE}"


def _pairs(what: Contributors) -> str:
    """Return what the machine alone changes between several pairs of files."""
    runs, identical = (sum(getattr(same, name) for same in what.same) for name in ("runs", "identical"))
    differ = dict.fromkeys(_title(name) for same in what.same for name in same.differs)
    parts = [f"{identical:,} of {counted(runs, 'pair')} of runs are equal, bit for bit"]
    medians, of_seeds = (_range([getattr(same, name) for same in what.same]) for name in ("median", "of_seeds"))
    if medians:
        scales = listed(sorted({same.scale for same in what.same if same.scale}))
        seeds = f", {of_seeds} times what two seeds differ by" if of_seeds else ""
        parts.append(f"the {scales} of a run differs by {medians} in the median of a pair of files{seeds}")
    tested = [same for same in what.same if not math.isnan(same.mean.p_holm)]
    significant = sum(same.mean.better != "" for same in tested)
    parts += [f"{significant or 'none'} of {len(tested)} mean differences significant"] if tested else []
    pairs = counted(len(what.same), "pair")
    return f"{pairs} of files hold runs in common, {_where(list(differ))}: {'; '.join(parts)}."


def _title(name: str) -> str:
    """Return what a column of the machine is called: "processor", and "scoring processor" of what scored."""
    scoring, _, column = name.rpartition(".")
    return " ".join([*([scoring] if scoring else []), TITLES.get(column, column)])


def _range(values: Sequence[float]) -> str:
    """Return "0.010 to 0.041", or one number; "" where none is known."""
    known = [value for value in values if not math.isnan(value)]
    return " to ".join(dict.fromkeys(f"{value:.2g}" for value in (min(known), max(known)))) if known else ""


def _where(differ: Sequence[str]) -> str:
    if not differ:
        return "trained on like machines and versions"
    more = [counted(len(differ) - NAMED, "other thing")] if len(differ) > NAMED else []
    return f"trained with another {listed([*differ[:NAMED], *more])}"


def _sentence(same: SameRuns) -> str:
    runs = f"{same.a} and {same.b} hold {counted(same.runs, 'run')} in common"
    differ = [f"{_title(name)} ({a or 'not known'} and {b or 'not known'})" for name, (a, b) in same.differs.items()]
    where = _where(differ)
    if same.identical == same.runs:
        return f"{runs}, {where}: all measurements are equal, bit for bit."
    parts = [f"{same.identical or 'none'} of them {'is' if same.identical == 1 else 'are'} equal, bit for bit"]
    parts += [f"{same.turned} ended ok in one alone"] if same.turned else []
    if not math.isnan(same.median):
        seeds = "" if math.isnan(same.of_seeds) else f" ({number(same.of_seeds, 0.1)} times what two seeds differ by)"
        sizes = f"{number(same.median)} in the median, {number(same.largest)} at most"
        parts.append(f"the {same.scale} of a run differs by {sizes}{seeds}")
    return f"{runs}, {where}: {'; '.join([*parts, *_mean(same)])}."


def _mean(same: SameRuns) -> list[str]:
    """Return whether the machines differ in the mean, where that is known."""
    size = same.size
    if size is None or math.isnan(size.low):
        return []
    verdict = "significant" if same.mean.better else "not significant"
    return [f"{same.b} - {same.a} in the mean: {interval(size.mean, size.low, size.high)}, {verdict}"]


def values(what: Contributors) -> Row:
    """Return what the page's template shows."""
    heads = {name: title for name, title in TITLES.items() if name in what.files}
    others = [c for c in what.files.columns if c not in ("file", "runs", "ok", "lost", *TITLES)]
    rows = what.files.replace({"": NOTHING}).to_dict("records")
    return {
        "heads": [*heads.values(), *others],
        "files": [
            {"file": row["file"], "runs": f"{row['runs']:,}", "ok": f"{row['ok']:,}", "lost": f"{row['lost']:,}",
             "machine": [str(row[name]) for name in (*heads, *others)]}
            for row in rows
        ],
        "tasks": [
            {"task": task, "metric": part["metric"].iloc[0], "rows": [_shown(row) for row in part.to_dict("records")]}
            for task, part in (what.leaderboard.groupby("task", sort=False) if len(what.leaderboard) else ())
        ],
        "same": [_same_shown(same) for same in what.same],
    }  # fmt: skip


def _shown(row: Record) -> Row:
    whole = row["n_ok"] == row["n_planned"]
    text = interval(row["mean"], row["low"], row["high"]) if whole else f"median {number(row['median'])}"
    gap = NOTHING if math.isnan(row["behind"]) else interval(row["behind"], row["behind_low"], row["behind_high"])
    return {
        "objective": row["objective"], "file": row["file"], "n": share(row["n_ok"], row["n_planned"]),
        "mean": by_value(text, row["mean"] if whole else row["median"]), "behind": by_value(gap, row["behind"]),
        "p": by_value(p_value(row["p_holm"]) if not math.isnan(row["p_holm"]) else NOTHING, row["p_holm"]),
        "significant": row["p_holm"] <= LEVEL,
    }  # fmt: skip


def _same_shown(same: SameRuns) -> Row:
    size, differs = same.size, [f"{_title(name)}: {a or '?'}, {b or '?'}" for name, (a, b) in same.differs.items()]
    return {
        "files": f"{same.a}, {same.b}", "runs": f"{same.runs:,}", "identical": f"{same.identical:,}",
        "turned": f"{same.turned:,}", "scale": same.scale or NOTHING, "median": number(same.median),
        "largest": number(same.largest), "of_seeds": number(same.of_seeds, 0.1),
        "mean": NOTHING if size is None else interval(size.mean, size.low, size.high),
        "p": NOTHING if math.isnan(same.mean.p_holm) else p_value(same.mean.p_holm),
        "differs": "; ".join(differs) or NOTHING,
    }  # fmt: skip
