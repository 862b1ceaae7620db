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
    across_tasks,
    averaging,
    cell_table,
    critics,
    leave_one_out,
    main_effects,
    noise_floors,
    null_rows,
    ranking,
    sensitivity,
    tables,
)
from harness.report.analysis.comparable import confounding
from harness.report.analysis.diagnostics.layer_gradients import LayerGradients, layer_gradients
from harness.report.analysis.main_effects import Effect
from harness.report.analysis.ranking import TaskResult
from harness.report.analysis.tables import View
from harness.report.figures import (
    across_figures,
    critic_figures,
    crossed_figures,
    layer_figures,
    panels,
    sample_sheets,
    study_figures,
    task_figures,
    trick_figures,
)
from harness.report.findings import alone, alone_figures, alone_text
from harness.report.results import Results, confirmed
from harness.report.studies import settings_reached, study_results, study_slices, trick_effects
from harness.report.studies.settings_reached import Reached
from harness.report.studies.study_results import StudyResults
from harness.report.studies.trick_effects import TrickEffects
from harness.report.text import (
    across_text,
    answer,
    critic_text,
    crossed_text,
    headline_tables,
    layer_text,
    methods,
    remarks,
    settings_text,
    table_rows,
    trick_text,
)
from harness.report.text.table_rows import Row
from harness.statistics import intervals
from harness.store import STATUSES
from harness.store.table_files import csv
from harness.text import counted, listed, percent, plain, printable, waiting_scores

# Files of an earlier report that may go, by folder.
OURS = {
    "figures": re.compile(
        r"(headline|tasks|across|study|survival|weights|slices|planes|sweep|effects|alone|layers|crossed|tricks|primary|steps|points|grid|sheets|frames|losses|critics|estimates)-\d\d-.*\.(png|svg|gif)"
    ),
    "tables": re.compile(
        r"(headline(-(tasks|norms|leads|settings|edges))?|nulls|leave-one-out|answer|cells|runs|scored|failures|settings-[a-z-]+|versions|sweeps|sweep-ranges"
        r"|critic-(objectives|steps|correlations)|across-(pairs|objectives|profiles)|variance-shares|main-effects|critics-alone|layer-(gradients|norms)|tricks(-overall)?|crossed(-effects|-shares|-coverage)?"
        r"|trials|study|survival(-pairs)?|study-pairs|best-of-trials|slices|planes|importances)\.csv"
    ),
}


