"""The page: everything gathered, rendered once, written atomically."""

import base64
import hashlib
import re
import shlex
import time
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from harness.disk.files import write_atomic
from harness.errors import StoreError
from harness.metrics import label
from harness.metrics.columns import covered
from harness.processes import collecting_no_garbage
from harness.report import contributors, contributors_text, findings, in_training
from harness.report.analysis import (
    across_tasks,
    averaging,
    cell_table,
    leave_one_out,
    noise_floors,
    null_rows,
    ranking,
    tables,
)
from harness.report.analysis.comparable import confounding
from harness.report.analysis.ranking import TaskResult
from harness.report.analysis.tables import View
from harness.report.figures import across_figures, courses, encoding, sample_sheets, study_figures, task_figures
from harness.report.figures.panels import Section
from harness.report.findings.finding import Finding
from harness.report.results import Results, confirmed
from harness.report.studies import settings_reached, study_results, study_slices
from harness.report.studies.settings_reached import Reached
from harness.report.studies.study_results import StudyResults
from harness.report.text import across_text, answer, headline_tables, methods, remarks, settings_text, table_rows
from harness.report.text.table_rows import Row
from harness.statistics import intervals
from harness.store import STATUSES
from harness.store.table_files import csv
from harness.text import counted, percent, plain, printable, reason, waiting_scores

# What an earlier report wrote, and may go: a figure by its name, a table as its page lists it.
FIGURE = re.compile(r"[a-z]+-\d\d-.*\.(png|svg|gif)")
RELOAD_S = 10  # after which the page of a suite in training reloads itself
LISTED = re.compile(rb"<code>tables/([a-z-]+\.csv)</code>")


def build_report(store: Results, out: Path, workers: int = 1) -> Path:
    """Write out/index.html, out/tables/*.csv and out/figures/*, each atomically, and return the page's path.

    The same records give the same bytes, in however many processes (`workers`, this one among them). Raises
    HarnessError where a finished run lacks its primary metric, naming the run, and StoreError where `out` cannot be
    written.
    """
    with collecting_no_garbage(), encoding.encoders(encoding.encoder_count(len(store.plan.runs), workers)):
        values, sections, frames = _contents(store)
        files = {f"tables/{name}": csv(frame) for name, frame in frames.items()}
    for section in sections.values():
        for panel in section.panels:
            files |= {f"figures/{panel.name}.{ending}": content for ending, content in panel.files.items()}
    # The page comes last: it never names a file that is not there yet.
    files["index.html"] = _page(values | {"every_cell": (out / "cells" / "index.html").is_file()})
    _write(files, out)
    return out / "index.html"


def live_page(store: Results, speed: str) -> bytes:
    """Return the page of records that are still being added to, at `speed`: it shows how far they are, and reloads
    itself. Raises what `build_report` raises.
    """
    values, _, _ = _contents(store)
    view = tables.read(store)
    return _page(values | {"live": _live(view.table, speed) | {"training": in_training.section(view)}})


def _live(table: pd.DataFrame, speed: str) -> Row:
    ended = int((table["status"] != "pending").sum())
    parts = [f"In training, as of {time.strftime('%H:%M:%S')}: {ended:,} of {counted(len(table), 'run')} ended", speed]
    return {"line": "; ".join(filter(None, parts)), "ended": ended, "planned": len(table), "reload_s": RELOAD_S}


def _page(values: Row) -> bytes:
    return render(values).encode("utf-8", "backslashreplace")


def _contents(store: Results) -> tuple[Row, dict[str, Section], dict[str, pd.DataFrame]]:
    """Return what the template shows, the figures by name and the tables by file."""
    view, study = tables.read(confirmed(store)), study_results.read(store)
    reached = settings_reached.read(store, study) if study else None
    across = across_tasks.across(view.headline, view.compared) if view.headline else None
    beside, files = findings.findings(view), contributors.contributors(store)
    sections = task_figures.sections(view) | courses.sections(view) | sample_sheets.sections(view)
    sections |= across_figures.sections(view, across)
    results = ranking.judge(_rivals(view), view.metrics)
    frames = _csv_tables(view, ranking.by_task(results))
    frames |= across_tasks.frames(across) if across else {}
    for finding in beside.values():
        sections |= finding.draw()
        frames |= finding.frames
    frames |= files.frames if files else {}
    if study:
        sections |= study_figures.sections(study, view.styled)
        frames |= study_slices.frames(study)
    if reached:
        sections["survival"] = study_figures.reached_section(reached, view.styled)
        frames |= {"survival.csv": reached.curves, "survival-pairs.csv": reached.pairs}
    values = _values(view, results, frames) | {
        "answer": list(
            filter(
                None,
                [*_answer(view, results, beside, study, reached), contributors_text.paragraph(files) if files else ""],
            )
        ),
        "contributors": contributors_text.values(files) if files else None,
        "counts": study.counts if study else _counts(view.table),
        "live": None,
        "every_cell": False,
        "partial": "" if study else remarks.partial(view.table),
        "across": across_text.across_values(across) if across else None,
        "learns": _learns(view),
        "study": settings_text.study_values(study, not (reached and reached.primary)) if study else None,
        "survival": settings_text.reached_values(reached) if reached else None,
        "figures": sections,
        **{name: beside[name].values if name in beside else None for name in findings.FINDINGS},
    }
    return values, sections, frames


