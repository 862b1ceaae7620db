"""The answer of a table of runs alone: filtered, put together from several suites, or as `harness.load` returned it."""

import html
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from harness.errors import HarnessError
from harness.report import findings
from harness.report.analysis import cell_table, null_rows, primary, ranking, tables
from harness.report.analysis.comparable import confounding, refuse_mixed, refuse_unlike
from harness.report.analysis.ranking import TaskResult
from harness.report.styles import Style, styles
from harness.report.text import answer, remarks
from harness.text import counted, number

RANKED_ON = ("w1_excess", "fid", "fd")  # where no suite says what ranks; the first that a data set's runs have
COMMANDS = "harness run SUITE", "harness retry FOLDER"  # of a table, whose folder is not known
NEEDED = ("run_id", "status", "dataset", "architecture", "objective", "seed")
LABELS = ["task", "objective", "setting", "seed"]
ADVICE = "keep those of one, or give their objectives names of their own"
CONFIRMING = " Of the study only the runs that confirm its chosen settings, on fresh seeds, are read."
TRIALS = " These are trials of a study, on the seeds that its settings are chosen on."


@dataclass(frozen=True, repr=False)
class Reading:
    """The answer of a table of runs.

    table    the runs, with their `task` and `setting`
    scored   metrics by run_id and step, where they are given
    metrics  what each data set is ranked on
    cells    a row a cell: counts, median, mean and interval
    styled   the looks of the objectives in figures
    results  who comes first in each task
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
    def learners(self) -> pd.DataFrame:
        """The runs that train a generator: the others are not ranked."""
        return self.table[cell_table.learns(self.table)]

    @property
    def data_axes(self) -> Collection[str]:
        """The swept names that belong to data sets."""
        return _data_axes(self.table)

    @property
    def is_study(self) -> bool:
        """Whether settings were drawn."""
        return "confirming" in self.table.attrs

    @cached_property
    def sentence(self) -> str:
        """The answer: who is best, by how much, how sure that is, what was lost on the way; and what else is found."""
        ranked = [] if self.learners.empty and len(self.table) else self._ranked()
        return " ".join(filter(None, findings.answer(ranked, findings.findings(self)))) + self.note

    def _ranked(self) -> list[str]:
        axes, learners = self.data_axes, self.learners
        competing = ranking.rivals(learners, axes)
        at_edges = ranking.at_edges(competing, self.metrics, cell_table.swept_columns(competing, axes))
        confounded = confounding(learners, self.table.attrs.get("drawn", ()))
        first = remarks.caveat(confounded) + answer.sentence(competing, self.results, COMMANDS)
        return [f"{first} {remarks.fixed_factors(competing, learners)}".rstrip(), remarks.edges(at_edges)]

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
        names = ["task", "objective", "setting", "metric", "n_ok", "n_planned", "median", "mean", "low", "high"]
        frames = [self.cells.filter(names), self.nulls.drop(columns=["sampler", "is_zero"])]
        texts = [frame.to_html(index=False, na_rep="", float_format=number) for frame in frames]
        return "\n".join([f"<p>{html.escape(self.sentence)}</p>", *texts[: 2 if len(self.nulls) else 1]])


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
    if missing := [name for name in NEEDED if name not in table]:
        raise HarnessError(f"the table has no column '{missing[0]}'; a table of `harness.load` is needed")
    table, note = _of_study(table)
    axes = _data_axes(table)
    runs = cell_table.labelled(table, axes)
    refuse_unlike(runs)
    runs = _once(runs)
    if "confirming" not in table.attrs:  # a study's settings are the cells of its trials, each on its own seeds
        refuse_mixed(runs, ADVICE)
    metrics = _metrics(table, runs, metric)
    cells = tables.cells_of(runs, metrics)
    looks = styles({*table.attrs.get("objectives", ()), *runs["objective"].astype(str)})
    rivals = ranking.rivals(runs[cell_table.learns(runs)], axes)
    results = ranking.judge(rivals, metrics) if len(rivals) else []
    return Reading(runs, pd.DataFrame() if scored is None else scored, metrics, cells, looks, results, note)


def _of_study(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the runs of a study's table that are read, and a note on which; another's as they are, and ""."""
    if "confirming" not in table.attrs:
        return table, ""
    fresh = table["run_id"].isin(table.attrs["confirming"])
    if not fresh.any():
        return table, TRIALS
    return table.loc[fresh, [name for name in table.columns if not str(name).startswith("sweep.")]], CONFIRMING


def _once(table: pd.DataFrame) -> pd.DataFrame:
    """Drop rows that stand there twice, as a run of two suites does. Raises HarnessError where runs share a place."""
    rows = table.drop_duplicates([*LABELS, "run_id"], ignore_index=True)
    again = rows[rows.duplicated(LABELS, keep=False)]
    if len(again):
        first = again.iloc[0]
        ids = again.loc[(again[LABELS] == first[LABELS]).all(axis=1), "run_id"].astype(str)
        raise HarnessError(
            f"{first['objective']} on {first['task']}, seed {first['seed']}: {counted(len(ids), 'run')} of other "
            f"settings stand for it ({' and '.join(ids)}); {ADVICE}"
        )
    return rows


def _data_axes(table: pd.DataFrame) -> Collection[str]:
    """Return the swept names that belong to data sets: the plan's, else those that data sets have a setting for."""
    if "data_axes" in table.attrs:
        return list(table.attrs["data_axes"])
    names = [name.removeprefix("sweep.") for name in cell_table.swept_columns(table)]
    own = {name for name in names if f"data.{name.removeprefix('dataset.')}" in table}
    if unknown := set(names) - own:
        from harness.datasets import DATASETS  # imports torch

        known = {field for entry in DATASETS.values() for field in entry.model.model_fields}
        own |= {name for name in unknown if name == "fixed" or name.startswith("dataset.") or name in known}
    return sorted(own)


def _metrics(table: pd.DataFrame, runs: pd.DataFrame, metric: str | None) -> dict[str, str]:
    """Return the column that each data set is ranked on. Raises HarnessError where its runs have none."""
    wanted = {}
    for dataset, own in runs.groupby("dataset"):
        names = RANKED_ON if metric is None else (metric,)
        if metric is None and "primary" in table.attrs:
            names = (table.attrs["primary"]["images" if dataset in table.attrs["images"] else "toys"],)
        columns = {name: primary.primary(own, name) for name in names}
        known = [name for name, column in columns.items() if column in own and own[column].notna().any()]
        if not known and (own["status"] == "ok").any():
            raise HarnessError(
                f"{dataset}: no run has a {' or '.join(names)} to be ranked on; name a column with metric="
            )
        wanted[str(dataset)] = (known or list(names))[0]
    return primary.ranked(runs, wanted, table.attrs.get("extractors", ()), _data_axes(table))
