"""What a plan will train, with which settings, and what its results can show: the numbers of a Description."""

import math
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from harness.datasets.images import none_held_out
from harness.metrics.columns import MetricColumn
from harness.metrics.extractors.network import FEATURES
from harness.objectives import objective_of
from harness.objectives.recipes import Recipe
from harness.papers import PAPERS, Paper
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
from harness.plugins.components import fingerprint, plugged, tables
from harness.spec import canonical_json
from harness.statistics.power import smallest_p, tasks_needed
from harness.store.plan_file import Json, Plan, PlannedRun
from harness.suite.checks.image_ranking import BY_COVARIANCE
from harness.suite.competitors import compared
from harness.suite.expand import choices
from harness.suite.format.models import COMPUTING, Suite, scored_steps
from harness.suite.format.study_block import Study
from harness.suite.format.values import RECIPE
from harness.suite.matrix import matrix_of
from harness.suite.resolve import RECIPE_FLOATS, RECIPE_KEYS, follows_recipe, recipe_targets
from harness.suite.settings import Triple
from harness.text import listed


def describe(suite: Suite, plan: Plan) -> Description:
    """Return what a plan holds and what it can show; what is left of it to train is none of it."""
    triples = matrix_of(suite).triples
    ids = {*plan.run_ids}
    cells = cells_of(plan.runs)
    axes = data_axes(triples)
    return Description(
        suite=plan.suite,
        question=suite.question,
        datasets=_unique(row.dataset for row in plan.runs),
        pictures=pictured(plan),
        read=read(suite, plan),
        architectures=_unique(row.architecture for row in plan.runs),
        objectives=_unique(row.objective for row in plan.runs),
        swept={} if suite.study else swept_values(cells),
        study=suite.study.model_dump(mode="json", exclude_none=True) if suite.study else None,
        data_axes=axes,
        planned=len(plan.runs),
        distinct=len(ids),
        merged=plan.merged,
        cells=cells,
        seeds=sorted({cell.seeds for cell in cells}),
        stacks=StackCounts(all=sum(not ids.isdisjoint(stack.runs) for stack in plan.stacks)),
        scored=scored(suite, plan),
        settings=resolved_settings(plan, recipes(suite, triples)),
        conclusions=_concluded(plan, cells, axes, suite),
    )


def _concluded(plan: Plan, cells: Sequence[Cell], axes: Collection[str], suite: Suite) -> Conclusions:
    concluded = replace(conclusions(cells, axes), shares=shares(suite.study, plan.runs))
    learns = any(spec["setup"]["train"]["generator"] == "trained" for spec in plan.specs.values())
    return concluded if learns else replace(concluded, compared="critics")


def cells_of(rows: Iterable[PlannedRun]) -> list[Cell]:
    """Return every cell (data set x architecture x objective x swept values) with the number of its seeds."""
    seeds: Counter[tuple[str, str, str, str]] = Counter()
    sweeps: dict[tuple[str, str, str, str], Json] = {}
    for row in rows:
        key = row.dataset, row.architecture, row.objective, repr(row.sweep)
        seeds[key] += 1
        sweeps.setdefault(key, row.sweep)
    return [Cell(*key[:3], sweeps[key], n) for key, n in seeds.items()]


def swept_values(cells: Iterable[Cell]) -> dict[str, list[Any]]:
    """Return every value of every swept name, in the order of the plan."""
    swept: dict[str, dict[Any, Any]] = {}
    for cell in cells:
        for name, value in cell.sweep.items():
            swept.setdefault(name, {}).setdefault(_hashable(value), value)
    return {name: list(values.values()) for name, values in swept.items()}


def _hashable(value: Any) -> Any:
    """Return what tells a value from others: 1 and 1.0 are one."""
    return repr(value) if isinstance(value, list | dict) else value


