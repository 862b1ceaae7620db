"""What there is to do in a results folder: to train what a suite plans, to try again, to score anew."""

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.disk.files import refuse_long
from harness.errors import HarnessError, Problem, SuiteError
from harness.execution.gpus import gpu_memory, visible_gpus
from harness.execution.opening import open_planned, stated
from harness.execution.provenance import machine, provenance
from harness.execution.requests import Request, ScoringPin, StackTodo, Todo
from harness.hints import quoted
from harness.plan.description import Continued, Description, Scoring
from harness.plan.origins import Origin, origins
from harness.plugins.components import is_loaded, plugged
from harness.plugins.guard import blamed
from harness.processes import collecting_no_garbage
from harness.spec import ENGINE_VERSION, content_id
from harness.store import LOST, Store, drop_drafts, mend, open_store
from harness.store.artefacts import why_not_drawn
from harness.store.find import run_label
from harness.store.plan_file import Device, Plan, Stack
from harness.store.table_files import refuse_frozen
from harness.text import none_held_out_text

if TYPE_CHECKING:
    from harness.suite.format.models import Suite


@stated
@blamed()
@collecting_no_garbage()
def plan_suite(request: Request, write: bool) -> Todo:
    """Read a suite, plan it against what its folder already holds, and pin the plan there where `write` says so.

    Where nothing is written, `trials` of the workload are given too. Raises SuiteError before anything is written,
    HarnessError where a `study` was asked for that the suite does not have.
    """
    from harness.plan.describe import describe
    from harness.plan.recovery import earlier_plan, mend_plan
    from harness.plan.run_filter import run_filter
    from harness.plan.source import source_of
    from harness.plan.workload import trials
    from harness.suite.load import load_suite, with_places

    call = (request.suite, request.scale, list(request.sets))
    suite = load_suite(request.suite, scale=request.scale, sets=list(request.sets))
    device, store = resolve_device(request.device, request.executor), open_store(Path(request.root) / suite.folder)
    refuse_long(store.folder)
    refuse_frozen(store.folder)
    if request.study and not suite.study:
        raise HarnessError(f"{suite.folder}: the suite has no `study`; write that block, or use `harness run`")
    if suite.study and request.only:
        raise HarnessError("--only: a study trains all runs of its trials; leave it out")
    resolved = _with_metrics(suite.to_json())

    def planned(previous: Plan | None) -> Plan:
        source = source_of(request.suite, resolved, previous, store.folder)
        plan = _planned(suite, store, previous, device, _score_id(resolved["score"]))
        return replace(plan, resolved=resolved, source=source)

    previous = earlier_plan(store)
    with with_places(*call):
        plan = planned(previous)
        _refuse_too_many(plan)
    selected = run_filter(request.only, plan)
    notes = _more_samples(store, previous, resolved["score"]["samples"]) if previous is not None else []
    damage: list[str] = []
    with store.locked() if write else nullcontext():
        if write:
            if (now := earlier_plan(store)) != previous:  # another call has planned meanwhile
                with with_places(*call):
                    plan = planned(now)
            drop_drafts(store)
            damage = mend_plan(store)  # where it was lost, its records stand for it, and all that they keep is read
            damage += mend(store, plan.run_ids, deep=bool(damage))
            damage += mend(store, _donors(_origins(store, plan)), deep=True, planned=plan.run_ids)
        description = describe(suite, plan)
        settings = [asdict(row) for row in description.settings]
        plan = replace(plan, settings=settings, data_axes=description.data_axes, pictures=description.pictures)
        if write:
            store.write_plan(plan, suite.to_yaml())
    replies = _origins(store, plan)
    todo = _todo(store, plan, selected, "pending", replies)
    return replace(
        todo,
        description=_with_left(description, plan, todo, len({*plan.run_ids} - selected), replies),
        notes=[*_files_read(description), *notes, *_scoring_notes(suite.score.samples, description.scored)],
        damage=damage,
        plugins=list(resolved.get("plugins", [])),
        more=plan.study is not None and not plan.study.chosen,
        trials=[] if write else trials(plan, todo.workload),
        labels=todo.labels if write else {},  # of what is trained
    )


