"""A study's space as settings of a suite: they lie over everything that it says, as those of --set do.

In a Triple each of them has a source at ("study", "space", name), whose value, the first of its range, stands for all
that could be drawn; `expand.drawn` puts a trial's own in its place.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from harness.suite.format import Suite
from harness.suite.overrides import Override, meant, settable, settles, wrong_setting
from harness.suite.plugins import Tables
from harness.suite.problems import Problem
from harness.suite.study import Range
from harness.suite.yamlfile import KeyPath

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
        elif wrong := [hinted(problem) for one in tried(suite, [made]) for problem in wrong_setting(one)]:
            problems += wrong
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


def tried(suite: Suite, overrides: list[Override]) -> Iterator[Override]:
    """Yield settings of the space at each value that must fit: ends, choices, and a fraction where one may be drawn."""
    for override in overrides:
        where = suite.study.space[str(override.path[-1])]
        yield from (override._replace(value=v, path=(*override.path, *key)) for v, key in where.ends())
        if where.choices is None and not where.whole:
            yield override._replace(value=where.low + INNER * (where.high - where.low))


def hinted(problem: Problem) -> Problem:
    """Say beside a mistake of a drawn fraction, which stands in no file, how whole numbers are drawn."""
    is_inner = len(problem.path) == len(SPACE) + 1 and "whole number" in problem.text
    return problem._replace(text=f"{problem.text} `whole: true` draws such.") if is_inner else problem
