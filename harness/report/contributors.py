"""Several results folders or published files side by side: whose runs rank how, and what the machine alone changes.

A run is its content: one that two files hold was trained twice, and their scores differ by machine and versions alone.
The ranking of a merged report counts it once, as in the first file; here each file has its own.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations

import pandas as pd

from harness.report.analysis import cell_table, critic_norms, primary, ranking, tables
from harness.report.analysis.ranking import Contender, TaskResult
from harness.report.comparison.paired_tests import Difference, Judged, difference, judge
from harness.report.comparison.pairs import Side, pair
from harness.report.results import Results, comparable
from harness.statistics.intervals import Interval
from harness.statistics.paired import holm, t_test

NO_INTERVAL = Interval(math.nan, math.nan, math.nan)
LABELS = ("task", "dataset", "architecture", "objective", "objective.base", "setting", "seed")
TITLES = {  # of columns that say where runs were trained
    "host_cpu": "processor",
    "cpu_isa": "instruction set",
    "device": "device",
    "torch": "torch",
    "harness": "harness",
}


@dataclass(frozen=True)
class SameRuns:
    """The runs that two files both hold, B - A.

    differs     what was not the same where they were trained and scored, and its values on either side
    runs        how many; of these `identical` in every measurement, bit for bit, and `turned`: ok on one side alone
    scale       what the differences are in: score, or the metric
    median      of the absolute differences of runs that are ok on both sides, and the largest; NaN without any
    of_seeds    root mean square of them, in those of two seeds of one cell of A; NaN where a cell has one seed
    mean        over seeds, cells and tasks, as `harness compare` has it, with its test
    """

    a: str
    b: str
    differs: Mapping[str, tuple[str, str]]
    runs: int
    identical: int
    turned: int
    scale: str
    median: float
    largest: float
    of_seeds: float
    mean: Judged

    @property
    def size(self) -> Interval | None:
        """The mean difference on `scale`, with its interval."""
        row = self.mean.difference
        return row.by_score if self.scale == "score" else row.by_metric

    def to_row(self) -> dict[str, object]:
        """Return the row of same-runs.csv."""
        size = self.size or NO_INTERVAL
        return {
            "a": self.a, "b": self.b, "runs": self.runs, "identical": self.identical, "ok_in_one_alone": self.turned,
            "scale": self.scale, "median_difference": self.median, "largest_difference": self.largest,
            "in_differences_of_seeds": self.of_seeds, **asdict(size), "p": self.mean.p, "p_holm": self.mean.p_holm,
            "differs": "; ".join(self.differs),
        }  # fmt: skip


@dataclass(frozen=True)
class Contributors:
    """What a merged report says of the files it is of.

    files        a row a file: file, runs, ok, lost, and by TITLES and whatever else differs its values
    leaderboard  of tasks that several files have, a row a task, objective and file, the best first: metric, mean, low,
                 high, median, n_ok, n_planned; behind, behind_low, behind_high (how much worse than the first, paired
                 by seed), p (of the t test) and p_holm (over the others of the task)
    same         the runs that two files share, a pair of files each
    """

    files: pd.DataFrame
    leaderboard: pd.DataFrame
    same: list[SameRuns]

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """CSV files by name."""
        frames = {"contributors.csv": self.files}
        if len(self.leaderboard):
            frames["leaderboard.csv"] = self.leaderboard
        if self.same:
            frames["same-runs.csv"] = pd.DataFrame([same.to_row() for same in self.same])
        return frames


def contributors(results: Results) -> Contributors | None:
    """Return what is to be said of the files of a merged report; None of one."""
    if not results.plan.parts:
        return None
    sides = [
        _side(comparable(Results.of(part.store)), name)
        for part, name in zip(results.parts, _names(results), strict=True)
    ]
    judged = _judged([(one, other) for one, other in combinations(sides, 2)])
    return Contributors(_files(sides), _leaderboard(sides), judged)


def _names(results: Results) -> list[str]:
    """Return the name of each file or folder, its path where two have one name."""
    labels = [part.folder for part in results.plan.parts]
    return [part.folder if labels.count(part.folder) == 1 else part.path for part in results.plan.parts]


def _side(results: Results, name: str) -> Side:
    table, unscored = tables.runs_of(results)
    return Side(name, results.plan, table, primary.metrics_of(results.plan, table), unscored)


# Where each was trained


def _files(sides: Sequence[Side]) -> pd.DataFrame:
    known = {
        name: [_values(side.table, name) for side in sides] for side in sides for name in tables.made_with(side.table)
    }
    differ = [name for name, values in known.items() if name not in TITLES and len(set(values)) > 1]
    differ = [name for name in differ if known.get(name.removeprefix("scoring.")) != known[name] or "." not in name]
    rows = []
    for place, side in enumerate(sides):
        status = side.table.drop_duplicates("run_id")["status"]
        counts = {"runs": len(status), "ok": int((status == "ok").sum())}
        counts["lost"] = int(status.isin(cell_table.FAILURES).sum())
        rows.append({"file": side.name, **counts, **{n: known[n][place] for n in (*TITLES, *differ) if n in known}})
    return pd.DataFrame(rows)


def _values(table: pd.DataFrame, name: str) -> str:
    """Return the values of a column, as text: "" where none is known."""
    return " | ".join(sorted(set(table[name].dropna().astype(str)))) if name in table else ""


# Whose runs rank how


def _leaderboard(sides: Sequence[Side]) -> pd.DataFrame:
    by_file: list[pd.DataFrame] = []
    for side in sides:
        learners = side.table[cell_table.learns(side.table)]
        by_file.append(critic_norms.at_equal_norms(learners, side.plan.data_axes).assign(file=side.name))
    tasks = [str(task) for part in by_file for task in part["task"].unique()]
    rows: list[dict[str, object]] = []
    for task in dict.fromkeys(task for task in tasks if tasks.count(task) > 1):
        contenders: dict[str, tuple[str, str]] = {}
        parts = []
        for part in (part[part["task"] == task] for part in by_file):
            names = part["objective"].astype(str) + " of " + part["file"]
            contenders |= dict(zip(names, zip(part["objective"].astype(str), part["file"], strict=True), strict=True))
            parts.append(part.assign(objective=names).dropna(axis=1, how="all"))
        metrics = {name: metric for side in reversed(sides) for name, metric in side.metrics.items()}
        for result in ranking.judge(_one_block([part for part in parts if len(part)]), metrics):
            rows += _ranked(result, contenders)
    return pd.DataFrame(rows)


def _one_block(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return tables as one, copied: pandas warns of adding a column to a hundred blocks."""
    return pd.concat(parts, ignore_index=True).copy()


