"""The page: everything gathered, rendered once, written atomically."""

import base64
import math
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined

from harness.errors import StoreError
from harness.exports import csv
from harness.report import answer, contest, enough, floors, overview, pictures, sheets, stats, tables, verdict
from harness.report.across_shown import across_part
from harness.report.contest import TaskResult
from harness.report.figures import label
from harness.report.panels import TYPES, Panel, Section
from harness.report.records import Records
from harness.report.tables import View
from harness.store import STATUSES, write_atomic
from harness.wording import NOTHING, counted, interval, number, plain, printable, waiting_scores

# Shown beside the primary metric, of whatever extractor and number.
BESIDE = ("hq", "modes", "kid", "class_kl", "train_s")
# Figures of an earlier report that may go.
OURS = re.compile(r"(headline|tasks|across|primary|steps|points|grid|sheets|frames|losses)-\d\d-.*\.(png|svg|gif)")


def build_report(store: Records, out: Path) -> Path:
    """Write out/index.html, out/tables/*.csv and out/figures/*, each atomically, and return the page's path.

    The same records give the same bytes. Raises HarnessError where a finished run lacks its primary metric, naming
    the run, and StoreError where `out` cannot be written.
    """
    view = tables.read(store)
    results = contest.judge(contest.rivals(view.table), view.metrics)
    tested = across_part(view)
    drawn = overview.sections(view) | {"across": tested.section} | pictures.sections(view) | sheets.sections(view)
    frames = _csv_tables(view, contest.by_task(results)) | tested.frames
    page = render(context(view, results, drawn, list(frames)) | {"across": tested.shown})
    written = {f"tables/{name}": csv(frame) for name, frame in frames.items()}
    for section in drawn.values():
        for panel in section.panels:
            written |= {f"figures/{panel.name}.{ending}": content for ending, content in panel.files.items()}
    # The page comes last: it never names a file that is not there yet.
    written["index.html"] = page.encode("utf-8", "backslashreplace")
    _write(written, out)
    return out / "index.html"


def render(values: dict[str, Any]) -> str:
    """Return the page. Every value is escaped: the template is the only source of markup."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_clean
    )
    source = files("harness.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source).render(values)


def _clean(value: Any) -> Any:
    return printable(value) if type(value) is str else value  # markup, a subclass of str, is the template's own


def context(view: View, results: list[TaskResult], drawn: dict[str, Section], csvs: list[str]) -> dict[str, Any]:
    """Return all that the template shows, as text and lists of text."""
    suite, table = view.suite, view.table
    lost = tables.failures(table)
    return {
        "name": str(suite.get("name", view.store.folder.name)),
        "question": str(suite.get("question") or ""),
        "answer": _answer(view, results),
        "headline": verdict.shown(view.headline) if view.headline else None,
        "by_task": _answers(results),
        "counts": _counts(table),
        "unscored": f"{waiting_scores(view.unscored, str(view.store.folder))}." if view.unscored else "",
        "enough": enough.sentence(enough.nearest(table, view.metrics, view.plan.get("data_axes", ()))),
        "pictures": {name: _inlined(section) for name, section in drawn.items()},
        "metrics": sorted({label(metric) for metric in view.metrics.values()}),
        "floor": floors.of_points(table, view.metrics),
        "reached": floors.of_pictures(view),
        "fid": any(c.startswith("fid[") for c in table.columns),
        "exact": "w1" in table or not set(view.metrics.values()) - {"w1_excess"},
        "sliced": "sliced_w" in view.metrics.values(),
        "pictured": bool(drawn["sheets"].panels),
        "cells": _cells(view.cells),
        "beside": _beside(view.cells),
        "swept": bool((table["setting"] != "").any()),
        "failures": lost.map(plain).to_dict("records"),
        "all_finished": counted(len(table), "run") if (table["status"] == "ok").all() else "",
        "settings": [(title, list(frame.columns), frame.to_numpy().tolist()) for title, frame in tables.settings(view)],
        "coverage": _coverage(table),
        "versions": tables.versions(table).to_dict("records"),
        "mixed": tables.mixed(table),
        "command": f"harness run {tables.arguments(view, path=True)}",
        "csvs": csvs,
    }


def _answer(view: View, results: list[TaskResult]) -> str:
    if view.headline:
        return verdict.text(view.headline, view.table)
    return answer.sentence(contest.rivals(view.table), results, tables.arguments(view, path=False))


def _csv_tables(view: View, answers: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the CSV files by name; every run of the plan is in runs.csv and counted in cells.csv."""
    shown, found = tables.settings(view), view.headline
    heads: dict[str, pd.DataFrame] = {}
    if found:
        heads = {"headline.csv": found.rows.merge(found.runs), "headline-tasks.csv": found.by_task.reset_index()}
    return {
        **heads,
        "answer.csv": answers,
        "cells.csv": view.cells,
        "runs.csv": view.table,
        "scored.csv": view.scored,
        "failures.csv": tables.failures(view.table),
        **{f"settings-{title.lower().replace(' ', '-')}.csv": frame for title, frame in shown},
        "versions.csv": tables.versions(view.table),
    }


