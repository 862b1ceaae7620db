"""What there is to do in a results folder: to train what a suite plans, to try again, to score anew."""

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import HarnessError
from harness.execution.opening import open_planned
from harness.execution.process_state import stated
from harness.execution.provenance import machine
from harness.plugins.components import plugged_metrics
from harness.spec import ENGINE_VERSION, RunSpec, content_id
from harness.store import LOST, Store, drop_drafts, mend
from harness.store.find import run_label
from harness.store.frozen_tables import refuse_frozen
from harness.store.weights import why_not_drawn

if TYPE_CHECKING:
    from harness.plan.stacks import Plan
    from harness.suite.format.models import Suite

Todo = dict[str, Any]


@stated
def plan_suite(
    given: str | Mapping[str, Any],
    root: str,
    scale: str | None,
    sets: Sequence[str],
    only: Sequence[str],
    device: str,
    write: bool,
    study: bool = False,
) -> Todo:
    """Read a suite, plan it against what its folder already holds, and pin the plan there where `write` says so.

    Returns what `_todo` does; the description (as `harness plan --json` prints it); a line for each of its `notes`,
    and for each thing that was damaged and set aside; whether a study has `more` to plan once these runs have ended;
    and, where nothing is written, what `trials` of the workload need. Raises SuiteError before anything is written,
    HarnessError where a `study` was asked for that the suite does not have.
    """
    from harness.plan.description import describe
    from harness.plan.recovery import earlier_plan, mend_plan
    from harness.plan.run_filter import run_filter
    from harness.plan.workload import trials
    from harness.suite.load import load_suite, with_places

    suite = load_suite(given, scale=scale, sets=sets)
    place, store = resolve_device(device), Store(Path(root) / suite.folder)
    refuse_frozen(store.folder)
    if study and not suite.study:
        raise HarnessError(f"{suite.folder}: the suite has no `study`; write that block, or use `harness run`")
    if suite.study and only:
        raise HarnessError("--only: a study trains all runs of its trials; leave it out")
    resolved, previous = _with_metrics(suite.to_json()), earlier_plan(store)
    with with_places(given, scale, sets):
        plan, course = _planned(suite, store, previous, place)
    selected = run_filter(only, plan)
    _refuse_too_many(plan, resolved["score"]["samples"])
    notes = _more_samples(store, previous, resolved["score"]["samples"]) if previous is not None else []
    damage: list[str] = []
    with store.locked() if write else nullcontext():
        if write:
            if (now := earlier_plan(store)) != previous:  # another call has planned meanwhile
                plan, course = _planned(suite, store, now, place)
            drop_drafts(store)
            damage = mend_plan(store)  # where it was lost, its records stand for it, and all that they keep is read
            damage += mend(store, dict.fromkeys(row["run_id"] for row in plan.runs), deep=bool(damage))
        description = describe(suite, plan, store.finished())
        settled = {name: description[name] for name in ("settings", "data_axes", "pictures")}
        derived = {"resolved": resolved, "device": place, "score_id": _score_id(resolved["score"]), **settled, **course}
        if write:
            store.write_plan(plan.to_json() | derived, suite.to_yaml())
    todo = _todo(store, plan, derived, selected, "pending")
    notes = _read(description) + notes + _scoring(suite, description)
    todo |= {"description": description, "notes": notes, "damage": damage, "plugins": list(resolved.get("plugins", []))}
    todo |= {"more": bool(course) and not course["study"]["chosen"]}
    return todo | {"trials": {} if write else trials(plan, todo["workload"])}


def _read(description: Mapping[str, Any]) -> list[str]:
    """Say what was read of each file or folder of data."""
    return [f"'{label}': {phrase}" for label, phrase in description["read"].items()]


def _scoring(suite: "Suite", description: Mapping[str, Any]) -> list[str]:
    """Say where runs are scored on other numbers of images than asked for, on few, or by a weak extractor."""
    from harness.suite.checks.image_ranking import few_for_fid, weak_extractor

    scored = description["scored"]
    notes = [
        f"score.samples: {suite.score.samples:,} given, and '{label}' holds {n:,} pictures out: its runs are scored on "
        "these"
        for label, n in scored["held_out"].items()
    ]
    notes += [few_for_fid(label, n) for label, n in scored["few_for_fid"].items()]
    for label, errors in scored["weak"].items():
        notes += [weak_extractor(label, name, error) for name, error in errors.items()]
    return notes


def _planned(
    suite: "Suite", store: Store, previous: Mapping[str, Any] | None, place: Literal["cpu", "cuda"]
) -> tuple["Plan", dict[str, Any]]:
    """Return the plan of a suite, and what plan.json keeps of its study, where it has one: {"study": ..}."""
    from harness.plan.make import make_plan

    if not suite.study:
        return make_plan(suite, previous, place), {}
    from harness.study.course import course  # imports Optuna, which other suites need not wait for

    stands = course(suite, store, previous, _score_id(_with_metrics(suite.to_json())["score"]))
    return make_plan(suite, previous, place, stands.runs), {"study": stands.kept}


