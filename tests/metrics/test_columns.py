"""The grammar of metric columns, and the facts about each."""

from pathlib import Path

import pandas as pd
import pytest

from harness.commands.list import catalogue, render
from harness.datasets import DATASETS
from harness.metrics import column_facts
from harness.metrics.columns import MetricColumn, covered
from harness.papers import PAPERS

REFERENCE = sorted((Path(__file__).parents[2] / "results/reference").glob("*/runs.parquet"))


@pytest.mark.parametrize("path", REFERENCE, ids=lambda path: path.parent.name)
def test_every_column_of_the_reference_results_round_trips(path):
    columns = list(pd.read_parquet(path).columns)
    assert [str(MetricColumn.parse(column)) for column in columns] == columns
    assert all(not set("[]@") & set(MetricColumn.parse(column).name) for column in columns)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("w1_excess", MetricColumn("w1_excess")),
        ("fid[classifier]@540_floor", MetricColumn("fid", "classifier", n=540, suffix="floor")),
        ("precision[k5]@300", MetricColumn("precision", k=5, n=300)),
        ("recall[poses,k5]@115_floor", MetricColumn("recall", "poses", 5, 115, "floor")),
        ("null.real.fid[poses]@540", MetricColumn("fid", "poses", n=540, sampler="real")),
        ("modes@2500", MetricColumn("modes", n=2500)),
        ("fid[poses]@0", MetricColumn("fid", "poses", n=0)),
        ("share[ankle boot]", MetricColumn("share", "ankle boot")),
        ("share[bark5]", MetricColumn("share", "bark5")),
        ("hyper.gp_weight", MetricColumn("hyper.gp_weight")),
    ],
)
def test_a_column_has_parts(text, parts):
    assert MetricColumn.parse(text) == parts
    assert str(parts) == text


@pytest.mark.parametrize("text", ["fid[x", "modes@n", "fid@05", "a[]", "", "@5", "_floor"])
def test_text_of_another_form_is_a_name_as_a_whole(text):
    assert MetricColumn.parse(text) == MetricColumn(text)


def test_a_name_covers_its_columns_by_every_extractor_at_every_n():
    columns = ["fid[poses]@540", "fid[poses]@270", "fid[edges]@540", "fid[poses]@540_floor", "fid_train[poses]@540"]
    assert list(map(str, covered("fid", columns))) == columns[:3]
    assert list(map(str, covered("fid[poses]", columns))) == columns[:2]
    assert list(map(str, covered("fid[poses]@540", columns))) == columns[:1]
    assert list(map(str, covered("fid_floor", columns))) == columns[3:4]


def test_every_column_has_one_set_of_facts_whatever_metric_gives_it():
    facts = column_facts()
    assert all(MetricColumn.parse(name) == MetricColumn(name) for name in facts)
    assert {name for name, column in facts.items() if column.better == "lower"} >= {"w1", "fid", "kid", "train_s"}
    assert {name for name, column in facts.items() if column.better == "higher"} >= {"score", "hq", "modes", "recall"}


def test_metrics_and_data_sets_name_papers_that_are_there():
    entries = [*column_facts().values(), *DATASETS.values()]
    assert {paper.key for entry in entries for paper in entry.papers} <= set(PAPERS)


def test_the_documented_table_has_the_facts_of_every_column():
    rows = [
        f"| `{column['column']}` | {column['better'] or '-'} | {column['beside'] or '-'} | {column['least_n']} "
        f"| {'; '.join(column['papers']) or '-'} |"
        for entry in catalogue("metrics")
        for column in entry.columns
    ]
    text = (Path(__file__).parents[2] / "docs/methods.md").read_text("utf-8")
    table = text[text.index("### Columns") : text.index("### Images")]
    assert [line for line in table.splitlines() if line.startswith("| `")] == rows


def test_the_list_of_metrics_shows_direction_least_n_and_papers():
    (kid,) = [entry for entry in catalogue("metrics") if entry.name == "kid[x]@n"]
    assert [(row["better"], row["least_n"]) for row in kid.to_json()["columns"]] == [("lower", 4)]
    assert "kid[x]@n: lower is better; n >= 4; Bińkowski" in render([kid])
