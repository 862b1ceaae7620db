"""What a plan will train, with which settings, and what its results can show: the numbers of a Description."""

import math
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.metrics.columns import MetricColumn
from harness.metrics.extractors.network import FEATURES
from harness.objectives import objective_of
from harness.objectives.recipes import Recipe
from harness.papers import Paper
from harness.plan.description import (
    Cell,
    CellTest,
    Conclusions,
    Description,
    PrimaryFamily,
    RecipeUse,
    ScoredRuns,
    Scoring,
    SettingsRow,
    SharesTest,
    StackCounts,
)
from harness.plan.weak_extractors import weak_extractors
from harness.plugins.components import fingerprint, plugged_metrics, tables
from harness.spec import KINDS, Task, canonical_json
from harness.statistics.power import smallest_p, tasks_needed
from harness.store.plan_file import Json, Plan, PlannedRun
from harness.suite.checks.image_ranking import BY_COVARIANCE
from harness.suite.competitors import compared
from harness.suite.expand import choices
from harness.suite.format.models import Suite, scored_steps
from harness.suite.format.study_block import Study
from harness.suite.matrix import matrix_of
from harness.suite.resolve import RECIPE_FLOATS, RECIPE_KEYS, recipe_keys
from harness.suite.settings import Triple


def describe(suite: Suite, plan: Plan, finished: set[str]) -> Description:
    """Return what a plan holds, of which some runs have finished, and what it can show."""
    triples = matrix_of(suite).triples
    ids = {*plan.run_ids}
    cells = cells_of(plan.runs)
    left, axes = ids - finished, data_axes(triples)
    return Description(
        suite=plan.suite,
        question=suite.question,
        datasets=_unique(row.dataset for row in plan.runs),
        pictures=pictured(plan),
        read=read(suite, plan),
        architectures=_unique(row.architecture for row in plan.runs),
        objectives=_unique(row.objective for row in plan.runs),
        swept={} if suite.study else swept_values(plan.runs),
        study=suite.study.model_dump(mode="json", exclude_none=True) if suite.study else None,
        data_axes=axes,
        planned=len(plan.runs),
        distinct=len(ids),
        merged=plan.merged,
        finished=len(ids) - len(left),
        to_train=len(left),
        cells=cells,
        seeds=sorted({cell.seeds for cell in cells}),
        stacks=StackCounts(
            all=sum(not ids.isdisjoint(stack.runs) for stack in plan.stacks),
            unfinished=sum(not left.isdisjoint(stack.runs) for stack in plan.stacks),
        ),
        scored=scored(suite, plan),
        settings=resolved_settings(plan, recipes(suite, triples)),
        conclusions=replace(conclusions(plan.runs, axes), shares=shares(suite.study, plan.runs)),
    )


def cells_of(rows: Iterable[PlannedRun]) -> list[Cell]:
    """Return every cell (data set x architecture x objective x swept values) with the number of its seeds."""
    rows = list(rows)
    keys = list(map(_cell_key, rows))
    seeds = Counter(keys)
    firsts = dict(zip(reversed(keys), reversed(rows), strict=True))
    return [Cell(*key[:3], firsts[key].sweep, n) for key, n in seeds.items()]


def _cell_key(row: PlannedRun) -> tuple[str, str, str, str]:
    return row.dataset, row.architecture, row.objective, repr(row.sweep)


def swept_values(rows: Iterable[PlannedRun]) -> dict[str, list[Any]]:
    """Return every value of every swept name, in the order of the plan."""
    swept: dict[str, dict[Any, Any]] = {}
    for row in rows:
        for name, value in row.sweep.items():
            swept.setdefault(name, {}).setdefault(_hashable(value), value)
    return {name: list(values.values()) for name, values in swept.items()}


def _hashable(value: Any) -> Any:
    """Return what tells a value from others: 1 and 1.0 are one."""
    return repr(value) if isinstance(value, list | dict) else value


def scored(suite: Suite, plan: Plan) -> Scoring:
    """Return the steps at which runs are scored, by their length, on how many samples, and by what."""
    lengths = sorted({plan.specs[row.run_id]["setup"]["train"]["steps"] for row in plan.runs})
    return Scoring(
        samples=suite.score.samples,
        runs_of=[ScoredRuns(n, scored_steps(suite.score.at, n)) for n in lengths],
        held_out={label: n for label, n in _held_out(plan).items() if n < suite.score.samples},
        few_for_fid=few_for_fid(suite, plan),
        weak=weak_extractors(suite, plan),
        plugged=sorted(plugged_metrics(suite.plugins)),
    )


def _held_out(plan: Plan) -> dict[str, int]:
    """Return how many pictures each data set of pictures holds out, the least over the settings that are swept."""
    table, counts = tables().dataset, dict[str, dict[str, int]]()
    for row in plan.runs:
        setup = plan.specs[row.run_id]["setup"]
        entry, of = table[setup["dataset"]], counts.setdefault(row.dataset, {})
        if entry.pictures is not None and (key := canonical_json(setup["data"])) not in of:
            of[key] = entry.sizes(setup["data"]).held_out
    return {label: min(of.values()) for label, of in counts.items() if of}


