"""What a study of the right form can still have wrong: objectives not treated alike, seeds that serve twice."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, product
from typing import Any

from harness.metrics.columns import MetricColumn
from harness.plugins.components import Tables
from harness.suite.checks.refusals import resolved_or_refused
from harness.suite.expand import Choice, choices, drawn, drawn_names
from harness.suite.format.fields import seed_list
from harness.suite.format.models import Suite
from harness.suite.format.problems import Problem
from harness.suite.format.yaml_file import KeyPath
from harness.suite.overrides import parse_overrides
from harness.suite.settings import Triple, set_level
from harness.suite.space import SPACE, space_overrides
from harness.text import counted, listed, plain

SCORED = {"toys": ("w1", "w1_excess", "score"), "images": ("fid", "fid_excess", "score")}


def all_choices(suite: Suite, triple: Triple) -> Iterator[Choice]:
    """Yield every combination of a triple's swept values; of a study those that stand for all that it may draw: each
    setting at its ends, or choices, with the others at their first, and so each pair of settings.
    """
    if not suite.study:
        yield from choices(suite.matrix[triple.block], triple)
        return
    said = {name: [v for v, _ in suite.study.space[name].ends()] for name in sorted(drawn_names(triple))}
    first = {name: values[0] for name, values in said.items()}
    for name, values in said.items():
        yield from (drawn(triple, {**first, name: value}) for value in values)
    # Fractions stand beside a Setup, whose parts alone can contradict each other.
    for a, b in combinations([name for name in said if not suite.study.space[name].is_fraction], 2):
        yield from (drawn(triple, {**first, a: x, b: y}) for x, y in product(said[a], said[b]))


def at_space(
    suite: Suite, triple: Triple, params: Mapping[str, Any], problems: Iterable[Problem], found: Tables
) -> list[Problem]:
    """Return why the settings of a trial cannot be trained, at the first of those in the space that it is due to: of
    those that have another end, or choice, with which it is gone.
    """

    def lasts(problem: Problem, name: str, value: Any) -> bool:
        values = drawn(triple, {**params, name: value}).values
        return any(problem.text == other.text for other in resolved_or_refused(triple, values, found, set())[1])

    told = []
    own = {name: where for name, where in suite.study.space.items() if name in params}
    for problem in problems:
        due = [name for name, where in own.items() if not all(lasts(problem, name, v) for v, _ in where.ends())]
        path = (*SPACE, due[0]) if due else problem.path
        alone = len(due) < 2 and path == problem.path
        told.append(problem if alone else Problem(path, _met(triple, {name: params[name] for name in due}, problem)))
    return told


def _met(triple: Triple, drawn_here: Mapping[str, Any], problem: Problem) -> str:
    """Return the sentence of values that cannot be drawn, and what stands elsewhere in the suite against them."""
    said = listed([f"{name}={plain(value)}" for name, value in drawn_here.items()])
    together, one = (" together", "one of these values") if len(drawn_here) > 1 else ("", "this value")
    key = problem.path[-1]
    is_setting = isinstance(key, str) and problem.path not in triple.places.values() and problem.path[:2] != SPACE
    text = f"{key}: {problem.text}" if is_setting else problem.text
    return f"{said} can be drawn{together}: {text.rstrip('.')}; leave {one} out of the space."


def study_problems(suite: Suite, triples: Iterable[Triple], found: Tables) -> list[Problem]:
    """Return why a suite's study cannot be carried out, or would not treat its objectives alike."""
    triples = list(triples)
    if not suite.study or not triples or space_overrides(suite, found)[1]:
        return []
    if not suite.study.space:
        return [Problem(SPACE, "nothing in it; name at least one setting to draw.")]
    problems = [*_wrong_seeds(suite), *_unscored(suite, triples), *_twice_said(suite, triples, found)]
    return [*problems, *_replaced(suite, triples), *_unequal(triples)]


def _wrong_seeds(suite: Suite) -> Iterator[Problem]:
    shared = sorted({*suite.study.tuning} & {*seed_list(suite.seeds)})
    if shared:
        text = f"seed {shared[0]} is one of the suite's too, on which what is chosen here is confirmed; use others."
        yield Problem(("study", "seeds"), text)
    for i, block in enumerate(suite.matrix):
        if block.seeds is not None:
            yield Problem(("matrix", i, "seeds"), "a study has the suite's seeds and its own; leave this out.")
        if block.exclude:
            yield Problem(("matrix", i, "exclude"), "a study leaves nothing out; name what it trains in more blocks.")


def _unscored(suite: Suite, triples: Iterable[Triple]) -> Iterator[Problem]:
    for kind in sorted({triple.dataset.entry.kind for triple in triples}):
        column = getattr(suite.primary, kind)
        if MetricColumn.parse(column).name not in SCORED[kind]:
            text = (
                f"{column!r} given, and a study chooses by the score, which follows {listed(SCORED[kind][:2])} alone."
            )
            yield Problem(("primary", kind), text)


def _twice_said(suite: Suite, triples: Iterable[Triple], found: Tables) -> Iterator[Problem]:
    """Yield what is swept beside the space, and what --set sets though the space draws it."""
    sets, space = parse_overrides(suite.set, found)[0], space_overrides(suite, found)[0]
    for triple in triples:
        parts = triple.dataset, triple.architecture, triple.objective
        drawn_here = set_level(space, *parts)
        for target, source in set_level(sets, *parts).items():
            if target in drawn_here:
                yield Problem(source.path, f"{source.axis}: the study draws it; leave it out here, or in its space.")
        for source in triple.sources.values():
            if source.swept:
                yield Problem(source.path, "swept beside a study, which draws all that varies; name it in its space.")


def _replaced(suite: Suite, triples: Iterable[Triple]) -> Iterator[Problem]:
    """Yield what the space names and nothing draws: as `lr` beside the rates of both players."""
    for name in sorted(suite.study.space.keys() - set().union(*map(drawn_names, triples))):
        yield Problem((*SPACE, name), "never drawn: other settings of the space replace it; leave it out, or them.")


def _unequal(triples: list[Triple]) -> Iterator[Problem]:
    """Yield where an objective has other tasks than the first, or nothing to draw, or not the same on all its tasks."""
    tasks: dict[str, Counter[tuple[str, str]]] = {}
    names: dict[str, set[str]] = {}
    places: dict[str, KeyPath] = {}
    for triple in triples:
        of, place = triple.objective.label, triple.places["objective"]
        places[of] = place
        tasks.setdefault(of, Counter())[triple.dataset.label, triple.architecture.label] += 1
        mine = drawn_names(triple)
        if not mine:
            yield Problem(SPACE, f"'{of}' has none of these settings with '{triple.architecture.label}'.")
        elif mine != names.setdefault(of, mine):
            text = f"'{of}' would draw {listed(sorted(mine))} with '{triple.architecture.label}', and elsewhere "
            yield Problem(place, f"{text}{listed(sorted(names[of]))}; it must be the same on every task.")
    first, *others = tasks
    for of in others:
        if tasks[of] != tasks[first]:
            text = (
                f"{counted(tasks[first].total(), 'task')} of '{first}' and {tasks[of].total()} of '{of}' given; every"
            )
            yield Problem(places[of], f"{text} objective of a study has the same budget, on the same tasks.")
