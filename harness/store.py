"""Records on disk: the only writer of results, and their only reader.

    results/<suite>/  suite.yaml  plan.json  runs.parquet  references/<dataset>.npz
                      runs/<run_id>/  record.json  attempts/<n>.json  scores/<score_id>.json  curves.parquet
                                      samples.npz  snapshots/<step>.npz  *.safetensors  log.txt

Artefacts are written first and record.json last, each under a temporary name, flushed, and put in place by one link or
rename: a kill at any moment leaves whole files. The first commit of a run wins. Everything but runs/ and plan.json is
derived. Reading runs no code: strict JSON, parquet, npz without pickle, safetensors.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import StoreError
from harness.spec import canonical_json, content_id

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FINAL = ("ok", "diverged")
LOST = ("failed", "oom", "timeout")  # tried again by a later call
STATUSES = (*FINAL, *LOST, "pending")
RECORD_VERSION = 1


class Store:
    """The results of one suite, in one folder."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    # The plan and the suite

    @cached_property
    def plan(self) -> dict[str, Any]:
        """plan.json, read once. Raises StoreError where the folder holds none."""
        path = self.folder / "plan.json"
        if not path.is_file():
            raise StoreError(
                f"{self.folder}: no plan.json there; name a folder that `harness run` made, such as results/quickstart"
            )
        return dict(read_json(path))

    @property
    def suite(self) -> dict[str, Any]:
        """The resolved suite, as plain data."""
        return dict(self.plan["resolved"])

    def write_plan(self, plan: Mapping[str, Any], suite_text: str) -> None:
        """Write suite.yaml and plan.json. Raises StoreError where the folder cannot be written."""
        try:
            (self.folder / "runs").mkdir(parents=True, exist_ok=True)
            write_atomic(self.folder / "suite.yaml", suite_text.encode())
            write_json(self.folder / "plan.json", plan)
            self.__dict__.pop("plan", None)
            self.__dict__.pop("_references", None)
        except OSError as error:
            raise StoreError(f"{self.folder}: cannot be written ({error.strerror}); choose another with -o") from None

    # One run

    def run_folder(self, run_id: str) -> Path:
        """Where a run's files lie."""
        return self.folder / "runs" / run_id

    def record(self, run_id: str) -> dict[str, Any] | None:
        """The final record of a run, or None. Raises StoreError where the file is damaged."""
        path = self.run_folder(run_id) / "record.json"
        if not path.exists():
            return None
        record = read_json(path)
        if record.get("checksum") != checksum(record) or record.get("run_id") != run_id:
            raise StoreError(
                f"{path}: its content does not match its checksum; remove the file to train that run again"
            )
        return record

    def finished(self) -> set[str]:
        """Ids of runs with a final record."""
        return {path.parent.name for path in (self.folder / "runs").glob("*/record.json")}

    def status(self, run_id: str) -> str:
        """One of STATUSES: the record's, else the last attempt's, else pending."""
        record = self.record(run_id)
        if record is not None:
            return str(record["status"])
        attempt = self.last_attempt(run_id)
        return str(attempt["status"]) if attempt else "pending"

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        """The attempts that ended without a record, oldest first: status and error of each."""
        paths = (self.run_folder(run_id) / "attempts").glob("*.json")
        return [read_json(path) for path in sorted(paths, key=lambda path: int(path.stem))]

    def last_attempt(self, run_id: str) -> dict[str, Any] | None:
        """The newest attempt that ended without a record, or None."""
        return next(reversed(self.attempts(run_id)), None)

    def commit(self, record: Mapping[str, Any], artefacts: Mapping[str, bytes]) -> bool:
        """Keep a trained run: artefacts first, record last. Returns False where the run was committed before."""
        folder = self.run_folder(record["run_id"])
        if (folder / "record.json").exists():
            return False
        for name, content in artefacts.items():
            write_atomic(folder / name, content)
        files = {name: hashlib.sha256(content).hexdigest() for name, content in artefacts.items()}
        whole = {"version": RECORD_VERSION, **record, "files": files}
        return write_once(folder / "record.json", to_json({**whole, "checksum": checksum(whole)}))

    def commit_attempt(self, run_id: str, status: str, error: str, log: str) -> None:
        """Keep an attempt that ended without a record: failed, oom or timeout."""
        folder = self.run_folder(run_id)
        number = 1 + len(list((folder / "attempts").glob("*.json")))
        write_atomic(folder / "log.txt", log.encode())
        write_once(folder / "attempts" / f"{number}.json", to_json({"status": status, "error": error}))

    def commit_scores(self, run_id: str, score_id: str, steps: Mapping[int, Mapping[str, Any]], seconds: float) -> None:
        """Keep the metrics of every scored step of a run."""
        scores = {"score_id": score_id, "score_s": seconds, "steps": {str(step): dict(m) for step, m in steps.items()}}
        write_json(self.run_folder(run_id) / "scores" / f"{score_id}.json", scores)

    def scores(self, run_id: str, score_id: str) -> dict[str, Any] | None:
        """Metrics by step for one way of scoring, or None."""
        path = self.run_folder(run_id) / "scores" / f"{score_id}.json"
        return read_json(path) if path.exists() else None

    def unscored(self, run_ids: Iterable[str], score_id: str) -> list[str]:
        """Those with a record but without these scores, in the order given."""
        done = self.finished()
        return [r for r in run_ids if r in done and not (self.run_folder(r) / "scores" / f"{score_id}.json").exists()]

    def steps(self, run_id: str) -> list[int]:
        """Steps of the snapshots kept of a run."""
        return sorted(int(path.stem) for path in (self.run_folder(run_id) / "snapshots").glob("*.npz"))

    def snapshot(self, run_id: str, step: int | None = None) -> "dict[str, np.ndarray]":
        """The arrays of one snapshot, the last by default. Raises StoreError where there is none."""
        steps = self.steps(run_id)
        if not steps or (step is not None and step not in steps):
            raise StoreError(f"{self.run_folder(run_id)}: no snapshot of step {step}; kept: {steps}")
        return read_npz(self.run_folder(run_id) / "snapshots" / f"{steps[-1] if step is None else step}.npz")

    def curves(self, run_id: str) -> "pd.DataFrame":
        """Losses and gradient norms by step."""
        import pandas as pd

        return pd.read_parquet(self.run_folder(run_id) / "curves.parquet")

    # References

    def reference_path(self, dataset: str, run_id: str) -> Path:
        """Where the reference of a data set variant lies: its name, with a hash where its settings differ by run."""
        hashes = self._references[dataset]
        suffix = f"-{hashes[run_id][:8]}" if len(set(hashes.values())) > 1 else ""
        return self.folder / "references" / f"{dataset}{suffix}.npz"

    @cached_property
    def _references(self) -> dict[str, dict[str, str]]:
        """The hash of what each run's reference depends on, by data set variant."""
        found: dict[str, dict[str, str]] = {}
        for planned in self.plan["runs"]:
            spec = self.plan["specs"][planned["run_id"]]
            found.setdefault(planned["dataset"], {})[planned["run_id"]] = content_id(reference_settings(spec))
        return found

    def reference(self, dataset: str, run_id: str) -> "np.ndarray":
        """The real points that a run was scored against: [n, *shape]."""
        return read_npz(self.reference_path(dataset, run_id))["reference"]

    # Tables

    def table(self) -> "pd.DataFrame":
        """One row for every planned run."""
        from harness.table import runs_table

        return runs_table(self)

    def scored(self) -> "pd.DataFrame":
        """Long table of metrics: a row for every scored step of every run."""
        from harness.table import scored_table

        return scored_table(self)


