"""A study in words: what its sentence says, and all that the page shows of it as text."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from harness.report.studied import INDEPENDENT, SPREAD, Studied
from harness.study import budget
from harness.wording import NOTHING, counted, interval, number, p_value, points, range_text

SAMPLERS = {"random": "at random", "qmc": "as scrambled Sobol points", "tpe": "by TPE"}


def sentence(found: Studied) -> str:
    """Return what the study says: whose space is good in a larger part, by how much, and what the tests say of that."""
    rows, block = found.objectives.to_dict("records"), found.block
    if not found.ended:
        n = int(found.trials["value"].notna().sum())
        return (
            f"{n:,} of {counted(block['trials'] * len(rows), 'trial')} have ended; the same command goes on from there."
        )
    each = " of each" if len(rows) > 1 else ""
    drawn = f"{counted(block['trials'], 'trial')}{each}, drawn {SAMPLERS[block['sampler']]}"
    if "share" not in found.objectives:
        best = max(rows, key=lambda row: row["best"])
        return f"The best trial is one of {best['objective']}, with a score of {best['best']:.2f} ({drawn})."
    first, last = rows[0], rows[-1]
    said = f"{_share(first)} of the trials of {first['objective']} come within {budget.NEAR:g} of its best score"
    if not len(found.pairs):
        return f"{said}, {first['best']:.2f} ({drawn})."
    said += f", {first['best']:.2f}, and {_share(last)} of those of {last['objective']} of its own, {last['best']:.2f}"
    pair = _ends(found, "share")
    gap = f"{points(pair['difference'])} points {_bounds(pair)}"
    told = f"{last['objective']} is more sensitive, by {gap}" if pair["told_apart"] else f"a difference of {gap}"
    return f"{said}: {told}{_verdict(found, pair)}; {drawn}). {_mean_sentence(found)}"


def _mean_sentence(found: Studied) -> str:
    """Say what a setting is worth that nobody chose."""
    pair, mean = _ends(found, "mean"), found.objectives.set_index("objective")["mean"]
    return (
        f"A setting drawn at random scores {mean[pair['first']]:.2f} with {pair['first']} and "
        f"{mean[pair['second']]:.2f} with {pair['second']}, {_difference(pair)} less{_verdict(found, pair)})."
    )


def _ends(found: Studied, number: str) -> dict[Any, Any]:
    """Return the pair of the objectives with the largest and the smallest of a number."""
    family = found.pairs[found.pairs["number"] == number].reset_index(drop=True)
    return family.loc[found.objectives["objective"].nunique() - 2].to_dict()


def _verdict(found: Studied, pair: Mapping[Any, Any]) -> str:
    tests = found.pairs["number"].value_counts()[pair["number"]]
    holm = f" after Holm's correction for {tests} pairs" if tests > 1 else ""
    return f"{'' if pair['told_apart'] else ', no difference found'} (p = {p_value(pair['p_holm'])}{holm}"


def _share(row: Mapping[Any, Any]) -> str:
    return f"{points(row['share'])} % [{points(row['share_low'])}, {points(row['share_high'])}]"


def _bounds(pair: Mapping[Any, Any]) -> str:
    return f"[{points(pair['low'])}, {points(pair['high'])}]"


def _difference(pair: Mapping[Any, Any]) -> str:
    return interval(pair["difference"], pair["low"], pair["high"])


def shown(found: Studied) -> dict[str, Any]:
    """Return what the page shows of a study, as text."""
    rows, spread = found.objectives.to_dict("records"), "share" in found.objectives
    return {
        "space": "; ".join(f"{name} {range_text(where)}" for name, where in found.block["space"].items()),
        "drawn": SAMPLERS[found.block["sampler"]],
        "seeds": counted(_seeds(found), "seed"),
        "expected": found.block["sampler"] in INDEPENDENT,
        "spread": spread,
        "near": f"{budget.NEAR:g}",
        "rows": [_row(row, spread) for row in rows],
        "families": _families(found.pairs),
        "pairs": counted(len(found.pairs) // 2, "pair") if len(found.pairs) > 2 else "",
        "weights": _weights(found),
        "draws": found.draws,
    }


def _row(row: Mapping[Any, Any], spread: bool) -> dict[str, str]:
    return {
        "objective": row["objective"],
        "lost": f"{row['lost']} of {row['runs']:,}", "best": number(row["best"]),
        "confirmed": interval(row["confirmed"], row["low"], row["high"]),
        "share": _share(row) if spread else "",
        "mean": interval(row["mean"], row["mean_low"], row["mean_high"]) if spread else "",
        "middle": f"{number(row['q1'])} to {number(row['q3'])}" if row["q1"] == row["q1"] else NOTHING,
        "settings": row["settings"] if isinstance(row["settings"], str) else "",
        "seconds": number(row["seconds"]),
    }  # fmt: skip


def _families(pairs: pd.DataFrame) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the tests of both numbers, each with what it is called."""
    titles = {"share": "good share, in points (primary)", "mean": "mean value (exploratory)"}
    return [
        (titles[str(number)], [_pair(row) for row in family.to_dict("records")])
        for number, family in pairs.groupby("number", sort=False)
    ]


def _pair(row: Mapping[Any, Any]) -> dict[str, Any]:
    share = row["number"] == "share"
    return {
        "pair": f"{row['first']} over {row['second']}",
        "difference": f"{points(row['difference'])} {_bounds(row)}" if share else _difference(row),
        "p": p_value(row["p"]), "p_holm": p_value(row["p_holm"]), "told": row["told_apart"],
        "verdict": f"{row['first']} higher" if row["told_apart"] else "no difference found",
    }  # fmt: skip


def _weights(found: Studied) -> str:
    """Say which setting decides most whether a trial is a good one, of each objective; why that is not said of others,
    or of any.
    """
    if found.block["sampler"] not in SPREAD:
        return (
            "There are no importances: TPE draws where it expects good values, so that its trials say what it tried "
            "rather than what the space is like."
        )
    return " ".join(_weighed(found.weights)) if len(found.weights) else ""


def _weighed(weights: pd.DataFrame) -> Iterator[str]:
    for objective, part in weights.groupby("objective", sort=True):
        if part["importance"].isna().any():
            yield f"{objective} has none: too few of its trials differ in value."
            continue
        first = part.sort_values("importance", ascending=False, kind="stable").iloc[0]
        others = part.loc[part["told"] & (part["setting"] != first["setting"]), "setting"].tolist()
        if not first["told"] and not others:
            yield f"No setting of {objective} is above chance."
            continue
        text = f"{points(first['importance'])} % [{points(first['low'])}, {points(first['high'])}]"
        yield f"Of {objective} it is {first['setting']}, {text}" + (
            f"; above chance too: {', '.join(others)}." if others else "."
        )


def _seeds(found: Studied) -> int:
    seeds = found.block["seeds"]
    return len(seeds) if isinstance(seeds, list) else int(seeds)
