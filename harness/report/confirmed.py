"""The records that confirm a study, as a report reads those of a suite: each objective at its best setting alone."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.report.results import Records
from harness.text import listed, run_command

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def confirmed(store: Records) -> Records:
    """Return the records of a study that confirm its best trials; all there are of other suites, and before these are
    known.
    """
    chosen = (store.plan.get("study") or {}).get("chosen", ())
    return Confirmed(store, {run_id for trial in chosen for run_id in trial["runs"]}) if chosen else store


def comparable(store: Records) -> Records:
    """Return the records by which a suite may be compared with others, or printed: of a study those that confirm it, so
    that no seed stands for a setting that was chosen on it.

    Raises HarnessError where a study has chosen none yet.
    """
    if "study" in store.plan and not store.plan["study"]["chosen"]:
        raise HarnessError(
            f"{store.folder}: its study has only trials so far, on the seeds that settings are chosen on; "
            f"`{run_command(store.folder)}` goes on to the runs that confirm them"
        )
    return confirmed(store)


def studies_said(plans: Mapping[str, Mapping[str, Any]]) -> str:
    """Return in a sentence which folders, given with their plans, are compared by what confirms their studies; "" where
    none holds a study.
    """
    folders = [folder for folder, plan in plans.items() if "study" in plan]
    if not folders:
        return ""
    whose = f"study in {folders[0]}" if len(folders) == 1 else f"studies in {listed(folders)}"
    return f"Of the {whose} only the runs that confirm the chosen settings, on fresh seeds, are compared."


class Confirmed:
    """Some runs of a results folder, whose objectives have one setting each: nothing of them is swept."""

    def __init__(self, store: Records, runs: set[str]) -> None:
        self._store, self._runs = store, runs
        self.folder = store.folder

    @cached_property
    def plan(self) -> Mapping[str, Any]:
        """The plan with these runs alone."""
        rows = [{**row, "sweep": {}} for row in self._store.plan["runs"] if row["run_id"] in self._runs]
        return {**self._store.plan, "runs": rows}

    @property
    def damage(self) -> Mapping[Path, str]:
        """Why each damaged file that was met is one, by path."""
        return self._store.damage

    @property
    def spoiled(self) -> set[str]:
        """The runs that count as not finished for it."""
        return self._store.spoiled

    def finished(self) -> set[str]:
        """Those of these runs that have a record."""
        return self._store.finished() & self._runs

    def table(self) -> "pd.DataFrame":
        """One row for each of these runs."""
        table = self._store.table()
        mine = table[table["run_id"].isin(self._runs)].reset_index(drop=True)
        return mine[[name for name in mine.columns if not name.startswith("sweep.")]]

    def scored(self) -> "pd.DataFrame":
        """Long table of their metrics: a row for every scored step."""
        table = self._store.scored()
        return table[table["run_id"].isin(self._runs)].reset_index(drop=True)

    def unscored(self, run_ids: Iterable[str], score_id: str) -> list[str]:
        """Those that are trained and not scored."""
        return self._store.unscored(run_ids, score_id)

    def curves(self, run_id: str) -> "pd.DataFrame":
        """Losses and gradient norms by step."""
        return self._store.curves(run_id)

    def snapshot(self, run_id: str) -> "dict[str, np.ndarray]":
        """The arrays of the last snapshot of a run."""
        return self._store.snapshot(run_id)

    def frames(self, run_id: str) -> "dict[str, np.ndarray] | None":
        """Samples of fixed latents through training; None where none were kept."""
        return self._store.frames(run_id)

    def reference(self, dataset: str, run_id: str) -> "np.ndarray":
        """The real points that a run was scored against."""
        return self._store.reference(dataset, run_id)