def scored(suite: Suite, plan: Plan) -> Scoring:
    """Return the steps at which runs are scored, by their length, on how many samples, and by what."""
    lengths = sorted({plan.specs[row.run_id]["setup"]["train"]["steps"] for row in plan.runs})
    on_train = _unique(row.dataset for row in plan.runs if none_held_out(plan.specs[row.run_id]["setup"]["data"]))
    return Scoring(
        samples=suite.score.samples,
        runs_of=[ScoredRuns(n, scored_steps(suite.score.at, n)) for n in lengths],
        held_out={
            label: n for label, n in _held_out(plan).items() if n < suite.score.samples and label not in on_train
        },
        on_train=on_train,
        few_for_fid=few_for_fid(suite, plan),
        weak=weak_extractors(suite, plan),
        plugged=sorted(plugged("metric", suite.plugins)),
    )


def _held_out(plan: Plan) -> dict[str, int]:
    """Return how many images each data set of images holds out, the least over the settings that are swept."""
    table, counts = tables().dataset, dict[str, dict[str, int]]()
    for row in plan.runs:
        setup = plan.specs[row.run_id]["setup"]
        entry, of = table[setup["dataset"]], counts.setdefault(row.dataset, {})
        if entry.pictures is not None and (key := canonical_json(setup["data"])) not in of:
            of[key] = entry.sizes(setup["data"]).held_out
    return {label: min(of.values()) for label, of in counts.items() if of}


def pictured(plan: Plan) -> list[str]:
    """Return the data sets whose samples are images."""
    table = tables().dataset
    bases = ((row.dataset, plan.specs[row.run_id]["setup"]["dataset"]) for row in plan.runs)
    return _unique(name for name, base in bases if table[base].kind == "images")


def read(suite: Suite, plan: Plan) -> dict[str, str]:
    """Return what was read of each file or folder of a data set, and what was skipped: a phrase by the data set."""
    table, phrases = tables().dataset, dict[str, str]()
    for label in _unique(row.dataset for row in plan.runs):
        variant = suite.datasets.get(label)
        entry = table[(variant and variant.base) or label]
        paths = [path for key in entry.files if (path := getattr(variant, key, None)) is not None]
        if paths and entry.reading is not None:
            phrases[label] = " and ".join(f"{entry.reading(path)} from {_relative(path)}" for path in paths)
    return phrases


def _relative(path: str | list[str]) -> str:
    return listed([os.path.relpath(one) for one in ([path] if isinstance(path, str) else path)])


def few_for_fid(suite: Suite, plan: Plan) -> dict[str, int]:
    """Return on how few images each data set is scored that takes more for a FID in features of an extractor."""
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
        targets, every = recipe_targets(triple), choices(suite.matrix[triple.block], triple)
        swept = {target: source.value for target, source in triple.sources.items() if source.swept}
        is_mixed = "train.generator" in swept or any(RECIPE in swept[target] for target in swept.keys() & targets)
        for choice in every if is_mixed else islice(every, 1):
            runs[key] += 1
            followed = [name for target, name in targets.items() if follows_recipe(target, choice.values)]
            used.setdefault(key, Counter()).update(followed)
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
    groups: dict[tuple[str, str], list[Json]] = {}
    bases: dict[tuple[str, str], str] = {}
    for row in plan.runs:
        spec = plan.specs[row.run_id]
        key = row.objective, components.dataset[spec["setup"]["dataset"]].kind
        groups.setdefault(key, []).append(spec)
        bases[key] = row.base
    rows = []
    for (objective, kind), specs in groups.items():
        base, recipe = bases[objective, kind], used[objective, kind]
        setups, floats = [spec["setup"] for spec in specs], [spec["hyper"] for spec in specs]
        trains, named = [setup["train"] for setup in setups], _by_components(setups)
        papers = [paper for setup in named for paper in component_papers(setup, is_recipe=recipe is not None)]
        own = [*objective_of(base, trains[0].get("penalty", "")).hyper, *_trick_hyper(setups[0], floats[0])]
        whole = [_whole_settings(setup) for setup in setups]  # which no float holds
        rows.append(
            SettingsRow(
                objective=objective,
                base=base,
                kind=kind,
                hyper={name: _taken(whole, name) for name in whole[0]} | {name: _taken(floats, name) for name in own},
                recipe=recipe,
                papers=[paper.to_json() for paper in dict.fromkeys(papers)],
                **{name: _taken(floats if name in RECIPE_FLOATS else trains, name) for name in RECIPE_KEYS},
            )
        )
    return rows


