"""Several results folders under one plan: the union of their runs, for one report.

A run that two folders plan under the same names is one row. An objective, architecture or data set that two suites know
by one name and mean differently is told apart by its folder's name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from harness.errors import HarnessError
from harness.report.analysis.comparable import outdated, unlike_extractors, unlike_samples
from harness.report.analysis.tables import pictured
from harness.report.confirmed import comparable, studies_said
from harness.report.results import Records
from harness.spec import canonical_json
from harness.store import Store
from harness.store.scoring_settings import scoring
from harness.store.table import one_kind_a_column
from harness.text import listed, waiting_scores

if TYPE_CHECKING:
    import numpy as np

KINDS = ("dataset", "architecture", "objective")

Name = tuple[str, str]  # a kind, and a name of it


@dataclass(frozen=True)
class Part:
    """One folder of several: its rows of the plan under the names of all, and which of them no earlier folder holds."""

    store: Records
    rows: list[dict[str, Any]]
    kept: list[bool]

    @property
    def label(self) -> str:
        return self.store.folder.resolve().name


class Merged:
    """Records of several results folders, as a report reads those of one (`harness.report.results.Records`)."""

    def __init__(self, parts: Sequence[Part], plan: Mapping[str, Any]) -> None:
        self.plan = plan
        self.folder = Path("+".join(part.label for part in parts))
        self._parts = parts
        self._owners: dict[str, Records] = {}  # the first folder that plans a run and finished it
        for part in reversed(parts):
            planned = {row["run_id"] for row in part.rows}
            self._owners |= dict.fromkeys(planned & part.store.finished(), part.store)

    @property
    def damage(self) -> dict[Path, str]:
        """Why each damaged file that was met is one, by path."""
        return {path: why for part in self._parts for path, why in part.store.damage.items()}

    @property
    def spoiled(self) -> set[str]:
        """The runs that count as not finished for it."""
        return {run_id for part in self._parts for run_id in part.store.spoiled}

    def finished(self) -> set[str]:
        """The runs that a folder which plans them holds a record of."""
        return set(self._owners)

    def table(self) -> pd.DataFrame:
        """One row for every planned run, with its folder."""
        made = []
        for part in self._parts:
            labels = {kind: [row[kind] for row in part.rows] for kind in KINDS}
            made.append(part.store.table().assign(**labels, folder=str(part.store.folder))[part.kept])
        known = [table.dropna(axis=1, how="all") for table in made]  # an empty column has no kind of its own
        return one_kind_a_column(pd.concat(known, ignore_index=True))

    def scored(self) -> pd.DataFrame:
        """Long table of metrics: a row for every scored step of every run."""
        made = []
        for part in self._parts:
            table = part.store.scored()
            made.append(table[[self._owners.get(run_id) is part.store for run_id in table["run_id"]]])
        return pd.concat([table for table in made if len(table)] or made[:1], ignore_index=True)

    def unscored(self, run_ids: Iterable[str], score_id: str) -> list[str]:
        """None: folders with such runs are not merged."""
        return []

    def curves(self, run_id: str) -> pd.DataFrame:
        """Losses and gradient norms by step."""
        return self._owners[run_id].curves(run_id)

    def snapshot(self, run_id: str) -> "dict[str, np.ndarray]":
        """The arrays of the last snapshot of a run."""
        return self._owners[run_id].snapshot(run_id)

    def frames(self, run_id: str) -> "dict[str, np.ndarray] | None":
        """Samples of fixed latents through training; None where none were kept."""
        return self._owners[run_id].frames(run_id)

    def reference(self, dataset: str, run_id: str) -> "np.ndarray":
        """The real points that a run was scored against."""
        store = self._owners[run_id]
        own = next(row["dataset"] for row in store.plan["runs"] if row["run_id"] == run_id)
        return store.reference(own, run_id)


def merge(folders: Sequence[str | Path]) -> Merged:
    """Return the records of several results folders as those of one; of a study those that confirm it.

    Raises HarnessError where they are ranked on other metrics, scored on other samples or by other metrics, or not
    scored yet, or where a study confirms nothing yet; StoreError where one cannot be read.
    """
    stores = [comparable(Store(folder)) for folder in folders]
    plans = [store.plan for store in stores]
    _refuse_unscored(stores)
    _refuse_other_scores(stores)
    clashes, names = _clashes(plans), [store.folder.resolve().name for store in stores]
    tags = [name if names.count(name) == 1 else str(store.folder) for name, store in zip(names, stores, strict=True)]
    rows = [[_named(row, clashes, tag) for row in plan["runs"]] for plan, tag in zip(plans, tags, strict=True)]
    parts = [Part(*part) for part in zip(stores, rows, _kept(rows, stores), strict=True)]
    settings = [
        _named(entry, clashes, tag) for plan, tag in zip(plans, tags, strict=True) for entry in plan.get("settings", ())
    ]
    plan = {
        "resolved": _resolved(parts),
        "parts": [
            {"folder": part.label, "path": str(part.store.folder), "resolved": part.store.plan["resolved"]}
            for part in parts
        ],
        "runs": [row for part in parts for row, kept in zip(part.rows, part.kept, strict=True) if kept],
        "specs": {run_id: spec for plan in plans for run_id, spec in plan["specs"].items()},
        "data_axes": list(dict.fromkeys(axis for plan in plans for axis in plan.get("data_axes", ()))),
        "settings": settings,
        "pictures": [
            row["dataset"]
            for plan, named in zip(plans, rows, strict=True)
            for old, row in zip(plan["runs"], named, strict=True)
            if old["dataset"] in pictured(plan)
        ],
    }
    return Merged(parts, plan)


def _named(row: Mapping[str, Any], clashes: set[Name], tag: str) -> dict[str, Any]:
    """Return a row of a plan, or of its settings, with the names that mean something else elsewhere told apart."""
    renamed = {kind: f"{row[kind]} ({tag})" for kind in KINDS if kind in row and (kind, row[kind]) in clashes}
    return {**row, **renamed}


def _kept(rows: Sequence[list[dict[str, Any]]], stores: Sequence[Records]) -> list[list[bool]]:
    """Say of each row of each folder whether it stands for its run: in the first that finished it, or else plans it."""
    chosen: dict[str, tuple[bool, int]] = {}
    for place, (part, store) in enumerate(zip(rows, stores, strict=True)):
        finished = store.finished()
        for row in part:
            key, rank = canonical_json(row), (row["run_id"] not in finished, place)
            chosen[key] = min(chosen.get(key, rank), rank)
    return [[chosen[canonical_json(row)][1] == place for row in part] for place, part in enumerate(rows)]


# What cannot stand in one table


def _refuse_unscored(stores: Sequence[Records]) -> None:
    for store in stores:
        waits = store.unscored([row["run_id"] for row in store.plan["runs"]], store.plan["score_id"])
        if waits:
            raise HarnessError(f"{waiting_scores(len(waits), str(store.folder))}; then it can be merged")


def _refuse_other_scores(stores: Sequence[Records]) -> None:
    for first, other in combinations(stores, 2):
        start = f"{first.folder} and {other.folder} cannot be merged"
        for kind in sorted(_kinds(first) & _kinds(other)):
            names = [store.plan["resolved"]["primary"][kind] for store in (first, other)]
            if names[0] != names[1]:
                raise HarnessError(f"{start}: {kind} are ranked on {names[0]} in one and on {names[1]} in the other")
        scores = [scoring(store.plan) for store in (first, other)]
        if unlike := unlike_samples([str(first.folder), str(other.folder)], scores):
            raise HarnessError(f"{start}: {unlike}")
        if "images" in _kinds(first) & _kinds(other) and unlike_extractors(scores):
            raise HarnessError(f"{start}: their pictures are scored in features of other extractors")
        if (old := outdated(scores)) is not None:
            folder = (first, other)[old].folder
            raise HarnessError(f"{start}: scored by other versions of the metrics; first `harness score {folder}`")


def _kinds(store: Records) -> set[str]:
    """Return the kinds of data in a plan, as `primary` has them."""
    pictures = pictured(store.plan)
    return {"images" if row["dataset"] in pictures else "toys" for row in store.plan["runs"]}


def _resolved(parts: Sequence[Part]) -> dict[str, Any]:
    """Return what a report reads of a suite: name, question, primary and extractors of those that they concern."""
    primary: dict[str, str] = {}
    for part in parts:
        primary |= {kind: part.store.plan["resolved"]["primary"][kind] for kind in _kinds(part.store)}
    ours = next((part for part in parts if "images" in _kinds(part.store)), parts[0])
    asked = dict.fromkeys(" ".join(str(part.store.plan["resolved"].get("question") or "").split()) for part in parts)
    merged = f"Merged from {listed([str(part.store.folder) for part in parts])}."
    studies = studies_said({str(part.store.folder): part.store.plan for part in parts})
    return {
        "name": " + ".join(part.label for part in parts),
        "question": " ".join(filter(None, [*asked, merged, studies])),
        "primary": primary,
        "score": ours.store.plan["resolved"]["score"],
    }


# Which names mean two things


def _clashes(plans: Sequence[Mapping[str, Any]]) -> set[Name]:
    """Return the names that two suites define differently, or under which they plan other runs for the same cell."""
    found: set[Name] = set()
    for first, other in combinations(plans, 2):
        for kind in KINDS:
            used = [{row[kind] for row in plan["runs"]} for plan in (first, other)]
            found |= {
                (kind, name) for name in used[0] & used[1] if _defined(first, kind, name) != _defined(other, kind, name)
            }
        runs = [{_label(row): row for row in plan["runs"]} for plan in (first, other)]
        for label in runs[0].keys() & runs[1].keys():
            rows = [side[label] for side in runs]
            if rows[0]["run_id"] != rows[1]["run_id"]:
                kind = _differing(
                    *(plan["specs"][row["run_id"]] for plan, row in zip((first, other), rows, strict=True))
                )
                found.add((kind, rows[0][kind]))
    return found


def _defined(plan: Mapping[str, Any], kind: str, name: str) -> str:
    """Return how a suite defines a name, but for where its files lie: their content is in the runs."""
    variant = plan["resolved"].get(f"{kind}s", {}).get(name, {})
    return canonical_json({key: value for key, value in variant.items() if key not in ("file", "folder")})


def _label(row: Mapping[str, Any]) -> str:
    return canonical_json([*(row[kind] for kind in KINDS), row["sweep"], row["seed"]])


def _differing(first: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return the kind whose settings make two runs of one label differ; how they are trained is the objective's."""
    for kind, said in (("dataset", _data), ("architecture", _networks)):
        if said(first) != said(other):
            return kind
    return "objective"


def _data(spec: Mapping[str, Any]) -> str:
    setup = spec["setup"]
    floats = {name: value for name, value in spec["hyper"].items() if name.startswith("data.")}
    return canonical_json([setup["dataset"], setup["data"], floats, setup["versions"]["dataset"]])


def _networks(spec: Mapping[str, Any]) -> str:
    setup = spec["setup"]
    parts = [setup[name] for name in ("architecture", "generator", "critic")]
    return canonical_json([*parts, setup["versions"]["architecture"]])
