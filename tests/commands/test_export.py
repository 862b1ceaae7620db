"""Tables for other programs: every planned run has its row, and no cell is a formula."""

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from harness.store import Store, table_files


def test_cells_of_a_csv_are_no_formulas_and_numbers_stay_numbers():
    frame = pd.DataFrame(
        {"text": ["=cmd()", " +1", "-2", "@x", "a=b", None], "number": [-1.5, 2, 3, 4, 5, None], "=h": 1}
    )
    rows = list(csv.reader(io.StringIO(table_files.csv(frame).decode())))
    assert [row[0] for row in rows] == ["text", "'=cmd()", "' +1", "'-2", "'@x", "a=b", ""]
    assert rows[1][1] == "-1.5"
    assert rows[0][2] == "'=h"


@pytest.mark.parametrize(("to", "read"), [("csv", pd.read_csv), ("parquet", pd.read_parquet)])
def test_every_planned_run_is_exported_whatever_became_of_it(results, call, to, read):
    code, out, _ = call("export", "results/small", "--to", to)
    assert (code, out) == (0, f"small.{to}: 5 runs\n")
    table, ours = read(f"small.{to}"), Store("results/small").table()
    assert table["run_id"].tolist() == ours["run_id"].tolist()
    assert table["status"].tolist() == ours["status"].tolist()
    pd.testing.assert_series_equal(table["w1"].astype(float), ours["w1"].astype(float))
    assert call("export", "results", "--to", to, "-o", f"small.{to}")[1] == f"small.{to}: 5 runs (replaced)\n"


@pytest.mark.slow
@pytest.mark.parametrize("to", ["csv", "latex", "markdown"])
def test_a_dash_is_standard_output_and_the_summary_goes_beside_it(results, call, to):
    call("export", "results", "--to", to, "-o", "file")
    code, out, err = call("export", "results", "--to", to, "-o", "-")
    assert (code, out) == (0, Path("file").read_text())
    assert re.fullmatch(r"-: 5 (runs|cells)\n", err)
    assert not Path("-").exists()


def test_a_root_of_several_suites_makes_a_file_of_each(results, call):
    shutil.copytree("results/small", "results/other")
    written = json.loads(call("export", "results", "--to", "csv", "--json")[1])
    assert [entry["file"] for entry in written] == ["other.csv", "small.csv"]
    assert all(Path(entry["file"]).exists() for entry in written)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["results", "--to", "excel"], 2, "Known: csv, latex, markdown, optuna, parquet, tensorboard."),
        (["results"], 2, "--to"),
        (["results/small", "--to", "optuna"], 2, "no study; --to csv"),
        (["nowhere", "--to", "csv"], 3, "nowhere: no results there"),
        (["results", "--to", "csv", "-o", "results"], 2, "-o results: a folder"),
        (["results", "--to", "csv", "-o", "."], 2, "-o .: a folder"),
        (["results", "--to", "csv", "-o", "x" * 300], 2, "too long"),
    ],
)
def test_a_wrong_call_is_a_sentence_and_writes_nothing(results, call, arguments, code, words):
    found, out, err = call("export", *arguments)
    assert (found, out) == (code, "")
    assert words in err
    assert [path.name for path in Path().iterdir()] == ["results"]


@pytest.mark.slow
@pytest.mark.parametrize(("to", "file"), [("latex", "small.tex"), ("markdown", "small.md")])
def test_cells_are_exported_for_a_paper_each_once(results, call, to, file):
    code, out, _ = call("export", "results/small", "--to", to)
    assert (code, out) == (0, f"{file}: 5 cells\n")
    assert all(Path(file).read_text().count(name) == n for name, n in (("averaged", 2), ("wild", 1), ("pending", 1)))
    assert json.loads(call("export", "results", "--to", to, "--json")[1]) == [
        {"file": file, "cells": 5, "replaced": True}
    ]


def test_one_file_for_several_suites_is_refused(results, call):
    shutil.copytree("results/small", "results/other")
    code, _, err = call("export", "results", "--to", "csv", "-o", "all.csv")
    assert code == 2
    assert "one file given" in err