def _with_left(
    description: Description, plan: Plan, todo: Todo, left_out: int, replies: Mapping[str, Origin | str]
) -> Description:
    """Add to the description of a plan what is left of it to do, and what of that goes on from finished runs."""
    runs = {run_id for stack in todo.stacks for run_id in stack.runs}
    replies = {run_id: reply for run_id, reply in replies.items() if run_id in runs}
    return replace(
        description,
        finished=todo.finished,
        to_train=len(runs),
        lost=todo.waiting,
        left_out=left_out,
        stacks=replace(description.stacks, unfinished=len(todo.stacks)),
        continued=_continued(plan, replies),
        anew=_anew(replies),
    )


def _planned(suite: "Suite", store: Store, previous: Plan | None, device: Device, score_id: str) -> Plan:
    """Return the plan of a suite, of a study as far as its trials have got, against the one before."""
    from harness.plan.make import make_plan

    if not suite.study:
        return replace(make_plan(suite, previous, device), score_id=score_id)
    from harness.study.course import course  # imports Optuna, which other suites need not wait for

    runs, state = course(suite, store, previous, score_id)
    return replace(make_plan(suite, previous, device, runs), score_id=score_id, study=state)


def _files_read(description: Description) -> list[str]:
    """Say what was read of each file or folder of data."""
    return [f"'{label}': {phrase}" for label, phrase in description.read.items()]


def _scoring_notes(samples: int, scored: Scoring) -> list[str]:
    """Say where runs are scored on other numbers of images than asked for, on few, or by a weak extractor."""
    from harness.suite.checks.image_ranking import few_for_fid, weak_extractor

    notes = [
        f"score.samples: {samples:,} given, and '{label}' holds {n:,} images out: its runs are scored on these"
        for label, n in scored.held_out.items()
    ]
    notes += [none_held_out_text(label) for label in scored.on_train]
    notes += [few_for_fid(label, n) for label, n in scored.few_for_fid.items()]
    for label, errors in scored.weak.items():
        notes += [weak_extractor(label, name, error) for name, error in errors.items()]
    return notes


@stated
def plan_retry(folder: str, only: Sequence[str], executor: str = "local") -> Todo:
    """Return what there is to do for the runs of a results folder that failed, ran out of memory or of time."""
    from harness.plan.run_filter import run_filter

    store, plan = open_planned(folder)
    drop_drafts(store)
    resolve_device(plan.device, executor)
    return _todo(store, plan, run_filter(only, plan), "lost", _origins(store, plan))


@stated
def plan_scores(folder: str, samples: int | None) -> Todo:
    """Let the runs of a results folder be scored by the current metrics, on `samples` where that is given.

    Raises HarnessError where so many samples cannot be scored; nothing is then written.
    """
    store, plan = open_planned(folder)
    score = _with_metrics(plan.resolved)["score"]
    pin = ScoringPin({**score, "samples": samples or score["samples"]}, "")
    pin = replace(pin, score_id=_score_id(pin.score))
    _refuse_too_many(_scored_by(plan, pin))
    _refuse_too_few(_scored_by(plan, pin))
    notes = _more_samples(store, plan, pin.score["samples"])
    drop_drafts(store)
    with store.locked():
        before = ScoringPin(store.plan.resolved["score"], store.plan.score_id)
        plan = _scored_by(store.plan, pin)
        store.write_plan(plan, store.suite_text)
    return replace(_todo(store, plan, (), "lost", {}), notes=notes, wanted=(), before=before)


def unpin_scores(folder: str, before: ScoringPin) -> None:
    """Let the runs of a folder be scored as they were `before` a `plan_scores` by which nothing could be scored."""
    store = open_store(folder)
    with store.locked():
        store.write_plan(_scored_by(store.plan, before), store.suite_text)


def _scored_by(plan: Plan, pin: ScoringPin) -> Plan:
    return replace(plan, resolved={**plan.resolved, "score": pin.score}, score_id=pin.score_id)


