"""Critics that are trained alone, between two distributions that stay as they are: what each says of their distance."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from harness.objectives import OBJECTIVES
from harness.objectives.losses import wasserstein_critic
from harness.report.analysis.cell_table import data_columns, learns, numbers
from harness.report.figures import drawing, panels
from harness.report.figures.drawing import GREY
from harness.report.figures.panels import Drawn, Section
from harness.report.figures.style import INK
from harness.report.findings.finding import Finding, Runs
from harness.report.text.answer import statuses
from harness.report.text.table_rows import Row, by_value
from harness.statistics import intervals
from harness.statistics.intervals import Interval
from harness.text import NOTHING, counted, interval, listed, number, plain

SATURATED = 1e-9  # nats below log 2 at which JS no longer tells two distances apart
VALUES = ("dual", "w1", "kappa", "js_bound", "tv", "tv_floor", "js", "js_floor", "kl", "kl_infinite")
PLACES = ("dataset", "architecture")
MOST = 4  # values that a sentence names
CLOSE = 0.9999
SIZE = (6.4, 4.2)  # inches
ESTIMATE, JS, TV, KL = "#0072B2", "#D55E00", "#009E73", "#CC79A7"  # told apart with any of the usual colour vision
TOP = 1.06  # of an axis from 0 to its largest finite value, where infinite ones are marked


@dataclass(frozen=True)
class CriticAlone:
    """The critics of one objective, architecture and setting.

    name         what tells them from the others of a suite
    axis         the number of the data that is swept, "" where there is none, or several
    runs         the finished ones: task, axis, seed and VALUES; KL is inf where it is infinite
    rows         a row a task, in the order of the axis: its value, n_ok, dual with low and high (a t interval over
                 seeds), and the means of the others
    n_planned    runs that were planned
    of_w1        whether its loss is the Wasserstein loss, so that dual estimates a multiple of W1
    kappa        slope of dual over W1 through the origin, seed by seed: mean and t interval over seeds that finished;
                 NaN where all W1 are 0, or with another loss
    correlation  Pearson's, of dual and W1 over all runs; NaN where W1 has one value
    """

    name: str
    axis: str
    runs: pd.DataFrame
    rows: pd.DataFrame
    n_planned: int
    of_w1: bool
    kappa: Interval
    correlation: float

    @property
    def saturated(self) -> pd.Series:
        """Of each row, whether JS is log 2: the two distributions share no cell."""
        return self.rows["js"] >= math.log(2) - SATURATED

    @property
    def estimate(self) -> str:
        """The column that estimates a distance: of W1, of JS (a logistic loss), or of none."""
        return "js_bound" if not self.of_w1 and self.runs["js_bound"].notna().all() else "dual"


def find(runs: Runs) -> Finding | None:
    """Return the critics that are trained alone; None where none is."""
    fixed = runs.table.drop(runs.learners.index)
    if fixed.empty:
        return None
    critics = critics_alone(fixed, runs.data_axes)
    return Finding(
        values=rows(critics),
        draw=lambda: {"alone": section(critics)},
        frames={"critics-alone.csv": table_of(critics)} if critics else {},
        paragraphs=paragraphs(critics, fixed),
    )


def critics_alone(table: pd.DataFrame, data_axes: Collection[str]) -> list[CriticAlone]:
    """Return what critics alone say, in a labelled table (`cell_table.labelled`) with these `data_axes`.

    Of records without the columns of critics, or without exact distances, there is nothing.
    """
    alone = table[~learns(table)]
    if not {"dual", "w1"} <= {*alone.columns}:
        return []
    keys = ["objective", "setting", *PLACES]
    differing = [key for key in keys if alone[key].nunique() > 1]
    groups = alone.groupby(keys, sort=False)
    return [one for _, part in groups for one in _of(part, differing, data_axes)]


def _of(part: pd.DataFrame, differing: list[str], data_axes: Collection[str]) -> Iterator[CriticAlone]:
    columns = [c for c in data_columns(part, data_axes) if part[c].nunique() > 1]
    axis = columns[0] if len(columns) == 1 and pd.api.types.is_numeric_dtype(part[columns[0]]) else ""
    ok = part[part["status"] == "ok"]
    runs = ok[["task", "seed"]].assign(**{name: numbers(ok, name) for name in VALUES})
    runs = runs.assign(kl=runs["kl"].where(runs["kl_infinite"] != 1, math.inf))
    if axis:
        runs.insert(1, _name(axis), ok[axis].astype(float))
    runs = runs[runs["dual"].notna() & runs["w1"].notna()]
    if runs.empty:
        return
    of_w1 = _is_wasserstein(str(part.get("objective.base", part["objective"]).iloc[0]))
    if not of_w1:
        runs["kappa"] = math.nan
    rows = [_row(of_task) for _, of_task in runs.groupby("task", sort=False)]
    table = pd.DataFrame(rows)
    if axis:
        table = table.sort_values(_name(axis), kind="stable", ignore_index=True)
    setting, *places = (str(part[key].iloc[0]) if key in differing else "" for key in ("setting", *PLACES))
    what = f"{part['objective'].iloc[0]}{f' ({setting})' if setting else ''}"
    slopes = [_slope(of_seed) for _, of_seed in runs.groupby("seed") if of_w1 and (of_seed["w1"] > 0).any()]
    spread = runs["w1"].max() > runs["w1"].min() and runs["dual"].max() > runs["dual"].min()
    yield CriticAlone(
        name=" on ".join(filter(None, [what, " / ".join(filter(None, places))])),
        axis=_name(axis),
        runs=runs,
        rows=table,
        n_planned=len(part),
        of_w1=of_w1,
        kappa=intervals.t_interval(np.array(slopes)),
        correlation=float(np.corrcoef(runs["dual"], runs["w1"])[0, 1]) if spread else math.nan,
    )


def _is_wasserstein(base: str) -> bool:
    """Return whether an objective's critic has the Wasserstein loss; one that the table lacks is taken to have it."""
    return base not in OBJECTIVES or OBJECTIVES[base].critic_loss is wasserstein_critic