def render(values: Row, template: str = "page.html.j2", images: str = "data:") -> str:
    """Return the page. Every value is escaped: the template is the only source of markup, page.css and page.js beside
    it the only style and script, which the page's policy names by their hashes. `images` is where those come from.
    """
    css, js = read("page.css"), read("page.js")
    parts = {"css": Markup(css), "js": Markup(js), "policy": Markup(policy(css, js, images))}
    return _template(template).render(values, **parts)


@cache
def _template(name: str) -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_clean
    )
    return environment.from_string(read(name))


def policy(css: str, js: str, images: str = "data:") -> str:
    """Return the Content-Security-Policy of a page with this one style and this one script: it may ask for nothing but
    its images, send nothing, and run nothing else.
    """
    style, script = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (css, js))
    allowed = f"img-src {images}; style-src 'sha256-{style}'; script-src 'sha256-{script}'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def read(name: str) -> str:
    """Return the text of a file that the page is made from."""
    return files("harness.report").joinpath(name).read_text(encoding="utf-8")


def _clean(value: Any) -> Any:
    return printable(value) if type(value) is str else value  # markup, a subclass of str, is the template's own


def _values(view: View, results: list[TaskResult], frames: dict[str, pd.DataFrame]) -> Row:
    """Return what the template shows of runs and tasks, as text and lists of text."""
    suite, table, data_axes, learners = view.suite, view.table, view.data_axes, view.learners
    removals, best = frames.get("leave-one-out.csv", pd.DataFrame()), view.headline.best.first if view.headline else ""
    images = table[table["dataset"].isin(view.plan.pictures) & (table["status"] == "ok")]
    measured = intervals.measured_at(intervals.COVERAGE, int(table["seed"].nunique()))
    return {
        "name": str(suite.get("name", view.store.folder.name)),
        "question": str(suite.get("question") or ""),
        "null_tasks": table_rows.nulls(null_rows.by_task(learners)),
        "headline": headline_tables.ranking_values(view.headline) if view.headline else None,
        "norms": headline_tables.norm_values(view),
        "unranked": "" if view.headline else averaging.why_none(learners, view.metrics),
        "by_task": table_rows.answers(results),
        "held": remarks.fixed_factors(_rivals(view), table),
        "removals": table_rows.removals(removals, best),
        "removed": remarks.removals(removals, best),
        "unscored": f"{waiting_scores(view.unscored, str(view.store.folder))}." if view.unscored else "",
        "coupled": remarks.coupled(table),
        "enough": remarks.undertrained(noise_floors.nearest(learners, view.metrics, data_axes)),
        "metrics": sorted({label(metric) for metric in view.metrics.values()}),
        "floor": noise_floors.of_points(table, view.metrics),
        "reached": list(map(remarks.image_floors, noise_floors.of_images(images, view.metrics, data_axes))),
        "fid": bool(covered("fid", table.columns)),
        "exact": "w1" in table or not set(view.metrics.values()) - {"w1_excess"},
        "sliced": "sliced_w" in view.metrics.values(),
        "cells": table_rows.cells(view.cells),
        "beside": [heading for _, heading in table_rows.beside(view.cells)],
        "swept": bool((table["setting"] != "").any()),
        "failures": frames["failures.csv"].map(plain).to_dict("records"),
        "all_finished": counted(len(table), "run") if (table["status"] == "ok").all() else "",
        "settings": [(title, list(frame.columns), frame.to_numpy().tolist()) for title, frame in tables.settings(view)],
        "methods": methods.paragraph(view),
        "bibtex": methods.references(view),
        "coverage": {"n": measured[0], "percent": list(map(percent, measured[1]))} if measured else None,
        "versions": frames["versions.csv"].to_dict("records"),
        "mixed": tables.mixed(table),
        "command": tables.commands(view),
        "folders": shlex.join([part.path for part in view.plan.parts] or [str(view.store.folder)]),
        "has_records": view.store.has_any_records,
        "tables_alone": remarks.tables_alone(list(map(str, view.store.tables_alone))),
        "csvs": list(frames),
    }


