"""The cells of a report as a table to print: LaTeX (booktabs) for a paper, markdown for a page."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from harness.report.analysis import primary, ranking, tables
from harness.report.results import Results, comparable
from harness.store import Store
from harness.text import NOTHING, interval, number, printable

LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "[": "{[}", NOTHING: "--", "\N{REPLACEMENT CHARACTER}": "?",
}  # fmt: skip
MARKUP = re.compile(r"([\\`*|<>\[\]~])|(?<![A-Za-z0-9])(_)|(_)(?![A-Za-z0-9])")
NUMBER = re.compile(r"(-?)(\d[\d.]*)(?:e(-?\d+))?")
CAPTION = (
    "n: runs ok of those planned; mean with its 95 % t interval over seeds. Bold: the first of a task and all that the "
    "seeds do not tell apart from it (95 % t interval of the difference, paired by seed); none where they tell nothing "
    "apart, or where the first lost a run."
)


def cells(store: Store) -> pd.DataFrame:
    """Return a row a cell of a results folder (`cell_table.cells`), ordered by task and rank, and whether it is `bold`,
    as CAPTION says; of a study by the runs that confirm it. Raises what that raises, HarnessError where there are none.
    """
    results = comparable(Results.of(store))
    table, _ = tables.runs_of(results)
    metrics = primary.metrics_of(results.plan, table)
    names = pd.Series(zip(table["objective"], table["setting"], strict=True), index=table.index, dtype=object)
    ranked = ranking.judge(table.assign(objective=names.map(repr), setting=""), metrics)
    bold = {(result.task, name) for result in ranked for name in ranking.leading(result)}
    found = tables.cells_of(table, metrics)
    keys = [(row["task"], repr((row["objective"], row["setting"]))) for row in found.to_dict("records")]
    return found.assign(bold=[key in bold for key in keys])


def latex(cells: pd.DataFrame) -> bytes:
    """Return a tabular for booktabs: a block a task, its leading rows bold. Every character of text is escaped."""
    head, rows = _head(cells), list(_rows(cells, _latex_text, _latex_number))
    lines = [
        "% Needs \\usepackage{booktabs}. Its caption:",
        f"% {_latex_text(CAPTION)}",
        f"\\begin{{tabular}}{{{''.join('r' if name in ('n', 'median') else 'l' for name in head)}}}",
        "\\toprule",
        f"{' & '.join(head)} \\\\",
    ]
    for first, bold, (task, *texts) in rows:
        shown = [f"\\textbf{{{text}}}" if bold else text for text in texts]
        lines += ["\\midrule"] if first else []
        lines.append(f"{' & '.join([task if first else '', *shown])} \\\\")
    return _encoded([*lines, "\\bottomrule", "\\end{tabular}"])


def markdown(cells: pd.DataFrame) -> bytes:
    """Return a pipe table, of each task the leading rows bold, and its caption. Text is escaped."""
    head = _head(cells)
    lines = [head, ["---:" if name in ("n", "median") else "---" for name in head]]
    for _, bold, (task, *texts) in _rows(cells, _markdown_text, str):
        lines.append([task, *(f"**{text}**" if bold else text for text in texts)])
    return _encoded([*(f"| {' | '.join(line)} |" for line in lines), "", CAPTION])


def _head(cells: pd.DataFrame) -> list[str]:
    return ["task", "objective", *(["setting"] if _is_swept(cells) else []), "metric", "n", "mean", "median"]


def _is_swept(cells: pd.DataFrame) -> bool:
    return bool(len(cells) and (cells["setting"] != "").any())


def _rows(
    cells: pd.DataFrame, text: Callable[[str], str], figure: Callable[[str], str]
) -> Iterator[tuple[bool, bool, list[str]]]:
    """Yield for each cell whether it is its task's first row, whether it is bold, and its texts."""
    names = ["task", "objective", *(["setting"] if _is_swept(cells) else []), "metric"]
    for _, part in cells.groupby("task", sort=False) if len(cells) else ():
        for place, row in enumerate(part.to_dict("records")):
            said = [text(str(row[name]) or NOTHING) for name in names]
            yield place == 0, row["bold"], [*said, f"{row['n_ok']}/{row['n_planned']}", *map(figure, _figures(row))]


def _figures(row: dict[Any, Any]) -> list[str]:
    mean = interval(row["mean"], row["low"], row["high"]) if row["n_planned"] > 1 else NOTHING
    return [mean, number(row["median"])]


def _latex_text(text: str) -> str:
    return "".join(LATEX.get(letter, letter) for letter in " ".join(printable(text).split()))


def _latex_number(text: str) -> str:
    """Write signs and powers of ten as mathematics."""

    def typed(found: re.Match[str]) -> str:
        sign, digits, power = found.groups()
        if power is None:
            return f"$-${digits}" if sign else digits
        return f"${sign}{digits}\\times10^{{{int(power)}}}$"

    return NUMBER.sub(typed, text).replace(NOTHING, LATEX[NOTHING])


def _markdown_text(text: str) -> str:
    return MARKUP.sub(r"\\\g<0>", " ".join(printable(text).split()))


def _encoded(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")