def _refuse_too_many(plan: Plan) -> None:
    """Raise HarnessError where what scoring takes of the planned data sets would not fit this machine's memory."""
    from harness.datasets import DATASETS
    from harness.metrics import bytes_needed

    samples = plan.resolved["score"]["samples"]
    setups = {run.dataset: plan.specs[run.run_id]["setup"] for run in plan.runs}
    known = [setup for setup in setups.values() if setup["dataset"] in DATASETS]  # a plug-in of a data set may be gone
    needed = max((bytes_needed(DATASETS[s["dataset"]].shape(s["data"]), samples) for s in known), default=0)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        most = int(samples * (memory / needed) ** 0.5)
        text = f"{samples:,} given, with which scoring a run takes {needed / 1e9:,.0f} GB of memory; this machine has "
        raise SuiteError(
            Problem(
                "too-many-samples", ("score", "samples"), f"{text}{memory / 1e9:,.0f}: ask for fewer than {most:,}."
            )
        )


def _refuse_too_few(plan: Plan) -> None:
    """Raise HarnessError where images could no longer be ranked on the suite's metric."""
    from harness.datasets import DATASETS
    from harness.suite.checks.image_ranking import why_unranked

    score, metric = plan.resolved["score"], plan.resolved["primary"]["images"]
    setups = {(run.dataset, content_id(plan.specs[run.run_id]["setup"]["data"])): run.run_id for run in plan.runs}
    for (label, _), run_id in setups.items():
        setup = plan.specs[run_id]["setup"]
        entry = DATASETS.get(setup["dataset"])
        if entry is not None and entry.kind == "images":
            scored_on = score["samples"], score.get("extractors")
            why = why_unranked(metric, label, entry, setup["data"], scored_on, score.get("metrics", {}))
            if why:
                raise HarnessError(f"score.samples: {score['samples']} given; {why}")


def resolve_device(device: str, executor: str = "local") -> Device:
    """Turn auto into cuda where there is one, else cpu. Raises HarnessError for a cuda that is not there.

    Where other machines train, the call has looked for theirs, and this one needs none.
    """
    import torch

    if device not in ("cpu", "cuda", "auto"):
        raise HarnessError(f"--device: {quoted(device)} given; cpu, cuda or auto is needed")
    if executor == "ray" and device == "cuda":
        return "cuda"
    if device == "cuda" and not torch.cuda.is_available():
        raise HarnessError("--device cuda: this PyTorch sees no CUDA device; use --device cpu, or auto")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def _origins(store: Store, plan: Plan) -> Mapping[str, Origin | str]:
    """Return what the planned runs that have not finished go on from, or why they train from scratch."""
    return origins(store, plan, {*plan.run_ids} - store.finished(), provenance(plan.device))


def _donors(replies: Mapping[str, Origin | str]) -> set[str]:
    return {reply.run_id for reply in replies.values() if isinstance(reply, Origin)}


def _continued(plan: Plan, replies: Mapping[str, Origin | str]) -> list[Continued]:
    begins = [reply for reply in replies.values() if isinstance(reply, Origin)]
    counts = Counter((plan.specs[donor]["setup"]["train"]["steps"], step) for donor, step in begins)
    return [Continued(runs, *of) for of, runs in sorted(counts.items())]


def _anew(replies: Mapping[str, Origin | str]) -> dict[str, int]:
    return dict(Counter(reply for reply in replies.values() if isinstance(reply, str)))


