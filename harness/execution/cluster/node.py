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
from harness.execution.parcels import PLUGIN, Files, Parcel, clear, committed, look_for_data, software, unpack
from harness.store import Record, Scores, Store
from harness.workers.local import Workers

LOOK_S = 1.0  # between two looks for a new checkpoint


@dataclass(frozen=True)
class StackTasks:
    """What a call does on nodes, of all that it does; functions that a worker there can import."""

    prepare: Callable[[], None]
    train: Callable[..., StackOutcome]
    score: Callable[..., object]


@dataclass(frozen=True)
class Work:
    """What is to be done with a stack, and what its training is given."""

    tasks: StackTasks
    stack_id: str
    runs: Sequence[str]
    device: str
    members: Sequence[str]
    limit_s: float | None


@dataclass(frozen=True)
class Kept:
    """A checkpoint as it is now; no files once it is spent."""

    name: str
    files: Files | None


@dataclass(frozen=True)
class Done:
    """A run that was trained: its record, the files that it keeps, and its scores where it could be scored."""

    record: Record
    files: Files
    scores: Scores | None


Message = Kept | Done | StackOutcome | Exception


def carry_out(parcel: Parcel, work: Work) -> Iterator[Message]:
    """Train and score a stack; yield its checkpoints, its runs, and last what became of it, or what was raised."""
    try:
        yield from _carry_out(parcel, work)
    except Exception as error:
        yield _named(error)
    finally:
        clear(_folder(parcel))


def all_of(parcel: Parcel, work: Work) -> list[Message]:
    """Return at the end what `carry_out` yields as it comes."""
    return [*carry_out(parcel, work)]


def look_around(parcel: Parcel | None, ours: Mapping[str, str], prepare: Callable[[], None]) -> Exception | None:
    """Return what keeps this machine from training a plan's runs: other software, or data that are not there."""
    try:
        _refuse_other(ours)
        if parcel is not None:
            store = unpack(parcel, _folder(parcel))
            _worker(prepare, parcel).submit(look_for_data, str(store.folder)).result()
    except Exception as error:
        return _named(error)
    return None


def _carry_out(parcel: Parcel, work: Work) -> Iterator[Message]:
    _refuse_other(parcel.software)
    worker, store = _worker(work.tasks.prepare, parcel), unpack(parcel, _folder(parcel))
    folder = str(store.folder)
    given = folder, work.stack_id, work.runs, work.device, work.members
    training, marks = worker.submit(work.tasks.train, *given, limit_s=work.limit_s), _marks(store)
    while not wait([training], LOOK_S).done:
        now = _marks(store)
        for name in now:
            if now[name] != marks.get(name) and (files := store.read_checkpoint(name)) is not None:
                yield Kept(name, files)
        marks |= now
    for run_id in committed(store, work.runs):
        with suppress(Exception):  # whoever asked for it scores it again, and says why that fails
            worker.submit(work.tasks.score, folder, [run_id]).result()
        record = store.record(run_id)
        assert record is not None, "it was committed here"
        files = {name: store.artefact(run_id, name) for name in record.files}
        yield Done(record, files, store.scores(run_id, parcel.plan.score_id))
    now = _marks(store)
    for name in {**parcel.checkpoints, **marks, **now}:
        yield Kept(name, store.read_checkpoint(name) if name in now else None)
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


def _worker(prepare: Callable[[], None], parcel: Parcel) -> Workers:
    """Return the worker of this process, a new one where other GPUs are to be seen."""
    wanted = prepare, os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if wanted not in _workers:
        for other in _workers.values():
            other.stop()
        _workers.clear()
        if parcel.data:
            os.environ.setdefault("HARNESS_DATA", parcel.data)
        _workers[wanted] = Workers(1, prepare)
    return _workers[wanted]


def _folder(parcel: Parcel) -> Path:
    return _home() / "results" / parcel.plan.suite


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
