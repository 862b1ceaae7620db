"""Swept and drawn settings in words: sensitivity to a sweep, what the trials of a study say, what reaches a score."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from harness.report.analysis.sensitivity import NOTHING as NO_SCORE
from harness.report.studies.settings_reached import COUNTS, PRIMARY, Reached
from harness.report.studies.study_results import INDEPENDENT, SPREAD, StudyResults
from harness.report.text import answer
from harness.report.text.table_rows import Record, Row
from harness.statistics import trials as budget
from harness.statistics.intervals import Interval
from harness.statistics.power import LEVEL
from harness.statistics.trials import WORST
from harness.text import NOTHING, counted, interval, listed, number, p_value, points, points_interval, range_text, score

SAMPLERS = {"random": "random", "qmc": "scrambled Sobol", "tpe": "TPE"}
SCORES = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the table: as the source has inception scores of 1, 3, 5, 7 and 9
NO_TPE = "Importances are not estimated: TPE trials concentrate where good values are expected."
FEW = f"Importances are not estimated from fewer than {budget.FEWEST} trials."


def sensitivity(ranges: pd.DataFrame, names: list[str]) -> str:
    """Return the range of every objective's score over what was swept, the narrowest first; "" of no `ranges`."""
    if ranges.empty:
        return ""
    rows = ranges.to_dict("records")
    unequal, parts = ranges["settings"].nunique() > 1, []
    for place, row in enumerate(rows):
        size = f"{row['worst']:.2f} to {row['best']:.2f}"
        of = f" ({counted(row['settings'], 'setting')})" if unequal else ""
        wider = "" if row["best"] < NO_SCORE or place == 0 else f", {_wider(row)}"
        parts.append(f"{row['objective']} {size}{of}{wider}")
    return f"Mean over tasks of the score at a task's worst and best {listed(names)}: {'; '.join(parts)}."


def _wider(row: Record) -> str:
    size = f"{interval(row['wider'], row['low'], row['high'])} wider"
    if np.isnan(row["low"]) and row["seeds"] > 1:
        return f"{size} (not paired: seeds differ)"
    return f"{size} ({answer.of_seeds(Interval(row['wider'], row['low'], row['high']), row['seeds'])})"


# A study


def sentence(study: StudyResults, primary: bool = True) -> str:
    """Return the results of a study: good share and mean of its trials, the differences and their tests.

    `primary`: whether that is what the study is about; else it is called exploratory.
    """
    rows, block = study.objectives.to_dict("records"), study.block
    names = [row["objective"] for row in rows]
    each = f"{counted(block['trials'], SAMPLERS[block['sampler']] + ' trial')}{' each' if len(rows) > 1 else ''}"
    drawn = f"{each}{', some of them repeated' if study.repeated else ''}"
    if not study.ended:
        n = int(study.trials["value"].notna().sum())
        return f"{n:,} of {counted(block['trials'] * len(rows), 'trial')} have ended; the same command continues."
    if "share" not in study.objectives:
        best = max(rows, key=lambda row: row["most"])
        return f"Best trial: {best['objective']}, score {best['most']:.2f} ({drawn})."
    if study.objectives["most"].max() <= WORST:
        return f"No trial of {listed(names)} scores above {WORST:g} ({drawn})."
    near = f"trials within {budget.NEAR:g} of the best score, {study.objectives['most'].max():.2f}"
    shares, means = (", ".join(f"{row['objective']} {text(row)}" for row in rows) for text in (_share, _mean))
    kind, was = "" if primary else "Exploratory: ", "were compared" if len(rows) > 1 else "was tried"
    return (
        f"{kind}{listed(names)} {was} over {drawn}. Good share ({near}): {shares}{_test(study, 'share')}. "
        f"Mean score of a trial: {means}{_test(study, 'mean')}."
    )


