"""Cells as LaTeX and markdown, read back by small parsers that know each format's rules and nothing of ours."""

import re
import shutil
import subprocess

import pytest
from report.fake_results import FakeResults

from harness.report.text import typeset

HOSTILE = r"a&b %$#_{}~^\ |<x> [1] `*c*` _d_"
LOST = {
    (0, "gan", 0, 1): {"status": "diverged"},
    (1, "gan", 0, 0): {"status": "oom"},
    (1, "gan", 0, 1): {"status": "oom"},
}
TASKS = (("8gaussians", "mlp"), ("swissroll", "mlp"))
MACROS = {
    "&": "&", "%": "%", "$": "$", "#": "#", "_": "_", "{": "{", "}": "}", "textbackslash": "\\", "textasciitilde": "~",
    "textasciicircum": "^", "textless": "<", "textgreater": ">", "textbar": "|",
}  # fmt: skip


def cells(**more):
    return typeset.cells(FakeResults(tasks=TASKS, **more))


def tex(source):
    """Return the rows of a tabular as TeX would read them: (rows of plain cells, rows of whether each cell is bold)."""
    begin = re.search(r"\\begin\{tabular\}\{([lcr]+)\}\n", source)
    body = source[begin.end() : source.index("\\end{tabular}")]
    assert source.endswith("\\end{tabular}\n")
    rows, row, cell, groups, bold, place = [], [], "", [], False, 0
    while place < len(body):
        letter = body[place]
        if letter == "\\":
            name = re.match(r"\\([A-Za-z]+|.|\n)", body[place:]).group(1)
            place += 1 + len(name)
            if name in ("toprule", "midrule", "bottomrule"):
                assert (row, cell.strip()) == ([], "")
            elif name == "\\":
                assert not groups
                assert not body[place:].lstrip().startswith("[")  # TeX would take that for the height of the row
                rows.append([*row, (cell.strip(), bold)])
                row, cell, bold = [], "", False
            elif name == "textbf":
                bold = True
            elif name == "times":
                cell += "x"
            else:
                cell += MACROS[name]
            continue
        assert letter not in "%#~"
        if letter == "&":
            assert not groups
            row, cell, bold = [*row, (cell.strip(), bold)], "", False
        elif letter in "{}":
            groups = [*groups, place] if letter == "{" else groups[:-1]
        elif letter not in "$":
            cell += letter
        place += 1
    assert (row, cell.strip(), groups) == ([], "", [])
    assert {len(found) for found in rows} == {len(begin.group(1))}
    assert body.count("$") % 2 - body.count("\\$") % 2 == 0
    return [[text for text, _ in found] for found in rows], [[is_bold for _, is_bold in found] for found in rows]


def pipes(source):
    """Return the rows of a pipe table with its escapes undone; below it stands its caption alone."""
    table, caption = source.rsplit("\n\n", 1)
    assert caption == f"{typeset.CAPTION}\n"
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.splitlines()]
    assert len({len(row) for row in rows}) == 1
    assert all(re.fullmatch(r" ---:? ", cell) for cell in rows[1])
    return [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in row] for row in (rows[0], *rows[2:])]


def test_a_row_a_cell_the_first_of_each_task_bold_where_all_others_are_told_apart():
    found = cells(rates=("recipe", 2e-3), noise=1e-4)
    rows, bold = tex(typeset.latex(found).decode())
    assert rows[0] == ["task", "objective", "setting", "metric", "n", "mean", "median"]
    assert len(rows) == 1 + len(found)
    assert [row[1] for row in rows[1:]] == list(found["objective"])
    assert [row[0] for row in rows[1:] if row[0]] == list(found["task"].unique())
    best = [place for place, row in enumerate(bold) if any(row)]
    assert [rows[place][1] for place in best] == list(found[found["rank"] == 1]["objective"])
    assert all(bold[place] == [False, *[True] * 6] for place in best)


