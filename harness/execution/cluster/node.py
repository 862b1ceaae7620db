"""What a machine of a cluster does with a stack: it is trained and scored by a worker here, in a folder of its own.

The worker is a process as on the user's own machine, so that its limits, its death and what plug-ins do to it are told
in the same way, and nothing of that is the cluster's. Whatever comes of the stack is yielded as soon as it is there.
"""

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from harness.disk.files import stamp, temporary
from harness.disk.owners import wrote_and_died
from harness.errors import DataError, HarnessError, StoreError
from harness.execution.outcomes import StackOutcome
from harness.execution.payloads import PLUGIN, Files, Payload, check_data, clear, committed, software, unpack
from harness.store import Record, Scores, Store
from harness.workers.local import Workers

LOOK_S = 1.0  # between two looks for a new checkpoint


@dataclass(frozen=True)
class TaskFunctions:
    """What a call does on nodes, of all that it does; functions that a worker there can import."""

    prepare: Callable[[], None]
    train: Callable[..., StackOutcome]
    score: Callable[..., object]


@dataclass(frozen=True)
class StackTask:
    """What is to be done with a stack, and what its training is given."""

    functions: TaskFunctions
    stack_id: str
    runs: Sequence[str]
    device: str
    members: Sequence[str]
    limit_s: float | None


@dataclass(frozen=True)
class CheckpointUpdate:
    """A checkpoint as it is now; no files once it is spent."""

    name: str
    files: Files | None


@dataclass(frozen=True)
class CompletedRun:
    """A run that was trained: its record, the files that it keeps, and its scores where it could be scored."""

    record: Record
    files: Files
    scores: Scores | None


Message = CheckpointUpdate | CompletedRun | StackOutcome | Exception


def run_stack(payload: Payload, task: StackTask) -> Iterator[Message]:
    """Train and score a stack; yield its checkpoints, its runs, and last what became of it, or what was raised."""
    try:
        yield from _run_stack(payload, task)
    except Exception as error:
        yield _named(error)
    finally:
        clear(_folder(payload))


def run_whole_stack(payload: Payload, task: StackTask) -> list[Message]:
    """Return at the end what `run_stack` yields as it comes."""
    return [*run_stack(payload, task)]


def check_node(payload: Payload | None, ours: Mapping[str, str], prepare: Callable[[], None]) -> Exception | None:
    """Return what keeps this machine from training a plan's runs: other software, or data that are not there."""
    try:
        _refuse_other(ours)
        if payload is not None:
            store = unpack(payload, _folder(payload))
            _worker(prepare, payload).submit(check_data, str(store.folder)).result()
    except Exception as error:
        return _named(error)
    return None


def _run_stack(payload: Payload, task: StackTask) -> Iterator[Message]:
    _refuse_other(payload.software)
    worker, store = _worker(task.functions.prepare, payload), unpack(payload, _folder(payload))
    folder = str(store.folder)
    given = folder, task.stack_id, task.runs, task.device, task.members
    training, marks = worker.submit(task.functions.train, *given, limit_s=task.limit_s), _marks(store)
    while not wait([training], LOOK_S).done:
        now = _marks(store)
        for name in now:
            if now[name] != marks.get(name) and (files := store.read_checkpoint(name)) is not None:
                yield CheckpointUpdate(name, files)
        marks |= now
    for run_id in committed(store, task.runs):
        with suppress(Exception):  # whoever asked for it scores it again, and says why that fails
            worker.submit(task.functions.score, folder, [run_id]).result()
        record = store.record(run_id)
        assert record is not None, "it was committed here"
        files = {name: store.artefact(run_id, name) for name in record.files}
        yield CompletedRun(record, files, store.scores(run_id, payload.plan.score_id))
    now = _marks(store)
    for name in {**payload.checkpoints, **marks, **now}:
        yield CheckpointUpdate(name, store.read_checkpoint(name) if name in now else None)
    yield training.result()


def _marks(store: Store) -> dict[str, object]:
    """Return what changes when a checkpoint of a folder does, by its name."""
    return {path.name: stamp(path) for path in (store.folder / "checkpoints").glob("[!.]*")}


def _refuse_other(ours: Mapping[str, str]) -> None:
    """Raise HarnessError where the software here is not the one that runs were planned with."""
    here = software(name for name in ours if name.startswith(PLUGIN))
    for name, planned in ours.items():
        if here.get(name) != planned:
            raise HarnessError(
                f"{name} is {here.get(name)} there and {planned} where the suite is planned; install the same on all "
                "nodes, as by one container image"
            )


def _named(error: Exception) -> Exception:
    """Return an error that names this machine, where it is about what lies here."""
    if type(error) in (DataError, HarnessError, StoreError):
        return type(error)(f"node {socket.gethostname()}: {error}")
    return error


_workers: dict[tuple[object, str], Workers] = {}


def _worker(prepare: Callable[[], None], payload: Payload) -> Workers:
    """Return the worker of this process, a new one where other GPUs are to be seen."""
    wanted = prepare, os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if wanted not in _workers:
        for other in _workers.values():
            other.stop()
        _workers.clear()
        if payload.data:
            os.environ.setdefault("HARNESS_DATA", payload.data)
        _workers[wanted] = Workers(1, prepare)
    return _workers[wanted]


def _folder(payload: Payload) -> Path:
    return _home() / "results" / payload.plan.suite


@lru_cache(maxsize=1)
def _home() -> Path:
    """Return a folder of this process's own, on the disk of this machine; those of processes that are gone go."""
    place = Path(tempfile.gettempdir()) / "harness-node"
    for old in place.parent.glob(f".{place.name}.*.tmp"):
        if wrote_and_died(old.name):
            shutil.rmtree(old, ignore_errors=True)
    home = temporary(place)
    home.mkdir(mode=0o700)
    return home