def _test(study: StudyResults, of: str) -> str:
    """Return the difference of the objectives with the most and the least of a number, and its test."""
    n = study.objectives["objective"].nunique()
    if n < 2:
        return ""
    family = study.pairs[study.pairs["number"] == of].reset_index(drop=True)
    pair = family.loc[n - 2].to_dict()
    gap = f"{pair['first']} - {pair['second']} = {_difference(pair)}"
    if np.isnan(pair["p"]):
        return f"; {gap} (not tested)"
    tests = int(family["p"].notna().sum())
    holm = f", Holm correction for {tests} pairs" if tests > 1 else ""
    sure = "significant" if pair["told_apart"] else "not significant"
    return f"; {gap}, {sure} (p = {p_value(pair['p_holm'])}{holm})"


def _share(row: Record) -> str:
    text = f"{points(row['share'])} %"
    return text if np.isnan(row["share_low"]) else f"{text} [{points(row['share_low'])}, {points(row['share_high'])}]"


def _mean(row: Record) -> str:
    return score(row["mean"], row["mean_low"], row["mean_high"])


def _difference(pair: Record) -> str:
    """Return a difference of shares or means; alone where all draws agree, which then bound nothing."""
    if pair["number"] == "share":
        return points_interval(pair["difference"], pair["low"], pair["high"])
    ends = (pair["low"], pair["high"]) if pair["low"] < pair["high"] else (np.nan, np.nan)
    return interval(pair["difference"], *ends)


def confirmation(study: StudyResults) -> str:
    """Return what was trained on fresh seeds, or that the same command does that; "" before all trials have ended."""
    if not study.ended:
        return ""
    each = " of each" if len(study.objectives) > 1 else ""
    if study.confirmed:
        return f"The best setting{each} was trained on fresh seeds."
    return f"The same command confirms the best setting{each} on fresh seeds."


