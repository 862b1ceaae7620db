"""What plan.json holds, typed: the one place that reads and writes it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from harness.disk.documents import FORMAT
from harness.spec import RunSpec

Device = Literal["cpu", "cuda"]
Mode = Literal["stacked", "single"]
Json = Mapping[str, Any]  # plain data, as a file holds it

PLAN = {"runs": list, "specs": dict, "stacks": list, "resolved": dict, "score_id": str}
NAMES = ("run_id", "dataset", "architecture", "objective", "objective.base")
ROW = {**dict.fromkeys(NAMES, str), "seed": int, "sweep": dict}
STACK = {"id": str, "device": str, "mode": str, "runs": list}
STUDY = {"identity": str, "trials": list, "chosen": list}
TRIAL = {"objective": str, "number": int, "params": dict, "runs": list}


class Malformed(ValueError):
    """A mapping that is not what its place says; the text says why."""


@dataclass(frozen=True)
class PlannedRun:
    """A run and its labels: variant names, the objective's table name (`base`), swept values as the suite has them."""

    run_id: str
    dataset: str
    architecture: str
    objective: str
    base: str
    seed: int
    sweep: Json = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the row of plan.json, whose keys are columns of the table."""
        plain = {name: value for name, value in vars(self).items() if name != "base"}
        return {**plain, "objective.base": self.base, "sweep": dict(self.sweep)}

    @classmethod
    def from_json(cls, row: Json) -> "PlannedRun":
        """Invert `to_json`."""
        names = ("run_id", "dataset", "architecture", "objective", "objective.base", "seed", "sweep")
        return cls(*(row[name] for name in names))

    def label(self, kind: str) -> str:
        """Return its data set, architecture or objective: what `kind` names."""
        return str(getattr(self, kind))


@dataclass(frozen=True)
class Stack:
    """Runs that train together. `replaces`: the stack that failed on a GPU, of which this is a half."""

    id: str
    device: Device
    mode: Mode
    runs: tuple[str, ...]
    replaces: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry of plan.json."""
        plain = {name: value for name, value in vars(self).items() if value is not None}
        return {**plain, "runs": list(self.runs)}

    @classmethod
    def from_json(cls, plain: Json) -> "Stack":
        """Invert `to_json`."""
        return cls(plain["id"], plain["device"], plain["mode"], tuple(plain["runs"]), plain.get("replaces"))

    def checkpoint(self, members: Sequence[str]) -> str:
        """Return the name of its checkpoint while `members` of it train; one run of several has its own, as its mates
        may have theirs beside it."""
        return members[0] if len(members) == 1 and len(self.runs) > 1 else self.id


@dataclass(frozen=True)
class PlannedTrial:
    """Settings drawn for an objective, their place among its trials, and the runs that try them."""

    objective: str
    number: int
    params: dict[str, Any]
    runs: list[str]


@dataclass(frozen=True)
class StudyState:
    """The trials of a study so far, and the best of each objective (`chosen`) once all have ended.

    `identity` tells what the trials are drawn from: those of another study are not taken over.
    """

    identity: str
    trials: tuple[PlannedTrial, ...]
    chosen: tuple[PlannedTrial, ...] = ()

    @classmethod
    def from_json(cls, plain: Json) -> "StudyState":
        """Invert `asdict`."""
        trials, chosen = (
            tuple(PlannedTrial(**{key: trial[key] for key in TRIAL}) for trial in plain[name])
            for name in ("trials", "chosen")
        )
        return cls(plain["identity"], trials, chosen)


@dataclass(frozen=True)
class MergedPart:
    """A folder whose plan is a part of a merged one, with its resolved suite."""

    folder: str
    path: str
    resolved: Json


