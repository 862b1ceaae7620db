"""The section on critics: it is there where their records are, with figures and tables beside it, and else not."""

import pandas as pd
import pytest
from report.fake_results import FakeResults

from harness.report.analysis import cell_table
from harness.report.figures import encoding
from harness.report.findings.critic_text import critic_values
from harness.report.findings.critics import critics
from harness.report.page import build_report

PNG = b"\x89PNG\r\n\x1a\n"
TABLES = ("critic-correlations.csv", "critic-objectives.csv", "critic-steps.csv")


def values(store):
    table = cell_table.labelled(store.table())
    return critic_values(critics(table, store.scored(), cell_table.cells(table, "w1_excess")))


@pytest.mark.slow
def test_the_report_has_figures_and_tables_of_critics_that_an_older_one_has_not(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "encode", lambda figure: {"png": PNG, "svg": b"<svg/>"})
    lost = {(0, "gan", 0, 0): {"status": "diverged"}}
    page = build_report(FakeResults(ratio=0.5, overrides=lost), tmp_path).read_text(encoding="utf-8")
    figures = {path.stem.partition("-")[0] for path in (tmp_path / "figures").iterdir()}
    assert {"critics", "estimates"} <= figures
    assert len(list((tmp_path / "figures").glob("critics-*.png"))) == 3
    for name in TABLES:
        assert name in page
        assert len(pd.read_csv(tmp_path / "tables" / name))
    build_report(FakeResults(), tmp_path)
    assert not list((tmp_path / "tables").glob("critic-*"))
    assert not list((tmp_path / "figures").glob("critics-*"))


@pytest.mark.slow
def test_a_row_an_objective_with_means_or_medians_and_a_sentence_an_estimate():
    lost = {(0, "gan", 0, 0): {"status": "diverged"}}
    shown = values(FakeResults(ratio=0.5, overrides=lost))
    by_name = {row["objective"]: dict(zip(shown["headings"], row["cells"], strict=True)) for row in shown["rows"]}
    assert by_name["gan"]["estimate / W1"].text == "median 0.500"
    assert by_name["wgan-gp"]["estimate / W1"].text.startswith("0.5")
    assert by_name["wgan-gp"]["JS bound"].value == ""
    assert {row["objective"]: row["n"].text for row in shown["rows"]}["gan"] == "2/3"
    assert shown["medians"]
    assert len(shown["pooled"]) == 2
    assert not values(FakeResults(ratio=0.5))["medians"]


@pytest.mark.parametrize("slope", [7.1e-5, 4e-12])
def test_slopes_of_many_decades_keep_their_digits(slope):
    overrides = {(0, "wgan-clip", 0, seed): {"slope_max": slope * (1 + seed)} for seed in range(3)}
    shown = values(FakeResults(ratio=0.5, overrides=overrides))
    (row,) = (row for row in shown["rows"] if row["objective"] == "wgan-clip")
    text = dict(zip(shown["headings"], row["cells"], strict=True))["largest slope"].text
    assert float(text.split(" ")[0]) == pytest.approx(2 * slope, rel=0.05)
