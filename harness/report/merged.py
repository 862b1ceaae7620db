"""Several results folders under one plan: the union of their runs, for one report.

A run that two folders plan under the same names is one row. An objective, architecture or data set that two suites know
by one name and define differently is told apart by its folder's name.
"""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from harness.errors import HarnessError
from harness.report.analysis.comparable import outdated, unlike_extractors, unlike_samples
from harness.report.results import Part, Results, comparable, studies_sentence
from harness.spec import KINDS, canonical_json
from harness.store import open_store
from harness.store.plan_file import Json, MergedPart, Plan, PlannedRun
from harness.store.table import scoring
from harness.store.table_files import is_frozen
from harness.suite.format.models import PATHS
from harness.text import listed, waiting_scores

Name = tuple[str, str]  # a kind, and a name of it


def merge(folders: Sequence[str | Path]) -> Results:
    """Return the records of several results folders as those of one; of a study those that confirm it.

    Raises HarnessError where they are ranked on other metrics, scored on other samples or by other metrics, or not
    scored yet, or where a study confirms nothing yet; StoreError where one cannot be read.
    """
    sources = [comparable(Results.of(open_store(folder))) for folder in folders]
    _refuse_unscored(sources)
    _refuse_other_scores(sources)
    clashes, labels = _clashes([source.plan for source in sources]), [source.parts[0].label for source in sources]
    runs, settings, images = [], [], []
    specs, axes = dict[str, Json](), dict[str, None]()
    for source, label in zip(sources, labels, strict=True):
        plan, tag = source.plan, label if labels.count(label) == 1 else str(source.folder)
        runs.append([PlannedRun.from_json(_renamed(run.to_json(), clashes, tag)) for run in plan.runs])
        settings += [_renamed(entry, clashes, tag) for entry in plan.settings]
        images += [_renamed({"dataset": name}, clashes, tag)["dataset"] for name in plan.pictures]
        specs |= plan.specs
        axes |= dict.fromkeys(plan.data_axes)
    parts = _parts(sources, runs)
    merged = Plan(
        suite="",
        runs=tuple(run for part in parts for run in part.rows),
        specs=specs,
        stacks=(),
        resolved=_resolved(sources),
        settings=settings,
        data_axes=list(axes),
        pictures=images,
        parts=tuple(
            MergedPart(label, str(source.folder), source.plan.resolved)
            for label, source in zip(labels, sources, strict=True)
        ),
    )
    return Results(merged, parts)


def _renamed(row: Json, clashes: set[Name], tag: str) -> Json:
    """Return a row of a plan, or of its settings, with the folder's name behind names that clash."""
    return {**row, **{kind: f"{row[kind]} ({tag})" for kind in KINDS if kind in row and (kind, row[kind]) in clashes}}


def _parts(sources: Sequence[Results], runs: Sequence[Sequence[PlannedRun]]) -> list[Part]:
    """Return the rows of each folder that stand for their runs: those of the first that finished it, or else plans it.

    `runs` are those of each source under the names that they have beside the others.
    """
    ranks: dict[str, tuple[bool, int]] = {}
    for place, (rows, source) in enumerate(zip(runs, sources, strict=True)):
        finished = source.finished()
        for row in rows:
            key, rank = canonical_json(row.to_json()), (row.run_id not in finished, place)
            ranks[key] = min(ranks.get(key, rank), rank)
    parts = []
    for place, (rows, source) in enumerate(zip(runs, sources, strict=True)):
        (part,) = source.parts
        mine = [i for i, row in enumerate(rows) if ranks[canonical_json(row.to_json())][1] == place]
        places = mine if part.places is None else [part.places[i] for i in mine]
        parts.append(Part(part.store, places, [rows[i] for i in mine]))
    return parts


# What cannot stand in one table


def _refuse_unscored(sources: Sequence[Results]) -> None:
    for source in sources:
        waiting = source.unscored(source.plan.run_ids, source.plan.score_id)
        if waiting:
            raise HarnessError(f"{waiting_scores(len(waiting), str(source.folder))}; then it can be merged")