def build_report(store: Results, out: Path) -> Path:
    """Write out/index.html, out/tables/*.csv and out/figures/*, each atomically, and return the page's path.

    The same records give the same bytes. Raises HarnessError where a finished run lacks its primary metric, naming
    the run, and StoreError where `out` cannot be written.
    """
    view, study = tables.read(confirmed(store)), study_results.read(store)
    reached = settings_reached.read(store, study) if study else None
    across = across_tasks.across(view.headline, view.compared) if view.headline else None
    data_axes, learners = view.plan.data_axes, view.learners
    of_critics = alone.critics_alone(view.table, data_axes)
    sweeps, ranges = sensitivity.sweeps(learners, data_axes), sensitivity.ranges(learners, data_axes)
    known = critics.critics(learners, view.scored, view.cells)
    sections = task_figures.sections(view) | sample_sheets.sections(view) | across_figures.sections(view, across)
    sections |= critic_figures.sections(view, known)
    sections["sensitivity"] = study_figures.sweep_section(sweeps, view.styled)
    effects = _effects(view)
    sections["effects"] = study_figures.effect_section(effects)
    tricks = _tricks(view)
    sections["tricks"] = trick_figures.section(tricks)
    gradients = _gradients(view)
    sections["layers"] = layer_figures.section(gradients)
    sections["alone"] = alone_figures.section(of_critics)
    if learners.empty:  # there is nothing to rank
        sections |= dict.fromkeys(("primary", "steps"), panels.Section((), ()))
    sections["crossed"] = crossed_figures.section(view.crossed)
    results = ranking.judge(_rivals(view), view.metrics)
    frames = _csv_tables(view, ranking.by_task(results))
    frames |= across_tasks.frames(across) if across else {}
    frames |= known.frames if known else {}
    frames |= {"sweeps.csv": sensitivity.table_of(sweeps)} if sweeps else {}
    frames |= {"sweep-ranges.csv": ranges} if len(ranges) else {}
    frames |= {"main-effects.csv": main_effects.table_of(effects)} if effects else {}
    frames |= {"tricks.csv": tricks.by_task, "tricks-overall.csv": tricks.overall} if tricks else {}
    frames |= {"critics-alone.csv": alone.table_of(of_critics)} if of_critics else {}
    if view.crossed:
        cross = view.crossed
        frames |= {"crossed.csv": cross.cells, "crossed-effects.csv": cross.effects, "crossed-shares.csv": cross.shares}
        frames |= {"crossed-coverage.csv": cross.coverage} if len(cross.coverage) else {}
    if gradients:
        frames |= {"layer-gradients.csv": gradients.cells, "layer-norms.csv": gradients.norms}
    if study:
        sections |= study_figures.sections(study, view.styled)
        frames |= study_slices.frames(study)
    if reached:
        sections["survival"] = study_figures.reached_section(reached, view.styled)
        frames |= {"survival.csv": reached.curves, "survival-pairs.csv": reached.pairs}
    values = _values(view, results, frames) | {
        "answer": _answer(view, results, study, reached),
        "counts": study.counts if study else _counts(view.table),
        "across": across_text.across_values(across) if across else None,
        "layers": layer_text.rows(gradients) if gradients else [],
        "effects": settings_text.main_effects(effects),
        "tricks": trick_text.values(tricks) if tricks else None,
        "alone": alone_text.rows(of_critics),
        "learns": not learners.empty or view.table.empty,
        "crossed": crossed_text.values(view.crossed) if view.crossed else None,
        "critics": critic_text.critic_values(known) if known else None,
        "sensitivity": settings_text.sensitivity(ranges, sensitivity.swept(learners, data_axes)),
        "study": settings_text.study_values(study, not (reached and reached.primary)) if study else None,
        "survival": settings_text.reached_values(reached) if reached else None,
        "figures": sections,
    }
    files = {f"tables/{name}": csv(frame) for name, frame in frames.items()}
    for section in sections.values():
        for panel in section.panels:
            files |= {f"figures/{panel.name}.{ending}": content for ending, content in panel.files.items()}
    # The page comes last: it never names a file that is not there yet.
    files["index.html"] = render(values).encode("utf-8", "backslashreplace")
    _write(files, out)
    return out / "index.html"


