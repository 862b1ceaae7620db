"""The factors of a factorial in words, and as rows of tables."""

from typing import Any

import pandas as pd

from harness.report.findings import factorial_figures
from harness.report.findings.factorial import Factorial, factorial
from harness.report.findings.finding import Finding, Runs
from harness.report.text.table_rows import Record, Row
from harness.statistics.trials import wilson
from harness.text import NOTHING, counted, interval, listed, number, percent

MOSTLY = 0.75  # of the lost runs
FEW = 4  # levels that a sentence names


def find(runs: Runs) -> Finding | None:
    """Return what the factors of a factorial explain; None where runs are none."""
    outcome = factorial(runs)
    if outcome is None:
        return None
    return Finding(
        values=values(outcome),
        draw=lambda: {"factorial": factorial_figures.section(outcome)},
        frames={"factorial-shares.csv": outcome.shares, "factorial-levels.csv": outcome.levels},
        paragraphs=paragraphs(outcome),
        opens=True,
    )


def paragraphs(outcome: Factorial) -> list[str]:
    """Return which factor explains most, what the others do, the largest interaction, and what was lost."""
    first, *others = outcome.of_factors().to_dict("records")
    of = f"Of the variance of {outcome.metric} over {counted(outcome.runs, 'run')}"
    sentences = [f"{of}, {_named(outcome, first)} explains most: {_both(first)}."]
    clear = [row for row in others if row["total_low"] > 0]
    rest = [row["source"] for row in others if row not in clear]
    if clear:
        each = [f"{_named(outcome, row)}, {_both(row)}" for row in clear]
        sentences.append(f"Then come {'; '.join(each)}.")
    if rest:
        verb, whose = ("explains", "its interval") if len(rest) == 1 else ("explain", "their intervals")
        contain = "contains" if len(rest) == 1 else "contain"
        sentences.append(f"{listed(rest)} {verb} no significant share: {whose} with interactions {contain} 0.")
    return [" ".join(sentences), " ".join(filter(None, [_interaction(outcome), _lost(outcome)]))]


def _named(outcome: Factorial, row: Record) -> str:
    """Return a factor with its levels, where these are few: "lr (1e-3 or 0.01)"."""
    levels = outcome.factors[row["source"]]
    return f"{row['source']} ({', '.join(levels[:-1])} or {levels[-1]})" if len(levels) <= FEW else str(row["source"])


def _interaction(outcome: Factorial) -> str:
    """Return the largest interaction of two factors with its means, the worst first; "" where there is none."""
    if outcome.means.empty:
        return ""
    row = outcome.of_pairs().iloc[0]
    first, second = outcome.means.columns[:2]
    ordered = outcome.means.sort_values("mean", ascending=False, kind="stable").to_dict("records")
    each = [
        f"{interval(at['mean'], at['low'], at['high'])} with {first}={at[first]}, {second}={at[second]}"
        for at in ordered
    ]
    share = _share(row, "share", "low", "high")
    return f"The largest interaction is that of {first} and {second}, {share}: mean {outcome.metric} is {listed(each)}."


def _lost(outcome: Factorial) -> str:
    low, high = wilson(outcome.lost, outcome.runs)
    if not outcome.lost:
        return f"No run was lost (0.0 % [0.0 %, {percent(high)}])."
    share = f"{percent(outcome.lost / outcome.runs)} [{percent(low)}, {percent(high)}]"
    verb = "was" if outcome.lost == 1 else "were"
    half = f"; half of those that diverged had by step {number(outcome.half_by)}" if outcome.half_by > 0 else ""
    rule = "A lost run counts as the worst finished one of its task"
    return f"{outcome.lost:,} of {counted(outcome.runs, 'run')} {verb} lost ({share}){_where(outcome)}{half}. {rule}."


def _where(outcome: Factorial) -> str:
    """Return ", all with numerics=probabilities, 46 with lr=0.01": what lost runs have in common, all or most."""
    shared = [f"{name}={level}" for name, level in outcome.common.items()]
    where = f", all with {listed(shared)}" if shared else ""
    others = outcome.levels[~outcome.levels["factor"].isin(list(outcome.common))]
    most = others.sort_values("lost", ascending=False, kind="stable").head(1).to_dict("records")
    mostly = [
        f"{row['lost']:,} with {row['factor']}={row['level']}" for row in most if row["lost"] >= MOSTLY * outcome.lost
    ]
    return where + "".join(f", {text}" for text in mostly)


def _both(row: Record) -> str:
    """Return "31 % [30 %, 32 %] by itself, 60 % [58 %, 62 %] with its interactions"."""
    alone = f"{_share(row, 'share', 'low', 'high')} by itself"
    if pd.isna(row["total"]):
        return alone
    return f"{alone}, {_share(row, 'total', 'total_low', 'total_high')} with its interactions"


def _share(row: Any, value: str, low: str, high: str) -> str:
    bounds = "" if pd.isna(row[low]) else f" [{percent(row[low])}, {percent(row[high])}]"
    return f"{percent(row[value])}{bounds}"


def values(outcome: Factorial) -> Row:
    """Return what the page shows: a row a source of variance, and a row a level."""
    shares = pd.concat([outcome.of_factors(), outcome.of_clear_pairs(), outcome.of_rest()])
    return {
        "metric": outcome.metric,
        "seeds": counted(outcome.seeds, "seed"),
        "bounded": outcome.seeds > 1,
        "shares": [
            {
                "source": row["source"], "df": int(row["df"]), "share": _share(row, "share", "low", "high"),
                "total": NOTHING if pd.isna(row["total"]) else _share(row, "total", "total_low", "total_high"),
            }
            for row in shares.to_dict("records")
        ],
        "levels": [
            {
                "factor": row["factor"], "level": row["level"], "mean": interval(row["mean"], row["low"], row["high"]),
                "lost": f"{row['lost']:,}/{row['runs']:,}",
            }
            for row in outcome.levels.to_dict("records")
        ],
    }  # fmt: skip