def _row(runs: pd.DataFrame) -> dict[str, object]:
    dual = intervals.t_interval(runs["dual"].to_numpy())
    places = {name: runs[name].iloc[0] for name in runs.columns if name not in (*VALUES, "seed")}
    means = {name: float(runs[name].mean()) for name in VALUES if name != "dual"}
    return {**places, "n_ok": len(runs), "dual": dual.mean, "low": dual.low, "high": dual.high, **means}


def _slope(runs: pd.DataFrame) -> float:
    """Return the least-squares slope of dual over W1 through the origin."""
    return float((runs["dual"] * runs["w1"]).sum() / runs["w1"].pow(2).sum())


def _name(column: str) -> str:
    return column.removeprefix("sweep.")


def table_of(critics: list[CriticAlone]) -> pd.DataFrame:
    """Return the rows of all, with kappa and correlation of each."""
    parts = [
        one.rows.assign(
            critic=one.name, kappa_fit=one.kappa.mean, kappa_low=one.kappa.low, kappa_high=one.kappa.high,
            correlation=one.correlation,
        )
        for one in critics
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


# In words


def paragraphs(critics: Sequence[CriticAlone], table: pd.DataFrame) -> list[str]:
    """Return a sentence for each, those of W1 first, and how many runs of `table` were lost or have no estimate."""
    counts = Counter(map(str, table["status"]))
    lost, pending = statuses(counts), counts["pending"]
    rest = [f"Of {counted(len(table), 'run')}, {lost}."] if lost else []
    rest += [f"{counted(pending, 'run')} {'has' if pending == 1 else 'have'} no estimate yet."] if pending else []
    if not critics:
        text = "No critic that is trained alone has finished with an exact distance beside it."
        return [text, *rest]
    return [*map(sentence, sorted(critics, key=lambda one: not one.of_w1)), *rest]


def sentence(one: CriticAlone) -> str:
    """Return kappa with its interval, the correlation with W1, and what TV and JS say of the same distributions."""
    kappa, seeds = one.kappa, one.runs["seed"].nunique()
    if not one.of_w1:
        why = f"as its loss is not the Wasserstein loss{_bound(one)}"
        return f"The critic of {one.name} has no kappa, {why}{_others(one)}."
    if math.isnan(kappa.mean):
        return f"The critic of {one.name} has no kappa: the exact W1 is 0 in each of its runs."
    over = f"95 % confidence interval over {seeds} seeds" if seeds > 1 else "one seed, no interval"
    with_w1 = "" if math.isnan(one.correlation) else f", correlation {_correlation(one)} over {len(one.runs)} runs"
    estimate = interval(kappa.mean, kappa.low, kappa.high)
    return f"The critic of {one.name} estimates kappa = {estimate} times the exact W1 ({over}{with_w1}){_others(one)}."


def _bound(one: CriticAlone) -> str:
    """Return what its critic says of JS, where its loss is logistic."""
    return f"; its bound on JS is {_span(one.rows['js_bound'])} nats" if one.estimate == "js_bound" else ""


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
        floors = [_span(one.rows[name]) for name in ("js_floor", "tv_floor") if one.rows[name].notna().all()]
        of_one = f" ({' and '.join(floors)} between samples of one distribution)" if floors else ""
        return f"; JS is {_span(js)} and TV {_span(tv)}{of_one}"
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
            **{name: _shown(row[name]) for name in VALUES if name not in ("dual", "kl_infinite")},
        }
        for one in critics
        for row in one.rows.to_dict("records")
    ]  # fmt: skip


