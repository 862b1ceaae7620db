"""What worker processes do. Arguments and results are plain JSON, so that the parent needs none of the heavy imports.

Imports of torch, pandas and the like stand inside the functions: this module is also read by the parent.
"""

import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from harness.errors import DataError, HarnessError
from harness.spec import ENGINE_VERSION, RunSpec, content_id
from harness.store import STATUSES, Store, npz_bytes, read_npz, reference_settings, write_atomic


def plan_suite(
    path: str, root: str, scale: str | None, sets: Sequence[str], only: Sequence[str], device: str, write: bool
) -> dict[str, Any]:
    """Read a suite, plan it against what its folder already holds, and pin the plan there where `write` says so.

    Returns the folder, the device, the description (as `harness plan --json` prints it), the stacks to train (each
    with its missing runs that `only` selects; long ones first, so that no core waits for one at the end), the labels
    of those runs, how many of the selected runs are finished, the `workload` left on this `machine`, and, where nothing
    is written, what `trials` of it need. Raises SuiteError before anything is written.
    """
    from harness.artefacts import machine
    from harness.cost.workload import trials, workload
    from harness.metrics import score_id
    from harness.plan import describe, make_plan, run_filter, unfinished
    from harness.suite import load_suite

    suite = load_suite(path, scale=scale, sets=sets)
    place = resolve_device(device)
    store = Store(Path(root) / suite.folder)
    previous = store.plan if (store.folder / "plan.json").exists() else None
    plan = make_plan(suite, previous, place)
    selected, finished = run_filter(only, plan), store.finished()
    resolved = suite.to_json()
    if previous is not None:
        _refuse_more_samples(store, previous["resolved"]["score"]["samples"], resolved["score"]["samples"])
    description = describe(suite, plan, finished)
    scoring = score_id(resolved["score"]["at"], resolved["score"]["samples"])
    if write:
        derived = {
            "resolved": resolved,
            "score_id": scoring,
            "settings": description["settings"],
            "data_axes": description["data_axes"],
        }
        store.write_plan(plan.to_json() | derived, suite.to_yaml())
    stacks = unfinished(plan, finished, place, selected)
    unscored = store.unscored(dict.fromkeys(row["run_id"] for row in plan.runs), scoring)
    load = workload(plan, resolved["score"], stacks, unscored, finished - {*unscored})
    return {
        "folder": str(store.folder),
        "device": place,
        "machine": machine(place) | {"engine": ENGINE_VERSION},
        "workload": load,
        "trials": {} if write else trials(plan, load),
        "plugins": list(resolved.get("plugins", [])),
        "description": description,
        "stacks": stacks,
        "labels": {row["run_id"]: run_label(row) for row in plan.runs if row["run_id"] in selected - finished},
        "finished": len(finished & selected),
        "unplanned": len(finished - {row["run_id"] for row in plan.runs}),
    }


def _refuse_more_samples(store: Store, before: int, now: int) -> None:
    """Refuse to score finished runs on more points than they keep: a distance of other points would be another."""
    from harness.metrics import samples_drawn

    kept = samples_drawn(before)
    if now > kept and store.finished():
        raise HarnessError(
            f"{store.folder}: score.samples: {now} given, but its finished runs keep {kept} points each; "
            f"ask for at most {kept}, or for another folder with -o"
        )


def run_label(row: Mapping[str, Any]) -> str:
    """Name a planned run for people: 8gaussians mlp wgan-gp lr=0.001 seed 0."""
    swept = [f"{name}={value}" for name, value in row["sweep"].items()]
    return " ".join([row["dataset"], row["architecture"], row["objective"], *swept, f"seed {row['seed']}"])


def resolve_device(device: str) -> Literal["cpu", "cuda"]:
    """Turn auto into cuda where there is one, else cpu. Raises HarnessError for a cuda that is not there."""
    import torch

    if device not in ("cpu", "cuda", "auto"):
        raise HarnessError(f"--device: {device!r} given; cpu, cuda or auto is needed")
    if device == "cuda" and not torch.cuda.is_available():
        raise HarnessError("--device cuda: this PyTorch sees no CUDA device; use --device cpu, or auto")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def train_stack(folder: str, stack_id: str, runs: Sequence[str], device: str) -> list[dict[str, Any]]:
    """Train a whole pinned stack and commit its missing runs.

    Returns of each its run_id, its status, train_s (its share of the stack's steps), task_s (the stack's whole) and the
    bytes it wrote.

    A stack that raises leaves an attempt a run, with the traceback in its log. Raises DataError where a data file has
    changed since it was planned.
    """
    store, plan = open_planned(folder)
    stack = next(s for s in plan["stacks"] if s["id"] == stack_id)
    specs = [RunSpec.from_json(plan["specs"][run_id]) for run_id in stack["runs"]]
    import torch

    torch.set_num_threads(1)
    try:
        return _train(store, plan["resolved"]["score"], stack, specs, set(runs), device)
    except DataError:
        raise  # a file that changed since it was planned is nothing that these runs did
    except Exception as error:
        status = "oom" if isinstance(error, MemoryError) or "out of memory" in str(error).lower() else "failed"
        for run_id in runs:
            store.commit_attempt(run_id, status, f"{type(error).__name__}: {error}", traceback.format_exc())
        return [{"run_id": run_id, "status": status, "train_s": None, "error": str(error)} for run_id in runs]