def plan_retry(folder: str, only: Sequence[str]) -> Todo:
    """Return what `_todo` does for the runs of a results folder that failed, ran out of memory or of time."""
    from harness.plan.run_filter import run_filter
    from harness.plan.stacks import Plan

    store, plan = _opened(folder)
    drop_drafts(store)
    resolve_device(plan["device"])
    planned = Plan.from_json(plan)
    return _todo(store, planned, plan, run_filter(only, planned), "lost")


def plan_scores(folder: str, samples: int | None) -> Todo:
    """Let the runs of a results folder be scored by the metrics of today, on `samples` where that is given.

    Returns what `_todo` does, with nothing to train, and `before`: what `unpin_scores` takes. Raises HarnessError where
    so many samples cannot be scored; nothing is then written.
    """
    from harness.plan.stacks import Plan

    store, plan = _opened(folder)
    score = _with_metrics(plan["resolved"])["score"]
    asked = {**score, "samples": samples or score["samples"]}
    _refuse_too_many(Plan.from_json(plan), asked["samples"])
    _refuse_too_few(Plan.from_json(plan), plan["resolved"]["primary"]["images"], asked)
    notes = _more_samples(store, plan, asked["samples"])
    drop_drafts(store)
    with store.locked():
        before = {"score": store.plan["resolved"]["score"], "score_id": store.plan["score_id"]}
        plan = {**plan, **_pinned(store, {"score": asked, "score_id": _score_id(asked)})}
    todo = _todo(store, Plan.from_json(plan), plan, (), "lost")
    return todo | {"notes": notes, "wanted": [], "before": before}


def unpin_scores(folder: str, before: Mapping[str, Any]) -> None:
    """Let the runs of a folder be scored as they were `before` a `plan_scores` by which nothing could be scored."""
    store = Store(folder)
    with store.locked():
        _pinned(store, before)


def _pinned(store: Store, how: Mapping[str, Any]) -> dict[str, Any]:
    """Write a way of scoring into plan.json, and return the plan. To be called under its lock."""
    resolved = {**store.plan["resolved"], "score": how["score"]}
    plan = {**store.plan, "resolved": resolved, "score_id": how["score_id"]}
    store.write_plan(plan, store.suite_text)
    return plan


def _refuse_too_many(plan: "Plan", samples: int) -> None:
    """Raise HarnessError where what scoring takes of the planned data sets would not fit this machine's memory."""
    from harness.datasets import DATASETS
    from harness.metrics import bytes_needed

    setups = {row["dataset"]: plan.specs[row["run_id"]]["setup"] for row in plan.runs}
    known = [setup for setup in setups.values() if setup["dataset"] in DATASETS]  # a plug-in of a data set may be gone
    needed = max((bytes_needed(DATASETS[s["dataset"]].shape(s["data"]), samples) for s in known), default=0)
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        most = int(samples * (there / needed) ** 0.5)
        raise HarnessError(
            f"score.samples: {samples} given, with which scoring a run takes {needed / 1e9:,.0f} GB of memory; this "
            f"machine has {there / 1e9:,.0f}: ask for fewer than {most:,}"
        )


def _refuse_too_few(plan: "Plan", metric: str, score: Mapping[str, Any]) -> None:
    """Raise HarnessError where pictures could no longer be ranked on the suite's metric."""
    from harness.datasets import DATASETS
    from harness.suite.checks.image_ranking import why_unranked

    found = {(row["dataset"], content_id(data)): (setup["dataset"], data) for row in plan.runs
             for setup in [plan.specs[row["run_id"]]["setup"]] for data in [setup["data"]]}  # fmt: skip
    for (label, _), (name, data) in found.items():
        entry = DATASETS.get(name)
        if entry is not None and entry.kind == "images":
            why = why_unranked(
                metric, label, entry, data, (score["samples"], score.get("extractors")), score.get("metrics", {})
            )
            if why:
                raise HarnessError(f"score.samples: {score['samples']} given; {why}")


