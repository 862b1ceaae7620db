"""What plan.json holds, typed: the one place that reads and writes it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from harness.disk.documents import FORMAT
from harness.disk.schema import Kind, Malformed, is_plain, matching, nothing, one_of, require, schema, whole
from harness.papers import Paper
from harness.spec import MAX_COUNT, RunSpec

Device = Literal["cpu", "cuda"]
Mode = Literal["stacked", "single"]
Json = Mapping[str, Any]  # plain data, as a file holds it


# Of a run, a stack or a way of scoring: files are called so, and anything else could lead out of the folder.
is_name = matching("[A-Za-z0-9][A-Za-z0-9_-]{,63}")
PLAIN: Kind = {str: is_plain}
COUNT = whole(1, MAX_COUNT)
SPEC: Kind = {
    "setup": {
        "dataset": str,
        "architecture": str,
        "objective": str,
        "data": PLAIN,
        "generator": PLAIN,
        "critic": PLAIN,
        "tricks": PLAIN,
        "train": {"steps": COUNT, "batch": COUNT, "pack": COUNT, "generator": str, str: is_plain},
        "versions": {"dataset": int, "architecture": int, str: int},
        str: nothing,
    },
    "hyper": {"critic_lr": float, "generator_lr": float, str: float},
    "seed": int,
    str: nothing,
}
NAMES = ("dataset", "architecture", "objective", "objective.base")
ROW = {"run_id": is_name, **dict.fromkeys(NAMES, str), "seed": int, "sweep": PLAIN}
STACK = {
    "id": is_name,
    "device": one_of("cpu", "cuda"),
    "mode": one_of("stacked", "single"),
    "runs": [is_name],
    "replaces?": (None, is_name),
}
TRIAL = {"objective": str, "number": int, "params": PLAIN, "runs": [is_name]}
STUDY = {"identity": str, "trials": [TRIAL], "chosen": [TRIAL]}
RANGE = ({"low": float, "high": float, "log": bool, "whole": bool}, {"choices": [(str, bool, float)]})
SETTING = {
    "objective": str,
    "base": str,
    "kind": str,
    "hyper": {str: list},
    "recipe": (None, {"source": str, "keys": [str], "in_part": [str]}),
    "papers?": [
        {f"{field.name}?": str for field in fields(Paper)}
        | {"key": str, "authors": str, "title": str, "year?": int, str: nothing}
    ],
}
RESOLVED: Kind = {
    "name": str,
    "question?": (None, str),
    "primary": {"toys": str, "images": str},
    "score": {
        "at": [float],
        "samples": COUNT,
        "frames?": whole(0, MAX_COUNT),
        "extractors?": (None, [str]),
        "metrics?": PLAIN,
    },
    "train?": {"limits?": {str: float}, str: is_plain},
    "datasets": {str: PLAIN},
    "objectives?": {str: PLAIN},
    "architectures?": {str: PLAIN},
    "plugins?": [str],
    "set?": [str],
    "study?": (
        None,
        {"space": {str: RANGE}, "trials": COUNT, "seeds": int, "seed": int, "sampler": str, str: is_plain},
    ),
    str: is_plain,
}
PLAN = schema(
    {
        "runs": [ROW],
        "specs": {str: SPEC},
        "stacks": [STACK],
        "resolved": RESOLVED,
        "score_id": is_name,
        "suite?": str,
        "merged?": int,
        "device?": one_of("cpu", "cuda"),
        "settings?": [SETTING],
        "data_axes?": [str],
        "pictures?": [str],
        "study?": (None, STUDY),
        "source?": str,
    }
)


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
        _require_plan(plain)
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


def _require_plan(plan: Json) -> None:
    """Raise Malformed where what a command takes for granted in a plan is missing, of another kind or contradictory."""
    require(plan, PLAN)
    study, planned = plan.get("study"), {row["run_id"] for row in plan["runs"]}
    trials = [*study["trials"], *study["chosen"]] if study else []
    stacked = {run_id for stack in plan["stacks"] for run_id in stack["runs"]}
    named = {
        "stacks": planned - stacked,
        "specs": (planned | stacked) - plan["specs"].keys(),
        "runs": {run_id for trial in trials for run_id in trial["runs"]} - planned,
    }
    for key, lost in named.items():
        if lost:
            raise Malformed(f"its {key} lack the run {min(lost)}")
    if study and not plan["resolved"].get("study"):
        raise Malformed("it holds a study, and its suite has none")
