"""What a finding is, and what one is looked for in."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from harness.report.figures.panels import Section
from harness.report.styles import Style


class Runs(Protocol):
    """What a report of a suite and the answer of a table of runs alone have in common.

    table      the labelled runs (`cell_table.labelled`)  learners   those that train a generator
    scored     metrics by run_id and step; empty where they are not known
    metrics    the metric of each data set                cells      a row a cell
    styled     the looks of objectives                    data_axes  the swept names that belong to data sets
    is_study   whether settings were drawn: they are not crossed, and its candidates have none in common
    """

    @property
    def table(self) -> pd.DataFrame: ...
    @property
    def learners(self) -> pd.DataFrame: ...
    @property
    def scored(self) -> pd.DataFrame: ...
    @property
    def metrics(self) -> Mapping[str, str]: ...
    @property
    def cells(self) -> pd.DataFrame: ...
    @property
    def styled(self) -> Mapping[str, Style]: ...
    @property
    def data_axes(self) -> Collection[str]: ...
    @property
    def is_study(self) -> bool: ...


@dataclass(frozen=True)
class Finding:
    """What runs say beside their ranking.

    values      what the page's template shows of it, under the finding's name
    draw        draws its figures: sections by the names that the template has for them
    frames      CSV files by name
    paragraphs  of the answer; `opens`: they stand before the ranking, not after its first paragraph
    """

    values: Any
    draw: Callable[[], Mapping[str, Section]]
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    paragraphs: Sequence[str] = ()
    opens: bool = False