def _answers(results: list[TaskResult]) -> list[dict[str, str]]:
    """Return the rows of the table under the answer, where there is more than one task."""
    rows = contest.by_task(results).to_dict("records") if len(results) > 1 else []
    return [
        {
            "task": row["task"], "first": row["first"], "metric": row["metric"],
            "mean": _mean(row) if row["n_ok"] == row["n_planned"] else f"median {number(row['median'])}",
            "n": f"{row['n_ok']}/{row['n_planned']}", "runner_up": row["runner_up"] or NOTHING,
            "gap": interval(row["runner_up_worse_by"], row["gap_low"], row["gap_high"]), "verdict": row["verdict"],
        }
        for row in rows
    ]  # fmt: skip


def _mean(row: dict[Any, Any]) -> str:
    return interval(row["mean"], row["low"], row["high"])


def _counts(table: pd.DataFrame) -> str:
    """Return "9 runs planned: 7 ok, 2 diverged": the statuses add up to the plan."""
    counts = table["status"].value_counts()
    found = ", ".join(f"{int(counts[name]):,} {name}" for name in STATUSES if counts.get(name))
    return f"{counted(len(table), 'run')} planned" + (f": {found}" if found else "")


def _inlined(section: Section) -> dict[str, Any]:
    return {"panels": [(panel, _data_uri(panel)) for panel in section.panels], "notes": section.notes}


def _data_uri(panel: Panel) -> str:
    ending, content = next(iter(panel.files.items()))
    return f"data:{TYPES[ending]};base64,{base64.b64encode(content).decode('ascii')}"


def _beside(cells: pd.DataFrame) -> list[tuple[list[str], str]]:
    """Return (columns, heading) of the metrics shown beside the primary one: of a row the first column with a value."""
    there = [name for name in cells.columns if cells[name].notna().any()]
    found = [(heading, [c for c in there if c == heading or stats.beside_of(c) == heading]) for heading in BESIDE]
    return [(columns, columns[0] if columns == ["modes@2500"] else head) for head, columns in found if columns]


def _cells(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the cells' table: one entry a task with its rows, best first and marked."""
    beside = _beside(cells)
    made = []
    for task, part in cells.groupby("task", sort=False) if len(cells) else ():
        rows = [
            {
                "best": row["rank"] == 1 and row["n_ok"] > 0 and len(part) > 1,
                "objective": row["objective"], "setting": row["setting"],
                "n": f"{row['n_ok']}/{row['n_planned']}",
                "lost": answer.statuses({status: row[f"n_{status}"] for status in stats.FAILURES}),
                "pending": row["n_pending"],
                "median": number(row["median"]), "mean": _mean(row) if row["n_planned"] > 1 else NOTHING,
                "quartiles": _range(row["q1"], row["q3"]), "extremes": _range(row["min"], row["max"]),
                "beside": [_beside_text(row, columns) for columns, _ in beside],
            }
            for row in part.to_dict("records")
        ]  # fmt: skip
        made.append({"task": task, "metric": part["metric"].iloc[0], "rows": rows})
    return made


def _beside_text(row: dict[Any, Any], columns: list[str]) -> str:
    value = next((row[name] for name in columns if not math.isnan(row[name])), math.nan)
    return f"{100 * value:.1f} %" if columns == ["hq"] and not math.isnan(value) else number(value)


def _range(low: float, high: float) -> str:
    return NOTHING if math.isnan(low) else f"{number(low, high - low)} to {number(high, high - low)}"


def _coverage(table: pd.DataFrame) -> dict[str, Any] | None:
    """Return the measured coverage of the t interval at the largest measured n up to the suite's number of seeds."""
    seeds = int(table["seed"].nunique())
    known = [n for n in stats.COVERAGE if n <= seeds]
    if not known:
        return None
    return {"n": max(known), "percent": [f"{100 * share:.0f} %" for share in stats.COVERAGE[max(known)]]}


def _write(written: dict[str, bytes], out: Path) -> None:
    """Write every file whole, in order; drop figures of an earlier report.

    Raises StoreError where the folder cannot be written.
    """
    try:
        for name, content in written.items():
            write_atomic(out / name, content, flush=False)
        for old in (out / "figures").glob("*"):
            if OURS.fullmatch(old.name) and f"figures/{old.name}" not in written:
                old.unlink()
    except OSError as error:
        raise StoreError(f"the report cannot be written to {out}: {error.strerror or error}.") from error
