"""The page: everything gathered, rendered once, written atomically."""

import base64
import hashlib
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from harness.disk.files import write_atomic
from harness.errors import StoreError
from harness.metrics import label
from harness.metrics.columns import covered
from harness.report.analysis import (
    averaging,
    cell_table,
    grid_edges,
    leave_one_out,
    noise_floors,
    null_rows,
    ranking,
    study_results,
    tables,
    undertrained,
)
from harness.report.analysis.comparable import caveat
from harness.report.analysis.critic_norms import held_sentence
from harness.report.analysis.ranking import TaskResult
from harness.report.analysis.tables import View
from harness.report.figures import (
    headline_figures,
    sample_sheets,
    sensitivity,
    study_panels,
    survival_curves,
    task_figures,
)
from harness.report.figures.panels import TYPES, Panel, Section
from harness.report.results import Results, confirmed
from harness.report.text import answer, headline_notes, methods, study_text, table_rows, verdict
from harness.report.text.across_text import across_part
from harness.statistics import intervals
from harness.store import STATUSES
from harness.store.table_files import csv
from harness.text import counted, listed, percent, plain, printable, waiting_scores

# Files of an earlier report that may go, by folder.
OURS = {
    "figures": re.compile(
        r"(headline|tasks|across|study|survival|weights|slices|planes|sweep|primary|steps|points|grid|sheets|frames|losses)-\d\d-.*\.(png|svg|gif)"
    ),
    "tables": re.compile(
        r"(headline(-(tasks|norms|leads|settings|edges))?|nulls|leave-one-out|answer|cells|runs|scored|failures|settings-[a-z-]+|versions|sweeps|sweep-ranges"
        r"|across-(pairs|objectives|profiles)|variance-shares"
        r"|trials|study|survival(-pairs)?|study-pairs|best-of-trials|slices|planes|importances)\.csv"
    ),
}


def build_report(store: Results, out: Path) -> Path:
    """Write out/index.html, out/tables/*.csv and out/figures/*, each atomically, and return the page's path.

    The same records give the same bytes. Raises HarnessError where a finished run lacks its primary metric, naming
    the run, and StoreError where `out` cannot be written.
    """
    view, study = tables.read(confirmed(store)), study_results.read(store)
    results = ranking.judge(_rivals(view), view.metrics)
    found, tested = sensitivity.sweeps(view.table, view.plan.get("data_axes", ())), across_part(view)
    drawn = headline_figures.sections(view) | task_figures.sections(view) | sample_sheets.sections(view)
    drawn |= {"sensitivity": sensitivity.section(view, found), "across": tested.section}
    frames = _csv_tables(view, ranking.by_task(results)) | tested.frames
    frames |= {"sweeps.csv": sensitivity.table(found)} if found else {}
    ranges = sensitivity.ranges(view.table, view.plan.get("data_axes", ()))
    frames |= {"sweep-ranges.csv": ranges} if len(ranges) else {}
    values = context(view, results, drawn, frames) | {"across": tested.shown, "study": None, "survival": None}
    if study:
        by_trials = study_panels.sections(study, view.styled)
        frames |= study_panels.tables(study)
        paired = survival_curves.read(store, study)
        values |= _studied(study, paired, values["answer"])
        if paired:
            by_trials |= {"survival": survival_curves.section(paired, view.styled)}
            frames |= {"survival.csv": paired.curves, "survival-pairs.csv": paired.pairs}
        values |= {"csvs": list(frames)}
        values["pictures"] |= {name: _inlined(section) for name, section in by_trials.items()}
        drawn |= by_trials
    page = render(values)
    written = {f"tables/{name}": csv(frame) for name, frame in frames.items()}
    for section in drawn.values():
        for panel in section.panels:
            written |= {f"figures/{panel.name}.{ending}": content for ending, content in panel.files.items()}
    # The page comes last: it never names a file that is not there yet.
    written["index.html"] = page.encode("utf-8", "backslashreplace")
    _write(written, out)
    return out / "index.html"


