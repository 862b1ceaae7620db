"""Finished runs as plain data by step: what every tracker is given, TensorBoard's event files and a user's own sink."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.metrics import CRITIC_METRICS
from harness.metrics.columns import MetricColumn
from harness.report.analysis import cell_table
from harness.report.figures import courses, sample_sheets
from harness.report.figures.sample_sheets import Pictures
from harness.report.styles import Style, styles
from harness.store import FINAL, Store
from harness.store.plan_file import PlannedRun
from harness.store.table import runs_table, settings_of

MOST_STEPS = 1000  # of a curve: TensorBoard itself shows no more
LONGEST = 120  # characters of a folder's name
LABELS = ("dataset", "architecture", "objective", "seed")  # of a planned run, by which trackers group runs

Scalars = Mapping[str, float]


class Step(NamedTuple):
    """What is known of a run at a step: the seconds that training had taken, its scalars by tag (curves/critic_loss,
    scores/w1, critic/dual), and its samples as an image [height, width, 3] of uint8, or None.
    """

    step: int
    seconds: float
    scalars: Scalars
    image: Pictures | None


@dataclass(frozen=True)
class RunSeries:
    """A finished run.

    run_id    the content hash of its settings     name    data/objective/architecture[/setting]/seed-0, as a path
    suite     the name of its results folder       status  ok, or diverged: such a run has curves alone
    settings  its labels and seed, and what it was trained with, by column of runs.parquet; plain values
    steps     in order, a curve's at most MOST_STEPS, evenly
    files     where its artefacts lie, by name: curves.parquet, generator.safetensors
    """

    run_id: str
    name: str
    suite: str
    status: str
    settings: Mapping[str, object]
    steps: list[Step]
    files: Mapping[str, Path]


class RunFolder(NamedTuple):
    """A run and the folder of its events below the chosen one: data/objective/architecture[/setting]/seed-0."""

    planned: PlannedRun
    folder: Path


def finished(store: Store) -> list[RunFolder]:
    """Return the runs of a results folder that `series` can be read of."""
    return [run for run in folders(store) if store.status(run.planned.run_id) in FINAL]


def series(store: Store, run: RunFolder) -> RunSeries:
    """Return a finished run. Raises Damaged where an artefact is not what was committed."""
    planned = run.planned
    run_id = planned.run_id
    record = store.record(run_id)
    assert record is not None, "of a finished run"
    labels = {name: getattr(planned, name) for name in LABELS}
    settings = {**labels, **settings_of(store.plan.specs[run_id])}
    looks = styles(planned.objective for planned in store.plan.runs)
    a_step = float(record.facts.get("train_s") or 0) / record.last_step
    return RunSeries(
        run_id=run_id,
        name=run.folder.as_posix(),
        suite=store.folder.resolve().name,
        status=record.status,
        settings={key: value for key, value in settings.items() if _is_set(value)},
        steps=[Step(n, n * a_step, scalars, image) for n, scalars, image in _by_step(store, planned, looks)],
        files={name: store.run_folder(run_id) / name for name in record.files},
    )


def folders(store: Store) -> list[RunFolder]:
    """Return every planned run once, with its folder: no two runs share one."""
    runs = list({run.run_id: run for run in store.plan.runs}.values())
    table = cell_table.labelled(runs_table(store, runs), store.plan.data_axes)
    taken: set[Path] = set()
    folders = []
    for run, task, setting in zip(
        runs, cell_table.tasks_of(table, store.plan.data_axes), table["setting"], strict=True
    ):
        parts = [task.data_label, run.objective, run.architecture, *([setting] if setting else [])]
        above = Path(*map(_folder_name, parts))
        leaf = f"seed-{run.seed}" if above / f"seed-{run.seed}" not in taken else f"seed-{run.seed}-{run.run_id}"
        taken.add(above / leaf)
        folders.append(RunFolder(run, above / leaf))
    return folders


def _folder_name(text: str) -> str:
    """Return a label as the name of a folder: "ring, theta=0.5" as "ring,theta=0.5"."""
    return re.sub(r"[^\w.,=+{}()\[\]-]+", "", text).lstrip(".")[:LONGEST] or "-"


def _by_step(
    store: Store, planned: PlannedRun, looks: Mapping[str, Style]
) -> Iterator[tuple[int, Scalars, Pictures | None]]:
    """Yield every step that something is known of, in order: the curves' scalars, then the scores and the samples."""
    curves = store.curves(planned.run_id)
    thinned = curves.iloc[:: max(math.ceil(len(curves) / MOST_STEPS), 1)]
    names = [str(name) for name in thinned.columns if name != "step"]
    steps, values = thinned["step"].to_numpy(), thinned[names].to_numpy(np.float64)
    scalars = {
        int(step): {f"curves/{name}": float(value) for name, value in zip(names, row, strict=True)}
        for step, row in zip(steps, values, strict=True)
    }
    scores = store.scores(planned.run_id, store.plan.score_id)
    for step, metrics in (scores.steps if scores else {}).items():
        scalars[step] = {**scalars.get(step, {}), **_tagged(metrics)}
    images = dict(_images(store, planned, looks[planned.objective]))
    for step in sorted({*scalars, *images}):
        yield step, scalars.get(step, {}), images.get(step)


def _tagged(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """Return the metrics that have a value by tag, but for those of null samplers: these know no step."""
    of_critic = {column.name for metric in CRITIC_METRICS.values() for column in metric.columns}
    parsed = {name: MetricColumn.parse(name) for name in metrics}
    return {
        f"{'critic' if parsed[name].name in of_critic else 'scores'}/{name}": float(value)
        for name, value in metrics.items()
        if value is not None and not parsed[name].sampler
    }


def _images(store: Store, planned: PlannedRun, look: Style) -> Iterator[tuple[int, Pictures]]:
    """Yield the steps that samples are kept of, with their sheet, or their points over real ones in the plane."""
    run_id = planned.run_id
    frames = store.frames(run_id)
    if frames is not None and frames["fixed"].ndim == 5:
        for step, images in zip(frames["step"].tolist(), frames["fixed"], strict=True):
            yield step, sample_sheets.sheet_of(images)
        return
    for step in store.steps(run_id):
        shot = store.snapshot(run_id, step)
        if shot["generated"].ndim == 4:
            yield step, sample_sheets.sheet_of(shot["fixed"])
        elif shot["generated"].shape[1:] == (2,):
            real = store.reference(planned.dataset, run_id)
            yield step, courses.still(courses.Scene(f"step {step:,}", real, shot, look))


def _is_set(value: Any) -> bool:
    return not (value is None or pd.isna(value) or value in ("", json.dumps({})))
