"""A study in words: what its sentence says, and all that the page shows of it as text."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from harness.report.analysis.study_results import INDEPENDENT, SPREAD, Studied
from harness.statistics import trials as budget
from harness.statistics.trials import WORST
from harness.text import NOTHING, counted, interval, listed, number, p_value, points, points_interval, range_text, score

SAMPLERS = {"random": "at random", "qmc": "as scrambled Sobol points", "tpe": "by TPE"}


def sentence(found: Studied, primary: bool = True) -> str:
    """Return what the study says: where good settings are rarer, by how much, and what the tests say of that.

    `primary`: whether that is what the study is about; else it is called exploratory.
    """
    rows, block = found.objectives.to_dict("records"), found.block
    if not found.ended:
        n = int(found.trials["value"].notna().sum())
        return (
            f"{n:,} of {counted(block['trials'] * len(rows), 'trial')} have ended; the same command goes on from there."
        )
    if "share" not in found.objectives:
        best = max(rows, key=lambda row: row["most"])
        return f"The best trial is one of {best['objective']}, with a score of {best['most']:.2f} ({_drawn(found)})."
    if found.objectives["most"].max() <= WORST:
        return f"No trial has a score above {WORST:g} ({_drawn(found)})."
    said = f"{_shares(found)} {_means(found)}"
    return said if primary else f"Exploratory: {said[0].lower()}{said[1:]}"


def _drawn(found: Studied) -> str:
    """Return how many trials there are of each objective, and how they were drawn."""
    block, each = found.block, " of each" if len(found.objectives) > 1 else ""
    drawn = f"{counted(block['trials'], 'trial')}{each}, drawn {SAMPLERS[block['sampler']]}"
    return f"{drawn}, some of them the same" if found.repeated else drawn


def _shares(found: Studied) -> str:
    """Say how many trials are near the best that there is, with whom most of them are and with whom fewest."""
    rows = found.objectives.to_dict("records")
    first, last, whose = (
        rows[0],
        rows[-1],
        "the best score that any objective reached" if len(rows) > 1 else "its best score",
    )
    said = (
        f"Within {budget.NEAR:g} of {whose}, {found.objectives['most'].max():.2f}, come {_share(first)} of the trials"
    )
    if len(rows) == 1:
        return f"{said} of {first['objective']} ({_drawn(found)})."
    pair = _ends(found, "share")
    gap = points_interval(pair["difference"], pair["low"], pair["high"])
    told = (
        f"good settings are rarer with {last['objective']}, by {gap}"
        if pair["told_apart"]
        else f"a difference of {gap}"
    )
    also = [row["objective"] for row in rows[1:-1] if first["share"] > row["share"] == last["share"]]
    said += f" of {first['objective']} and {_share(last)} of those of {last['objective']}"
    said += f" (as of {listed(also)}): {told}" if also else f": {told}"
    return f"{said}{_verdict(found, pair, _drawn(found))}."


def _means(found: Studied) -> str:
    """Say what a setting is worth that nobody chose."""
    rows = found.objectives.set_index("objective")
    if len(rows) == 1:
        return f"A setting drawn at random scores {_mean(rows.iloc[0])}."
    pair, mean = _ends(found, "mean"), rows["mean"]
    return (
        f"A setting drawn at random scores {mean[pair['first']]:.2f} with {pair['first']} and "
        f"{mean[pair['second']]:.2f} with {pair['second']}, {_difference(pair)} less{_verdict(found, pair)}."
    )


def _ends(found: Studied, number: str) -> dict[Any, Any]:
    """Return the pair of the objectives with the largest and the smallest of a number."""
    family = found.pairs[found.pairs["number"] == number].reset_index(drop=True)
    return family.loc[found.objectives["objective"].nunique() - 2].to_dict()


def _verdict(found: Studied, pair: Mapping[Any, Any], *more: str) -> str:
    """Return what the test of a pair says, with its p and `more` in brackets; of a pair without one `more` alone."""
    if np.isnan(pair["p"]):
        return f" ({'; '.join(more)})" if more else ""
    tests = int(found.pairs.loc[found.pairs["number"] == pair["number"], "p"].notna().sum())
    holm = f" after Holm's correction for {tests} pairs" if tests > 1 else ""
    said = "; ".join((f"p = {p_value(pair['p_holm'])}{holm}", *more))
    return f"{'' if pair['told_apart'] else ', no difference found'} ({said})"


def _share(row: Mapping[Any, Any]) -> str:
    text = f"{points(row['share'])} %"
    return text if np.isnan(row["share_low"]) else f"{text} [{points(row['share_low'])}, {points(row['share_high'])}]"


def _mean(row: Any) -> str:
    return score(row["mean"], row["mean_low"], row["mean_high"])


def _difference(pair: Mapping[Any, Any]) -> str:
    """Return a difference of means; alone where all draws agree, which then bound nothing."""
    ends = (pair["low"], pair["high"]) if pair["low"] < pair["high"] else (np.nan, np.nan)
    return interval(pair["difference"], *ends)


def confirmation(found: Studied) -> str:
    """Return what was trained on fresh seeds, or that the same command does that; "" before all trials have ended."""
    if not found.ended:
        return ""
    each = " of each" if len(found.objectives) > 1 else ""
    if found.confirmed:
        return f"The best setting{each} was trained on fresh seeds."
    return f"The same command confirms the best setting{each} on fresh seeds."


def shown(found: Studied, primary: bool = True) -> dict[str, Any]:
    """Return what the page shows of a study, as text; `primary` as in `sentence`."""
    rows, spread = found.objectives.to_dict("records"), "share" in found.objectives
    sizes = {len(found.settings(row["objective"])) for row in rows}
    return {
        "space": "; ".join(f"{name} {range_text(where)}" for name, where in found.block["space"].items()),
        "drawn": SAMPLERS[found.block["sampler"]],
        "seeds": counted(_seeds(found), "seed"),
        "tuning": counted(_seeds(found), "tuning seed"),
        "expected": found.block["sampler"] in INDEPENDENT,
        "spread": spread,
        "near": f"{budget.NEAR:g}",
        "one": len(rows) == 1,
        "unequal": len(sizes) > 1,
        "primary": primary,
        "confirmed": found.confirmed,
        "rows": [_row(row, spread) for row in rows],
        "notes": [*_overtaken(rows), *(_repeats(rows, found.block["trials"]) if spread else ())],
        "families": _families(found.pairs, primary),
        "pairs": counted(len(found.pairs) // 2, "pair") if len(found.pairs) > 2 else "",
        "weights": _weights(found),
        "draws": found.draws,
    }


def _row(row: Mapping[Any, Any], spread: bool) -> dict[str, str]:
    return {
        "objective": row["objective"],
        "lost": f"{row['lost']} of {row['runs']:,}", "best": _two_digits(row["best"]),
        "confirmed": interval(row["confirmed"], row["low"], row["high"]),
        "share": _share(row) if spread else "",
        "own": f"{points(row['own_share'])} %" if spread else "",
        "mean": _mean(row) if spread else "",
        "middle": NOTHING if np.isnan(row["q1"]) else f"{row['q1']:.2f} to {row['q3']:.2f}",
        "settings": row["settings"] if isinstance(row["settings"], str) else "",
        "seconds": number(row["seconds"]),
    }  # fmt: skip


def _two_digits(value: float) -> str:
    return NOTHING if np.isnan(value) else f"{value:.2f}"


def _overtaken(rows: list[dict[Any, Any]]) -> Iterator[str]:
    """Say where another trial is the best by now than the one that was chosen: after a retry, or other scores."""
    for row in rows:
        if not pd.isna(row["better"]):
            yield (
                f"Trial {row['better']:.0f} of {row['objective']} is the best by now, with {row['most']:.2f}; promised "
                f"and confirmed are of trial {row['trial']:.0f}, which was chosen. The same command chooses anew."
            )


def _repeats(rows: list[dict[Any, Any]], trials: int) -> Iterator[str]:
    """Say where trials are fewer settings than trials, so that bounds and p would count one as several."""
    for row in rows:
        if row["distinct"] < trials:
            distinct = counted(row["distinct"], "distinct setting")
            yield (
                f"The {counted(trials, 'trial')} of {row['objective']} are {distinct}: bounds and p would count them "
                "as independent, and none are given."
            )


def _families(pairs: pd.DataFrame, primary: bool) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the tests of both numbers, each with what it is called."""
    kind = "primary" if primary else "exploratory"
    titles = {"share": f"good share ({kind})", "mean": "mean value (exploratory)"}
    return [
        (titles[str(number)], [_pair(row) for row in family.to_dict("records")])
        for number, family in pairs.groupby("number", sort=False)
    ]


def _pair(row: Mapping[Any, Any]) -> dict[str, Any]:
    share, tested = row["number"] == "share", not np.isnan(row["p"])
    verdict = f"{row['first']} higher" if row["told_apart"] else "no difference found"
    return {
        "pair": f"{row['first']} over {row['second']}",
        "difference": points_interval(row["difference"], row["low"], row["high"]) if share else _difference(row),
        "p": p_value(row["p"]) if tested else NOTHING, "p_holm": p_value(row["p_holm"]) if tested else NOTHING,
        "told": row["told_apart"], "verdict": verdict if tested else "not tested",
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
    if found.ended and found.block["trials"] < budget.FEWEST:
        return (
            f"There are no importances of fewer than {budget.FEWEST} trials: a quarter of them says too little of what "
            "the good ones have in common."
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