def pictured(plan: Plan) -> list[str]:
    """Return the data sets whose samples are pictures."""
    table = tables().dataset
    bases = ((row.dataset, plan.specs[row.run_id]["setup"]["dataset"]) for row in plan.runs)
    return _unique(name for name, base in bases if table[base].kind == "images")


def read(suite: Suite, plan: Plan) -> dict[str, str]:
    """Return what was read of each file or folder of a data set, and what was skipped: a phrase by the data set."""
    table, phrases = tables().dataset, dict[str, str]()
    for label in _unique(row.dataset for row in plan.runs):
        variant = suite.datasets.get(label)
        entry = table[(variant and variant.base) or label]
        path = getattr(variant, entry.file_key, None)
        if path is not None and entry.reading is not None:
            phrases[label] = f"{entry.reading(path)} from {os.path.relpath(path)}"
    return phrases


def few_for_fid(suite: Suite, plan: Plan) -> dict[str, int]:
    """Return on how few pictures each data set is scored that takes more for a FID in features of an extractor."""
    counts = {label: min(n, suite.score.samples) for label, n in _held_out(plan).items()}
    is_fid = MetricColumn.parse(suite.primary.images).name in BY_COVARIANCE
    return {label: n for label, n in counts.items() if is_fid and n <= FEATURES}


def data_axes(triples: Iterable[Triple]) -> list[str]:
    """Return the swept names that belong to data sets: each of their values makes a task of its own."""
    axes = {s.axis for t in triples for target, s in t.sources.items() if s.swept and target.startswith("dataset.")}
    return sorted(axes)


def recipes(suite: Suite, triples: Iterable[Triple]) -> dict[tuple[str, str], RecipeUse | None]:
    """Return, by objective variant and kind of data, the paper's recipe; None where no run follows it."""
    entries: dict[tuple[str, str], Recipe] = {}
    overrides: dict[tuple[str, str], dict[str, list[float]]] = {}
    runs: Counter[tuple[str, str]] = Counter()
    used: dict[tuple[str, str], Counter[str]] = {}
    for triple in triples:
        key = (triple.objective.label, triple.dataset.entry.kind)
        entries[key] = triple.objective.entry.recipe[triple.dataset.entry.kind]
        overrides[key] = _overrides(triple, entries[key].hyper)
        for choice in choices(suite.matrix[triple.block], triple):
            runs[key] += 1
            used.setdefault(key, Counter()).update(recipe_keys(triple, choice.values))
    return {
        key: RecipeUse(
            source=entries[key].source,
            keys=list(counts),
            in_part=[name for name, n in counts.items() if n < runs[key]],
            overrides={name: pair for name, pair in overrides[key].items() if name in counts},
        )
        if counts
        else None
        for key, counts in used.items()
    }


def _overrides(triple: Triple, recipe: Mapping[str, float]) -> dict[str, list[float]]:
    """Return the defaults of a plug-in's objective that its recipe, often a borrowed one, replaces."""
    if fingerprint("objective", triple.objective.base) is None:
        return {}
    defaults = triple.objective.entry.hyper
    return {name: [defaults[name], value] for name, value in recipe.items() if defaults.get(name, value) != value}


def resolved_settings(plan: Plan, used: Mapping[tuple[str, str], RecipeUse | None]) -> list[SettingsRow]:
    """Return, for every objective variant on every kind of data, each value that a setting takes in some run.

    `used` is what `recipes` returns.
    """
    components = tables()
    values: dict[tuple[str, str], _Values] = {}
    cited: set[tuple[str, ...]] = set()
    for row in plan.runs:
        spec = plan.specs[row.run_id]
        setup, key = spec["setup"], (row.objective, components.dataset[spec["setup"]["dataset"]].kind)
        values.setdefault(key, _Values(row.base)).add(
            spec, objective_of(row.base, setup["train"].get("penalty", "")).hyper
        )
        names = (*key, setup["dataset"], setup["architecture"], *setup["tricks"])
        if names not in cited:
            cited.add(names)
            values[key].papers |= dict.fromkeys(component_papers(setup, is_recipe=used[key] is not None))
    return [
        SettingsRow(
            objective=objective,
            base=known.base,
            kind=kind,
            hyper={name: list(taken) for name, taken in known.hyper.items()},
            recipe=used[objective, kind],
            papers=[paper.to_json() for paper in known.papers],
            **{name: list(taken.values()) for name, taken in known.recipe.items()},
        )
        for (objective, kind), known in values.items()
    ]


