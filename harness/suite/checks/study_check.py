"""What a study of the right form can still have wrong: objectives not treated alike, seeds that serve twice."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product
from typing import Any

from harness.errors import KeyPath, Problem
from harness.metrics.columns import MetricColumn
from harness.suite.expand import Choice, choices, combinations_of, drawn, drawn_names
from harness.suite.format.models import COMPUTING, Suite
from harness.suite.format.values import MAX_NETWORKS, MAX_RUNS, Values, seed_list
from harness.suite.matrix import Matrix
from harness.suite.overrides import SPACE
from harness.suite.parameters import PLAYERS
from harness.suite.settings import Level, Triple, set_level
from harness.text import counted, listed, plain

SCORED = {"toys": ("w1", "w1_excess", "score"), "images": ("fid", "fd", "fid_excess", "score")}


def all_choices(suite: Suite, triple: Triple) -> Iterator[Choice]:
    """Yield every combination of a triple's swept values; of a study those that stand for all that it may draw: each
    setting at its ends, or choices, with the others at their first, and so each pair of settings.
    """
    if not suite.study:
        yield from choices(suite.matrix[triple.block], triple)
        return
    ends = {name: [v for v, _ in suite.study.space[name].ends()] for name in sorted(drawn_names(triple))}
    first = {name: values[0] for name, values in ends.items()}
    for name, values in ends.items():
        yield from (drawn(triple, {**first, name: value}) for value in values)
    # Fractions stand beside a Setup, whose parts alone can contradict each other.
    for a, b in combinations([name for name in ends if not suite.study.space[name].is_fraction], 2):
        yield from (drawn(triple, {**first, a: x, b: y}) for x, y in product(ends[a], ends[b]))


def too_many_choices(suite: Suite, triples: Iterable[Triple]) -> list[Problem]:
    """Return the mistake of more combinations, or networks, than are tried one by one; they are counted before."""
    path: KeyPath = SPACE if suite.study else ("matrix",)
    every = 0
    networks: dict[tuple[str, str], int] = {}  # by data set and architecture, whose objectives share them
    for triple in triples:
        every += _choices_of(suite, triple, triple.sources)
        of_players = {target: source for target, source in triple.sources.items() if target.startswith(PLAYERS)}
        cell = triple.dataset.label, triple.architecture.label
        networks[cell] = max(networks.get(cell, 0), _choices_of(suite, triple, of_players))
    limits = [(every, MAX_RUNS, "pairs of these choices"), (sum(networks.values()), MAX_NETWORKS, "networks")]
    for total, most, what in limits:
        if total > most:
            text = f"at least {total:,} {what} asked for, at most {most:,} can be planned; name fewer values."
            return [Problem("too-many-choices", path, text)]
    return []


def _choices_of(suite: Suite, triple: Triple, sources: Level) -> int:
    """Return how many combinations `all_choices` yields of the settings that these sources are of."""
    if not suite.study:
        return combinations_of(suite.matrix[triple.block], sources)
    names = drawn_names(triple) & {str(source.path[-1]) for source in sources.values()}
    sizes = [len([*where.ends()]) for name, where in suite.study.space.items() if name in names]
    return 1 + sum(sizes) + sum(a * b for a, b in combinations(sizes, 2))


def at_space(matrix: Matrix, triple: Triple, params: Values, problems: Iterable[Problem]) -> list[Problem]:
    """Return why the settings of a trial cannot be trained, at the first of those in the space that it is due to: of
    those that have another end, or choice, with which it is gone.
    """

    def lasts(problem: Problem, name: str, value: Any) -> bool:
        others = matrix.refusals(triple, drawn(triple, {**params, name: value}).values)
        return any((problem.code, problem.path) == (other.code, other.path) for other in others)

    placed = []
    ranges = {name: where for name, where in matrix.suite.study.space.items() if name in params}
    for problem in problems:
        due = [name for name, where in ranges.items() if not all(lasts(problem, name, v) for v, _ in where.ends())]
        path = (*SPACE, due[0]) if due else problem.path
        if len(due) < 2 and path == problem.path:
            placed.append(problem)
        else:
            text = _drawn_together(triple, {name: params[name] for name in due}, problem)
            placed.append(Problem(problem.code, path, text))
    return placed


def _drawn_together(triple: Triple, values: Values, problem: Problem) -> str:
    """Return the sentence of values that cannot be drawn, and what stands elsewhere in the suite against them."""
    settings = listed([f"{name}={plain(value)}" for name, value in values.items()])
    together, one = (" together", "one of these values") if len(values) > 1 else ("", "this value")
    key = problem.path[-1]
    is_setting = isinstance(key, str) and problem.path not in triple.places.values() and problem.path[:2] != SPACE
    text = f"{key}: {problem.text}" if is_setting else problem.text
    return f"{settings} can be drawn{together}: {text.rstrip('.')}; leave {one} out of the space."


def study_problems(matrix: Matrix) -> list[Problem]:
    """Return why a suite's study cannot be carried out, or would not treat its objectives alike."""
    suite, triples = matrix.suite, matrix.triples
    if not suite.study or not triples or any(problem.path[0] == "study" for problem in matrix.problems):
        return []
    if not suite.study.space:
        return [Problem("empty-space", SPACE, "nothing in it; name at least one setting to draw.")]
    problems = [*_wrong_seeds(suite), *_unscored(suite, triples), *_set_twice(matrix)]
    # As `lr` beside the rates of both players:
    unused = sorted(suite.study.space.keys() - set().union(*map(drawn_names, triples)))
    text = "never drawn: other settings of the space replace it; leave it out, or them."
    problems += [Problem("unused-setting", (*SPACE, name), text) for name in unused]
    text = "how an update is computed is no setting to choose; set it under `train`."
    problems += [Problem("not-in-a-study", (*SPACE, name), text) for name in suite.study.space if name in COMPUTING]
    return problems + list(_unequal(triples))


