"""The bootstrap over tasks holds what it should as often as the page and docs/methods.md say: too seldom."""

from pathlib import Path

import numpy as np
import pytest
from report.analysis.test_headline_interval import NOISES
from report.interval_coverage import coverage

from harness.statistics.aggregates import COVERAGE


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
def test_the_bootstrap_covers_as_often_as_said(noise):
    """With five seeds; all numbers take the command, or minutes."""
    np.testing.assert_allclose(coverage(noise, 5, simulations=500, draws=500), COVERAGE[5][noise], atol=0.05)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("n", COVERAGE)
def test_the_documented_table_is_the_one_on_the_page(n, noise):
    said = " | ".join(f"{100 * share:.0f} %" for share in COVERAGE[n][noise])
    assert f"| {NOISES[noise]} | {n} | {said} |" in Path("docs/methods.md").read_text(encoding="utf-8")
