"""Columns of metrics: their grammar, `fid[classifier]@540_floor`, and the facts about each."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from harness.papers import Paper

_GRAMMAR = re.compile(
    r"(null\.(?P<sampler>[^.]+)\.)?(?P<name>[^\[\]@]+?)"
    r"(\[(?P<extractor>[^\[\]]+)\])?(@(?P<n>0|[1-9]\d*))?(_(?P<suffix>floor|ceiling))?"
)
_NEIGHBOURS = re.compile(r"((?P<extractor>.+),)?k(?P<k>[1-9]\d*)")


@dataclass(frozen=True)
class MetricColumn:
    """The parts of a metric column, printed by `str`: [null.sampler.]name[extractor,k5]@n_suffix.

    name       what is measured, by which metrics are looked up: fid, w1_excess
    extractor  in whose features; of a share, the class
    k          nearest neighbours, of metrics by neighbours; else 0
    n          samples; None where the name holds no number
    suffix     "floor" or "ceiling", where it is what real samples reach; else ""
    sampler    the null sampler whose value it is; else ""
    """

    name: str
    extractor: str = ""
    k: int = 0
    n: int | None = None
    suffix: str = ""
    sampler: str = ""

    @staticmethod
    @cache
    def parse(text: str) -> "MetricColumn":
        """Return the parts of a column. Text of another form is a name as a whole, so that all text round-trips."""
        match = _GRAMMAR.fullmatch(text)
        if match is None:
            return MetricColumn(text)
        extractor, k, n = match["extractor"] or "", 0, match["n"]
        if neighbours := _NEIGHBOURS.fullmatch(extractor):
            extractor, k = neighbours["extractor"] or "", int(neighbours["k"])
        suffix, sampler = match["suffix"] or "", match["sampler"] or ""
        return MetricColumn(match["name"], extractor, k, None if n is None else int(n), suffix, sampler)

    def __str__(self) -> str:
        inside = ",".join(filter(None, (self.extractor, f"k{self.k}" if self.k else "")))
        return (
            (f"null.{self.sampler}." if self.sampler else "")
            + self.name
            + (f"[{inside}]" if inside else "")
            + ("" if self.n is None else f"@{self.n}")
            + (f"_{self.suffix}" if self.suffix else "")
        )

    @property
    def is_excess(self) -> bool:
        """Whether it is a distance beyond the noise floor, which is 0 for real samples."""
        return self.name.endswith("_excess")

    def covers(self, other: "MetricColumn") -> bool:
        """Whether it stands for another: `fid` for that by every extractor at every n, `fid[poses]` for that by one."""
        return self in (other, replace(other, n=None), replace(other, extractor="", k=0, n=None))


def covered(name: str, columns: Iterable[str]) -> list[MetricColumn]:
    """Return those of the columns that a name stands for."""
    wanted = MetricColumn.parse(name)
    return [column for column in map(MetricColumn.parse, columns) if wanted.covers(column)]


@dataclass(frozen=True)
class Column:
    """The facts about one column of a metric.

    name    as in MetricColumn
    better  which way; "" where neither is
    label   for axes, with its unit; the name, where there is none
    form    what follows the name, as documented: x stands for an extractor, n for a number of samples
    beside  "floor" or "ceiling", where what real samples reach has a column of its own
    least   samples that it takes: of fewer it has no value
    papers  what it is from
    ranked  whether a suite may rank on it: it always has a value, under a name that does not depend on the suite
    """

    name: str
    better: Literal["lower", "higher", ""] = ""
    label: str = ""
    form: str = ""
    beside: Literal["floor", "ceiling", ""] = ""
    least: int = 1
    papers: tuple[Paper, ...] = ()
    ranked: bool = True

    def __str__(self) -> str:
        return f"{self.name}{self.form}"

    def to_json(self) -> dict[str, object]:
        """Return the facts as `harness list metrics --json` has them."""
        papers = [str(paper) for paper in self.papers]
        return {
            "column": str(self),
            "better": self.better,
            "beside": self.beside,
            "least_n": self.least,
            "papers": papers,
        }


OF_RUNS = tuple(  # what a run took, which no metric measures
    Column(name, "lower") for name in ("train_s", "score_s", "step_ms", "peak_mb", "ms_per_image", "compile_s")
)