def answers(store: Results) -> list[str]:
    """Return the paragraphs that the report of these records opens with. Raises what `build_report` raises."""
    view, study = tables.read(confirmed(store)), study_results.read(store)
    reached = settings_reached.read(store, study) if study else None
    return answers_of(view, findings.findings(view), study, reached)


def answers_of(
    view: View, beside: Mapping[str, Finding], study: StudyResults | None, reached: Reached | None
) -> list[str]:
    """Return those of records that have been read: of a view, its findings, and its study where it has one."""
    return _answer(view, ranking.judge(_rivals(view), view.metrics), beside, study, reached)


def _answer(
    view: View,
    results: list[TaskResult],
    beside: Mapping[str, Finding],
    study: StudyResults | None,
    reached: Reached | None,
) -> list[str]:
    paragraphs = findings.answer(_ranked(view, results) if _learns(view) else [], beside)
    if study:
        of_trials = settings_text.sentence(study, primary=not (reached and reached.primary))
        confirmed_too = paragraphs if study.confirmed else ()
        first = settings_text.of_reached(reached) if reached else ""
        paragraphs = [first, of_trials, " ".join(filter(None, [settings_text.confirmation(study), *confirmed_too]))]
    return list(filter(None, paragraphs))


def _learns(view: View) -> bool:
    """Whether there is a ranking to speak of: all may be critics alone."""
    return not view.learners.empty or view.table.empty


def _ranked(view: View, results: list[TaskResult]) -> list[str]:
    if view.headline:
        first, *more = answer.of_headline(view)
        return [remarks.caveat(confounding(view.learners)) + first, *more]
    rivals = _rivals(view)
    swept = cell_table.swept_columns(rivals, view.data_axes)
    text = answer.sentence(rivals, results, tables.advice(view))
    drawn = (view.suite.get("study") or {}).get("space", ())
    fixed = remarks.fixed_factors(rivals, view.learners)
    first = f"{remarks.caveat(confounding(view.learners, drawn))}{text} {fixed}".rstrip()
    return [first, remarks.edges(ranking.at_edges(rivals, view.metrics, swept))]


def _rivals(view: View) -> pd.DataFrame:
    """Return what competes in each task: of several objectives the runs that the headline compares."""
    learners = view.learners
    table = view.compared if learners["objective"].nunique() > 1 else learners
    return ranking.rivals(table, view.data_axes)


def _csv_tables(view: View, results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the CSV files by name; every run of the plan is in runs.csv and counted in cells.csv."""
    headline, nulls, frames = view.headline, null_rows.by_task(view.table), {}
    if headline:
        frames = {
            "headline.csv": headline.rows.merge(headline.runs),
            "headline-tasks.csv": headline.by_task.reset_index(),
            **headline_tables.frames(view),
            "leave-one-out.csv": leave_one_out.leave_one_out(headline, view.data_axes),
        }
    settings = {f"settings-{title.lower().replace(' ', '-')}.csv": frame for title, frame in tables.settings(view)}
    return {
        **frames,
        "answer.csv": results,
        **({"nulls.csv": nulls} if len(nulls) else {}),
        "cells.csv": view.cells,
        "runs.csv": view.table,
        "scored.csv": view.scored,
        "failures.csv": tables.failures(view.table),
        **settings,
        "versions.csv": tables.versions(view.table),
    }


def _counts(table: pd.DataFrame) -> str:
    """Return "9 runs planned: 7 ok, 2 diverged": the statuses add up to the plan."""
    counts = table["status"].value_counts()
    by_status = ", ".join(f"{int(counts[name]):,} {name}" for name in STATUSES if counts.get(name))
    return f"{counted(len(table), 'run')} planned" + (f": {by_status}" if by_status else "")


def _write(contents: dict[str, bytes], out: Path) -> None:
    """Write every file whole, in order; drop figures and tables of an earlier report that are no longer written.

    Raises StoreError where the folder cannot be written.
    """
    try:
        old = [path for path in (out / "figures").glob("*") if FIGURE.fullmatch(path.name)]
        if (page := out / "index.html").is_file():
            old += [out / "tables" / name.decode() for name in LISTED.findall(page.read_bytes())]
        for name, content in contents.items():
            write_atomic(out / name, content, flush=False)
        for path in old:
            if path.relative_to(out).as_posix() not in contents:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"the report cannot be written to {out}: {reason(error)}.") from error
