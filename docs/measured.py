"""Write every measured number of README and docs/*.md from results/reference: python docs/measured.py [--check]

A block between `<!-- numbers: WHAT FOLDER -->` and `<!-- end -->` holds what WHAT computes from the frozen results
FOLDER; a block `distances TABLE` holds a table of docs/distances.py. `--check` writes nothing, and exits with 1 where a
block is not what its results say.
"""

import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from runpy import run_path

import pandas as pd

from harness.commands.compare import compare
from harness.metrics.columns import MetricColumn
from harness.metrics.null_samplers import NULLS, POWER
from harness.plan.description import SettingsRow
from harness.plan.screen import settings_row
from harness.report import contributors_text, findings, page
from harness.report.analysis import tables
from harness.report.analysis.tables import View
from harness.report.contributors import contributors
from harness.report.findings import main_effects
from harness.report.findings.finding import Finding
from harness.report.merged import merge
from harness.report.results import Results, confirmed
from harness.report.studies import settings_reached, study_results
from harness.report.text import settings_text, table_rows
from harness.statistics.intervals import t_interval
from harness.store import Store
from harness.store.published_file import MARKER
from harness.text import counted, interval, listed, number, score

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
BLOCK = re.compile(r"(<!-- numbers: (\S+) (\S+) -->\n)(.*?)(<!-- end -->)", re.S)
WIDTH = 120


def answer(folder: Path) -> str:
    """Return what the report of these results opens with, a paragraph a sentence group, in italics."""
    study = _trials(folder)
    reached = settings_reached.read(_results(folder), study) if study else None
    texts = page.answers_of(_view(folder), _findings(folder), study, reached)
    return "\n\n".join(wrapped(f"*{text}*") for text in texts)


@cache
def _results(folder: Path) -> Results:
    """Return a reading of results, which several blocks share: no command writes to a frozen folder."""
    return Results.of(Store(folder))


@cache
def _view(folder: Path) -> View:
    """Return what a report reads of results."""
    return tables.read(confirmed(_results(folder)))


@cache
def _findings(folder: Path) -> Mapping[str, Finding]:
    return findings.findings(_view(folder))


@cache
def _trials(folder: Path) -> study_results.StudyResults | None:
    return study_results.read(_results(folder))


