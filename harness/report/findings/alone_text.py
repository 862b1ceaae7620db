"""What critics alone say, in words: the paragraphs of the answer, and the rows of their table."""

import math
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from harness.report.findings.alone import CriticAlone
from harness.report.text.answer import statuses
from harness.report.text.table_rows import Row, by_value
from harness.text import NOTHING, counted, interval, listed, number, plain

MOST = 4  # values that a sentence names
CLOSE = 0.9999


def paragraphs(critics: Sequence[CriticAlone], table: pd.DataFrame) -> list[str]:
    """Return a sentence for each, and how many of the runs of `table` were lost or are to be trained."""
    counts = Counter(map(str, table["status"]))
    lost = statuses(counts)
    rest = [f"Of {counted(len(table), 'run')}, {lost}."] if lost else []
    rest += [f"{counted(counts['pending'], 'run')} not trained yet."] if counts["pending"] else []
    if not critics:
        text = "No generator learns in this suite, and no critic has finished with an exact distance beside it."
        return [text, *rest]
    return [*map(sentence, critics), *rest]


def sentence(one: CriticAlone) -> str:
    """Return kappa with its interval, the correlation with W1, and what TV and JS say of the same distributions."""
    kappa, seeds = one.kappa, one.runs["seed"].nunique()
    over = f"95 % confidence interval over {seeds} seeds" if seeds > 1 else "one seed, no interval"
    with_w1 = "" if math.isnan(one.correlation) else f", correlation {_correlation(one)} over {len(one.runs)} runs"
    estimate = interval(kappa.mean, kappa.low, kappa.high)
    return f"The critic of {one.name} estimates kappa = {estimate} times the exact W1 ({over}{with_w1}){_others(one)}."


def _correlation(one: CriticAlone) -> str:
    """Return a correlation with four decimals; none is 1 that is only nearly so."""
    text = f"{one.correlation:.4f}"
    return f"above {CLOSE}" if text == "1.0000" and one.correlation < 1 else text


def _others(one: CriticAlone) -> str:
    """Return what JS and TV are, and where they no longer tell one distance from another."""
    js, tv = one.rows["js"], one.rows["tv"]
    if js.isna().any():
        return ""
    if not one.saturated.any():
        return f"; JS is {_span(js)} and TV {_span(tv)}"
    rest = one.rows[~one.saturated]
    text = ", while JS is log 2 and TV 1"
    if rest.empty:
        return text
    if one.axis and len(rest) <= MOST:
        return f"{text} at every {one.axis} except {listed([plain(value) for value in rest[one.axis]])}"
    return f"{text} in {counted(len(one.rows) - len(rest), 'task')} of {len(one.rows)}"


def _span(values: pd.Series) -> str:
    low, high = number(float(values.min())), number(float(values.max()))
    return low if low == high else f"{low} to {high}"


def rows(critics: Sequence[CriticAlone]) -> list[Row]:
    """Return the rows of the table: what was compared, the estimate, and the distances solved."""
    return [
        {
            "critic": one.name, "task": row["task"], "n": row["n_ok"],
            "dual": by_value(interval(row["dual"], row["low"], row["high"]), row["dual"]),
            **{name: _shown(row[name]) for name in ("w1", "kappa", "tv", "js", "kl")},
        }
        for one in critics
        for row in one.rows.to_dict("records")
    ]  # fmt: skip


def _shown(value: float) -> object:
    return by_value(NOTHING if math.isnan(value) else "infinite" if math.isinf(value) else number(value), value)
