"""What stands beside the ranking: one table of findings, from which page, answer and tables in Python all read."""

import pandas as pd
import pytest
from report.fake_results import FakeResults
from report.findings import test_alone, test_trick_effects

from harness.report import page
from harness.report.analysis import tables
from harness.report.findings import FINDINGS, alone, answer, findings
from harness.report.findings.finding import Finding
from harness.report.reading import read

ALONE = test_alone.table().drop(columns=["task", "setting"]).assign(w1_excess=0.1)
ALONE["data.theta"] = ALONE["sweep.theta"]
ALONE["run_id"] = [f"a{place:02d}" for place in range(len(ALONE))]


@pytest.mark.parametrize("name", FINDINGS)
def test_the_page_has_a_section_for_each(name):
    assert f"{{% if {name} %}}" in page.read("page.html.j2")


def test_what_opens_an_answer_comes_first_and_the_rest_after_the_first_of_the_ranking():
    found = {name: Finding(None, dict, {}, [name], name == "b") for name in "abc"}
    assert answer(["first", "second"], found) == ["b", "first", "a", "c", "second"]
    assert answer([], found) == ["b", "a", "c"]


def test_a_suite_that_crosses_nothing_has_none():
    assert findings(tables.read(FakeResults())) == {}


def test_a_table_of_critics_alone_says_what_they_estimate_and_ranks_none():
    found = read(ALONE)
    (said,) = findings(found)["alone"].paragraphs
    assert found.sentence == said
    assert "kappa" in said
    assert found.results == []


def test_where_the_exact_distance_is_0_there_is_no_kappa():
    assert "no kappa" in read(ALONE[ALONE["w1"] == 0]).sentence


@pytest.mark.slow
def test_critics_alone_are_not_ranked_among_generators():
    whole = FakeResults().table()
    found = read(pd.concat([whole, ALONE], ignore_index=True))
    assert {one.objective for result in found.results for one in result.order} == set(whole["objective"])
    assert findings(found)["alone"].paragraphs[0] in found.sentence


@pytest.mark.slow
def test_a_table_says_what_its_tricks_do():
    runs = test_trick_effects.table(critic="none").drop(columns=["task", "setting"])
    found = read(runs)
    assert found.sentence.startswith(findings(found)["tricks"].paragraphs[0])


def test_runs_without_an_estimate_are_counted_once():
    runs = test_alone.table()
    runs.loc[:2, "status"] = "pending"
    one, rest = alone.paragraphs(alone.critics_alone(runs, ["theta"]), runs)
    assert "kappa" in one
    assert rest.startswith("3 runs have no estimate")
