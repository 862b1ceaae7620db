"""Blocks of a matrix that train one cell with different settings: each setting that differs becomes part of the cell.

The runs of a cell differ by seed alone (`harness.report.analysis.comparable`). So a setting in which two blocks
differ is swept, one value a block; where their seeds differ too, seeds and settings cannot be separated, and both are
refused.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

from harness.suite.format.models import Suite
from harness.suite.format.problems import Problem
from harness.suite.format.values import RECIPE, shown
from harness.suite.format.yaml_file import KeyPath
from harness.suite.resolve import DEFAULTS, RECIPE_KEYS
from harness.suite.settings import Source, Triple


class Clash(NamedTuple):
    """A target that two blocks set differently for one cell, with the sources there; None where a block is silent."""

    target: str
    triples: tuple[Triple, Triple]
    sources: tuple[Source | None, Source | None]

    @property
    def values(self) -> tuple[object, object]:
        first, other = (silent(self.target) if source is None else source.value for source in self.sources)
        return first, other

    @property
    def paths(self) -> tuple[KeyPath, KeyPath]:
        first, other = (
            ("matrix", triple.block) if source is None else source.path
            for triple, source in zip(self.triples, self.sources, strict=True)
        )
        return first, other


def separated(suite: Suite, triples: list[Triple]) -> tuple[list[Triple], list[Problem]]:
    """Return the triples with every setting swept in which blocks differ for one cell, and what is refused of that."""
    clashes = list(_clashes(triples))
    once = {clash.paths: clash for clash in reversed(clashes)}  # components that meet in both blocks need one sentence
    problems = [problem for clash in once.values() for problem in _refused(suite, clash)]
    axes = {source.axis for clash in clashes for source in clash.sources if source is not None}
    targets = {clash.target for clash in clashes}
    return [_swept(triple, axes, targets, triples) for triple in triples] if clashes else triples, problems


def silent(target: str) -> object:
    """Return what a target is where no block sets it; None where that depends on the components."""
    key = target.removeprefix("train.")
    return RECIPE if key in RECIPE_KEYS else DEFAULTS.get(key)


def _clashes(triples: Iterable[Triple]) -> Iterator[Clash]:
    groups: dict[tuple[object, ...], list[Triple]] = {}
    for triple in triples:
        swept = sorted({source.axis for source in triple.sources.values() if source.swept})
        groups.setdefault((*triple.labels.values(), *swept), []).append(triple)
    for group in groups.values():
        for pair in combinations(group, 2):
            if pair[0].block == pair[1].block:
                continue
            for target in dict.fromkeys([*pair[0].sources, *pair[1].sources]):
                clash = Clash(target, pair, (pair[0].sources.get(target), pair[1].sources.get(target)))
                if not any(source and source.swept for source in clash.sources) and clash.values[0] != clash.values[1]:
                    yield clash


def _refused(suite: Suite, clash: Clash) -> list[Problem]:
    """Return a mistake at either place where the difference cannot become part of the cell."""
    blocks = [suite.matrix[triple.block] for triple in clash.triples]
    seeds = [sorted(suite.seeds_of(block)) for block in blocks]
    if not suite.study and seeds[0] == seeds[1]:
        return []
    labels = " / ".join(clash.triples[0].labels.values())
    why = (
        "a study trains each task in one way: leave one out."
        if suite.study
        else "their seeds differ, too, so that settings and seeds cannot be separated: give both blocks the same "
        "seeds, or one of them a variant of the objective under a name of its own."
    )
    problems = []
    for here, there in ((0, 1), (1, 0)):
        values = [shown(value) if value is not None else "the default" for value in clash.values]
        text = f"{values[here]} here and {values[there]} in matrix block {clash.triples[there].block + 1} for {labels};"
        problems.append(Problem(clash.paths[here], f"{text} {why}"))
    return problems


def _swept(triple: Triple, axes: set[str], targets: set[str], triples: Iterable[Triple]) -> Triple:
    """Return a triple in which these axes are swept, each over one value, and none of the targets is silent."""
    sources = dict(triple.sources)
    for target in targets - sources.keys():
        if (value := silent(target)) is not None:
            axis = _axis_elsewhere(target, triple, triples)
            sources[target] = Source(axis, [value], True, ("matrix", triple.block))
    for target, source in sources.items():
        if source.axis in axes and not source.swept:
            sources[target] = source._replace(value=[source.value], swept=True)
    return replace(triple, sources=sources)


def _axis_elsewhere(target: str, triple: Triple, triples: Iterable[Triple]) -> str:
    """Return the name that other blocks give a target: its own where this block sets a part of what that name means."""
    levels = [other.sources for other in triples if target in other.sources]
    axis = levels[0][target].axis
    together = {name for name, source in levels[0].items() if source.axis == axis}
    return target.partition(".")[2] if together & triple.sources.keys() else axis
