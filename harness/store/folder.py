"""The results of one suite on disk: the only writer of results, and their only reader.

    results/<suite>/  suite.yaml  plan.json  runs.parquet  references/<dataset>.npz  claims/  checkpoints/  damaged/
                      runs/<run_id>/  record.json  attempts/<n>.json  scores/<score_id>.json  curves.parquet
                                      samples.npz  snapshots/<step>.npz  *.safetensors  states/<step>.safetensors
                                      frames.npz  log.txt

Artefacts are written and flushed first and record.json is put in place last: a kill at any moment leaves whole files.
The first commit of a run wins. Everything but runs/ and plan.json is derived. Reading runs no code: strict JSON,
parquet, npz without pickle, safetensors. A damaged file counts as absent when it is read, and is remembered.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, cached_property, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.disk.arrays import read_npz
from harness.disk.documents import Plain, read_json, seal, write_json
from harness.disk.files import (
    ABSENT,
    drafted,
    flush_all,
    link_once,
    locked,
    make_folder,
    read_bytes,
    stamp,
    write_atomic,
    write_once,
    writing,
)
from harness.errors import Damaged, StoreError
from harness.spec import content_id
from harness.store import checkpoints, published_file
from harness.store.claims import Claim, Claims, Holder
from harness.store.plan_file import Plan, is_name
from harness.store.records import (
    FINAL,
    Attempt,
    Metrics,
    Record,
    Scores,
    plain_name,
    reference_settings,
)
from harness.text import counted, reason

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from harness.store import contents

T = TypeVar("T")
SOURCE = "# from "  # begins suite.yaml, before a path: plan.json may be lost


@cache
def _opened(folder: str, path: str) -> "Store":
    """`path` is the absolute one: a relative folder is another one where the working directory has changed."""
    return Store(folder)


def open_store(folder: str | Path) -> "Store":
    """Return this process's Store of a folder, one for each spelling of its path, refreshed.

    Tasks and commands begin with this; only a look that is to remember nothing takes a Store of its own.
    """
    store = _opened(str(folder), os.path.abspath(folder))
    store.refresh()
    return store


class Store:
    """The results of one suite, in one folder.

    What it remembers is the plan, until it is written, locked or refreshed, what damage it met, until that is set aside
    or the store refreshed, and the record that was read last, until its file is another one. Everything else is read
    from the disk whenever it is asked for.

    damage   why each damaged file that was met is one, by path
    spoiled  the runs that count as not finished for it
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._runs = self.folder / "runs"
        self.damage: dict[Path, str] = {}
        self.spoiled: set[str] = set()
        self._stamp: object = None  # of the plan that was read
        self._last: tuple[object, Record | None] = None, None  # record that was read, by path and stamp

    # The plan and the suite

    @cached_property
    def plan(self) -> Plan:
        """plan.json, read once. Raises Damaged, where it is lost too, and StoreError where there are no results."""
        path, self._stamp = self.plan_path, self._mark()
        plan = self._published_plan() if published_file.is_published(self.folder) else read_json(path, Plan.from_json)
        if plan is not None:
            self._refuse_foreign(plan)
            return plan
        if self.finished():
            raise Damaged(path, "missing beside finished runs")
        raise StoreError(
            f"{self.folder}: no plan.json there; name a folder that `harness run` made, such as results/quickstart"
        )

    def _published_plan(self) -> Plan:
        """Return the plan of a published file. Raises StoreError where its table is of other runs."""
        from harness.store.table_files import frozen_table

        plan = published_file.plan(self.folder)
        if [run.run_id for run in plan.runs] != frozen_table(self.folder, "runs")["run_id"].tolist():
            raise StoreError(f"{self.folder}: its runs.parquet is not of the runs that its plan.json names")
        return plan

    def _mark(self) -> object:
        """What changes when another plan is put in place."""
        return stamp(self.folder if published_file.is_published(self.folder) else self.plan_path)

    def _refuse_foreign(self, plan: Plan) -> None:
        """Raise Damaged where a plan is of another suite than suite.yaml, or has planned few of the finished runs."""
        name, finished = self._suite_name(), self.finished()
        if name and plan.suite and name != plan.suite:
            raise Damaged(self.plan_path, f"of another suite, {plan.suite[:80]!r}: suite.yaml is of {name[:80]!r}")
        known = len(finished & plan.specs.keys())  # two suites may share a run
        if 2 * known < len(finished):
            whose = f"of another suite, {plan.suite[:80]!r}" if plan.suite else "of another suite"
            few = f"it has planned {known or 'none'} of the {counted(len(finished), 'finished run')}"
            raise Damaged(self.plan_path, f"{whose}: {few}")

    def _suite_name(self) -> str:
        """The name of the folder of the suite in suite.yaml, "" where that is gone."""
        text = ""
        with suppress(StoreError):
            text = self._suite_file().decode(errors="replace")
        keys = dict(re.findall(r"^(name|scale): ['\"]?([^'\"\s]+)", text, re.MULTILINE))
        return "@".join(keys[key] for key in ("name", "scale") if key in keys)

    @property
    def plan_path(self) -> Path:
        """Where the plan lies."""
        return self.folder / "plan.json"

    @cached_property
    def planned(self) -> frozenset[str]:
        """Ids of the planned runs."""
        return frozenset(self.plan.run_ids)

    @property
    def suite(self) -> Plain:
        """The resolved suite, as plain data."""
        return dict(self.plan.resolved)

    @property
    def suite_text(self) -> str:
        """suite.yaml, as text; empty where it is gone, as it is derived."""
        with suppress(Damaged):
            return self._suite_file().decode(errors="replace")
        return ""

    def _suite_file(self) -> bytes:
        if published_file.is_published(self.folder):
            return published_file.member(self.folder, "suite.yaml")
        return read_bytes(self.folder / "suite.yaml") or b""

    @property
    def source(self) -> str:
        """The suite file that the plan was made from, as suite.yaml says in its first line; "" where it does not."""
        first = self.suite_text.partition("\n")[0]
        with suppress(ValueError):
            return str(json.loads(first.removeprefix(SOURCE))) if first.startswith(SOURCE) else ""
        return ""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from changing the plan. Not to be nested. Raises StoreError.

        What is read of the plan inside is read anew.
        """
        with writing(self.folder), locked(self.folder / ".lock"):
            self._forget()
            yield

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Keep every other call from writing the report: planning and training go on meanwhile. Raises StoreError."""
        with writing(self.folder), locked(self.folder / ".report.lock"):
            yield

    def write_plan(self, plan: Plan, suite_text: str) -> None:
        """Write plan.json, and suite.yaml where its text is known. Raises StoreError where they cannot be written."""
        with writing(self.folder):
            flush_all(make_folder(self._runs))
            if suite_text:
                first = (
                    f"{SOURCE}{json.dumps(plan.source)}\n" if plan.source and not suite_text.startswith(SOURCE) else ""
                )
                write_atomic(self.folder / "suite.yaml", (first + suite_text).encode())
            write_json(self.plan_path, plan.to_json())
        self._forget()

    def refresh(self) -> None:
        """Forget the damage that was met, and the plan where plan.json is another by now."""
        self.damage, self.spoiled = {}, set()
        if self._stamp != self._mark():
            self._forget()

    def _forget(self) -> None:
        for name in ("plan", "planned", "_references"):
            self.__dict__.pop(name, None)

    # One run

    def run_folder(self, run_id: str) -> Path:
        """Where a run's files lie. Raises StoreError where `run_id` is not the name of a run."""
        return self._runs / plain_name(run_id)

    def record(self, run_id: str) -> Record | None:
        """The final record of a run, or None."""
        path = self.run_folder(run_id) / "record.json"
        if run_id in self.spoiled:
            return None
        mark, (known, record) = (path, stamp(path)), self._last
        if mark == known and record is not None:  # each artefact of a run asks for its record again
            return record
        record = self._read(path, partial(Record.from_json, run_id=run_id), needs_sum=True)
        self._last = mark, record
        return record

    def finished(self) -> set[str]:
        """Ids of runs with a final record, but for those met as damaged. Reads none of them.

        Of frozen results their table says so.
        """
        from harness.store.table_files import frozen_table, is_frozen

        if is_frozen(self.folder):
            table = frozen_table(self.folder, "runs")
            return set(table.loc[table["status"].isin(FINAL), "run_id"])
        return {r for r in self.begun() - self.spoiled if os.path.exists(f"{self._runs}/{r}/record.json")}

    def begun(self) -> set[str]:
        """Ids of runs that have a folder: no other can have ended. Raises StoreError."""
        try:
            return {name for name in os.listdir(self._runs) if is_name(name)}
        except ABSENT:
            return set()
        except OSError as error:
            raise StoreError(f"{self._runs}: cannot be read ({reason(error)})") from None

    def spoils_a_run(self, path: Path) -> bool:
        """Whether a damaged file is a record or an artefact, and not an attempt, its log or scores."""
        parts = path.relative_to(self.folder).parts
        return parts[0] == "runs" and len(parts) > 2 and parts[2] not in ("attempts", "log.txt", "scores")

    def status(self, run_id: str) -> str:
        """One of STATUSES: the record's, else the last attempt's, else pending."""
        ended = self.record(run_id) or self.last_attempt(run_id)
        return ended.status if ended else "pending"

    def attempts(self, run_id: str) -> list[Attempt]:
        """The attempts that ended without a record, oldest first."""
        folder = self.run_folder(run_id) / "attempts"
        attempts = [self._read(folder / f"{number}.json", Attempt.from_json) for number in numbers(folder, ".json")]
        return [attempt for attempt in attempts if attempt is not None]

    def last_attempt(self, run_id: str) -> Attempt | None:
        """The newest attempt that ended without a record, or None."""
        return next(reversed(self.attempts(run_id)), None)

    def commit(self, record: Record, artefacts: Mapping[str, bytes]) -> bool:
        """Keep a trained run: artefacts first, record last. Returns False where the run was committed before.

        Raises StoreError where it cannot be written; nothing of it is then kept.
        """
        folder = self.run_folder(record.run_id)
        path = folder / "record.json"
        if path.exists():
            return False
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in artefacts.items()}
        sizes = {name: len(content) for name, content in artefacts.items()}
        whole = seal(vars(replace(record, files=sums, sizes=sizes)))
        between = {folder / above for name in artefacts for above in Path(name).parents if above != Path()}
        with writing(folder), drafted(folder, {**artefacts, path.name: whole}) as draft:
            with self.placing():
                if path.exists():
                    return False  # artefacts of a committed run must not be replaced
                for above in (folder, *between):
                    above.mkdir(parents=True, exist_ok=True)
                for name in artefacts:
                    os.replace(draft / name, folder / name)
                if not link_once(draft / path.name, path):
                    return False
            flush_all({self._runs, folder, *between})
        return True

    @contextmanager
    def placing(self) -> Iterator[None]:
        """Keep every other process from putting a run in place, or setting one aside. Not to be nested."""
        with writing(self._runs), locked(self._runs / ".lock"):
            yield

    def commit_attempt(self, run_id: str, status: str, error: str, log: str) -> None:
        """Keep an attempt that ended without a record: failed, oom or timeout. Raises StoreError."""
        folder = self.run_folder(run_id)
        text = log.encode(errors="backslashreplace")
        attempt = seal(vars(Attempt(status, error, text.decode())))
        with writing(folder):
            number = 1 + max(numbers(folder / "attempts", ".json"), default=0)
            while not write_once(folder / "attempts" / f"{number}.json", attempt):
                number += 1
            write_atomic(self.log_path(run_id), text, flush=False)
            flush_all([folder, self._runs])

    def log_path(self, run_id: str) -> Path:
        """Where the log of a run's last attempt lies: derived from that attempt, which holds it as well."""
        return self.run_folder(run_id) / "log.txt"

    def commit_scores(
        self, run_id: str, score_id: str, steps: Mapping[int, Metrics], seconds: float, **made_with: str
    ) -> None:
        """Keep the metrics of a run's scored steps. Raises StoreError. Not flushed: what is lost is scored again."""
        path = self.scores_path(run_id, score_id)
        with writing(path):
            write_json(path, Scores(run_id, score_id, seconds, made_with, steps).to_json(), flush=False)

    def scores(self, run_id: str, score_id: str) -> Scores | None:
        """Metrics by step for one way of scoring, or None."""
        path = self.scores_path(run_id, score_id)
        return self._read(path, partial(Scores.from_json, run_id=run_id, score_id=score_id))

    def scores_path(self, run_id: str, score_id: str) -> Path:
        """Where the metrics of a run lie."""
        return self.run_folder(run_id) / "scores" / f"{score_id}.json"

    def unscored(self, run_ids: Iterable[str], score_id: str) -> list[str]:
        """Those with a record but without these scores, in the order given. Reads none of them, and no folder."""
        left = []
        for run_id in dict.fromkeys(run_ids):
            path = self.scores_path(run_id, score_id)
            is_trained = run_id not in self.spoiled and os.path.exists(self.run_folder(run_id) / "record.json")
            if is_trained and (path in self.damage or not os.path.exists(path)):
                left.append(run_id)
        return left

    def artefact(self, run_id: str, name: str) -> bytes:
        """Content of a file that a finished run keeps, checked against its record.

        Raises Damaged where it is not what was committed, StoreError where the run keeps no such file.
        """
        path, record = self.run_folder(run_id) / name, self.record(run_id)
        if record is None or name not in record.files:
            raise StoreError(f"{path}: that run keeps no such file")
        return self._remembering(lambda: read_artefact(path, record.files[name]))

    def read(self, run_id: str, name: str, parse: Callable[[bytes, Path], T]) -> T:
        """What a file that a finished run keeps holds, by a function of `contents`. Raises what `artefact` raises."""
        content = self.artefact(run_id, name)
        return self._remembering(lambda: parse(content, self.run_folder(run_id) / name))

    def _files(self, run_id: str) -> Iterable[str]:
        record = self.record(run_id)
        return record.files if record else ()

    def arrays(self, run_id: str, name: str) -> "dict[str, np.ndarray]":
        """The arrays of an npz file that a run keeps. Raises what `artefact` raises."""
        from harness.store import contents  # numpy, which `status` need not wait for

        return self.read(run_id, name, contents.arrays)

    def steps(self, run_id: str) -> list[int]:
        """Steps of the snapshots kept of a run."""
        return sorted(int(Path(name).stem) for name in self._files(run_id) if name.startswith("snapshots/"))

    def snapshot(self, run_id: str, step: int | None = None) -> "dict[str, np.ndarray]":
        """The arrays of one snapshot, the last by default. Raises what `artefact` raises."""
        steps = self.steps(run_id)
        if not steps or (step is not None and step not in steps):
            raise StoreError(f"{self.run_folder(run_id)}: no snapshot of step {step}; kept: {steps}")
        return self.arrays(run_id, f"snapshots/{steps[-1] if step is None else step}.npz")

    def states(self, run_id: str) -> list[int]:
        """Steps of the states kept of a run."""
        return sorted(int(Path(name).stem) for name in self._files(run_id) if name.startswith("states/"))

    def state(self, run_id: str, step: int) -> "dict[str, np.ndarray]":
        """The arrays of one state, as `harness.engine.checkpoint` names them. Raises what `artefact` raises."""
        from harness.store import contents

        return self.read(run_id, f"states/{step}.safetensors", contents.weights)

    def frames(self, run_id: str) -> "dict[str, np.ndarray] | None":
        """Samples of fixed latents through training, {"step": [k], "fixed": [k, n, *shape]}; None where none were kept.

        Raises what `artefact` raises.
        """
        return self.arrays(run_id, "frames.npz") if "frames.npz" in self._files(run_id) else None

    def curves(self, run_id: str) -> "pd.DataFrame":
        """Losses and gradient norms by step. Raises what `artefact` raises."""
        from harness.store import contents

        return self.read(run_id, "curves.parquet", contents.curves)

    # Stacks in training

    def claim(self, stack_id: str) -> Claim | None:
        """Claim a stack for this process; None where another has it and is not known to be gone. Raises StoreError."""
        return self._claims.take(plain_name(stack_id))

    def claims(self) -> list[Holder]:
        """Return who holds each claim."""
        return self._claims.holders()

    @cached_property
    def _claims(self) -> Claims:
        return Claims(self.folder / "claims")

    def checkpoint_path(self, stack_id: str) -> Path:
        """Where the checkpoint of a stack lies."""
        return self.folder / "checkpoints" / plain_name(stack_id)

    def write_checkpoint(self, stack_id: str, files: Mapping[str, bytes]) -> None:
        """Keep a checkpoint of a stack; the one before goes when this one is complete. Raises StoreError."""
        path = self.checkpoint_path(stack_id)
        with writing(path):
            checkpoints.write_checkpoint(path, files)

    def read_checkpoint(self, stack_id: str) -> dict[str, bytes] | None:
        """Return the files of a stack's checkpoint; None where there is none, or a damaged one: that is set aside."""
        path = self.checkpoint_path(stack_id)
        try:
            return checkpoints.read_checkpoint(path)
        except Damaged as damaged:
            self.set_aside(path, f"{path}: {damaged.why}; its stack is trained from the start")
            return None

    def training(self, stack_id: str) -> "contents.Training | None":
        """Return how far a stack in training was when its checkpoint was last written; None where there is none that
        can be read. Leaves a damaged one where it is: it is another process's.
        """
        from harness.store import contents

        path = self.checkpoint_path(stack_id)
        with suppress(StoreError):
            files = checkpoints.read_checkpoint(path)
            for content in (files or {}).values():
                return contents.training(content, path)
        return None

    def drop_checkpoint(self, stack_id: str) -> None:
        """Remove the checkpoint of a stack whose runs are all committed. Raises StoreError."""
        path = self.checkpoint_path(stack_id)
        with writing(path):
            path.unlink(missing_ok=True)

    # References

    def reference_path(self, dataset: str, run_id: str) -> Path:
        """Where the reference of a data set variant lies: its name, with a hash where its settings differ by run."""
        hashes = self._references[dataset]
        suffix = f"-{hashes[run_id][:8]}" if len(set(hashes.values())) > 1 else ""
        return self.folder / "references" / f"{dataset}{suffix}.npz"

    @cached_property
    def _references(self) -> dict[str, dict[str, str]]:
        """The hash of what each run's reference depends on, by data set variant."""
        hashes: dict[str, dict[str, str]] = {}
        for row in self.plan.runs:
            settings = reference_settings(self.plan.specs[row.run_id])
            hashes.setdefault(row.dataset, {})[row.run_id] = content_id(settings)
        return hashes

    def reference(self, dataset: str, run_id: str) -> "np.ndarray":
        """The real points that a run was scored against: [n, *shape]. Raises StoreError where they are missing."""
        path = self.reference_path(dataset, run_id)
        arrays = read_npz(path)
        if not arrays:
            raise StoreError(f"{path}: missing; `harness doctor` makes it again")
        return arrays["reference"]

    # Tables

    def table(self) -> "pd.DataFrame":
        """One row for every planned run."""
        from harness.store.table import runs_table

        return runs_table(self)

    def scored(self) -> "pd.DataFrame":
        """Long table of metrics: a row for every scored step of every run."""
        from harness.store.table import scored_table

        return scored_table(self)

    def write_table(self) -> "pd.DataFrame":
        """Make runs.parquet again from the records, and return the table. Raises StoreError."""
        from harness.store.table_files import parquet

        path, table = self.folder / "runs.parquet", self.table()
        with writing(path):
            write_atomic(path, parquet(table), flush=False)
        return table

    # Damage

    def set_aside(self, path: Path, why: str) -> str:
        """Rename a damaged file, or the folder of a damaged run, to damaged/<n>/<where it was>, keep why beside it, and
        return a line that says so. Raises StoreError.
        """
        damaged, where = self.folder / "damaged", path.relative_to(self.folder)
        with writing(path):
            damaged.mkdir(parents=True, exist_ok=True)
            for number in count(1 + len(os.listdir(damaged))):
                shelf = damaged / str(number)
                with suppress(FileExistsError):
                    shelf.mkdir()
                    break
            (shelf / where).parent.mkdir(parents=True, exist_ok=True)
            line = f"{why}; set aside in {shelf}"
            write_json(shelf / "why.json", {"path": str(where), "line": line})
            with suppress(FileNotFoundError):  # what is gone is only noted
                os.rename(path, shelf / where)
        self.damage = {other: known for other, known in self.damage.items() if path not in (other, *other.parents)}
        self.spoiled.discard(path.name)
        return line

    def _read(self, path: Path, parse: Callable[[Plain], T], needs_sum: bool = False) -> T | None:
        """Read and parse a JSON file; None without one, or of a damaged one: remembered."""
        with suppress(Damaged):
            return self._remembering(lambda: read_json(path, parse, needs_sum))
        return None

    def _remembering(self, read: Callable[[], T]) -> T:
        """Return what is read, and remember what damage that meets."""
        try:
            return read()
        except Damaged as damaged:
            self._met(damaged)
            raise

    def _met(self, damaged: Damaged) -> None:
        self.damage[damaged.path] = damaged.why
        if self.spoils_a_run(damaged.path):
            self.spoiled.add(damaged.path.relative_to(self._runs).parts[0])


def read_artefact(path: Path, digest: str) -> bytes:
    """Return the content of a file whose sha256 the record holds.

    Raises Damaged where it is missing or another, StoreError where it cannot be read.
    """
    content = read_bytes(path)
    if content is None:
        raise Damaged(path, "missing")
    if hashlib.sha256(content).hexdigest() != digest:
        raise Damaged(path, "its content does not match its record")
    return content


def numbers(folder: Path, ending: str) -> list[int]:
    """Return the numbers that name files of a folder, in order."""
    try:
        names = [name.removesuffix(ending) for name in os.listdir(folder) if name.endswith(ending)]
    except ABSENT:
        return []
    return sorted(int(name) for name in names if name.isdecimal())
