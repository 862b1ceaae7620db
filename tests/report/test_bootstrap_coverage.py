"""The bootstrap over tasks holds what it should as often as the page and docs/methods.md say: too seldom."""

from pathlib import Path

import numpy as np
import pytest
from report.bootstrap_coverage import NOISES, coverage

from harness.report.aggregates import COVERAGE


@pytest.mark.slow
@pytest.mark.parametrize("noise", COVERAGE)
def test_the_bootstrap_covers_as_often_as_said(noise):
    np.testing.assert_allclose(coverage(noise, 5, simulations=1000, draws=500), COVERAGE[noise], atol=0.05)


@pytest.mark.parametrize("noise", COVERAGE)
def test_the_documented_table_is_the_one_on_the_page(noise):
    said = " | ".join(f"{100 * share:.0f} %" for share in COVERAGE[noise])
    assert f"| {NOISES[noise]} | 5 | {said} |" in Path("docs/methods.md").read_text(encoding="utf-8")