def _todo(
    store: Store,
    plan: Plan,
    selected: Collection[str],
    which: Literal["pending", "lost"],
    replies: Mapping[str, Origin | str],
) -> Todo:
    """Return what is left of a plan: of the selected runs those that are pending, or lost; `replies` of `_origins`."""
    from harness.plan.make import unfinished
    from harness.plan.workload import StackLeft, workload

    planned, finished = plan.run_ids, store.finished()
    begins = {run_id: reply.step for run_id, reply in replies.items() if isinstance(reply, Origin)}
    begun = {*planned} & store.begun() - finished
    lost = {run_id for run_id in begun if store.status(run_id) in LOST}
    wanted = {*planned} & {*selected} & (lost if which == "lost" else {*planned} - lost) - finished
    left = [
        StackLeft(stack, runs, members, sum(begins.get(run_id, 0) for run_id in members))
        for stack, runs in unfinished(plan, finished, plan.device, wanted)
        for members in [runs if _trains_apart(stack, lost) else stack.runs]
    ]
    unscored = store.unscored([run_id for run_id in planned if run_id in finished], plan.score_id)
    gpus = visible_gpus() if plan.device == "cuda" else ()
    return Todo(
        folder=str(store.folder),
        device=plan.device,
        machine=machine(plan.device) | {"engine": ENGINE_VERSION},
        score_id=plan.score_id,
        workload=workload(plan, left, unscored, finished - {*unscored}),
        stacks=[StackTodo(s.id, runs, members, 2 if s.mode == "stacked" else 1) for s, runs, members, _ in left],
        unscored=_by_stack(plan, unscored),
        wanted=("pending",) if which == "pending" else LOST,
        limit_s=plan.resolved["train"].get("limits", {}).get("seconds"),  # an earlier harness knew none
        gpus=gpus,
        gpu_memory=gpu_memory(plan, (each.stack for each in left)) if gpus else None,
        waiting=len(lost & {*selected} - wanted),
        finished=len(finished & {*selected}),
        unplanned=len(finished - {*planned}),
        labels={run.run_id: run_label(run) for run in plan.runs},
    )


def _trains_apart(stack: Stack, lost: Collection[str]) -> bool:
    """Whether the wanted runs of a stack train alone: on a CPU, where its mates change nothing of a run, and where it
    holds a lost run, lest that takes them along again."""
    return stack.device == "cpu" and not {*lost}.isdisjoint(stack.runs)


def _by_stack(plan: Plan, runs: Sequence[str]) -> list[StackTodo]:
    home = {run_id: stack.id for stack in plan.stacks for run_id in stack.runs}
    stacks: dict[str, list[str]] = {}
    for run_id in runs:
        stacks.setdefault(home[run_id], []).append(run_id)
    return [StackTodo(stack, members) for stack, members in stacks.items()]


def _more_samples(store: Store, before: Plan, now: int) -> list[str]:
    """Say what becomes of finished runs when they are to be scored on more points than their snapshots keep.

    Raises HarnessError where some of them have no weights to draw from.
    """
    from harness.metrics import samples_drawn

    planned, least = before.resolved["score"]["samples"], now
    for run_id in sorted(store.finished() & before.specs.keys()):
        spec = before.spec(run_id)
        drawn = samples_drawn(planned, spec)
        if now <= drawn:
            continue
        least, record = min(least, drawn), store.record(run_id)
        if record is not None and record.status == "ok" and why_not_drawn(spec):
            raise HarnessError(
                f"{store.folder}: score.samples: {now} given, but its finished runs keep {drawn} samples each; "
                f"ask for at most {drawn}, or for another folder with -o"
            )
    if least == now:
        return []
    return [
        f"score.samples: {now} given, and finished runs keep {least} samples: they are drawn anew from the weights "
        "kept of their last step; earlier steps get no scores"
    ]


def _score_id(score: Mapping[str, Any]) -> str:
    from harness.metrics import score_id

    return score_id(score["at"], score["samples"], score.get("extractors"), score.get("metrics", {}))


def _with_metrics(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Name the metrics of a suite's plug-ins in its way of scoring: the current ones, or as planned of a lost file."""
    plugins, score = resolved.get("plugins", []), dict(resolved["score"])
    planned = score.pop("metrics", {})
    are_loaded = all(is_loaded(str(path)) for path in plugins)
    metrics = {**({} if are_loaded else planned), **plugged("metric", plugins)}
    return {**resolved, "score": score | ({"metrics": metrics} if metrics else {})}
