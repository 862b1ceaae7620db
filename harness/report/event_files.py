"""Runs as TensorBoard's event files: curves, scores and samples by step, a folder a run.

An event file is a sequence of TFRecords, each a serialised `Event`. They are written with TensorBoard's own encoders,
which need neither TensorFlow nor PyTorch.
"""

import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.disk.files import write_atomic
from harness.errors import HarnessError
from harness.metrics import CRITIC_METRICS
from harness.metrics.columns import MetricColumn
from harness.processes import progress
from harness.report.analysis import cell_table
from harness.report.figures import courses, sample_sheets
from harness.report.styles import Style, styles
from harness.store import FINAL, Store
from harness.store.plan_file import PlannedRun
from harness.store.table import runs_table, settings_of
from harness.text import plain, reason

NAME = "events.out.tfevents.harness"  # TensorBoard reads every file with `tfevents` in its name
MOST_STEPS = 1000  # of a curve: TensorBoard itself shows no more
LONGEST = 120  # characters of a folder's name
VERSION = "brain.Event:2"  # of the format, which the first event of a file names

Scalars = Mapping[str, float]


class RunFolder(NamedTuple):
    """A run and the folder of its events below the chosen one: data/objective/architecture[/setting]/seed-0."""

    planned: PlannedRun
    folder: Path


def write_events(store: Store, output: Path) -> tuple[int, bool]:
    """Write the events of every finished run of a results folder below `output`; those that diverged have curves alone.

    Returns how many runs were written, and whether one replaced an earlier file. The same records give the same bytes.
    Raises HarnessError where TensorBoard is not installed or nothing can be written there, StoreError where an artefact
    is damaged.
    """
    if find_spec("tensorboard") is None:
        raise HarnessError(
            "--to tensorboard: the package tensorboard is not installed: `pip install 'gan-harness[tensorboard]'`"
        )
    runs, replaced = [run for run in folders(store) if store.status(run.planned.run_id) in FINAL], False
    looks = styles(run.objective for run in store.plan.runs)
    with progress("writing event files of runs", len(runs)) as tell:
        for done, (planned, folder) in enumerate(runs, start=1):
            content, path = events(store, planned, looks[planned.objective]), output / folder / NAME
            try:
                replaced |= path.exists()
                write_atomic(path, content, flush=False)
            except OSError as error:
                raise HarnessError(f"-o {output}: cannot be written ({reason(error)}); name another folder") from None
            tell(done)
    return len(runs), replaced


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


def events(store: Store, planned: PlannedRun, look: Style) -> bytes:
    """Return the event file of a run. The clock of its events is the seconds that training had taken by their step."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    record = store.record(planned.run_id)
    assert record is not None, "of a finished run"
    a_step = float(record.facts.get("train_s") or 0) / record.last_step
    stream = io.BytesIO()
    writer = RecordWriter(stream)
    writer.write(Event(file_version=VERSION).SerializeToString())
    writer.write(Event(summary=Summary(value=[_text(store, planned, record.status)])).SerializeToString())
    for step, scalars, image in _by_step(store, planned, look):
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        if image is not None:
            values.append(Summary.Value(tag="samples", image=image))
        writer.write(Event(wall_time=step * a_step, step=step, summary=Summary(value=values)).SerializeToString())
    return stream.getvalue()


def _by_step(store: Store, planned: PlannedRun, look: Style) -> Iterator[tuple[int, Scalars, Any]]:
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
    images = dict(_images(store, planned, look))
    for step in sorted({*scalars, *images}):
        yield step, scalars.get(step, {}), images.get(step)


def _tagged(metrics: Mapping[str, float | None]) -> Scalars:
    """Return the metrics that have a value under TensorBoard's tags, but for null samplers: these know no step."""
    of_critic = {column.name for metric in CRITIC_METRICS.values() for column in metric.columns}
    parsed = {name: MetricColumn.parse(name) for name in metrics}
    return {
        f"{'critic' if parsed[name].name in of_critic else 'scores'}/{name}": float(value)
        for name, value in metrics.items()
        if value is not None and not parsed[name].sampler
    }


def _images(store: Store, planned: PlannedRun, look: Style) -> Iterator[tuple[int, Any]]:
    """Yield the steps that samples are kept of, with their sheet, or their points over real ones in the plane."""
    run_id = planned.run_id
    frames = store.frames(run_id)
    if frames is not None and frames["fixed"].ndim == 5:
        for step, images in zip(frames["step"].tolist(), frames["fixed"], strict=True):
            yield step, _image(sample_sheets.sheet_of(images))
        return
    for step in store.steps(run_id):
        shot = store.snapshot(run_id, step)
        if shot["generated"].ndim == 4:
            yield step, _image(sample_sheets.sheet_of(shot["fixed"]))
        elif shot["generated"].shape[1:] == (2,):
            real = store.reference(planned.dataset, run_id)
            yield step, _image(courses.still(courses.Scene(f"step {step:,}", real, shot, look)))


def _image(pixels: sample_sheets.Pictures) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    height, width, channels = pixels.shape
    png = sample_sheets.png(pixels)
    return Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=png)


def _text(store: Store, planned: PlannedRun, status: str) -> Any:
    """Return what TensorBoard's page of texts shows of a run: which it is, and its resolved settings."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING

    rows: dict[str, object] = {"run_id": planned.run_id, "status": status, "suite": store.folder.resolve().name}
    rows |= {key: value for key, value in settings_of(store.plan.specs[planned.run_id]).items() if _is_set(value)}
    lines = ["| setting | value |", "| --- | --- |", *(f"| {k} | {_cell(plain(v))} |" for k, v in rows.items())]
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype=DT_STRING, tensor_shape=shape, string_val=["\n".join(lines).encode()])
    return Summary.Value(tag="run", metadata=metadata, tensor=tensor)


def _is_set(value: Any) -> bool:
    return not (value is None or pd.isna(value) or value in ("", json.dumps({})))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