def wrapped(text: str) -> str:
    """Break a paragraph into lines, at spaces alone."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def machine(folder: Path) -> str:
    """Return how many runs there are, what they cost, on which machine and with what, and the day they were frozen."""
    table, lone = _results(folder).table(), _lone(folder)
    trained = table["train_s"].sum() + table.loc[table["run_id"].isin(lone), "train_s"].sum()
    training, scoring = map(_spent, (trained, table["score_s"].sum()))
    machines = table[["host_cpu", "cpu_isa", "device", "torch"]].dropna(how="all").drop_duplicates()
    machines = machines.assign(torch="torch " + machines["torch"])
    made = "; ".join(", ".join(row.dropna()) for _, row in machines.iterrows())
    (day,) = re.findall(r"Frozen on (\S+)\.", (folder / MARKER).read_text())
    cost = f"{training} of training and {scoring} of scoring on one core"
    return wrapped(f"{counted(len(table), 'run')}, {cost}; {made}; frozen {day}.")


def _spent(seconds: float) -> str:
    return f"{seconds:.1f} seconds" if seconds < 60 else f"{seconds / 60:.1f} minutes"


def _lone(folder: Path) -> list[str]:
    """Return the runs that train twice, as a stack of one is padded to two, and whose `train_s` is one of the two."""
    stacks = _results(folder).plan.stacks
    return [stack.runs[0] for stack in stacks if stack.mode == "stacked" and len(stack.runs) == 1]


def extractor(folder: Path) -> str:
    """Return how often the extractors that images were compared with are wrong on held-out images."""
    table = _results(folder).table()
    errors = {c[len("extractor_error[") : -1]: table[c].dropna().unique() for c in table if "extractor_error[" in c}
    rates = [
        f"`{name}`: {listed([f'{100 * error:.1f} %' for error in sorted(found)])}" for name, found in errors.items()
    ]
    return f"Wrong on held-out images: {'; '.join(rates)}."


def chosen(folder: Path) -> str:
    """Return what `suites/tuning/choose.py` prints of these results."""
    return str(run_path(str(ROOT / "suites" / "tuning" / "choose.py"))["text"](folder))


def distances(table: Path) -> str:
    """Return a table of docs/distances.py, by its name alone: it needs no results."""
    return str(run_path(str(ROOT / "docs" / "distances.py"))["TABLES"][table.name]())


def compared(folder: Path) -> str:
    """Return what `harness compare FOLDER nsgan wgan-gp` opens with."""
    return wrapped(f"*{compare([str(folder), 'nsgan', 'wgan-gp'])['answer']}*")


def again(folder: Path) -> str:
    """Return what the report of results and of those of the same suite with the kernels of AVX2 says of both."""
    other = folder.with_name(f"{folder.name}-avx2")
    return wrapped(f"*{contributors_text.paragraph(contributors(merge([folder, other])))}*")


def settings(folder: Path) -> str:
    """Return with which settings every objective was trained, by kind of data, as `harness plan` has them."""
    heads = ("objective", "data", "optimizer", "learning rate", "betas", "n_critic", "its own")
    rows = [settings_row(SettingsRow(**row)) for row in _results(folder).plan.settings]
    return _markdown(heads, [[cell.replace("|", "\\|") for cell in row] for row in rows])


def cells(folder: Path) -> str:
    """Return the mean of every setting on every task with its interval, the best first."""
    found = table_rows.cells(_view(folder).cells)
    heads = ("task", "metric", "objective", "setting", "ok", "mean")
    return _markdown(heads, [
        [task["task"], task["metric"], row["objective"], row["setting"], row["n"].text, row["mean"].text]
        for task in found for row in task["rows"]
    ])  # fmt: skip


def effects(folder: Path) -> str:
    """Return the mean score at each level of what a suite crosses, and how far the best is ahead of it."""
    view = _view(folder)
    found = main_effects.main_effects(view.table, view.plan.data_axes)
    heads = ("factor", "over", "level", "score", "the best is ahead by")
    return _markdown(heads, [
        [effect.factor, listed(effect.tasks), row["level"], score(row["score"], row["low"], row["high"]),
         interval(row["ahead"], row["ahead_low"], row["ahead_high"]) if row["ahead"] else "-"]
        for effect in found for row in effect.levels.to_dict("records")
    ])  # fmt: skip


def tricks(folder: Path) -> str:
    """Return what each trick changes, in the mean over tasks and on each of them."""
    shown = _findings(folder)["tricks"].values
    cells = ("without", "with_it", "difference", "p_holm")
    heads = ("trick", "task", "without", "with", "difference", "p (Holm)", "verdict")
    return _markdown(heads, [
        [row["trick"], row["task"], *(row[cell].text for cell in cells), row["verdict"]]
        for row in (*shown["overall"], *shown["by_task"])
    ])  # fmt: skip


def study(folder: Path) -> str:
    """Return what the trials of each objective say of a study's space, and what its best setting holds."""
    keys = ("objective", "share", "own", "mean", "best", "confirmed")
    heads = ("objective", "good share", "of its own best", "a setting drawn at random", "best trial", "on fresh seeds")
    return _markdown(heads, [[row[key] for key in keys] for row in settings_text.study_values(_study(folder))["rows"]])


def trials(folder: Path) -> str:
    """Return how far from the data the runs of each objective's trials end: scores stop at a null sampler."""
    results = _results(folder)
    table = results.table()
    excess = next(name for name in POWER if name in table)
    rows, planned = [], results.plan.study.trials if results.plan.study else ()
    for objective in dict.fromkeys(trial.objective for trial in planned):
        ids = {run_id for trial in planned if trial.objective == objective for run_id in trial.runs}
        runs = table[table["run_id"].isin(ids)]
        quartiles = [number(value) for value in runs[excess].quantile([0.25, 0.5, 0.75])]
        nearer = int((runs[excess] < runs[f"null.gaussian.{excess}"]).sum())
        rows.append([objective, *quartiles, number(runs[excess].min()), f"{nearer} of {len(runs)}"])
    return _markdown(
        ["objective", f"`{excess}`: first quartile", "median", "third", "least", "below a Gaussian fit"], rows
    )


def reached(folder: Path) -> str:
    """Return how many settings of a study reach a score with which objective."""
    kept = settings_reached.read(_results(folder), _study(folder))
    assert kept is not None, f"{folder}: its objectives have different settings"
    (pair,) = settings_text.reached_values(kept)["pairs"]
    heads = ("score", f"{pair['first']} alone", f"{pair['second']} alone", "both", "neither", "difference, points", "p")
    keys = ("at", *settings_reached.COUNTS, "gap", "p")
    return _markdown(heads, [[row[key] for key in keys] for row in pair["rows"]])


