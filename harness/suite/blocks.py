"""Blocks of a matrix that train one cell with different settings: each setting that differs becomes part of the cell.

The runs of a cell differ by seed alone (`harness.report.analysis.comparable`). So a setting in which two blocks
differ is swept, one value a block; where their seeds differ too, seeds and settings cannot be separated, and both are
refused.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from harness.errors import KeyPath, Problem
from harness.hints import quoted
from harness.suite.format.models import Suite
from harness.suite.format.values import RECIPE
from harness.suite.resolve import DEFAULTS, RECIPE_KEYS
from harness.suite.settings import LENGTHS, Level, Source, Triple


class Side(NamedTuple):
    """What a block says of a target: a source, None where it is silent."""

    target: str
    triple: Triple
    source: Source | None

    @property
    def value(self) -> object:
        return _default(self.target) if self.source is None else self.source.value

    @property
    def path(self) -> KeyPath:
        return ("matrix", self.triple.block) if self.source is None else self.source.path


Clash = tuple[Side, Side]  # a target that two blocks set differently for one cell


def separated(suite: Suite, triples: list[Triple]) -> tuple[list[Triple], list[Problem]]:
    """Return the triples with every setting swept in which blocks differ for one cell, and what is refused of that."""
    clashes = list(_clashes(suite, triples))
    if not clashes:
        return triples, []
    once = {tuple(side.path for side in clash): clash for clash in reversed(clashes)}  # one for both players
    axes = {side.source.axis for clash in clashes for side in clash if side.source is not None}
    targets = {side.target for clash in clashes for side in clash}
    elsewhere = {target: triple.sources for triple in reversed(triples) for target in targets & triple.sources.keys()}
    swept = [_swept(triple, axes, targets, elsewhere) for triple in triples]
    return swept, [problem for clash in once.values() for problem in _refused(suite, clash)]


def _default(target: str) -> object:
    """Return what a target is where no block sets it; None where that depends on the components."""
    key = target.removeprefix("train.")
    return RECIPE if key in RECIPE_KEYS else DEFAULTS.get(key)


def _clashes(suite: Suite, triples: Iterable[Triple]) -> Iterator[Clash]:
    """Yield pairs of blocks that set a target differently for one cell: for each value and seeds one, not every pair.

    All are paired with the first, and those that agree with the first with another: where no pair's seeds differ, none
    do.
    """
    cells: dict[tuple[str, ...], list[Triple]] = {}
    for triple in triples:
        swept = sorted({source.axis for source in triple.sources.values() if source.swept})
        cells.setdefault((*triple.labels.values(), *swept), []).append(triple)
    for cell in cells.values():
        if len({triple.block for triple in cell}) == 1:
            continue
        for target in dict.fromkeys(target for triple in cell for target in triple.sources):
            different: dict[tuple[str, str], Side] = {}
            for side in (Side(target, triple, triple.sources.get(target)) for triple in cell):
                if side.source is None or not side.source.swept:
                    seeds = suite.matrix[side.triple.block].seeds
                    different.setdefault((repr(side.value), repr(seeds)), side)
            sides = list(different.values())
            others = [side for side in sides if side.value != sides[0].value]
            yield from ((sides[0], side) for side in others)
            yield from ((side, others[0]) for side in sides[1:] if others and side.value == sides[0].value)


def _refused(suite: Suite, clash: Clash) -> list[Problem]:
    """Return a mistake at either place where the difference cannot become part of the cell."""
    seeds = [sorted(suite.seeds_of(suite.matrix[side.triple.block])) for side in clash]
    if not suite.study and seeds[0] == seeds[1]:
        return []
    why = (
        "a study trains each task in one way: leave one out."
        if suite.study
        else "their seeds differ, too, so that settings and seeds cannot be separated: give both blocks the same "
        "seeds, or one of them a variant of the objective under a name of its own."
    )
    labels = " / ".join(clash[0].triple.labels.values())
    problems = []
    for here, there in (clash, clash[::-1]):
        given, other = (quoted(side.value) if side.value is not None else "the default" for side in (here, there))
        text = f"{given} here and {other} in matrix block {there.triple.block + 1} for {labels}; {why}"
        problems.append(Problem("blocks-differ", here.path, text))
    return problems


def _swept(triple: Triple, axes: set[str], targets: set[str], elsewhere: Mapping[str, Level]) -> Triple:
    """Return a triple in which these axes are swept, each over one value, and none of the targets is silent.

    `elsewhere` holds for every target the sources of the first triple that sets it.
    """
    sources = dict(triple.sources)
    silent = targets - sources.keys() - (LENGTHS if LENGTHS & sources.keys() else set())
    for target in silent:
        if (value := _default(target)) is not None:
            axis = _axis_elsewhere(target, triple, elsewhere[target])
            sources[target] = Source(axis, [value], True, ("matrix", triple.block))
    for target, source in sources.items():
        if source.axis in axes and not source.swept:
            sources[target] = source._replace(value=[source.value], swept=True)
    return replace(triple, sources=sources)


def _axis_elsewhere(target: str, triple: Triple, sources: Level) -> str:
    """Return the name that other blocks give a target: its own where this block sets a part of what that name means."""
    axis = sources[target].axis
    together = {name for name, source in sources.items() if source.axis == axis}
    return target.partition(".")[2] if together & triple.sources.keys() else axis