def study_values(study: StudyResults, primary: bool = True) -> Row:
    """Return what the page shows of a study, as text; `primary` as in `sentence`."""
    rows, spread, seeds = study.objectives.to_dict("records"), "share" in study.objectives, study.block["seeds"]
    kind = "primary" if primary else "exploratory"
    titles = {"share": f"good share ({kind})", "mean": "mean value (exploratory)"}
    return {
        "space": "; ".join(f"{name} {range_text(where)}" for name, where in study.block["space"].items()),
        "drawn": SAMPLERS[study.block["sampler"]],
        "seeds": counted(len(seeds) if isinstance(seeds, list) else int(seeds), "tuning seed"),
        "expected": study.block["sampler"] in INDEPENDENT,
        "spread": spread,
        "near": f"{budget.NEAR:g}",
        "one": len(rows) == 1,
        "unequal": len({len(study.settings(row["objective"])) for row in rows}) > 1,
        "confirmed": study.confirmed,
        "rows": [_row(row, spread) for row in rows],
        "notes": [*_overtaken(rows), *(_repeats(rows, study.block["trials"]) if spread else ())],
        "families": [
            (titles[str(of)], [_pair(row) for row in family.to_dict("records")])
            for of, family in study.pairs.groupby("number", sort=False)
        ],
        "pairs": counted(len(study.pairs) // 2, "pair") if len(study.pairs) > 2 else "",
        "weights": _weights(study),
        "draws": study.draws,
    }


def _row(row: Record, spread: bool) -> dict[str, str]:
    return {
        "objective": row["objective"],
        "lost": f"{row['lost']} of {row['runs']:,}", "best": NOTHING if np.isnan(row["best"]) else f"{row['best']:.2f}",
        "confirmed": interval(row["confirmed"], row["low"], row["high"]),
        "share": _share(row) if spread else "",
        "own": f"{points(row['own_share'])} %" if spread else "",
        "mean": _mean(row) if spread else "",
        "middle": NOTHING if np.isnan(row["q1"]) else f"{row['q1']:.2f} to {row['q3']:.2f}",
        "settings": row["settings"] if isinstance(row["settings"], str) else "",
        "seconds": number(row["seconds"]),
    }  # fmt: skip


def _overtaken(rows: Sequence[Record]) -> Iterator[str]:
    """Name where another trial is the best by now than the one that was chosen: after a retry, or other scores."""
    for row in rows:
        if not pd.isna(row["better"]):
            yield (
                f"{row['objective']}: trial {row['better']:.0f} is now best ({row['most']:.2f}); the table shows trial "
                f"{row['trial']:.0f}, chosen earlier. Rerun the study to choose again."
            )


def _repeats(rows: Sequence[Record], trials: int) -> Iterator[str]:
    """Name where trials are fewer settings than trials, so that bounds and p would count one as several."""
    for row in rows:
        if row["distinct"] < trials:
            distinct = counted(row["distinct"], "distinct setting")
            yield f"{row['objective']}: {distinct} in {counted(trials, 'trial')}, so no intervals and no tests."


def _pair(row: Record) -> Row:
    is_tested = not np.isnan(row["p"])
    p, p_holm = (p_value(row[name]) if is_tested else NOTHING for name in ("p", "p_holm"))
    verdict = f"{row['first']} higher" if row["told_apart"] else "not significant"
    return {
        "pair": f"{row['first']} - {row['second']}", "difference": _difference(row), "p": p, "p_holm": p_holm,
        "significant": row["told_apart"], "verdict": verdict if is_tested else "not tested",
    }  # fmt: skip


def _weights(study: StudyResults) -> str:
    """Return the settings of each objective whose importance is above chance; or why importances are not known."""
    if study.block["sampler"] not in SPREAD:
        return NO_TPE
    if study.ended and study.block["trials"] < budget.FEWEST:
        return FEW
    return " ".join(_weighed(study.weights)) if len(study.weights) else ""


def _weighed(weights: pd.DataFrame) -> Iterator[str]:
    for objective, part in weights.groupby("objective", sort=True):
        above = part[part["told"]].sort_values("importance", ascending=False, kind="stable").to_dict("records")
        texts = [f"{r['setting']} {points(r['importance'])} % [{points(r['low'])}, {points(r['high'])}]" for r in above]
        if part["importance"].isna().any():
            texts = ["too few trials differ in value"]
        yield f"{objective}: {', '.join(texts) or 'no setting above chance'}."


# The same settings with every objective


def of_reached(reached: Reached) -> str:
    """Return how many settings reach the primary score with whom, and the test; "" where that is not what is asked."""
    if not reached.primary:
        return ""
    row = reached.pairs[reached.pairs["at"] == PRIMARY].iloc[0].to_dict()
    gap = points_interval(row["difference"], row["low"], row["high"])
    sure = "not tested: some are the same"
    if not np.isnan(row["p"]):
        sure = f"{'' if row['p'] <= LEVEL else 'not '}significant (McNemar's exact test, p = {p_value(row['p'])})"
    return (
        f"Of {reached.n:,} {reached.noun}s, {row['both']} reach a score of {PRIMARY:g} with both objectives, "
        f"{row['second_alone']} with {row['second']} alone, {row['first_alone']} with {row['first']} alone, "
        f"{row['neither']} with neither: {row['second']} - {row['first']} = {gap}, {sure}."
    )


def reached_values(reached: Reached) -> Row:
    """Return what the page shows of it, as text."""
    rows = reached.pairs[reached.pairs["at"].isin(SCORES)]
    return {
        "noun": reached.noun,
        "n": f"{reached.n:,}",
        "at": f"{PRIMARY:g}",
        "primary": reached.primary,
        "pairs": [
            {"first": first, "second": second, "rows": [_reached_row(row) for row in part.to_dict("records")]}
            for (first, second), part in rows.groupby(["first", "second"], sort=False)
        ],
    }


def _reached_row(row: Record) -> dict[str, str]:
    gap = points_interval(row["difference"], row["low"], row["high"])
    p = NOTHING if np.isnan(row["p"]) else p_value(row["p"])
    return {"at": f"{row['at']:g}", "gap": gap, "p": p, **{name: f"{row[name]:,}" for name in COUNTS}}