def render(values: Row) -> str:
    """Return the page. Every value is escaped: the template is the only source of markup, page.css and page.js beside
    it the only style and script, which the page's policy names by their hashes.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_clean
    )
    css, js = read("page.css"), read("page.js")
    template = environment.from_string(read("page.html.j2"))
    return template.render(values, css=Markup(css), js=Markup(js), policy=Markup(policy(css, js)))


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


def _values(view: View, results: list[TaskResult], frames: dict[str, pd.DataFrame]) -> Row:
    """Return what the template shows of runs and tasks, as text and lists of text."""
    suite, table, data_axes, learners = view.suite, view.table, view.plan.data_axes, view.learners
    removals, best = frames.get("leave-one-out.csv", pd.DataFrame()), view.headline.best.first if view.headline else ""
    swept = sensitivity.swept(learners, data_axes)
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
        "held": remarks.norms(_rivals(view), table),
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
        "swept_names": listed(swept) if swept else "",
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
        "csvs": list(frames),
    }


def answers(store: Results) -> list[str]:
    """Return the paragraphs that the report of these records opens with. Raises what `build_report` raises."""
    view, study = tables.read(confirmed(store)), study_results.read(store)
    reached = settings_reached.read(store, study) if study else None
    return _answer(view, ranking.judge(_rivals(view), view.metrics), study, reached)


def _answer(view: View, results: list[TaskResult], study: StudyResults | None, reached: Reached | None) -> list[str]:
    paragraphs = _of_runs(view, results)
    if study:
        of_trials = settings_text.sentence(study, primary=not (reached and reached.primary))
        confirmed_too = paragraphs if study.confirmed else ()
        first = settings_text.of_reached(reached) if reached else ""
        paragraphs = [first, of_trials, " ".join(filter(None, [settings_text.confirmation(study), *confirmed_too]))]
    return list(filter(None, paragraphs))


def _of_runs(view: View, results: list[TaskResult]) -> list[str]:
    gradients, tricks = _gradients(view), _tricks(view)
    sentences = [layer_text.paragraph(gradients)] if gradients else []
    sentences += [trick_text.paragraph(tricks)] if tricks else []
    return [*sentences, *([crossed_text.paragraph(view.crossed)] if view.crossed else []), *_of_rivals(view, results)]


def _of_rivals(view: View, results: list[TaskResult]) -> list[str]:
    effects = " ".join(settings_text.main_effects(_effects(view)))
    fixed = view.table.drop(view.learners.index)
    of_critics = alone_text.paragraphs(alone.critics_alone(fixed, view.plan.data_axes), fixed) if len(fixed) else []
    if view.learners.empty and of_critics:
        return of_critics
    if view.headline:
        first, *more = answer.of_headline(view)
        return [remarks.caveat(confounding(view.learners)) + first, effects, *more, *of_critics]
    rivals = _rivals(view)
    swept = cell_table.swept_columns(rivals, view.plan.data_axes)
    text = answer.sentence(rivals, results, tables.advice(view))
    drawn = (view.suite.get("study") or {}).get("space", ())
    first = f"{remarks.caveat(confounding(view.learners, drawn))}{text} {remarks.norms(rivals, view.learners)}".rstrip()
    return [first, effects, remarks.edges(ranking.at_edges(rivals, view.metrics, swept)), *of_critics]


def _tricks(view: View) -> TrickEffects | None:
    """Return what tricks do in a suite; a study draws settings, and its candidates are not paired."""
    return None if view.plan.study else trick_effects.trick_effects(view.compared, view.metrics, view.plan.data_axes)


def _effects(view: View) -> list[Effect]:
    """Return the main effects of what a suite crosses; a study draws, and crosses nothing."""
    return [] if view.plan.study else main_effects.main_effects(view.learners, view.plan.data_axes)


def _gradients(view: View) -> LayerGradients | None:
    """Return the gradients by layer of deep critics; those of a study's trials have no setting in common."""
    return None if view.plan.study else layer_gradients(view.table, view.plan.data_axes)


def _rivals(view: View) -> pd.DataFrame:
    """Return what competes in each task: of several objectives the runs that the headline compares."""
    learners = view.learners
    table = view.compared if learners["objective"].nunique() > 1 else learners
    return ranking.rivals(table, view.plan.data_axes)


def _csv_tables(view: View, results: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the CSV files by name; every run of the plan is in runs.csv and counted in cells.csv."""
    headline, nulls, frames = view.headline, null_rows.by_task(view.table), {}
    if headline:
        frames = {
            "headline.csv": headline.rows.merge(headline.runs),
            "headline-tasks.csv": headline.by_task.reset_index(),
            **headline_tables.frames(view),
            "leave-one-out.csv": leave_one_out.leave_one_out(headline, view.plan.data_axes),
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
        for name, content in contents.items():
            write_atomic(out / name, content, flush=False)
        for folder, ours in OURS.items():
            for old in (out / folder).glob("*"):
                if ours.fullmatch(old.name) and f"{folder}/{old.name}" not in contents:
                    old.unlink()
    except OSError as error:
        raise StoreError(f"the report cannot be written to {out}: {error.strerror or error}.") from error