def _wrong_seeds(suite: Suite) -> Iterator[Problem]:
    shared = sorted({*suite.study.tuning} & {*seed_list(suite.seeds)})
    if shared:
        text = f"seed {shared[0]} is one of the suite's too, on which what is chosen here is confirmed; use others."
        yield Problem("shared-seeds", ("study", "seeds"), text)
    for i, block in enumerate(suite.matrix):
        if block.seeds is not None:
            text = "a study has the suite's seeds and its own; leave this out."
            yield Problem("not-in-a-study", ("matrix", i, "seeds"), text)
        if block.exclude:
            text = "a study leaves nothing out; name what it trains in more blocks."
            yield Problem("not-in-a-study", ("matrix", i, "exclude"), text)


def _unscored(suite: Suite, triples: Iterable[Triple]) -> Iterator[Problem]:
    for kind in sorted({triple.dataset.entry.kind for triple in triples}):
        column = getattr(suite.primary, kind)
        if MetricColumn.parse(column).name not in SCORED[kind]:
            columns = listed(SCORED[kind][:2])
            text = f"{column!r} given, and a study chooses by the score, which follows {columns} alone."
            yield Problem("no-score", ("primary", kind), text)


def _set_twice(matrix: Matrix) -> Iterator[Problem]:
    """Yield what is swept beside the space, and what --set sets though the space draws it."""
    for triple in matrix.triples:
        space = set_level(matrix.space, triple.parts)
        for target, source in set_level(matrix.overrides, triple.parts).items():
            if target in space:
                text = f"{source.axis}: the study draws it; leave it out here, or in its space."
                yield Problem("set-twice", source.path, text)
        for source in triple.sources.values():
            if source.swept:
                text = "swept beside a study, which draws all that varies; name it in its space."
                yield Problem("swept-in-a-study", source.path, text)


def _unequal(triples: Sequence[Triple]) -> Iterator[Problem]:
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
            text = f"'{of}' has none of these settings with '{triple.architecture.label}'."
            yield Problem("nothing-to-draw", SPACE, text)
        elif mine != names.setdefault(of, mine):
            text = f"'{of}' would draw {listed(sorted(mine))} with '{triple.architecture.label}', and elsewhere "
            text += f"{listed(sorted(names[of]))}; it must be the same on every task."
            yield Problem("unequal-draws", place, text)
    first, *others = tasks
    for of in others:
        if tasks[of] != tasks[first]:
            text = f"{counted(tasks[first].total(), 'task')} of '{first}' and {tasks[of].total()} of '{of}' given; "
            text += "every objective of a study has the same budget, on the same tasks."
            yield Problem("unequal-budgets", places[of], text)