def _shown(value: float) -> object:
    return by_value(NOTHING if math.isnan(value) else "infinite" if math.isinf(value) else number(value), value)


# In figures


def section(critics: list[CriticAlone]) -> Section:
    """Return a panel for every objective, architecture and setting: against the swept number, or else against W1."""
    return panels.collect("alone", critics[: panels.MOST], _estimates, len(critics), "critics")


def _estimates(one: CriticAlone) -> Drawn | None:
    if len(one.rows) < 2:  # the table says it all
        return None
    figure, ax = drawing.blank(*SIZE)
    x = one.axis or "w1"
    rows, runs = one.rows.sort_values(x, kind="stable"), one.runs
    ax.plot(rows[x], rows["w1"], color=INK, linewidth=1.6, label="exact W1")
    if one.of_w1:
        line = f"{number(one.kappa.mean)} W1 (kappa W1)"
        ax.plot(rows[x], one.kappa.mean * rows["w1"], color=ESTIMATE, linewidth=1.2, label=line)
    label = "critic's bound on JS, seeds" if one.estimate == "js_bound" else "critic's estimate, seeds"
    ax.plot(
        runs[x], runs[one.estimate], "o", color=ESTIMATE, alpha=0.45, markersize=5, markeredgewidth=0, label=label
    )  # fmt: skip
    if rows["js"].notna().all():
        ax.plot(rows[x], rows["tv"], "s", color=TV, markersize=4, label="TV")
        ax.plot(rows[x], rows["js"], "D", color=JS, markersize=4, label="JS (nats)")
        _kl(ax, rows, x, float(runs[one.estimate].max()))
    drawing.gridlines(ax, "y")
    drawing.legend_below(ax, 3)
    ax.set_xlabel(one.axis or "exact W1 (data units)")
    ax.set_ylabel("distance between the two distributions")
    ax.set_title(f"{one.name}: the critic alone")
    what = f"Estimate of the critic of {one.name}, exact W1, TV, JS and KL against {one.axis or 'W1'}"
    return figure, one.name, what


def _kl(ax: Axes, rows: pd.DataFrame, x: str, highest: float) -> None:
    """Mark KL at the top where it is infinite, and at its value elsewhere."""
    infinite = np.isinf(rows["kl"].to_numpy(np.float64))
    finite = rows[["w1", "tv", "js"]].to_numpy(np.float64)
    top = TOP * max(float(np.nanmax(finite)), math.log(2), highest)
    ax.plot(
        rows[x], rows["kl"].where(~infinite, top), "^", color=KL, markersize=5, label="KL (nats; at the top: infinite)"
    )
    ax.axhline(top, color=GREY, linewidth=0.6, linestyle=(0, (1, 3)), zorder=1)