@pytest.mark.parametrize(("seeds", "bold"), [(3, ["gan", "wgan-gp"]), (1, [])])
def test_what_the_seeds_do_not_tell_apart_from_the_first_is_bold_too(seeds, bold):
    """gan is ahead of wgan-gp by .01 in the mean, and not for every seed; wgan-clip is far behind both."""
    values = {"gan": (0.10, 0.20, 0.30), "wgan-gp": (0.12, 0.24, 0.27), "wgan-clip": (0.9, 1.0, 1.1)}
    overrides = {(0, name, 0, s): {"w1_excess": x} for name, three in values.items() for s, x in enumerate(three)}
    found = typeset.cells(FakeResults(overrides=overrides, seeds=seeds))
    assert sorted(found.loc[found["bold"], "objective"]) == bold
    rows, marked = tex(typeset.latex(found).decode())
    assert sorted(row[1] for row, marks in zip(rows, marked, strict=True) if all(marks[1:])) == bold


@pytest.mark.parametrize(
    ("lost", "bold"),
    [("gan", ["wgan-gp"]), ("wgan-gp", [])],
)
def test_a_lost_run_can_neither_be_level_with_the_first_nor_tell_others_apart(lost, bold):
    values = {"gan": (0.10, 0.20, 0.30), "wgan-gp": (0.09, 0.19, 0.29), "wgan-clip": (0.9, 1.0, 1.1)}
    overrides = {(0, name, 0, s): {"w1_excess": x} for name, three in values.items() for s, x in enumerate(three)}
    found = typeset.cells(FakeResults(overrides=overrides | {(0, lost, 0, 2): {"status": "diverged"}}))
    assert found["objective"].iloc[0] == "wgan-gp"
    assert list(found.loc[found["bold"], "objective"]) == bold


def test_both_formats_say_the_same():
    found = cells(overrides=LOST)
    rows, page = tex(typeset.latex(found).decode())[0], pipes(typeset.markdown(found).decode())
    task = ""
    for row, line in zip(rows, page, strict=True):
        task = row[0] or task
        assert [task, *row[1:]] == [cell.strip("*").replace("–", "--") for cell in line]  # noqa: RUF001


def test_lost_runs_are_counted_and_take_the_mean_away():
    rows = {tuple(row[:2]): row for row in pipes(typeset.markdown(cells(overrides=LOST)).decode())}
    assert rows["8gaussians / mlp", "gan"][3:5] == ["2/3", "–"]  # noqa: RUF001
    assert rows["swissroll / mlp", "gan"][3:] == ["1/3", "–", "worst"]  # noqa: RUF001
    assert re.fullmatch(r"\*\*\d\.\d+ \[\d\.\d+, \d\.\d+\]\*\*", rows["8gaussians / mlp", "**wgan-gp**"][4])


def test_any_text_is_shown_as_text():
    found = cells().replace({"objective": {"wgan-gp": HOSTILE + "\x1b\n\t", "gan": "[gan]"}})
    names = [row[1] for row in tex(typeset.latex(found).decode())[0]]
    assert HOSTILE + " ?" not in names
    assert HOSTILE + "?" in names
    assert "[gan]" in names
    shown = [row[1].strip("*") for row in pipes(typeset.markdown(found).decode())]
    assert HOSTILE + "\N{REPLACEMENT CHARACTER}" in shown
    assert "<x>" not in typeset.markdown(found).decode().replace("\\<x\\>", "")


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("0.051 [0.040, 0.062]", "0.051 [0.040, 0.062]"),
        ("-0.3 [-1.2, 0.6]", "$-$0.3 [$-$1.2, 0.6]"),
        ("1.2e-5", r"$1.2\times10^{-5}$"),
        ("-3e7", r"$-3\times10^{7}$"),
        ("worst", "worst"),
        ("–", "--"),  # noqa: RUF001
    ],
)
def test_signs_and_powers_are_mathematics(text, typed):
    assert typeset._latex_number(text) == typed


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here: the parser above stands for it")
def test_pdflatex_compiles_it(tmp_path):
    found = cells(overrides=LOST, rates=("recipe", 2e-3)).replace({"objective": {"gan": HOSTILE}})
    (tmp_path / "cells.tex").write_bytes(typeset.latex(found))
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\usepackage[utf8]{inputenc}\\usepackage{booktabs}"
        "\\begin{document}\\input{cells}\\end{document}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_without_a_sweep_there_is_no_column_of_settings_and_without_runs_no_row():
    assert "setting" not in typeset.latex(cells()).decode()
    none = cells().head(0)
    assert len(tex(typeset.latex(none).decode())[0]) == 1
    assert len(pipes(typeset.markdown(none).decode())) == 1
