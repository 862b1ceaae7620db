"""A study's space as settings of a suite: they lie over everything that it says, as those of --set do.

In a Triple each of them has a source at ("study", "space", name), whose value, the first of its range, stands for all
that could be drawn; `expand.drawn` puts a trial's own in its place.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harness.plugins.components import Tables
from harness.suite.format.models import Suite
from harness.suite.format.problems import Problem
from harness.suite.format.study_block import Range
from harness.suite.format.yaml_file import KeyPath
from harness.suite.overrides import Override, meant, settable, settles, wrong_setting

SPACE: KeyPath = ("study", "space")
GROUPS = ("train", "objective", "architecture")
INNER = 0.381966  # how far between the ends of a range a value is tried that neither of them stands for


def space_overrides(suite: Suite, found: Tables) -> tuple[list[Override], list[Problem]]:
    """Return every setting of the space at its first value, and the mistakes of names and ranges."""
    overrides: list[Override] = []
    problems: list[Problem] = []
    known = settable(found)
    for name, where in suite.study.space.items() if suite.study else ():
        made = _override(name, where, known)
        if isinstance(made, str):
            problems.append(Problem((*SPACE, name), made))
        elif wrong := [problem for one in tried(suite, [made]) for problem in wrong_setting(one)]:
            problems += wrong
        elif any(map(wrong_setting, between(suite, [made]))):
            problems.append(needs_whole(made.path))
        else:
            overrides.append(made)
    return overrides, problems


def _override(name: str, where: Range, known: Mapping[str, set[str]]) -> Override | str:
    if wrong := where.wrong():
        return wrong
    group = meant(name, known)
    if isinstance(group, str):
        return group.removeprefix(f"{name}: ")
    override = Override(*group, first_value(where), (*SPACE, name))
    if override.group not in GROUPS or settles(override):
        return "a study draws settings of training, objectives and architectures; say this one where it belongs."
    return override


def first_value(where: Range) -> Any:
    """Return the value that stands for a range."""
    return next(where.ends())[0]


def tried(suite: Suite, overrides: Iterable[Override]) -> Iterator[Override]:
    """Yield settings of the space at each value that the file says: ends, or choices."""
    for override in overrides:
        where = suite.study.space[str(override.path[-1])]
        yield from (override._replace(value=v, path=(*override.path, *key)) for v, key in where.ends())


def between(suite: Suite, overrides: Iterable[Override]) -> Iterator[Override]:
    """Yield settings of the space at a fraction that may be drawn, and stands in no file."""
    for override in overrides:
        where = suite.study.space[str(override.path[-1])]
        if where.is_fraction:
            yield override._replace(value=where.low + INNER * (where.high - where.low))


def needs_whole(path: KeyPath) -> Problem:
    """Return the mistake of a range whose ends a setting takes, and not what lies between them."""
    return Problem(path, "fractions would be drawn, and whole numbers are needed; say whole: true, or name choices.")
