"""What is kept of one run, as values and as JSON: its record, its attempts that ended without one, its scores.

A checksum tells a torn file and not a foreign one: each `from_json` raises Malformed where a mapping cannot be what its
place says. Files of version 1 other than records have no checksum at all.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness.errors import StoreError
from harness.store.plan_file import Json, Malformed, require

FINAL = ("ok", "diverged")
LOST = ("failed", "oom", "timeout")  # tried again by a later call
STATUSES = (*FINAL, *LOST, "pending")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # of a run or a stack; anything else could lead out of the folder

Metrics = Mapping[str, float | None]


@dataclass(frozen=True)
class Record:
    """A trained run: final once it is committed.

    spec    the plain form of its RunSpec          files  sha256 of each artefact by name; sizes, of version 2, bytes
    facts   what its training measured             provenance  device, stack, versions
    """

    run_id: str
    status: str
    spec: Json = field(default_factory=dict)
    first_bad_step: int | None = None
    facts: Mapping[str, float | None] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def last_step(self) -> int:
        """How many generator steps it was to train."""
        return int(self.spec["setup"]["train"]["steps"])

    @classmethod
    def from_json(cls, value: Json, run_id: str) -> "Record":
        """Return the record of a run. Raises Malformed."""
        require(value, {"run_id": str, "files": dict})
        if value["run_id"] != run_id:
            raise Malformed(f"it is the record of another run, {value['run_id']}")
        if value.get("status") not in FINAL:
            raise Malformed("it is no record")
        for name in value["files"]:
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise Malformed(f"it names a file outside of its folder, {name}")
        return cls(**{name: value[name] for name in cls.__dataclass_fields__ if name in value})


@dataclass(frozen=True)
class Attempt:
    """A training that ended without a record: failed, oom or timeout."""

    status: str
    error: str

    @classmethod
    def from_json(cls, value: Json) -> "Attempt":
        """Return an attempt. Raises Malformed."""
        require(value, {"status": str, "error": str})
        if value["status"] not in LOST:
            raise Malformed(
                f"its status is {value['status'][:40]!r}, and that of an attempt is one of {', '.join(LOST)}"
            )
        return cls(value["status"], value["error"])


@dataclass(frozen=True)
class Scores:
    """The metrics of a run's scored steps by one way of scoring, its seconds, and the versions it was made with."""

    score_id: str
    score_s: float
    made_with: Mapping[str, str]
    steps: Mapping[int, Metrics]

    def to_json(self) -> Json:
        """Return the plain form, with steps as text."""
        return asdict(self) | {"steps": {str(step): dict(metrics) for step, metrics in self.steps.items()}}

    @classmethod
    def from_json(cls, value: Json) -> "Scores":
        """Return the scores. Raises Malformed."""
        require(value, {"steps": dict, "score_s": (int, float)})
        if not all(step.isdecimal() and isinstance(metrics, dict) for step, metrics in value["steps"].items()):
            raise Malformed("its steps are not metrics by step")
        steps = {int(step): metrics for step, metrics in value["steps"].items()}
        return cls(value.get("score_id", ""), value["score_s"], value.get("made_with", {}), steps)


def plain_name(name: str) -> str:
    """Return the name of a run or a stack. Raises StoreError where it is none."""
    if not NAME.fullmatch(name):
        raise StoreError(f"{name[:60]!r}: not the name of a run or a stack; the plan was not made by this harness")
    return name


def reference_settings(spec: Json) -> Json:
    """Return what the reference of a run depends on: its data set and settings."""
    setup = spec["setup"]
    floats = {name: value for name, value in spec["hyper"].items() if name.startswith("data.")}
    return {"dataset": setup["dataset"], "version": setup["versions"]["dataset"], **setup["data"], **floats}