def _ranked(result: TaskResult, contenders: Mapping[str, tuple[str, str]]) -> list[dict[str, object]]:
    first, *others = result.order
    gaps = [ranking.mean_gap([(first, other)], result.metric) for other in others]
    ps = [math.nan if gap is None else t_test(gap, len(first.values)) for gap in gaps]
    tested = [place for place, p in enumerate(ps) if not math.isnan(p)]
    corrected = dict(zip(tested, holm([ps[place] for place in tested]).tolist(), strict=True))
    rows = [_row(result, first, contenders)]
    for place, (other, gap) in enumerate(zip(others, gaps, strict=True)):
        behind = (math.nan,) * 3 if gap is None else (gap.mean, gap.low, gap.high)
        tests = {"p": ps[place], "p_holm": corrected.get(place, math.nan)}
        gap_columns = dict(zip(("behind", "behind_low", "behind_high"), behind, strict=True))
        rows.append({**_row(result, other, contenders), **gap_columns, **tests})
    return rows


def _row(result: TaskResult, one: Contender, contenders: Mapping[str, tuple[str, str]]) -> dict[str, object]:
    (objective, file), spread = contenders[one.objective], one.spread
    mean = (spread.interval.mean, spread.interval.low, spread.interval.high)
    none = dict.fromkeys(("behind", "behind_low", "behind_high", "p", "p_holm"), math.nan)
    return {
        "task": result.task, "objective": objective, "file": file, "metric": result.metric,
        **dict(zip(("mean", "low", "high"), mean, strict=True)), "median": spread.median,
        "n_ok": spread.n_ok, "n_planned": spread.n_planned, **none,
    }  # fmt: skip


# What the machine alone changes