def render(values: dict[str, Any]) -> str:
    """Return the page. Every value is escaped: the template is the only source of markup, page.css and page.js beside
    it the only style and script, which the page's policy names by their hashes.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_clean
    )
    css, js = read("page.css"), read("page.js")
    made = environment.from_string(read("page.html.j2"))
    return made.render(values, css=Markup(css), js=Markup(js), policy=Markup(policy(css, js)))


def policy(css: str, js: str) -> str:
    """Return the Content-Security-Policy of a page with this one style and this one script: it may ask for nothing,
    send nothing, and run nothing else.
    """
    style, script = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (css, js))
    allowed = f"img-src data:; style-src 'sha256-{style}'; script-src 'sha256-{script}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def read(name: str) -> str:
    """Return the text of a file that the page is made from."""
    return files("harness.report").joinpath(name).read_text(encoding="utf-8")


def _clean(value: Any) -> Any:
    return printable(value) if type(value) is str else value  # markup, a subclass of str, is the template's own


def context(
    view: View, results: list[TaskResult], drawn: dict[str, Section], frames: dict[str, pd.DataFrame]
) -> dict[str, Any]:
    """Return all that the template shows, as text and lists of text."""
    suite, table = view.suite, view.table
    lost = tables.failures(table)
    return {
        "name": str(suite.get("name", view.store.folder.name)),
        "question": str(suite.get("question") or ""),
        "answer": _answer(view, results),
        "null_tasks": null_rows.shown(null_rows.by_task(table)),
        "headline": verdict.shown(view.headline) if view.headline else None,
        "norms": headline_notes.shown(view),
        "unranked": "" if view.headline else averaging.why_none(view.table, view.metrics),
        "by_task": table_rows.answers(results),
        "held": held_sentence(_rivals(view), view.table),
        **_removals(view, frames),
        "counts": _counts(table),
        "unscored": f"{waiting_scores(view.unscored, str(view.store.folder))}." if view.unscored else "",
        "enough": undertrained.sentence(
            undertrained.nearest(table, view.metrics, view.plan.get("data_axes", ())), table["objective"].nunique() == 1
        ),
        "pictures": {name: _inlined(section) for name, section in drawn.items()},
        "metrics": sorted({label(metric) for metric in view.metrics.values()}),
        "floor": noise_floors.of_points(table, view.metrics),
        "reached": noise_floors.of_images(view),
        "fid": bool(covered("fid", table.columns)),
        "exact": "w1" in table or not set(view.metrics.values()) - {"w1_excess"},
        "sliced": "sliced_w" in view.metrics.values(),
        "pictured": bool(drawn["sheets"].panels),
        "cells": table_rows.cells(view.cells),
        "beside": [heading for _, heading in table_rows.beside(view.cells)],
        **_sensitivity(view, frames),
        "swept": bool((table["setting"] != "").any()),
        "failures": lost.map(plain).to_dict("records"),
        "all_finished": counted(len(table), "run") if (table["status"] == "ok").all() else "",
        "settings": [(title, list(frame.columns), frame.to_numpy().tolist()) for title, frame in tables.settings(view)],
        "methods": methods.paragraph(view),
        "bibtex": methods.references(view),
        "coverage": _coverage(table),
        "versions": tables.versions(table).to_dict("records"),
        "mixed": tables.mixed(table),
        "command": tables.commands(view),
        "csvs": list(frames),
    }


def _studied(
    study: study_results.Studied, paired: survival_curves.Survival | None, answers: list[str]
) -> dict[str, Any]:
    """Return what a study puts in the place of a suite's own answer and counts, and its parts of the page."""
    return {
        "answer": _study_answer(study, paired, answers),
        "counts": study.counts,
        "study": study_text.shown(study, primary=not _second(paired)),
        "survival": survival_curves.shown(paired) if paired else None,
    }


def _second(paired: survival_curves.Survival | None) -> bool:
    """Whether the good share explores, as it does beside how many settings reach a score."""
    return paired is not None and paired.primary


def _study_answer(
    study: study_results.Studied, paired: survival_curves.Survival | None, answers: list[str]
) -> list[str]:
    said = [survival_curves.sentence(paired) if paired else "", study_text.sentence(study, primary=not _second(paired))]
    said += [" ".join([study_text.confirmation(study), *(answers if study.confirmed else ())])]
    return list(filter(None, said))


