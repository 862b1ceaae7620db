"""What a suite of the right form can still have wrong: names, values and combinations that the tables do not take."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from harness.errors import KeyPath, Problem
from harness.hints import quoted, suggestion
from harness.plugins.components import file_of, fingerprint, tables
from harness.plugins.guard import guarded
from harness.plugins.hooks import setting_of
from harness.plugins.trial import faults
from harness.spec import KINDS
from harness.suite.checks.data_check import data_problems, lacks_file
from harness.suite.checks.study_check import all_choices, at_space, study_problems, too_many_choices
from harness.suite.expand import Axes, axes_of, axis_named, too_many
from harness.suite.format.models import Block, Suite
from harness.suite.matrix import Matrix, matrix_of, named
from harness.suite.resolve import Resolved, has_constraint
from harness.suite.settings import Triple

_TRIED: dict[tuple[object, ...], list[str]] = {}  # of this process: a study plans its suite again and again


def suite_problems(suite: Suite, left_out: frozenset[str] = frozenset()) -> list[Problem]:
    """Return every mistake of the suite's names, values and combinations.

    `left_out` names keys that the suite lost to mistakes of form: they are not missed a second time.
    """
    matrix = matrix_of(suite)
    of_study = study_problems(matrix)
    problems = [*matrix.problems, *_both_lengths(matrix), *of_study]
    wrong = {key for key, mistakes in matrix.variants.items() if mistakes}
    wrong |= {("dataset", triple.dataset.label) for triple in matrix.triples if lacks_file(triple)}
    sound = [triple for triple in matrix.triples if wrong.isdisjoint(triple.labels.items())]
    broken = {triple.block for triple in matrix.triples if not wrong.isdisjoint(triple.labels.items())}
    broken |= {int(problem.path[1]) for problem in problems if problem.path[0] == "matrix" and problem.path[1:]}
    is_broken = bool(of_study) or any(problem.path[0] in ("set", "study") for problem in problems)
    problems = problems + data_problems(suite, [t for t in matrix.triples if t.dataset.label not in left_out])
    if is_broken:
        return problems
    replaced = {part for override in matrix.overrides for part in (override.key, override.key.split(".")[-1])}
    replaced |= {"steps", "epochs"} if {"steps", "epochs"} & replaced else set()
    blocks: dict[int, list[Axes]] = {}
    for triple in sound:
        if triple.block not in broken:
            blocks.setdefault(triple.block, []).append(axes_of(triple.sources))
    uneven = [
        problem
        for i, swept in blocks.items()
        for name, problem in [*_wrong_zip(suite.matrix[i], i, swept), *_wrong_exclude(suite.matrix[i], i, swept)]
        if name not in left_out | replaced
    ]
    if uneven := uneven + (too_many(suite, sound) or too_many_choices(suite, sound)):
        return problems + uneven
    problems += _wrong_combinations(matrix, sound)
    return problems or _wrong_plugins(matrix)


def _both_lengths(matrix: Matrix) -> Iterator[Problem]:
    """Yield where one place says both how many steps and how many epochs runs train."""
    suite = matrix.suite
    places: list[KeyPath] = [("train",), *(("matrix", i, "train") for i in range(len(suite.matrix)))]
    trains = [suite.train, *(block.train for block in suite.matrix), *suite.objectives.values()]
    places += [("objectives", label) for label in suite.objectives]
    paths: list[KeyPath] = [
        (*p, "epochs") for p, train in zip(places, trains, strict=True) if train.steps and train.epochs
    ]
    overrides = {override.key: override.path for override in matrix.overrides if override.group == "train"}
    paths += [overrides["epochs"]] if {"steps", "epochs"} <= overrides.keys() else []
    yield from (Problem("not-together", path, "epochs: steps are given beside it; say one of both.") for path in paths)


def _wrong_combinations(matrix: Matrix, triples: Iterable[Triple]) -> list[Problem]:
    suite, problems = matrix.suite, list[Problem]()
    unread: dict[KeyPath, bool] = {}  # where `constrain` is set -> whether no run reads it
    left = {triple.block: 0 for triple in triples}
    for triple in triples:
        if "train.constrain" in triple.sources:
            path = triple.sources["train.constrain"].path
            unread[path] = unread.get(path, True) and not has_constraint(triple)
        every = all_choices(suite, triple)
        for choice in islice(every, 1) if matrix.has_one_setup(triple) else every:  # a Setup decides refusals
            left[triple.block] += 1
            wrong = matrix.refusals(triple, choice.values)
            problems += at_space(matrix, triple, choice.sweep, wrong) if suite.study else wrong
    text = "no objective trained here has a constraint for it to place; leave it out."
    problems += [Problem("unused-setting", path, text) for path, is_unread in unread.items() if is_unread]
    empty = [("matrix", i, "exclude") for i, n in left.items() if not n]
    return problems + [Problem("nothing-left", path, "nothing of this block is left.") for path in empty]


def _wrong_plugins(matrix: Matrix) -> list[Problem]:
    """Return what is wrong with the functions of plug-ins that a sound suite uses; built-in ones are not tried."""
    problems: dict[Problem, None] = {}
    for triple in matrix.triples:
        used = [(kind, part.base) for kind, part in triple.parts.items()]
        used += [("trick", name) for name in triple.objective.tricks]
        marks = {(kind, name): fingerprint(kind, name) for kind, name in used}
        extended = {of: mark for of, mark in marks.items() if mark is not None}
        choice = next(iter(all_choices(matrix.suite, triple)), None) if extended else None
        resolved = matrix.resolved(triple, choice.values) if choice is not None else None
        if not isinstance(resolved, Resolved):
            continue
        for (kind, name), mark in extended.items():
            path = triple.places["objective" if kind == "trick" else kind]
            texts = _faults((mark, kind, name), resolved)
            problems |= {Problem("plugin-fault", path, f"'{name}' of a plug-in: {text}"): None for text in texts}
    return list(problems)


def _faults(of: tuple[int, str, str], resolved: Resolved) -> list[str]:
    _, kind, name = of
    setting = setting_of(resolved.setup, resolved.hyper)
    key = (*of, setting.shape, setting.lifted, resolved.text if kind in ("architecture", "dataset") else "")
    if key not in _TRIED:
        with guarded(file_of(kind, name), f"its {kind} '{name}' is tried", tables()):
            _TRIED[key] = faults(kind, name, resolved.setup, resolved.hyper)
    return _TRIED[key]


def _wrong_zip(block: Block, index: int, swept: list[Axes]) -> Iterator[tuple[str, Problem]]:
    """Yield what is wrong with `zip` of a block, and the name that it is about."""
    used: set[str] = set()
    for g, group in enumerate(block.zip):
        path: KeyPath = ("matrix", index, "zip", g)
        if len(group) < 2:
            yield "", Problem("bad-zip", path, "a group names at least two swept lists, [lr, steps].")
        for j, name in enumerate(group):
            if not any(axis_named(name, axes) for axes in swept):
                known = {axis for axes in swept for axis in axes}
                text = f"{quoted(name)} is not swept in this block.{suggestion(name, known)}"
                yield name, Problem("not-swept", (*path, j), text)
            if name in used:
                yield name, Problem("bad-zip", (*path, j), f"{quoted(name)} stands in `zip` twice.")
            used.add(name)
        for axes in swept:
            present = [axis for axis in (axis_named(name, axes) for name in group) if axis is not None]
            if len({len(axes[axis]) for axis in present}) > 1:
                lengths = ", ".join(f"{axis} has {len(axes[axis])}" for axis in present)
                text = f"lists that advance together must be equally long: {lengths}."
                yield "", Problem("bad-zip", path, text)


def _wrong_exclude(block: Block, index: int, swept: list[Axes]) -> Iterator[tuple[str, Problem]]:
    """Yield what is wrong with `exclude` of a block, and the name that it is about."""
    known: dict[str, list[Any]] = {kind: [name for name, _ in named(block, index, kind)] for kind in KINDS}
    for axes in swept:
        for axis, values in axes.items():
            known.setdefault(axis, []).extend(values)
    for e, entry in enumerate(block.exclude):
        if not entry:
            text = "an empty entry would leave nothing; name a key."
            yield "", Problem("bad-value", ("matrix", index, "exclude", e), text)
        for key, wanted in entry.items():
            path: KeyPath = ("matrix", index, "exclude", e, key)
            name = axis_named(key, known)
            if name is None:
                text = f"neither a component nor swept in this block.{suggestion(key, known)}"
                yield key, Problem("not-swept", path, text)
            elif not _is_among(wanted, known[name]):
                values = [value for i, value in enumerate(known[name]) if value not in known[name][:i]]
                yield key, Problem("bad-value", path, f"{quoted(wanted)} given, one of {quoted(values)} needed.")


def _is_among(wanted: Any, values: list[Any]) -> bool:
    return wanted in values or (isinstance(wanted, list) and bool(wanted) and all(item in values for item in wanted))