def _judged(pairs: Sequence[tuple[Side, Side]]) -> list[SameRuns]:
    """Return what two files measured of the same runs, tested with Holm's correction for how many pairs of files."""
    shared = [(one, other, runs) for one, other in pairs if len(runs := _shared(one, other))]
    differences = {str(place): difference(runs) for place, (_, _, runs) in enumerate(shared)}
    by_score = all(row.by_score is not None for row in differences.values())
    tested = judge(differences, by_score)
    return [_same(one, other, runs, tested[str(place)]) for place, (one, other, runs) in enumerate(shared)]


def _shared(a: Side, b: Side) -> pd.DataFrame:
    """Return the pairs (`harness.report.comparison.pairs`) of one run on either side, under the names that A has for
    it; empty where there are none.
    """
    ours = a.table.drop_duplicates("run_id").set_index("run_id", drop=False)
    theirs = b.table.drop_duplicates("run_id").set_index("run_id", drop=False)
    both = [run_id for run_id in ours.index if run_id in theirs.index]
    if not both:
        return pd.DataFrame()
    ours, theirs = ours.loc[both], theirs.loc[both]
    labels = [*LABELS, *cell_table.swept_columns(ours)]
    theirs = theirs.drop(columns={*LABELS, *cell_table.swept_columns(theirs)}).join(ours[labels])
    sides = [
        Side(side.name, side.plan, table.reset_index(drop=True), a.metrics) for side, table in ((a, ours), (b, theirs))
    ]
    runs = pair(sides[0], sides[1]).runs
    ended = (runs["status_a"] != "pending") & (runs["status_b"] != "pending")
    return runs[(runs["run_id_a"] == runs["run_id_b"]) & ended].reset_index(drop=True)


def _same(a: Side, b: Side, runs: pd.DataFrame, mean: Judged) -> SameRuns:
    scale, gaps = _gaps(runs, mean.difference)
    sizes = gaps.abs().dropna()
    tables_of = [side.table[side.table["run_id"].isin(runs["run_id_a"])] for side in (a, b)]
    names = dict.fromkeys([*tables.made_with(tables_of[0]), *tables.made_with(tables_of[1])])
    values = {name: (_values(tables_of[0], name), _values(tables_of[1], name)) for name in names}
    return SameRuns(
        a.name,
        b.name,
        _differing(values),
        len(runs),
        int(runs["equal"].sum()),
        int(((runs["status_a"] == "ok") != (runs["status_b"] == "ok")).sum()),
        scale,
        float(sizes.median()) if len(sizes) else math.nan,
        float(sizes.max()) if len(sizes) else math.nan,
        _of_seeds(runs, gaps, scale),
        mean,
    )


def _differing(values: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return what has other values in two files; of what scored them only what trained them does not say already."""
    known = {name: both for name, both in values.items() if all(both) or name in tables.MACHINE}
    differ = {name: both for name, both in known.items() if both[0] != both[1]}
    return {
        name: both
        for name, both in differ.items()
        if differ.get(name.removeprefix("scoring.")) != both or "." not in name
    }


def _gaps(runs: pd.DataFrame, mean: Difference) -> tuple[str, pd.Series]:
    """Return what runs that are ok on both sides are compared in, "" for nothing, and the differences, B - A."""
    if mean.by_score is not None or not mean.metric:
        scale, column = ("score", "score") if runs["score_a"].notna().any() else ("", "score")
    else:
        scale, column = mean.metric, "value"
    gaps = runs[f"{column}_b"] - runs[f"{column}_a"]
    return scale, gaps.where((runs["status_a"] == "ok") & (runs["status_b"] == "ok"))


def _of_seeds(runs: pd.DataFrame, gaps: pd.Series, scale: str) -> float:
    """Return the root mean square of differences between files, in those between two seeds of one cell of A."""
    values = runs["score_a" if scale == "score" else "value_a"].where(runs["status_a"] == "ok")
    cells = values.groupby([runs["task"], runs["cell"]])
    squares, free = float(((values - cells.transform("mean")) ** 2).sum()), int((cells.count() - 1).clip(lower=0).sum())
    if not free or not squares or not gaps.notna().any():
        return math.nan
    return math.sqrt(float((gaps**2).mean()) / (2 * squares / free))
