"""What a table of runs says by itself: filtered, put together from several suites, or as `harness.load` returned it."""

import html
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from harness.errors import HarnessError
from harness.report.analysis import cell_table, grid_edges, null_rows, ranking, tables
from harness.report.analysis.comparable import refuse_mixed, refuse_unlike, said_first
from harness.report.analysis.critic_norms import held_said
from harness.report.analysis.ranking import TaskResult
from harness.report.styles import Style, styles
from harness.report.text import answer
from harness.text import counted, number

RANKED_ON = ("w1_excess", "fid")  # where no suite says what ranks; the first that a data set's runs have
LABELS = ["task", "objective", "setting", "seed"]
CONFIRMING = " Of the study only the runs that confirm its chosen settings, on fresh seeds, are read."
TRIALS = " These are trials of a study, on the seeds that its settings are chosen on."


@dataclass(frozen=True, repr=False)
class Reading:
    """What a table of runs says.

    table    the runs, with their `task` and `setting`        scored   metrics by run_id and step, where they are given
    metrics  what each data set is ranked on                  cells    a row a cell: counts, median, mean and interval
    styled   the looks of the objectives in figures           results  who comes first in each task
    note     of a study's runs a sentence, with a space before it, on which they are; "" of others
    """

    table: pd.DataFrame
    scored: pd.DataFrame
    metrics: Mapping[str, str]
    cells: pd.DataFrame
    styled: Mapping[str, Style]
    results: list[TaskResult]
    note: str = ""

    @property
    def sentence(self) -> str:
        """The answer: who is best, by how much, how sure that is, and what was lost on the way."""
        axes = _data_axes(self.table)
        competing = ranking.rivals(self.table, axes)
        said = answer.sentence(competing, self.results, "SUITE")
        at_edges = ranking.at_edges(competing, self.metrics, cell_table.swept_columns(competing, axes))
        more = filter(None, [held_said(competing, self.table), grid_edges.sentence(at_edges)])
        drawn = self.table.attrs.get("drawn", ())
        return " ".join([f"{said_first(self.table, drawn)}{said}", *more]) + self.note

    @property
    def tasks(self) -> pd.DataFrame:
        """A row a task: who comes first, who second, and the difference between them, paired by seed."""
        return ranking.by_task(self.results)

    @property
    def nulls(self) -> pd.DataFrame:
        """A row a task and null sampler: its score, the excess that this is made of, quality and coverage."""
        return null_rows.by_task(self.table)

    def __repr__(self) -> str:
        return self.sentence

    def _repr_html_(self) -> str:
        shown = ["task", "objective", "setting", "metric", "n_ok", "n_planned", "median", "mean", "low", "high"]
        rows = self.cells.filter(shown).to_html(index=False, na_rep="", float_format=number)
        nulls = self.nulls.drop(columns=["sampler", "is_zero"]).to_html(index=False, na_rep="", float_format=number)
        return f"<p>{html.escape(self.sentence)}</p>\n{rows}" + (f"\n{nulls}" if len(self.nulls) else "")


def read(table: pd.DataFrame, metric: str | None = None, scored: pd.DataFrame | None = None) -> Reading:
    """Read a table of runs, one row a run with the columns of `harness.load`.

    Runs are ranked on `metric`, else on what their suite ranks them on, else on RANKED_ON. Every row counts as planned:
    leave out whole cells and seeds, never the runs that failed. The same row twice is one run. Of a study's table the
    runs that confirm it are read alone where some are there: its settings are chosen on the seeds of its trials.

    Raises HarnessError where runs of a task cannot be compared (`harness.report.analysis.comparable`), nothing ranks a
    data set, or no table is given.
    """
    if not isinstance(table, pd.DataFrame):
        raise HarnessError(f"{type(table).__name__} given where a table of `harness.load` is needed")
    missing = [
        name for name in ("run_id", "status", "dataset", "architecture", "objective", "seed") if name not in table
    ]
    if missing:
        raise HarnessError(f"the table has no column '{missing[0]}'; a table of `harness.load` is needed")
    table, note = _of_study(table)
    made = _labelled(table)
    metrics = _metrics(table, made, metric)
    cells = tables.cells_of(made, metrics)
    looks = styles({*table.attrs.get("objectives", ()), *made["objective"].astype(str)})
    results = ranking.judge(ranking.rivals(made, _data_axes(table)), metrics) if len(made) else []
    return Reading(made, pd.DataFrame() if scored is None else scored, metrics, cells, looks, results, note)


def _of_study(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the runs of a study's table that are read, and which these are; another's as they are, and ""."""
    if "confirming" not in table.attrs:
        return table, ""
    fresh = table["run_id"].isin(table.attrs["confirming"])
    if not fresh.any():
        return table, TRIALS
    return table.loc[fresh, [name for name in table.columns if not str(name).startswith("sweep.")]], CONFIRMING


def _labelled(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with `task` and `setting`, each run once. Raises HarnessError where runs are not comparable."""
    made = cell_table.labelled(table, _data_axes(table))
    refuse_unlike(made)
    rows = _once(made)
    if "confirming" not in table.attrs:  # a study's settings are the cells of its trials, each on its own seeds
        refuse_mixed(rows, "keep those of one, or give their objectives names of their own")
    return rows


def _once(table: pd.DataFrame) -> pd.DataFrame:
    """Drop rows that stand there twice, as a run of two suites does. Raises HarnessError where runs share a place."""
    rows = table.drop_duplicates([*LABELS, "run_id"], ignore_index=True)
    again = rows[rows.duplicated(LABELS, keep=False)]
    if len(again):
        first = again.iloc[0]
        same = again[(again[LABELS] == first[LABELS]).all(axis=1)]
        ids = " and ".join(same["run_id"].astype(str))
        raise HarnessError(
            f"{first['objective']} on {first['task']}, seed {first['seed']}: {counted(len(same), 'run')} of "
            f"other settings stand for it ({ids}); keep those of one, or give their objectives names of their own"
        )
    return rows


def _data_axes(table: pd.DataFrame) -> Collection[str]:
    """Return the swept names that belong to data sets: the plan's, else those that data sets have a setting for."""
    if "data_axes" in table.attrs:
        return list(table.attrs["data_axes"])
    swept = [name.removeprefix("sweep.") for name in cell_table.swept_columns(table)]
    unknown = [name for name in swept if f"data.{name.removeprefix('dataset.')}" not in table]
    own = set(swept) - set(unknown)
    if unknown:
        from harness.datasets import DATASETS  # imports torch

        own |= {name for name in unknown if name == "fixed" or name.startswith("dataset.")}
        own |= {name for name in unknown if any(name in entry.model.model_fields for entry in DATASETS.values())}
    return sorted(own)


def _metrics(table: pd.DataFrame, made: pd.DataFrame, metric: str | None) -> dict[str, str]:
    """Return the column that each data set is ranked on. Raises HarnessError where its runs have none."""
    wanted = {}
    for dataset, runs in made.groupby("dataset"):
        name = str(dataset)
        names = RANKED_ON if metric is None else (metric,)
        if metric is None and "primary" in table.attrs:
            names = (tables.ranked_on(table.attrs["primary"], table.attrs["bases"], name),)
        found = [(each, tables.primary(runs, each)) for each in names]
        there = [each for each, column in found if column in runs and runs[column].notna().any()]
        if not there and (runs["status"] == "ok").any():
            raise HarnessError(f"{name}: no run has a {' or '.join(names)} to be ranked on; name a column with metric=")
        wanted[name] = (there or list(names))[0]
    return tables.ranked(made, wanted, table.attrs.get("extractors", ()), _data_axes(table))