class _Values:
    """The values that settings take in the runs of an objective, each once, in the order of the plan."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.recipe: dict[str, dict[Any, Any]] = {name: {} for name in RECIPE_KEYS}
        self.hyper: dict[str, dict[float, None]] = {}
        self.papers: dict[Paper, None] = {}

    def add(self, spec: Json, own: Iterable[str]) -> None:
        train, hyper = spec["setup"]["train"], spec["hyper"]
        for name, values in self.recipe.items():
            value = hyper[name] if name in RECIPE_FLOATS else train[name]
            values.setdefault(_hashable(value), value)
        for name in (*own, *(f"{trick}.{rest}" for trick, rest in _trick_hyper(spec))):
            self.hyper.setdefault(name, {})[hyper[name]] = None


def component_papers(setup: Json, is_recipe: bool) -> list[Paper]:
    """Return the papers of the components of a Setup, that of its recipe with them where it `is_recipe`."""
    components = tables()
    objective = objective_of(setup["objective"], setup["train"].get("penalty", ""))
    dataset = components.dataset[setup["dataset"]]
    papers = [*objective.papers, *dataset.papers, *components.architecture[setup["architecture"]].papers]
    papers += [paper for name in setup["tricks"] for paper in components.trick[name].papers]
    return [*papers, objective.recipe[dataset.kind].paper] if is_recipe else papers


def conclusions(rows: Sequence[PlannedRun], data: Collection[str] = ()) -> Conclusions:
    """Return the smallest p that can be reached, by the primary family and inside a cell, and what is compared.

    The primary family is all pairs of objectives over the tasks that all of them have (data set x architecture x values
    of the swept names in `data`), by Wilcoxon's signed-rank test: with n tasks its smallest two-sided p is 2^(1 - n),
    and Holm's correction multiplies the smallest by the number of pairs. A test over the n seeds of a cell has the
    same bound, uncorrected.
    """
    tasks: dict[str, set[Task]] = {}
    settings = set()
    for row in rows:
        settings.add(repr(sorted((name, repr(value)) for name, value in row.sweep.items() if name not in data)))
        values = sorted((name, repr(value)) for name, value in row.sweep.items() if name in data)
        tasks.setdefault(row.objective, set()).add(Task(row.dataset, row.architecture, tuple(values)))
    shared = len(set.intersection(*tasks.values())) if tasks else 0
    pairs = math.comb(len(tasks), 2) if shared else 0
    seeds = max(Counter(map(_cell_key, rows)).values(), default=0)
    return Conclusions(
        PrimaryFamily(
            objectives=len(tasks),
            pairs=pairs,
            tasks=shared,
            tasks_needed=tasks_needed(pairs) if pairs else None,
            smallest_p=smallest_p(shared) if pairs else None,
            smallest_p_corrected=min(1.0, pairs * smallest_p(shared)) if pairs else None,
        ),
        CellTest(seeds, smallest_p(seeds)),
        grids(rows, data),
        compared(len(tasks), len({row.architecture for row in rows}), len(settings)),
    )


def grids(rows: Iterable[PlannedRun], data: Collection[str] = ()) -> dict[str, int]:
    """Return the size of the smallest grid, over data sets, architectures and objectives, of every swept name that is
    tuned over numbers (`recipe` is one): the report flags a choice at its edge, and two values have no interior.
    """
    values_by_cell: dict[str, dict[tuple[str, ...], set[str]]] = {}
    for row in rows:
        for name, value in row.sweep.items():
            key = tuple(row.label(kind) for kind in KINDS)
            values_by_cell.setdefault(name, {}).setdefault(key, set()).add(
                repr(value) if _is_number(value) else str(value)
            )
    numeric = {
        name: [v for v in values.values() if len(v) > 1] for name, values in values_by_cell.items() if name not in data
    }
    return {
        name: min(map(len, several))
        for name, several in numeric.items()
        if several and all(text == "recipe" or _is_number_text(text) for texts in several for text in texts)
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_number_text(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def shares(study: Study | None, rows: Iterable[PlannedRun]) -> SharesTest | None:
    """Return the smallest p by which a study can tell shares of its space apart, and how many trials it takes for p to
    be at most .05 after correction, all good with one objective alone; None where it tests none.

    Every pair of objectives is tested by McNemar's exact test over trials. Where all n are good with one alone p is
    2^(1 - n), as of as many signs. Holm's correction multiplies the smallest by the number of pairs. Trials of an
    objective that repeat each other's settings are one trial counted several times: then no p can be given, and
    `distinct` has the fewest settings of an objective.
    """
    rows = list(rows)
    pairs = math.comb(len({row.objective for row in rows}), 2)
    if study is None or study.sampler == "tpe" or not pairs:
        return None
    drawn: dict[str, set[str]] = {}
    for row in rows:
        drawn.setdefault(row.objective, set()).add(canonical_json(row.sweep))
    distinct = min(map(len, drawn.values()))
    least = smallest_p(study.trials) if distinct >= study.trials else None
    return SharesTest(
        pairs=pairs,
        distinct=distinct,
        smallest_p=least,
        smallest_p_corrected=None if least is None else min(1.0, pairs * least),
        trials_needed=tasks_needed(pairs),
    )


def _trick_hyper(spec: Json) -> list[tuple[str, str]]:
    split = [name.partition(".") for name in spec["hyper"]]
    return [(head, rest) for head, _, rest in split if head in spec["setup"]["tricks"]]


def _unique(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