def open_planned(folder: str) -> tuple[Store, dict[str, Any]]:
    """Return a results folder and its plan; this process then knows the suite's plug-ins and where its data lie."""
    from harness.datasets.points import place
    from harness.suite.plugins import load_plugins

    store = Store(folder)
    plan = store.plan
    load_plugins(plan["resolved"].get("plugins", []))
    for label, variant in plan["resolved"]["datasets"].items():
        mine = next((row["run_id"] for row in plan["runs"] if row["dataset"] == label), None)
        data = plan["specs"][mine]["setup"]["data"] if mine is not None else {}
        if "file" in variant and "content" in data:
            place(data["content"], variant["file"])
    return store, plan


def _train(
    store: Store,
    score: Mapping[str, Any],
    stack: Mapping[str, Any],
    specs: list[RunSpec],
    missing: set[str],
    device: str,
) -> list[dict[str, Any]]:
    from harness.artefacts import artefacts, peak_mb, provenance
    from harness.engine import train
    from harness.metrics import samples_drawn
    from harness.plan import scored_steps

    started = time.perf_counter()
    at = scored_steps(score["at"], specs[0].setup.train["steps"])
    outcomes = train(specs, at, samples_drawn(score["samples"]), stack["mode"], device)
    peak = peak_mb(device)
    where = provenance(device) | {"stack": stack["id"]}
    done = []
    for outcome in outcomes:
        run_id = outcome.spec.run_id
        if run_id not in missing:
            continue
        record = {
            "run_id": run_id,
            "spec": outcome.spec.to_json(),
            "status": outcome.status,
            "first_bad_step": outcome.first_bad_step,
            "facts": outcome.facts | {"peak_mb": peak},
            "provenance": where,
        }
        files = artefacts(outcome, score["samples"])
        store.commit(record, files)
        size = sum(map(len, files.values()))
        done.append({"run_id": run_id, "status": outcome.status, "train_s": outcome.facts["train_s"], "bytes": size})
    task_s = time.perf_counter() - started
    return [run | {"task_s": task_s} for run in done]


def score_runs(folder: str, runs: Sequence[str]) -> list[dict[str, Any]]:
    """Score those of `runs` that have a record and no scores yet, from their snapshots.

    Returns of each its run_id, score_s, and reference_s where its reference had to be made (None where it was there).
    """
    from harness.metrics import score

    store, plan = open_planned(folder)
    samples, score_id = plan["resolved"]["score"]["samples"], plan["score_id"]
    names = {planned["run_id"]: planned["dataset"] for planned in plan["runs"]}
    done = []
    for run_id in store.unscored(runs, score_id):
        started, making_s = time.perf_counter(), None
        reference = kept_reference(store, names[run_id], plan["specs"][run_id], samples)
        if reference is None:
            reference = new_reference(store, names[run_id], plan["specs"][run_id], samples)
            making_s = time.perf_counter() - started
        kept, end = store.steps(run_id), plan["specs"][run_id]["setup"]["train"]["steps"]
        steps = {s: score(store.snapshot(run_id, s)["generated"], reference, last=s == end) for s in kept}
        took = time.perf_counter() - started
        store.commit_scores(run_id, score_id, steps, took)
        done.append({"run_id": run_id, "score_s": took - (making_s or 0.0), "reference_s": making_s})
    return done


def kept_reference(store: Store, dataset: str, spec: Mapping[str, Any], samples: int) -> Any:
    """Return the reference of a run; None where there is none, or one of other settings, of an earlier suite."""
    from harness.metrics.reference import reference_from

    path = store.reference_path(dataset, content_id(spec))
    kept = read_npz(path) if path.exists() else {}
    return reference_from(kept) if kept.get("address") == _reference_address(spec, samples) else None


def new_reference(store: Store, dataset: str, spec: Mapping[str, Any], samples: int) -> Any:
    """Make and keep the reference of a run, and return it (two workers may both make it: equal bytes)."""
    import numpy as np

    from harness.metrics import make_reference
    from harness.metrics.reference import reference_arrays

    made, address = make_reference(RunSpec.from_json(spec), samples), np.array(_reference_address(spec, samples))
    path = store.reference_path(dataset, content_id(spec))
    write_atomic(path, npz_bytes({**reference_arrays(made), "address": address}))
    return made


def _reference_address(spec: Mapping[str, Any], samples: int) -> str:
    return content_id({**reference_settings(spec), "samples": samples})


def finish(folder: str, report: str) -> dict[str, Any]:
    """Write runs.parquet and the report. Returns counts by status and the report's path."""
    counts = write_table(folder)
    return {"counts": counts, **write_report(folder, report)}


def write_table(folder: str) -> dict[str, int]:
    """Rebuild runs.parquet from the records; return counts of runs by status."""
    from harness.exports import parquet

    store = Store(folder)
    table = store.table()
    write_atomic(store.folder / "runs.parquet", parquet(table))
    return {status: int((table["status"] == status).sum()) for status in STATUSES}


def write_report(folder: str, report: str) -> dict[str, Any]:
    """Build the report of a results folder."""
    from harness.report import build_report

    page = build_report(Store(folder), Path(report))
    return {"report": str(page)}
