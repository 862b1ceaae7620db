"""The same settings with every objective: how many reach which score, with whom, and who reaches it alone.

Table 2 of Gulrajani et al. 2017 counts random architectures that only a GAN, only WGAN-GP, both or neither bring to a
minimal inception score, at five such scores; here are the curves between them, with intervals and a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from harness.report.analysis.study_results import Studied
from harness.report.figures import drawing, panels
from harness.report.figures.panels import Drawn, Section
from harness.report.results import Results
from harness.report.styles import Style
from harness.spec import content_id
from harness.statistics.paired import mcnemar
from harness.statistics.power import LEVEL
from harness.statistics.survival import fourfold, reached
from harness.statistics.trials import BELOW, Array, bounds, redrawn_means, redraws
from harness.text import NOTHING, p_value, points_interval

GRID = np.arange(101) / 100  # of scores, for the curves
SHOWN = (0.1, 0.3, 0.5, 0.7, 0.9)  # of a perfect score: as the source has inception scores of 1, 3, 5, 7 and 9
TOLD = 0.5  # the one that the sentence is about, whatever is found
COUNTS = ("first_alone", "second_alone", "both", "neither")
PLAYERS = ("generator.", "critic.")


@dataclass(frozen=True)
class Survival:
    """What became of settings that every objective was tried at.

    noun    what was drawn: "architecture" where all settings are of players, else "setting"
    n       how many
    curves  objective, at, share (of the settings, with a score of at least `at`), low, high
    pairs   first, second, at, first_alone, second_alone, both, neither (numbers of settings that reach `at`),
            difference (of the second's share to the first's), low, high, p; the first is the suite's first
            objective. Where some settings are the same there are neither bounds nor p
    """

    noun: str
    n: int
    curves: pd.DataFrame
    pairs: pd.DataFrame

    @property
    def primary(self) -> bool:
        """Whether the study is about how many reach TOLD: of architectures, with one objective and with another."""
        return self.noun == "architecture" and self.pairs["second"].nunique() == 1


def read(store: Results, study: Studied) -> Survival | None:
    """Return how the settings of a study fared that has ended; None where its objectives were not tried at the same."""
    names, drawn = list(dict.fromkeys(study.trials["objective"])), list(study.block["space"])
    parts = [study.trials[study.trials["objective"] == name].sort_values("trial") for name in names]
    asked = [part.reindex(columns=["trial", *drawn]).reset_index(drop=True) for part in parts]
    if not study.ended or len(names) < 2 or not all(settings.equals(asked[0]) for settings in asked[1:]):
        return None
    which = reached([_ranked(part) for part in parts], GRID)
    seed = int(content_id([store.plan["study"]["identity"], "survival"]), 16)
    taken = redraws(which.shape[1], np.random.default_rng(seed))
    shares = redrawn_means(np.swapaxes(which, 1, 2), taken)
    curves = _curves(names, which, shares)
    pairs = pd.concat([_pair(names, which, shares, place) for place in range(1, len(names))], ignore_index=True)
    if study.repeated:
        curves, pairs = curves.assign(low=np.nan, high=np.nan), pairs.assign(low=np.nan, high=np.nan, p=np.nan)
    noun = "architecture" if all(name.startswith(PLAYERS) for name in drawn) else "setting"
    return Survival(noun, which.shape[1], curves, pairs)


def _ranked(trials: pd.DataFrame) -> pd.Series:
    """Return the values of trials by which they are ordered: lost runs just below 0, so that they reach no score."""
    return trials["value"].astype(float) - BELOW * trials["lost"] / trials["runs"]


def _curves(names: list[str], which: NDArray[np.bool_], shares: Array) -> pd.DataFrame:
    low, high = bounds(shares)
    return pd.DataFrame({
        "objective": np.repeat(names, len(GRID)), "at": np.tile(GRID, len(names)),
        "share": which.mean(1).ravel(), "low": low.ravel(), "high": high.ravel(),
    })  # fmt: skip


def _pair(names: list[str], which: NDArray[np.bool_], shares: Array, place: int) -> pd.DataFrame:
    """Return the first objective and the one at `place`, a row a score."""
    counts = fourfold(which[0], which[place])
    low, high = bounds(shares[:, place] - shares[:, 0])
    return pd.DataFrame({
        "first": names[0], "second": names[place], "at": GRID, **dict(zip(COUNTS, counts, strict=True)),
        "difference": (counts[1] - counts[0]) / which.shape[1], "low": low, "high": high,
        "p": mcnemar(which[0], which[place]),
    })  # fmt: skip


def sentence(found: Survival) -> str:
    """Return how many settings reach TOLD with whom, and what McNemar's test says of the difference; "" where that is
    not what the study is about.
    """
    rows = found.pairs[found.pairs["at"] == TOLD].to_dict("records")
    return _told(found, rows[0]) if found.primary else ""


def _told(found: Survival, row: Mapping[Any, Any]) -> str:
    more, less = ("second", "first") if row["difference"] >= 0 else ("first", "second")
    return (
        f"Of {found.n:,} {found.noun}s, {row['first']} and {row['second']} both bring {row['both']} to a score of "
        f"{TOLD:g}, {row[more]} alone {row[f'{more}_alone']}, {row[less]} alone {row[f'{less}_alone']} and neither "
        f"{row['neither']}: {_verdict(row, more)}."
    )


def _verdict(row: Mapping[Any, Any], more: str) -> str:
    """Return the difference of the shares, to the side that has `more`, and what the test says of it."""
    ends = (row["low"], row["high"]) if more == "second" else (-row["high"], -row["low"])
    gap = points_interval(abs(row["difference"]), *ends)
    if np.isnan(row["p"]):
        return f"a difference of {gap}, not tested, for some of them are the same"
    verdict = f"{gap} more with {row[more]}" if row["p"] <= LEVEL else f"a difference of {gap}, no difference found"
    either = row["first_alone"] + row["second_alone"]
    return f"{verdict} (McNemar's exact test of the {either} that only one brings there: p = {p_value(row['p'])})"


def shown(found: Survival) -> dict[str, Any]:
    """Return what the page shows of it, as text."""
    rows = found.pairs[found.pairs["at"].isin(SHOWN)]
    return {
        "noun": found.noun,
        "n": f"{found.n:,}",
        "told": f"{TOLD:g}",
        "primary": found.primary,
        "pairs": [
            {"first": first, "second": second, "rows": [_row(row) for row in part.to_dict("records")]}
            for (first, second), part in rows.groupby(["first", "second"], sort=False)
        ],
    }


def _row(row: Mapping[Any, Any]) -> dict[str, str]:
    gap = points_interval(row["difference"], row["low"], row["high"])
    p = NOTHING if np.isnan(row["p"]) else p_value(row["p"])
    return {"at": f"{row['at']:g}", "gap": gap, "p": p, **{name: f"{row[name]:,}" for name in COUNTS}}


def section(found: Survival, styled: Mapping[str, Style]) -> Section:
    """Return the panels of the curves, and of their differences to the first objective."""
    drawings = [partial(_survival, found, styled), partial(_differences, found, styled)]
    return panels.collect("survival", drawings, lambda draw: draw(), len(drawings), "curves")


def _survival(found: Survival, styled: Mapping[str, Style]) -> Drawn:
    figure, ax = drawing.blank(4.7, 3.6)
    for name, part in found.curves.groupby("objective", sort=True):
        _draw(ax, part, part["share"], styled[str(name)], str(name))
    ax.set_ylabel(f"share of {found.noun}s that reach it")
    ax.set_ylim(-0.02, 1.02)
    _finish(ax)
    return figure, "share against score", f"Share of {found.noun}s that reach a score, a line an objective"


def _differences(found: Survival, styled: Mapping[str, Style]) -> Drawn:
    figure, ax = drawing.blank(4.7, 3.6)
    first = found.pairs["first"].iloc[0]
    ax.axhline(0, color=drawing.GREY, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
    for name, part in found.pairs.groupby("second", sort=True):
        _draw(ax, part, part["difference"], styled[str(name)], f"{name} less {first}")
    ax.set_ylabel("difference of shares")
    _finish(ax)
    return figure, "difference against score", f"Difference of these shares to that of {first}, paired by {found.noun}"


def _draw(ax: Axes, part: pd.DataFrame, line: pd.Series, look: Style, text: str) -> None:
    ax.plot(part["at"], line, color=look.colour, linestyle=look.dash, linewidth=1.8, label=text, zorder=3)
    if part["low"].notna().any():
        ax.fill_between(part["at"], part["low"], part["high"], color=look.colour, alpha=0.15, linewidth=0)


def _finish(ax: Axes) -> None:
    ax.set_xlabel("score")
    ax.set_xlim(0, 1)
    ax.grid(axis="y", color="#E6E6E6", linewidth=0.8)
    ax.set_axisbelow(True)
    cast(Figure, ax.figure).legend(loc="outside lower center", ncols=3, handlelength=3)
