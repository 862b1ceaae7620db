"""What is left of a plan, each task with the address and the size that its timings have."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from harness.engine.snapshots import FIXED, GRID
from harness.metrics import samples_drawn, score_id
from harness.plan.estimate import ScoringTask, TrainingTask, Trial, Workload
from harness.plan.stacks import BYTES, COPIES, is_known, works
from harness.plugins.components import tables
from harness.spec import RunSpec, content_id
from harness.store import reference_settings
from harness.store.plan_file import Json, Mode, Plan, PlannedRun, Stack
from harness.suite.checks.network_sizes import player_sizes
from harness.suite.format.models import frame_steps, scored_steps, state_steps

LAST = 2  # a run's last scored step takes all metrics: about two steps more than one of the others
GRID_BYTES = 0.5  # of a score of a critic's grid
CURVE_BYTES = 25  # of a step


class StackLeft(NamedTuple):
    """A pinned stack with its runs that are left, and the `members` that train with them, `begun` steps of which are
    done: those of finished runs that they go on from."""

    stack: Stack
    runs: Sequence[str]
    members: Sequence[str]
    begun: int = 0


def workload(plan: Plan, left: Iterable[StackLeft], trained: Iterable[str], scored: Iterable[str]) -> Workload:
    """Return what is left of a plan: stacks, and runs trained but not scored.

    `scored` lists runs that are done, whose references exist.
    """
    score, runs = plan.resolved["score"], {run.run_id: run for run in plan.runs}
    training, scoring = _training(plan), _scoring(plan, runs, score)
    return Workload(
        runs=len(runs),
        samples=score["samples"],
        extractors=score.get("extractors"),
        stacks=tuple(training(each, runs[each.runs[0]], tuple(map(scoring, each.runs))) for each in left),
        scores=tuple(map(scoring, trained)),
        references=frozenset(reference_address(plan.specs[run_id]) for run_id in scored if run_id in runs),
    )


def trials(plan: Plan, load: Workload) -> list[Trial]:
    """Return what a trial of a stack needs, for one stack of each key and size of a workload."""
    kinds: dict[tuple[str, float], TrainingTask] = {}
    for task in load.stacks:
        kinds.setdefault((task.key, task.size), task)
    by_id = {stack.id: stack for stack in plan.stacks}
    stacks = [(task, by_id[task.id]) for task in kinds.values()]
    return [Trial(task, stack.mode, [plan.spec(run_id) for run_id in stack.runs]) for task, stack in stacks]


def trained_runs(members: Sequence[str], mode: Mode) -> int:
    """Return how many runs train where a stack does: all of it, and a lone run of a stacked Setup twice."""
    return max(len(members), 2 if mode == "stacked" else 1)


def reference_address(spec: Mapping[str, Any]) -> str:
    """Return the address of what a run is scored against."""
    return content_id(reference_settings(spec))


def written_bytes(spec: RunSpec, resolved: Json) -> float:
    """Return about how many bytes a run writes: weights, a snapshot a scored step, samples, frames and states.

    A critic's grid compresses to half a byte a score; all else is taken as it is.
    """
    setup, score = spec.setup, resolved["score"]
    if not is_known(setup):
        return 0.0
    steps, shape = setup.train["steps"], tables().dataset[setup.dataset].shape(setup.data)
    values, is_picture = prod(shape), len(shape) == 3
    sample = values * (1 if is_picture else BYTES)
    weights = {player: BYTES * size.parameters for player, size in player_sizes(setup).items()}
    drawn, n = samples_drawn(score["samples"], spec), score["samples"]
    view = BYTES * n * (2 + (0 if is_picture else values)) + (GRID**2 * GRID_BYTES if shape == (2,) else 0)
    shots = len(scored_steps(score["at"], steps)) * (weights["critic"] + drawn * sample + view)
    frames = len(frame_steps(score.get("frames", 0), steps)) * FIXED * sample
    states = len(state_steps(resolved.get("train", {}).get("keep", ()), steps)) * COPIES * sum(weights.values())
    return float(shots + drawn * sample + frames + states + sum(weights.values()) + CURVE_BYTES * steps)


def _training(plan: Plan) -> Callable[[StackLeft, PlannedRun, tuple[ScoringTask, ...]], TrainingTask]:
    """Return a function that says how a stack's training is timed: by its Setup but for the number of steps, and its
    work a step. Stacks that share a Setup share the address.
    """
    work, addresses, sizes = works(plan), dict[int, str](), dict[int, float]()

    def training(left: StackLeft, run: PlannedRun, scores: tuple[ScoringTask, ...]) -> TrainingTask:
        plain = plan.specs[left.members[0]]["setup"]
        steps, members = plain["train"]["steps"], trained_runs(left.members, left.stack.mode)
        if id(plain) not in addresses:
            train = {name: value for name, value in plain["train"].items() if name != "steps"}
            addresses[id(plain)] = content_id({**plain, "train": train})
            sizes[id(plain)] = written_bytes(plan.spec(left.members[0]), plan.resolved)
        return TrainingTask(
            id=left.stack.id,
            name=f"{run.dataset} {run.architecture} {run.objective}",
            key=addresses[id(plain)],
            size=members * work(left.stack) / steps,
            members=members,
            steps=steps,
            points=len(scored_steps(plan.resolved["score"]["at"], steps)),
            scores=scores,
            left=1 - left.begun / (steps * len(left.members)),
            bytes=sizes[id(plain)],
        )

    return training


def _scoring(plan: Plan, runs: Mapping[str, PlannedRun], score: Mapping[str, Any]) -> Callable[[str], ScoringTask]:
    """Return a function that says how the scoring of a run is timed: by its data set and the metrics, its scored steps
    and their samples. Runs that share a Setup share the addresses.
    """
    metrics = score_id([], 0, score.get("extractors"), score.get("metrics", {}))
    addresses: dict[tuple[object, ...], tuple[str, str, float, str]] = {}

    def scoring(run_id: str) -> ScoringTask:
        spec = plan.specs[run_id]
        setup, floats = spec["setup"], (value for name, value in spec["hyper"].items() if name.startswith("data."))
        same = (id(setup), runs[run_id].dataset, *floats)
        if same not in addresses:
            data = {"dataset": setup["dataset"], "version": setup["versions"]["dataset"], **setup["data"]}
            points = len(scored_steps(score["at"], setup["train"]["steps"]))
            size = (points + LAST) * score["samples"] ** 2
            name = f"scoring on {runs[run_id].dataset}"
            addresses[same] = content_id({**data, "score": metrics}), reference_address(spec), size, name
        key, reference, size, name = addresses[same]
        return ScoringTask(run_id, name, key, size, reference)

    return scoring