def answers(store: Results) -> list[str]:
    """Return the paragraphs that the report of these records opens with. Raises what `build_report` raises."""
    view, study = tables.read(confirmed(store)), study_results.read(store)
    said = _answer(view, ranking.judge(_rivals(view), view.metrics))
    return _study_answer(study, survival_curves.read(store, study), said) if study else said


def _answer(view: View, results: list[TaskResult]) -> list[str]:
    if view.headline:
        first, *more = headline_notes.answer(view)
        return [caveat(view.table) + first, *more]
    competing = _rivals(view)
    said = answer.sentence(competing, results, tables.arguments(view, path=False))
    at_edges = ranking.at_edges(
        competing, view.metrics, cell_table.swept_columns(competing, view.plan.get("data_axes", ()))
    )
    drawn = (view.suite.get("study") or {}).get("space", ())
    first = f"{caveat(view.table, drawn)}{said} {held_sentence(competing, view.table)}".rstrip()
    return [first, *filter(None, [grid_edges.sentence(at_edges)])]


def _rivals(view: View) -> pd.DataFrame:
    """Return what competes in each task: of several objectives the runs that the headline compares."""
    table = view.compared if view.table["objective"].nunique() > 1 else view.table
    return ranking.rivals(table, view.plan.get("data_axes", ()))


def _csv_tables(view: View, answers: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the CSV files by name; every run of the plan is in runs.csv and counted in cells.csv."""
    shown, found, nulls = tables.settings(view), view.headline, {}
    if len(samplers := null_rows.by_task(view.table)):
        nulls = {"nulls.csv": samplers}
    heads: dict[str, pd.DataFrame] = {}
    if found:
        heads = {
            "headline.csv": found.rows.merge(found.runs),
            "headline-tasks.csv": found.by_task.reset_index(),
            **headline_notes.frames(view),
            "leave-one-out.csv": leave_one_out.leave_one_out(found, view.plan.get("data_axes", ())),
        }
    return {
        **heads,
        "answer.csv": answers,
        **nulls,
        "cells.csv": view.cells,
        "runs.csv": view.table,
        "scored.csv": view.scored,
        "failures.csv": tables.failures(view.table),
        **{f"settings-{title.lower().replace(' ', '-')}.csv": frame for title, frame in shown},
        "versions.csv": tables.versions(view.table),
    }


def _removals(view: View, frames: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return what the headline would be without each part of the suite, as a sentence and as rows."""
    if not view.headline:
        return {"removals": [], "removed": ""}
    found, best = frames["leave-one-out.csv"], view.headline.best.first
    return {"removals": table_rows.removals(found, best), "removed": leave_one_out.sentence(found, best)}


def _sensitivity(view: View, frames: dict[str, pd.DataFrame]) -> dict[str, Any]:
    names = sensitivity.swept(view.table, view.plan.get("data_axes", ()))
    said = sensitivity.sentence(frames.get("sweep-ranges.csv", pd.DataFrame()), names)
    return {"sensitivity": said, "swept_names": listed(names) if names else ""}


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


def _coverage(table: pd.DataFrame) -> dict[str, Any] | None:
    """Return the measured coverage of the t interval at the largest measured n up to the suite's number of seeds."""
    found = intervals.measured_at(intervals.COVERAGE, int(table["seed"].nunique()))
    return {"n": found[0], "percent": [percent(share) for share in found[1]]} if found else None


def _write(written: dict[str, bytes], out: Path) -> None:
    """Write every file whole, in order; drop figures and tables of an earlier report that are no longer written.

    Raises StoreError where the folder cannot be written.
    """
    try:
        for name, content in written.items():
            write_atomic(out / name, content, flush=False)
        for folder, ours in OURS.items():
            for old in (out / folder).glob("*"):
                if ours.fullmatch(old.name) and f"{folder}/{old.name}" not in written:
                    old.unlink()
    except OSError as error:
        raise StoreError(f"the report cannot be written to {out}: {error.strerror or error}.") from error
