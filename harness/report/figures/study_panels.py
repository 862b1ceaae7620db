"""The pictures of a study: the best of k trials, importances, values along each setting and over two."""

from collections.abc import Mapping
from functools import partial

import pandas as pd

from harness.report.analysis import study_slices
from harness.report.analysis.study_results import INDEPENDENT, Studied
from harness.report.analysis.study_slices import Plane
from harness.report.figures import drawing, panels, study_drawing
from harness.report.figures.panels import Drawn, Section
from harness.report.figures.sensitivity import LABELS
from harness.report.styles import Style

MOST = 12  # pictures of settings on a page, and of two settings: those that weigh most
SIZE = (4.7, 3.8)  # inches: two stand beside each other on a page


def sections(found: Studied, styled: Mapping[str, Style]) -> dict[str, Section]:
    """Return the page's pictures of a study by name, all empty before its trials have ended."""
    settings = study_slices.ordered(found) if found.ended else []
    means, planes = (
        study_slices.slices(found) if found.ended else pd.DataFrame(),
        study_slices.planes(found) if found.ended else [],
    )
    weighed = found.weights.dropna() if len(found.weights) else found.weights
    one = [found.curves] if len(found.curves) else []
    two = [weighed] if len(weighed) else []
    return {
        "study": panels.collect("study", one, partial(_best, found, styled), len(one), "studies"),
        "weights": panels.collect("weights", two, partial(_weights, found, styled), len(two), "studies"),
        "slices": panels.collect(
            "slices", settings[:MOST], partial(_slice, found, means, styled), len(settings), "settings"
        ),
        "planes": panels.collect("planes", planes[:MOST], partial(_plane, found), len(planes), "objectives"),
    }


def tables(found: Studied) -> dict[str, pd.DataFrame]:
    """Return the CSV files of a study by name."""
    made = {"trials.csv": found.trials, "study.csv": found.objectives, "best-of-trials.csv": found.curves}
    if not found.ended:
        return made
    planes = [study_slices.cells(found, plane) for plane in study_slices.planes(found)]
    made |= {"slices.csv": study_slices.slices(found)}
    made |= {"planes.csv": pd.concat(planes, ignore_index=True)} if planes else {}
    made |= {"study-pairs.csv": found.pairs} if len(found.pairs) else {}
    return made | ({"importances.csv": found.weights} if len(found.weights) else {})


def _best(found: Studied, styled: Mapping[str, Style], curves: pd.DataFrame) -> Drawn:
    figure, ax = drawing.blank(4.7, 3.6)
    study_drawing.draw_best(ax, curves, styled)
    expected = found.block["sampler"] in INDEPENDENT
    ax.set_ylabel("expected best score" if expected else "best score so far")
    what = "Expected best score" if expected else "Best score so far"
    return figure, "best against trials", f"{what} against the number of trials, a line an objective"


def _weights(found: Studied, styled: Mapping[str, Style], weighed: pd.DataFrame) -> Drawn:
    names, settings = sorted(weighed["objective"].unique()), study_slices.ordered(found)
    settings = [name for name in settings if name in set(weighed["setting"])]
    row, lift = {name: i for i, name in enumerate(settings)}, 0.8 / len(names)
    placed = weighed.assign(
        row=weighed["setting"].map(row),
        chance=weighed["chance"].clip(upper=1.0),  # beyond the axis no setting can be told from chance
        lift=[lift * (names.index(name) - (len(names) - 1) / 2) for name in weighed["objective"]],
    )
    height = 1.3 + len(settings) * max(0.42, 0.17 * len(names)) + 0.22 * -(-(len(names) + 1) // 3)
    figure, ax = drawing.blank(SIZE[0], height)
    study_drawing.draw_weights(ax, placed.sort_values("row"), styled)
    return figure, "importances", "Importance of every setting for reaching the best quarter of trials, by objective"


def _slice(found: Studied, means: pd.DataFrame, styled: Mapping[str, Style], setting: str) -> Drawn:
    figure, ax = drawing.blank(*SIZE)
    points, where = study_slices.points(found, setting), found.block["space"][setting]
    study_drawing.draw_slice(ax, points, means[means["setting"] == setting], styled, where)
    ax.set_xlabel(LABELS.get(setting, setting))
    lost = int((points["lost"] > 0).sum())
    return figure, setting, f"Score of each trial against {setting}, a colour an objective; {lost} with a run lost"


def _plane(found: Studied, plane: Plane) -> Drawn:
    figure, ax = drawing.blank(*SIZE)
    spans = (found.block["space"][plane.x], found.block["space"][plane.y])
    study_drawing.draw_plane(ax, study_slices.scattered(found, plane), study_slices.cells(found, plane), spans)
    ax.set_xlabel(LABELS.get(plane.x, plane.x))
    ax.set_ylabel(LABELS.get(plane.y, plane.y))
    ax.set_title(plane.objective)
    return figure, " ".join(plane), f"Scores of the trials of {plane.objective} over {plane.x} and {plane.y}"
