"""What a report reads: the records of one results folder, or of several as one."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from harness.errors import HarnessError
from harness.spec import KINDS
from harness.store import Store
from harness.store.plan_file import Plan, PlannedRun
from harness.store.table import one_kind_a_column
from harness.store.table_files import is_frozen
from harness.text import listed, run_command

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Part:
    """The rows of one store's plan that are read, by their `places` in it; `rows` as they are named beside others.

    `known`: the store's table, where that was just made.
    """

    store: Store
    places: Sequence[int] | None = None  # None for all
    rows: Sequence[PlannedRun] = ()
    known: pd.DataFrame | None = None

    @property
    def label(self) -> str:
        """The name of its folder."""
        return self.store.folder.resolve().name

    def table(self) -> pd.DataFrame:
        """One row for every planned run; of runs that confirm a study, which have one setting each, nothing swept."""
        table = self.store.table() if self.known is None else self.known.copy()
        if self.places is None:
            return table
        rest = table.iloc[list(self.places)].reset_index(drop=True)
        swept = any(run.sweep for run in self.rows)
        return rest if swept else rest[[name for name in rest.columns if not name.startswith("sweep.")]]


class Results:
    """One reading of one or several stores, with the methods of `harness.store.Store`: what is raised there is raised
    here. Of several a run belongs to the first that plans it and holds its record.
    """

    def __init__(self, plan: Plan, parts: Sequence[Part]) -> None:
        self.plan, self.parts = plan, parts
        self.folder = parts[0].store.folder if len(parts) == 1 else Path("+".join(part.label for part in parts))

    @classmethod
    def of(cls, store: Store, known: pd.DataFrame | None = None) -> "Results":
        """Return the reading of one store, whose table may be `known`."""
        return cls(store.plan, (Part(store, known=known),))

    def anew(self) -> "Results":
        """Return a reading of the same stores that knows no table."""
        return Results(self.plan, [replace(part, known=None) for part in self.parts])

    def restricted(self, run_ids: Collection[str]) -> "Results":
        """Return the reading of some runs of one store, with nothing swept."""
        (part,) = self.parts
        store, planned = part.store, part.store.plan.runs
        places = [place for place, row in enumerate(planned) if row.run_id in run_ids]
        rows = tuple(replace(planned[place], sweep={}) for place in places)
        return Results(replace(self.plan, runs=rows), (Part(store, places, rows, part.known),))

    @property
    def damage(self) -> dict[Path, str]:
        """Why each damaged file that was met is one, by path."""
        return {path: why for part in self.parts for path, why in part.store.damage.items()}

    @property
    def spoiled(self) -> set[str]:
        """The runs that count as not finished for it."""
        return {run_id for part in self.parts for run_id in part.store.spoiled}

    def finished(self) -> set[str]:
        """The planned runs that have a record."""
        return set(self._owners())

    def table(self) -> pd.DataFrame:
        """One row for every planned run; of several stores with its folder."""
        if len(self.parts) == 1 and not self.plan.parts:
            return self.parts[0].table()
        tables = []
        for part in self.parts:
            labels = {kind: [row.label(kind) for row in part.rows] for kind in KINDS}
            tables.append(part.table().assign(**labels, folder=str(part.store.folder)))
        known = [table.dropna(axis=1, how="all") for table in tables]  # an empty column has no kind of its own
        merged = one_kind_a_column(pd.concat(known, ignore_index=True))
        return merged.copy()  # in one block a kind: pandas warns of adding a column to a hundred blocks

    def scored(self) -> pd.DataFrame:
        """Long table of metrics: a row for every scored step of every run."""
        if len(self.parts) == 1:
            (part,) = self.parts
            table = part.store.scored()
            if part.places is None:
                return table
            return table[table["run_id"].isin([row.run_id for row in part.rows])].reset_index(drop=True)
        owners = self._owners()
        tables = []
        for part in self.parts:
            table = part.store.scored()
            tables.append(table[[owners.get(run_id) is part.store for run_id in table["run_id"]]])
        return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)

    def unscored(self, run_ids: Iterable[str], score_id: str) -> list[str]:
        """Those that are trained and not scored: of several stores none, as such are not merged."""
        return self.parts[0].store.unscored(run_ids, score_id) if len(self.parts) == 1 else []

    @property
    def tables_alone(self) -> list[Path]:
        """The frozen folders and published files among what is read: of their runs there are no curves and samples."""
        return [part.store.folder for part in self.parts if is_frozen(part.store.folder)]

    @property
    def has_any_records(self) -> bool:
        """Whether some of what is read has records."""
        return len(self.tables_alone) < len(self.parts)

    def has_records(self, run_id: str) -> bool:
        """Whether a finished run has more than its row: curves and samples."""
        return not self.tables_alone or run_id in self._recorded

    @cached_property
    def _recorded(self) -> set[str]:
        return {run_id for run_id, store in self._owners().items() if not is_frozen(store.folder)}

    def curves(self, run_id: str) -> pd.DataFrame:
        """Losses and gradient norms by step."""
        return self._owner(run_id).curves(run_id)

    def steps(self, run_id: str) -> list[int]:
        """The steps of the snapshots kept of a run."""
        return self._owner(run_id).steps(run_id)

    def snapshot(self, run_id: str, step: int | None = None) -> "dict[str, np.ndarray]":
        """The arrays of one snapshot of a run, the last by default."""
        return self._owner(run_id).snapshot(run_id, step)

    def frames(self, run_id: str) -> "dict[str, np.ndarray] | None":
        """Samples of fixed latents through training; None where none were kept."""
        return self._owner(run_id).frames(run_id)

    def reference(self, dataset: str, run_id: str) -> "np.ndarray":
        """The real points that a run was scored against."""
        store = self._owner(run_id)
        if self.plan.parts:  # which may name a data set of its plan otherwise
            dataset = next(run.dataset for run in store.plan.runs if run.run_id == run_id)
        return store.reference(dataset, run_id)

    def _owner(self, run_id: str) -> Store:
        return self.parts[0].store if len(self.parts) == 1 else self._owners()[run_id]

    def _owners(self) -> dict[str, Store]:
        owners: dict[str, Store] = {}
        for part in reversed(self.parts):
            rows = part.store.plan.runs if part.places is None else part.rows
            owners |= dict.fromkeys({row.run_id for row in rows} & part.store.finished(), part.store)
        return owners


def confirmed(results: Results) -> Results:
    """Return the runs of a study that confirm its best trials; of other suites, and before these are known, all."""
    chosen = results.plan.study.chosen if results.plan.study else ()
    return results.restricted({run_id for trial in chosen for run_id in trial.runs}) if chosen else results


def comparable(results: Results) -> Results:
    """Return the runs by which a suite may be compared with others, or printed: of a study those that confirm it, so
    that no seed stands for a setting that was chosen on it.

    Raises HarnessError where a study has chosen none yet.
    """
    if results.plan.study is not None and not results.plan.study.chosen:
        raise HarnessError(
            f"{results.folder}: its study has only trials so far, on the seeds that settings are chosen on; "
            f"`{run_command(results.folder)}` goes on to the runs that confirm them"
        )
    return confirmed(results)


def studies_sentence(plans: Mapping[str, Plan]) -> str:
    """Return in a sentence which folders, given with their plans, are compared by what confirms their studies; "" where
    none holds a study.
    """
    folders = [folder for folder, plan in plans.items() if plan.study is not None]
    if not folders:
        return ""
    whose = f"study in {folders[0]}" if len(folders) == 1 else f"studies in {listed(folders)}"
    return f"Of the {whose} only the runs that confirm the chosen settings, on fresh seeds, are compared."
