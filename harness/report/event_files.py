"""Runs as TensorBoard's event files: curves, scores and samples by step, a folder a run.

An event file is a sequence of TFRecords, each a serialised `Event`. They are written with TensorBoard's own encoders,
which need neither TensorFlow nor PyTorch.
"""

import io
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.disk.files import write_atomic
from harness.errors import HarnessError
from harness.processes import progress
from harness.report.figures import sample_sheets
from harness.report.run_series import RunSeries, finished, series
from harness.store import Store
from harness.text import plain, reason

NAME = "events.out.tfevents.harness"  # TensorBoard reads every file with `tfevents` in its name
VERSION = "brain.Event:2"  # of the format, which the first event of a file names


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
    runs, replaced = finished(store), False
    with progress("writing event files of runs", len(runs)) as tell:
        for done, run in enumerate(runs, start=1):
            content, path = events(series(store, run)), output / run.folder / NAME
            try:
                replaced |= path.exists()
                write_atomic(path, content, flush=False)
            except OSError as error:
                raise HarnessError(f"-o {output}: cannot be written ({reason(error)}); name another folder") from None
            tell(done)
    return len(runs), replaced


def events(run: RunSeries) -> bytes:
    """Return the event file of a run. The clock of its events is the seconds that training had taken by their step."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    stream = io.BytesIO()
    writer = RecordWriter(stream)
    writer.write(Event(file_version=VERSION).SerializeToString())
    writer.write(Event(summary=Summary(value=[_text(run)])).SerializeToString())
    for step, seconds, scalars, image in run.steps:
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        if image is not None:
            values.append(Summary.Value(tag="samples", image=_image(image)))
        writer.write(Event(wall_time=seconds, step=step, summary=Summary(value=values)).SerializeToString())
    return stream.getvalue()


def _image(pixels: sample_sheets.Pictures) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    height, width, channels = pixels.shape
    png = sample_sheets.png(pixels)
    return Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=png)


def _text(run: RunSeries) -> Any:
    """Return what TensorBoard's page of texts shows of a run: which it is, and its resolved settings."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING

    rows = {"run_id": run.run_id, "status": run.status, "suite": run.suite, **run.settings}
    lines = ["| setting | value |", "| --- | --- |", *(f"| {k} | {_cell(plain(v))} |" for k, v in rows.items())]
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype=DT_STRING, tensor_shape=shape, string_val=["\n".join(lines).encode()])
    return Summary.Value(tag="run", metadata=metadata, tensor=tensor)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