def crossed(folder: Path) -> str:
    """Return score, modes and the share of runs that learned nothing of every loss with every penalty, task by task."""
    grids = _findings(folder)["crossed"].values
    kinds = {"score": "scores", "modes": "modes", "lost or no better than the best null sampler": "unlearned"}
    rows = [
        [kind, row["task"], row["loss"], *(cell.text for cell in row["cells"])]
        for kind, name in kinds.items()
        for row in grids[name]
    ]
    for task, metric in dict.fromkeys((row["task"], row["metric"]) for row in grids["at_zero"]):
        means = {row["penalty"]: row["mean"] for row in grids["at_zero"] if row["task"] == task}
        rows.append([metric, task, "mean over losses", *(means[head] for head in grids["heads"])])
    return _markdown(("", "task", "loss", *grids["heads"]), rows)


def factorial(folder: Path) -> str:
    """Return the shares of the variance that the factors of a factorial explain, and the means of their levels."""
    values = _findings(folder)["factorial"].values
    shares, levels = values["shares"], values["levels"]
    sources = _markdown(
        ("source", "by itself", "with its interactions"),
        [[row[k] for k in ("source", "share", "total")] for row in shares],
    )
    heads = ("factor", "level", f"mean {values['metric']}", "lost")
    return f"{sources}\n\n{_markdown(heads, [[row[k] for k in ('factor', 'level', 'mean', 'lost')] for row in levels])}"


def stacks(folder: Path) -> str:
    """Return how null samplers stand on stacked digits: modes, reverse KL, FID over its floor, and score."""
    table = _results(folder).table()
    (counted,) = [
        name for name in table if MetricColumn.parse(name).name == "reverse_kl" and name.startswith("null.real")
    ]
    stacked = table[table[counted].notna()]
    columns = [MetricColumn.parse(name) for name in stacked if stacked[name].notna().any()]
    names = {"modes": "modes", "reverse_kl": "reverse KL", "fid_excess": "FID over its floor", "score": "score"}
    of = {(column.sampler, column.name): str(column) for column in columns if column.sampler and column.name in names}
    rows = [
        [null.label, *(number(float(stacked[of[sampler, name]].mean())) for name in names)]
        for sampler, null in NULLS.items()
        if (sampler, "modes") in of
    ]
    n = MetricColumn.parse(counted).n
    return f"With {n:,} images each:\n\n{_markdown(('sampler', *names.values()), rows)}"


def modes(folder: Path) -> str:
    """Return modes, high-quality share and reverse KL of every cell: means over its runs, with t intervals."""
    table = _view(folder).table
    heads = {"modes": "modes", "hq": "high-quality share", "reverse_kl": "reverse KL"}
    parsed = [MetricColumn.parse(name) for name in table if table[name].notna().any()]
    columns = {c.name: str(c) for c in parsed if c.name in heads and not (c.suffix or c.sampler)}
    counted_on = [name for name in heads if name in columns]
    cells = table.groupby(["task", "objective", "setting"], sort=False)
    return _markdown(("task", "objective", "setting", *(heads[name] for name in counted_on)), [
        [*cell, *(_mean(runs[columns[name]]) for name in counted_on)] for cell, runs in cells
    ])  # fmt: skip


def _mean(values: pd.Series) -> str:
    """Return the mean of those runs that have a value, with its interval; how many, where some have none."""
    defined = values.dropna()
    found = t_interval(defined)
    runs = "" if len(defined) == len(values) else f" ({len(defined)} of {counted(len(values), 'run')})"
    return interval(found.mean, found.low, found.high) + runs if len(defined) else "-"


def _study(folder: Path) -> study_results.StudyResults:
    found = _trials(folder)
    assert found is not None, f"{folder}: no study"
    return found


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]
    return "\n".join(lines)


WHAT: dict[str, Callable[[Path], str]] = {
    "answer": answer,
    "cells": cells,
    "effects": effects,
    "machine": machine,
    "chosen": chosen,
    "extractor": extractor,
    "compared": compared,
    "again": again,
    "distances": distances,
    "settings": settings,
    "study": study,
    "trials": trials,
    "reached": reached,
    "crossed": crossed,
    "modes": modes,
    "factorial": factorial,
    "stacks": stacks,
    "tricks": tricks,
}


def filled(text: str) -> str:
    """Return a page with every block computed anew. Raises KeyError on a block of no known kind."""
    return BLOCK.sub(lambda block: f"{block[1]}{WHAT[block[2]](REFERENCE / block[3])}\n{block[5]}", text)


def pages() -> list[Path]:
    """Return the pages that hold blocks."""
    return [
        path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if BLOCK.search(path.read_text())
    ]


def main(check: bool) -> int:
    """Write, or with `check` name, the pages whose numbers are not those of the results."""
    texts = {path: (path.read_text(), filled(path.read_text())) for path in pages()}
    stale = {path: new for path, (old, new) in texts.items() if new != old}
    for path, text in stale.items():
        if not check:
            path.write_text(text)
        print(f"{path.relative_to(ROOT)}: {'not what results/reference says' if check else 'written'}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