def resolve_device(device: str) -> Literal["cpu", "cuda"]:
    """Turn auto into cuda where there is one, else cpu. Raises HarnessError for a cuda that is not there."""
    import torch

    if device not in ("cpu", "cuda", "auto"):
        raise HarnessError(f"--device: {device!r} given; cpu, cuda or auto is needed")
    if device == "cuda" and not torch.cuda.is_available():
        raise HarnessError("--device cuda: this PyTorch sees no CUDA device; use --device cpu, or auto")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def _todo(
    store: Store, plan: "Plan", derived: Mapping[str, Any], selected: Collection[str], which: Literal["pending", "lost"]
) -> Todo:
    """Return what is left of a plan, in plain data.

    stacks   {"id", "runs", "members", "least"}: the selected runs that are pending, or lost; which train with them; how
             many train at the least. Long ones first, so that no core waits for one at the end
    unscored {"id", "runs"} of each stack: its runs that were trained and not scored
    wanted   the statuses that are to be trained     limits    of a run's training
    waiting  selected runs that are lost and left       finished  how many selected runs are
    labels   of the runs to train                    workload  what is left, as timings know it on this `machine`
    """
    from harness.plan.make import unfinished
    from harness.plan.workload import workload

    place, resolved = derived["device"], derived["resolved"]
    planned = list(dict.fromkeys(row["run_id"] for row in plan.runs))
    finished = store.finished()
    lost = {run_id for run_id in planned if run_id not in finished and store.status(run_id) in LOST}
    wanted = {*planned} & {*selected} & (lost if which == "lost" else {*planned} - lost) - finished
    stacks = [_stack(plan, stack, lost) for stack in unfinished(plan, finished, place, wanted)]
    unscored = store.unscored(planned, derived["score_id"])
    return {
        "folder": str(store.folder),
        "device": place,
        "machine": machine(place) | {"engine": ENGINE_VERSION},
        "score_id": derived["score_id"],
        "limits": resolved["train"].get("limits", {}),  # an earlier harness knew none
        "stacks": stacks,
        "unscored": _by_stack(plan, unscored),
        "wanted": ["pending"] if which == "pending" else list(LOST),
        "waiting": len(lost & {*selected} - wanted),
        "finished": len(finished & {*selected}),
        "unplanned": len(finished - {*planned}),
        "labels": {row["run_id"]: run_label(row) for row in plan.runs},
        "workload": workload(plan, resolved["score"], stacks, unscored, finished - {*unscored}),
        "notes": [],
        "damage": [],
    }


def _stack(plan: "Plan", left: Mapping[str, Any], lost: Collection[str]) -> dict[str, Any]:
    """Add which runs train: all of the stack; but on a CPU, where its mates change nothing of a run, a stack that holds
    a lost run trains its wanted ones alone, lest that run takes them along again."""
    pinned = next(stack for stack in plan.stacks if stack["id"] == left["id"])
    apart = pinned["device"] == "cpu" and not {*lost}.isdisjoint(pinned["runs"])
    least = 2 if pinned["mode"] == "stacked" else 1
    return {**left, "members": left["runs"] if apart else pinned["runs"], "least": least}


def _by_stack(plan: "Plan", runs: Sequence[str]) -> list[dict[str, Any]]:
    home = {run_id: stack["id"] for stack in plan.stacks for run_id in stack["runs"]}
    stacks: dict[str, list[str]] = {}
    for run_id in runs:
        stacks.setdefault(home[run_id], []).append(run_id)
    return [{"id": stack, "runs": members} for stack, members in stacks.items()]


def _more_samples(store: Store, before: Mapping[str, Any], now: int) -> list[str]:
    """Say what becomes of finished runs when they are to be scored on more points than their snapshots keep.

    Raises HarnessError where some of them have no weights to draw from.
    """
    from harness.metrics import samples_drawn

    asked, least = before["resolved"]["score"]["samples"], now
    for run_id in sorted(store.finished() & before["specs"].keys()):
        spec = RunSpec.from_json(before["specs"][run_id])
        kept = samples_drawn(asked, spec)
        if now <= kept:
            continue
        least, record = min(least, kept), store.record(run_id)
        if record is not None and record.status == "ok" and why_not_drawn(spec):
            raise HarnessError(
                f"{store.folder}: score.samples: {now} given, but its finished runs keep {kept} samples each; "
                f"ask for at most {kept}, or for another folder with -o"
            )
    if least == now:
        return []
    return [
        f"score.samples: {now} given, and finished runs keep {least} samples: they are drawn anew from the weights "
        "kept of their last step; earlier steps get no scores"
    ]


def _opened(folder: str) -> tuple[Store, dict[str, Any]]:
    store, plan = open_planned(folder)
    return store, {"device": plan["stacks"][-1]["device"] if plan["stacks"] else "cpu", **plan}


def _score_id(score: Mapping[str, Any]) -> str:
    from harness.metrics import score_id

    return score_id(score["at"], score["samples"], score.get("extractors"), score.get("metrics", {}))


def _with_metrics(resolved: dict[str, Any]) -> dict[str, Any]:
    """Add to what a suite says the metrics of its plug-ins, where they define some."""
    metrics = plugged_metrics(resolved.get("plugins", []))
    return {**resolved, "score": {**resolved["score"], **({"metrics": metrics} if metrics else {})}}