@dataclass(frozen=True)
class Plan:
    """What plan.json holds.

    runs       of the suite as it stands now
    specs      every run that was ever planned, by run_id, in the plain form of RunSpec
    stacks     in the order they were planned; only ever appended to
    merged     how many runs the suite asks for twice under the same labels
    resolved   the suite, as plain data
    device     that the last call trained on
    source     the suite file, relative to the folder of the results; "" where it was no file, or is not known
    settings, data_axes, pictures   what `harness.plan.describe` says of the suite
    parts      of several folders that are read as one; never in a file
    """

    suite: str
    runs: tuple[PlannedRun, ...]
    specs: Mapping[str, Json]
    stacks: tuple[Stack, ...]
    merged: int = 0
    resolved: Json = field(default_factory=dict)
    device: Device = "cpu"
    score_id: str = ""
    settings: Sequence[Json] = ()
    data_axes: Sequence[str] = ()
    pictures: Sequence[str] = ()
    study: StudyState | None = None
    source: str = ""
    parts: tuple[MergedPart, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the content of plan.json."""
        plain = {name: value for name, value in vars(self).items() if name not in ("parts", "study")}
        plain |= {name: list(plain[name]) for name in ("settings", "data_axes", "pictures")}
        runs, stacks = [run.to_json() for run in self.runs], [stack.to_json() for stack in self.stacks]
        study = {} if self.study is None else {"study": asdict(self.study)}
        if not self.source:
            del plain["source"]
        return {"version": FORMAT, **plain, "runs": runs, "stacks": stacks, **study}

    @classmethod
    def from_json(cls, plain: Json) -> "Plan":
        """Invert `to_json`. Raises Malformed."""
        _check(plain)
        stacks = tuple(Stack.from_json(stack) for stack in plain["stacks"])
        names = ("specs", "merged", "resolved", "device", "score_id", "settings", "data_axes", "pictures", "source")
        last = {"device": stacks[-1].device if stacks else "cpu"}  # for a plan that names none
        return cls(
            plain.get("suite", ""),
            tuple(PlannedRun.from_json(row) for row in plain["runs"]),
            stacks=stacks,
            study=StudyState.from_json(plain["study"]) if plain.get("study") else None,
            **last | {name: plain[name] for name in names if name in plain},
        )

    @property
    def run_ids(self) -> list[str]:
        """Ids of the planned runs, each once: one run may have several labels."""
        return list(dict.fromkeys(run.run_id for run in self.runs))

    def run(self, run_id: str) -> PlannedRun | None:
        """Return a run as it is planned first; None where it no longer is."""
        return next((run for run in self.runs if run.run_id == run_id), None)

    def spec(self, run_id: str) -> RunSpec:
        """Return the spec of a run that was ever planned."""
        return RunSpec.from_json(self.specs[run_id])

    def stack(self, stack_id: str) -> Stack:
        """Return a pinned stack."""
        return next(stack for stack in self.stacks if stack.id == stack_id)

    def only(self, run_ids: Collection[str]) -> "Plan":
        """Return the plan with some of its runs alone."""
        return replace(self, runs=tuple(run for run in self.runs if run.run_id in run_ids))


def _check(plan: Json) -> None:
    """Raise Malformed where what every command takes for granted in a plan is missing, or of another kind."""
    require(plan, PLAN)
    for name, kinds in (("runs", ROW), ("stacks", STACK)):
        for entry in plan[name]:
            try:
                require(entry, kinds)
            except (Malformed, AttributeError):
                raise Malformed(f"one of its {name} is none") from None
    study = plan.get("study")
    if study:
        try:
            require(study, STUDY)
            for trial in (*study["trials"], *study["chosen"]):
                require(trial, TRIAL)
        except (Malformed, AttributeError):
            raise Malformed("its study is none") from None
    unknown = [row["run_id"] for row in plan["runs"] if row["run_id"] not in plan["specs"]]
    if unknown:
        raise Malformed(f"it holds no spec of the run {unknown[0][:40]}")


def require(value: Json, kinds: Mapping[str, type | tuple[type, ...]]) -> None:
    """Raise Malformed naming the first key that a mapping does not hold, or whose value is of another kind."""
    for key, kind in kinds.items():
        if not isinstance(value.get(key), kind):
            raise Malformed(f"its {key} is malformed" if key in value else f"it holds no {key}")
