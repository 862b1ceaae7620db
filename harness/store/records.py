"""What is kept of one run, as values and as JSON: its record, its attempts that ended without one, its scores.

A checksum tells a torn file and not a foreign one: each `from_json` raises Malformed where a mapping cannot be what its
place says. Files of version 1 other than records have no checksum at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from harness.disk.schema import Malformed, matching, one_of, require, schema
from harness.errors import StoreError
from harness.spec import content_id
from harness.store.plan_file import SPEC, Json, is_name

FINAL = ("ok", "diverged")
LOST = ("failed", "oom", "timeout")  # tried again by a later call
STATUSES = (*FINAL, *LOST, "pending")

RECORD = schema(
    {
        "run_id": is_name,
        "status": one_of(*FINAL),
        "spec": SPEC,
        "first_bad_step?": (None, int),
        "facts": {str: (None, bool, float)},
        "provenance": {str: (None, str)},
        "files": {str: matching("[0-9a-f]{64}")},
        "sizes?": {str: int},
    }
)
ATTEMPT = schema({"status": one_of(*LOST), "error": str, "log?": str})
SCORES = schema(
    {
        "steps": {str: {str: (None, float)}},
        "score_s": float,
        "made_with?": {str: (None, str)},
        "score_id?": is_name,
        "run_id?": is_name,
    }
)
LONGEST = 200  # characters of a file's name

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
        require(value, RECORD)
        if value["run_id"] != run_id or content_id(value["spec"]) != run_id:
            raise Malformed(f"it is the record of another run, {value['run_id']}")
        for name in value["files"]:
            if not _lies_inside(name):
                raise Malformed(f"it names a file that no run keeps, {ascii(name)[:80]}")
        return cls(**{name: value[name] for name in cls.__dataclass_fields__ if name in value})


@dataclass(frozen=True)
class Attempt:
    """A training that ended without a record: failed, oom or timeout. `log` is what log.txt beside the last one holds;
    None of an earlier harness.
    """

    status: str
    error: str
    log: str | None = None

    @classmethod
    def from_json(cls, value: Json) -> "Attempt":
        """Return an attempt. Raises Malformed."""
        require(value, ATTEMPT)
        return cls(value["status"], value["error"], value.get("log"))


@dataclass(frozen=True)
class Scores:
    """The metrics of a run's scored steps by one way of scoring, its seconds, and the versions it was made with."""

    run_id: str
    score_id: str
    score_s: float
    made_with: Mapping[str, str]
    steps: Mapping[int, Metrics]

    def to_json(self) -> Json:
        """Return the plain form, with steps as text."""
        return {**vars(self), "steps": {str(step): dict(metrics) for step, metrics in self.steps.items()}}

    @classmethod
    def from_json(cls, value: Json, run_id: str, score_id: str) -> "Scores":
        """Return the scores of a run by a way of scoring; those of an earlier harness need not say whose they are.

        Raises Malformed.
        """
        require(value, SCORES)
        if value.get("run_id", run_id) != run_id:
            raise Malformed(f"these are the scores of another run, {value['run_id']}")
        if value.get("score_id", score_id) != score_id:
            raise Malformed(f"these are scores by another way of scoring, {value['score_id']}")
        if not all(step.isdecimal() and len(step) < 16 for step in value["steps"]):
            raise Malformed("its steps are not metrics by step")
        steps = {int(step): metrics for step, metrics in value["steps"].items()}
        return cls(run_id, score_id, value["score_s"], value.get("made_with", {}), steps)


def _lies_inside(name: str) -> bool:
    """Whether a file of this name lies in the folder of its run; a snapshot is called after its step."""
    path = PurePosixPath(name)
    is_inside = name.isprintable() and 0 < len(name) <= LONGEST and not path.is_absolute() and ".." not in path.parts
    return is_inside and path.parts != () and (path.parts[0] != "snapshots" or path.stem.isdecimal())


def plain_name(name: str) -> str:
    """Return the name of a run or a stack. Raises StoreError where it is none."""
    if not is_name(name):
        raise StoreError(f"{name[:60]!r}: not the name of a run or a stack; the plan was not made by this harness")
    return name


def reference_settings(spec: Json) -> Json:
    """Return what the reference of a run depends on: its data set and settings."""
    setup = spec["setup"]
    floats = {name: value for name, value in spec["hyper"].items() if name.startswith("data.")}
    return {"dataset": setup["dataset"], "version": setup["versions"]["dataset"], **setup["data"], **floats}