def reference_settings(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What the reference of a run depends on: its data set and settings."""
    setup = spec["setup"]
    floats = {name: value for name, value in spec["hyper"].items() if name.startswith("data.")}
    return {"dataset": setup["dataset"], "version": setup["versions"]["dataset"], **setup["data"], **floats}


def to_json(value: Any) -> bytes:
    """Strict JSON: no NaN, readable, one final newline."""
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n").encode()


def checksum(record: Mapping[str, Any]) -> str:
    """sha256 of the record's canonical JSON without its checksum."""
    rest = {key: value for key, value in record.items() if key != "checksum"}
    return hashlib.sha256(canonical_json(rest).encode()).hexdigest()


def read_json(path: Path) -> Any:
    """Parse strict JSON. Raises StoreError naming the file where it is torn or holds NaN."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise StoreError(f"{path}: not valid JSON ({error}); remove the file and run the suite again") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def write_json(path: Path, value: Any) -> None:
    """Write strict JSON, replacing what was there."""
    write_atomic(path, to_json(value))


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, replacing what was there."""
    temporary = _flushed(path, content)
    try:
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(path.parent)


def write_once(path: Path, content: bytes) -> bool:
    """Write a file whole, unless it exists: the first writer wins. Returns whether it was this one."""
    temporary = _flushed(path, content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _flush_folder(path.parent)
    return True


def _flushed(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)  # a full disk, say: half a file helps nobody
        raise
    return temporary


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def npz_bytes(arrays: "Mapping[str, np.ndarray]") -> bytes:
    """Arrays as a compressed npz file's content; equal arrays, equal bytes."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_npz(path: Path) -> "dict[str, np.ndarray]":
    """Arrays of an npz file, without pickle. Raises StoreError where it is missing or torn."""
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise StoreError(f"{path}: cannot be read as arrays ({error})") from None