def _refuse_other_scores(sources: Sequence[Results]) -> None:
    for first, other in combinations(sources, 2):
        start = f"{first.folder} and {other.folder} cannot be merged"
        kinds = _data_kinds(first.plan) & _data_kinds(other.plan)
        for kind in sorted(kinds):
            a, b = (source.plan.resolved["primary"][kind] for source in (first, other))
            if a != b:
                raise HarnessError(f"{start}: {kind} are ranked on {a} in one and on {b} in the other")
        scores = [scoring(source.plan) for source in (first, other)]
        if unlike := unlike_samples([str(first.folder), str(other.folder)], scores):
            raise HarnessError(f"{start}: {unlike}")
        if "images" in kinds and unlike_extractors(scores):
            raise HarnessError(f"{start}: their images are scored in features of different extractors")
        if (old := outdated(scores)) is not None:
            folder = (first, other)[old].folder
            first_do = (
                f"score {folder} again and freeze or publish it anew"
                if is_frozen(folder)
                else f"first `harness score {folder}`"
            )
            raise HarnessError(f"{start}: scored by other versions of the metrics; {first_do}")


def _data_kinds(plan: Plan) -> set[str]:
    """Return the kinds of data in a plan, as `primary` has them."""
    return {"images" if run.dataset in plan.pictures else "toys" for run in plan.runs}


def _resolved(sources: Sequence[Results]) -> Json:
    """Return what a report reads of a suite: name, question, primary and extractors of those that they concern."""
    primary: dict[str, str] = {}
    for source in sources:
        primary |= {kind: source.plan.resolved["primary"][kind] for kind in _data_kinds(source.plan)}
    scored = next((source for source in sources if "images" in _data_kinds(source.plan)), sources[0])
    questions = dict.fromkeys(" ".join(str(s.plan.resolved.get("question") or "").split()) for s in sources)
    merged = f"Merged from {listed([str(source.folder) for source in sources])}."
    studies = studies_sentence({str(source.folder): source.plan for source in sources})
    return {
        "name": " + ".join(source.parts[0].label for source in sources),
        "question": " ".join(filter(None, [*questions, merged, studies])),
        "primary": primary,
        "score": scored.plan.resolved["score"],
    }


# Which names mean two things


def _clashes(plans: Sequence[Plan]) -> set[Name]:
    """Return the names that two suites define differently, or under which they plan other runs for the same cell."""
    clashes: set[Name] = set()
    for first, other in combinations(plans, 2):
        for kind in KINDS:
            names = {run.label(kind) for run in first.runs} & {run.label(kind) for run in other.runs}
            clashes |= {
                (kind, name) for name in names if _definition(first, kind, name) != _definition(other, kind, name)
            }
        ours, theirs = ({_label(run): run for run in plan.runs} for plan in (first, other))
        for label in ours.keys() & theirs.keys():
            ids = ours[label].run_id, theirs[label].run_id
            if ids[0] != ids[1]:
                kind = _differing_kind(first.specs[ids[0]], other.specs[ids[1]])
                clashes.add((kind, ours[label].label(kind)))
    return clashes


def _definition(plan: Plan, kind: str, name: str) -> str:
    """Return how a suite defines a name, but for where its files lie: their content is in the runs."""
    variant = plan.resolved.get(f"{kind}s", {}).get(name, {})
    return canonical_json({key: value for key, value in variant.items() if key not in PATHS})


def _label(run: PlannedRun) -> str:
    return canonical_json([*(run.label(kind) for kind in KINDS), run.sweep, run.seed])


def _differing_kind(first: Json, other: Json) -> str:
    """Return the kind whose settings make two runs of one label differ; how they are trained is the objective's."""
    for kind, names in (("dataset", ["dataset", "data"]), ("architecture", ["architecture", "generator", "critic"])):
        settings = []
        for spec in (first, other):
            floats = {name: value for name, value in spec["hyper"].items() if name.startswith("data.")}
            own = [spec["setup"][name] for name in names] + [spec["setup"]["versions"][kind]]
            settings.append(canonical_json([*own, floats if kind == "dataset" else {}]))
        if settings[0] != settings[1]:
            return kind
    return "objective"