def _by_components(setups: Iterable[Json]) -> list[Json]:
    """Return the first Setup of an objective variant with each data set and architecture."""
    firsts: dict[tuple[str, str], Json] = {}
    for setup in setups:
        firsts.setdefault((setup["dataset"], setup["architecture"]), setup)
    return list(firsts.values())


def _taken(settings: Iterable[Json], name: str) -> list[Any]:
    """Return the values that a setting takes, each once."""
    values: dict[Any, Any] = {}
    for setting in settings:
        values.setdefault(_hashable(setting[name]), setting[name])
    return list(values.values())


def component_papers(setup: Json, is_recipe: bool) -> list[Paper]:
    """Return the papers of the components of a Setup, that of its recipe with them where it `is_recipe`."""
    components = tables()
    objective = objective_of(setup["objective"], setup["train"].get("penalty", ""))
    dataset = components.dataset[setup["dataset"]]
    papers = [*objective.papers, *dataset.papers, *components.architecture[setup["architecture"]].papers]
    papers += [paper for name in setup["tricks"] for paper in components.trick[name].papers]
    papers += [PAPERS["miyato2018"]] if setup.get("critic", {}).get("norm") == "spectral" else []
    return [*papers, objective.recipe[dataset.kind].paper] if is_recipe else papers


def conclusions(cells: Sequence[Cell], data: Collection[str] = ()) -> Conclusions:
    """Return the smallest p that can be reached, by the primary family and inside a cell, and what is compared.

    The primary family is all pairs of objectives over the tasks that all of them have (data set x architecture x values
    of the swept names in `data`), by Wilcoxon's signed-rank test: with n tasks its smallest two-sided p is 2^(1 - n),
    and Holm's correction multiplies the smallest by the number of pairs. A test over the n seeds of a cell has the
    same bound, uncorrected.
    """
    tasks: dict[str, set[tuple[str, ...]]] = {}
    settings = set()
    for cell in cells:
        settings.add(repr({name: value for name, value in cell.sweep.items() if name not in data}))
        values = [repr(cell.sweep.get(name)) for name in data]
        tasks.setdefault(cell.objective, set()).add((cell.dataset, cell.architecture, *values))
    shared = len(set.intersection(*tasks.values())) if tasks else 0
    pairs = math.comb(len(tasks), 2) if shared else 0
    seeds = max((cell.seeds for cell in cells), default=0)
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
        grids(cells, data),
        compared(len(tasks), len({cell.architecture for cell in cells}), len(settings)),
    )


def grids(cells: Iterable[Cell], data: Collection[str] = ()) -> dict[str, int]:
    """Return the size of the smallest grid, over data sets, architectures and objectives, of every swept name that is
    tuned over numbers (`recipe` is one): the report flags a choice at its edge, and two values have no interior.
    """
    values_by_cell: dict[str, dict[tuple[str, ...], set[int | float | str]]] = {}
    data = {*data, *COMPUTING}
    for cell in cells:
        for name, value in cell.sweep.items():
            labels = cell.dataset, cell.architecture, cell.objective
            taken = values_by_cell.setdefault(name, {}).setdefault(labels, set())
            taken.add(value if _is_number(value) else str(value))
    numeric = {
        name: [v for v in values.values() if len(v) > 1] for name, values in values_by_cell.items() if name not in data
    }
    return {
        name: min(map(len, several))
        for name, several in numeric.items()
        if several and all(value == RECIPE or _is_number(value) for values in several for value in values)
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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


def _whole_settings(setup: Json) -> Json:
    """Return the penalty that a suite adds to an objective, and the integers and names that its tricks are set to."""
    penalty = {"penalty": setup["train"]["penalty"]} if setup["train"].get("penalty") else {}
    return penalty | {f"{trick}.{name}": value for trick, own in setup["tricks"].items() for name, value in own.items()}


def _trick_hyper(setup: Json, hyper: Json) -> list[str]:
    return [name for name in hyper if name.partition(".")[0] in setup["tricks"] and "." in name]


def _unique(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))
