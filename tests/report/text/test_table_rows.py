"""Cells of the page's tables: their text, and the number by which a browser sorts them."""

import math

import pandas as pd
import pytest
from report.fake_results import FakeResults

from harness.report.analysis import tables
from harness.report.text import table_rows
from harness.report.text.table_rows import by_value, share


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (1e-9, "1e-09"), (12345678.5, "12345678.5"), (math.inf, "Infinity"), (-math.inf, "-Infinity")],
)
def test_a_number_is_written_as_javascript_reads_it(value, text):
    assert by_value("shown", value) == ("shown", text)


def test_nothing_has_no_value_and_a_share_is_sorted_as_one():
    assert by_value("–", math.nan).value == ""  # noqa: RUF001
    assert share(4, 5) == ("4/5", "0.8")
    assert float(share(10, 11).value) > float(share(4, 5).value)


def test_cells_are_sorted_by_what_the_table_holds():
    view = tables.read(FakeResults(tasks=(("8gaussians", "mlp"), ("swissroll", "mlp"))))
    made = [row for task in table_rows.cells(view.cells) for row in task["rows"]]
    for name, column in (("median", "median"), ("mean", "mean"), ("quartiles", "q1"), ("extremes", "min")):
        assert [float(row[name].value) for row in made] == pytest.approx(list(view.cells[column]))
    assert [row["best"] for row in made] == [True, False, False] * 2


def test_a_removal_is_marked_where_another_comes_first():
    found = pd.DataFrame({
        "part": ["task", "lr"], "left_out": ["a", "2e-3"], "tasks": [1, 2], "first": ["gan", "wgan"],
        "score": [0.5, 0.6], "low": [0.4, math.nan], "high": [0.6, math.nan], "second": ["wgan", "gan"],
        "ahead": [0.1, 0.2], "ahead_low": [0.05, math.nan], "ahead_high": [0.15, math.nan],
    })  # fmt: skip
    first, second = table_rows.removals(found, "wgan")
    assert (first["turned"], second["turned"]) == (True, False)
    assert first["ahead"] == ("0.10 [0.05, 0.15]", "0.1")
    assert second["score"] == ("0.600", "0.6")
