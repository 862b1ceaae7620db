"""Numbers and settings as text."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import text as wording
from harness.suite.format.yaml_file import parse_value


@pytest.mark.parametrize(
    ("value", "width", "text"),
    [(0.05123, 0.02, "0.051"), (0.05123, None, "0.0512"), (8.0, None, "8"), (0.32, None, "0.320"),
     (1234.5, None, "1.23e3"), (1000.0, None, "1000"), (-0.0001, 0.2, "0.00"), (123456.0, 3.0, "1.23e5"),
     (0.0003, None, "3.00e-4"), (-1.2345e-5, None, "-1.23e-5"), (0.00123, None, "0.00123"),
     (float("inf"), None, "worst"), (float("nan"), None, wording.NOTHING)],
)  # fmt: skip
def test_numbers_have_the_digits_that_their_spread_deserves(value, width, text):
    assert wording.number(value, width) == text


def test_no_score_is_minus_nothing():
    assert wording.score(0.47, -0.004, 0.77) == "0.47 [0.00, 0.77]"


@pytest.mark.parametrize(
    ("value", "text"),
    [(2e-4, "2e-4"), (5.5e-5, "5.5e-5"), (0.5, "0.5"), (10.0, "10"), (3, "3"), ("recipe", "recipe"),
     ({"normal": 0.02}, "{normal: 0.02}"), ([3, 4], "[3, 4]"), ((), "[]"), (0.0, "0"), (-1e-3, "-1e-3"), (0.01, "0.01"),
     (True, "true"), (np.int64(7), "7"), (np.float64(0.001), "1e-3"), (None, wording.NOTHING),
     (math.nan, wording.NOTHING), (0.00012345678, "1.2345678e-4"), (9.99999999e-3, "9.99999999e-3"),
     (10**15, "1000000000000000")],
)  # fmt: skip
def test_settings_are_written_as_in_a_suite(value, text):
    assert wording.plain(value) == text


@pytest.mark.parametrize(
    ("p", "text"), [(1.0, "1.00"), (0.434, "0.43"), (0.048, "0.048"), (0.0024, "0.0024"), (4.9e-4, "4.9e-4")]
)
def test_a_p_value_has_two_digits_in_the_form_of_settings(p, text):
    assert wording.p_value(p) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.0003", "3e-4"), (0.0003, "3e-4"), ("recipe", "recipe"), ("10", "10"), ("[3,4]", "[3, 4]"), ([3, 4], "[3, 4]"),
     (False, "false"), (np.True_, "true"),
     ('{"normal":0.001}', "{normal: 1e-3}"), ({"normal": 0.001}, "{normal: 1e-3}"), ("{normal}", "{normal}")],
)  # fmt: skip
def test_a_swept_number_is_written_alike_as_a_number_and_as_text_beside_words(value, text):
    assert wording.swept_value(value) == text


@given(st.floats(-1e12, 1e12).map(lambda x: float(f"{x:.9g}")))
def test_a_suite_reads_a_setting_back(value):
    assert parse_value(wording.plain(value), "here") == value


def test_counts_agree_with_their_nouns():
    assert [wording.counted(n, "run") for n in (0, 1, 2, 1234)] == ["0 runs", "1 run", "2 runs", "1,234 runs"]
