"""The cells of a report as a table to print: LaTeX (booktabs) for a paper, markdown for a page."""

import re
from collections.abc import Callable

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
POWER, MINUS = re.compile(r"(-?\d[\d.]*)e(-?\d+)"), re.compile(r"(?<![$^{\d])-(?=\d)")
NUMBERS = ("n", "median")  # columns that stand to the right
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
    rows = tables.cells_of(table, metrics)
    keys = [(row["task"], repr((row["objective"], row["setting"]))) for row in rows.to_dict("records")]
    return rows.assign(bold=[key in bold for key in keys])


def latex(cells: pd.DataFrame) -> bytes:
    """Return a tabular for booktabs: a block a task, its leading rows bold. Every character of text is escaped."""
    table = _texts(cells, _latex_text, _latex_number)
    lines = [
        "% Needs \\usepackage{booktabs}. Its caption:",
        f"% {_latex_text(CAPTION)}",
        f"\\begin{{tabular}}{{{''.join('r' if name in NUMBERS else 'l' for name in table)}}}",
        "\\toprule",
        f"{' & '.join(map(str, table))} \\\\",
    ]
    is_first = ~cells["task"].duplicated()
    for first, bold, (task, *texts) in zip(is_first, cells["bold"], table.to_numpy().tolist(), strict=True):
        marked = [f"\\textbf{{{text}}}" if bold else text for text in texts]
        lines += ["\\midrule"] if first else []
        lines.append(f"{' & '.join([task if first else '', *marked])} \\\\")
    return _encoded([*lines, "\\bottomrule", "\\end{tabular}"])


def markdown(cells: pd.DataFrame) -> bytes:
    """Return a pipe table, of each task the leading rows bold, and its caption. Text is escaped."""
    table = _texts(cells, _markdown_text, str)
    lines = [list(map(str, table)), ["---:" if name in NUMBERS else "---" for name in table]]
    for bold, (task, *texts) in zip(cells["bold"], table.to_numpy().tolist(), strict=True):
        lines.append([task, *(f"**{text}**" if bold else text for text in texts)])
    return _encoded([*(f"| {' | '.join(line)} |" for line in lines), "", CAPTION])


def _texts(cells: pd.DataFrame, text: Callable[[str], str], figure: Callable[[str], str]) -> pd.DataFrame:
    """Return the cells as the texts of a table, names escaped by `text` and numbers by `figure`."""
    is_swept = (cells["setting"] != "").any()
    names = ["task", "objective", *(["setting"] if is_swept else []), "metric"]
    rows = [
        [
            *(text(str(row[name]) or NOTHING) for name in names), f"{row['n_ok']}/{row['n_planned']}",
            figure(interval(row["mean"], row["low"], row["high"]) if row["n_planned"] > 1 else NOTHING),
            figure(number(row["median"])),
        ]
        for row in cells.to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[*names, "n", "mean", "median"])


def _latex_text(text: str) -> str:
    return "".join(LATEX.get(letter, letter) for letter in " ".join(printable(text).split()))


def _latex_number(text: str) -> str:
    """Write signs and powers of ten as mathematics."""
    text = POWER.sub(lambda match: f"${match[1]}\\times10^{{{int(match[2])}}}$", text)
    return MINUS.sub("$-$", text).replace(NOTHING, LATEX[NOTHING])


def _markdown_text(text: str) -> str:
    return MARKUP.sub(r"\\\g<0>", " ".join(printable(text).split()))


def _encoded(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")
