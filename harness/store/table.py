"""From records to one flat table: the columns of runs.parquet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pandas as pd

from harness.spec import canonical_json
from harness.store.plan_file import Json, Plan, PlannedRun
from harness.store.records import Attempt, Record, Scores
from harness.store.table_files import frozen_table, is_frozen

FACTS = ("critic_updates", "samples_seen", "step_ms", "train_s", "peak_mb")
FACTS_OF_SOME = ("ms_per_image", "compile_s")  # of images, and of compiled runs
PROVENANCE = (
    *("device", "torch", "harness", "git", "host_cpu", "cpu_isa", "gpu_driver"),
    *("python", "numpy", "scipy", "pot", "torch-fidelity", "stack", "engine"),
)
SCORING = ("score.samples", "score.metrics")  # how the runs of a folder are scored

Columns = dict[str, Any]  # of one row


class Source(Protocol):
    """What a table is made from: a Store."""

    folder: Path

    @property
    def plan(self) -> Plan: ...

    def begun(self) -> set[str]: ...

    def record(self, run_id: str) -> Record | None: ...

    def last_attempt(self, run_id: str) -> Attempt | None: ...

    def scores(self, run_id: str, score_id: str) -> Scores | None: ...


def runs_table(store: Source, of: Sequence[PlannedRun] | None = None) -> pd.DataFrame:
    """Return one row for EVERY planned run, or for those `of` the plan's, metrics null where the run is not ok.

    Of frozen results it is the table that was kept.
    """
    if is_frozen(store.folder):
        table = frozen_table(store.folder, "runs")
        return table if of is None else table[table["run_id"].isin([planned.run_id for planned in of])]
    plan = store.plan
    score_id, runs = plan.score_id, plan.runs if of is None else of
    begun, ids = store.begun(), {planned.run_id for planned in runs}
    known = {r: _one_run(store, r, plan.specs[r], score_id) if r in begun else _pending(plan.specs[r]) for r in ids}
    rows = []
    for planned in runs:
        run_id, row = planned.run_id, planned.to_json()
        labels = {key: row[key] for key in ("dataset", "architecture", "objective", "objective.base", "seed")}
        sweep = {f"sweep.{name}": _plain(value) for name, value in planned.sweep.items()}
        first = {"run_id": run_id, "status": known[run_id]["status"], **labels}
        rows.append({**first, **known[run_id], **sweep, **first})  # no metric takes the place of a label
    return one_kind_a_column(pd.DataFrame(rows))


def from_plan(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return the table with what its plan knows and no column says, as `attrs`: pandas keeps them through a filter.

    primary, extractors   what the suite ranks on       data_axes   swept names that belong to data sets
    images                data sets whose samples are images   objectives  all names, from which looks are given
    confirming            of a study alone: the runs that confirm its chosen settings, none before these are known
    drawn                 of a study alone: the settings that it draws

    `score.samples` and `score.metrics` are columns, as tables of several plans are put together: on how many samples
    the runs are scored, and by which versions of the metrics ("" for today's).
    """
    suite, scored_by = plan.resolved, scoring(plan)
    table = table.assign(**dict(zip(SCORING, (scored_by.samples, scored_by.metrics), strict=True)))
    table.attrs = {
        "primary": dict(suite["primary"]),
        "extractors": list(suite.get("score", {}).get("extractors") or ()),
        "data_axes": list(plan.data_axes),
        "images": list(plan.pictures),
        "objectives": sorted({row.objective for row in plan.runs}),
    }
    if plan.study is not None:
        table.attrs["drawn"] = sorted(suite.get("study", {}).get("space", ()))
        table.attrs["confirming"] = sorted({run_id for trial in plan.study.chosen for run_id in trial.runs})
    return table


class Scoring(NamedTuple):
    """How the runs of a folder are scored: None where nobody says. `metrics` is "" for the current versions."""

    samples: int | None
    extractors: tuple[str, ...] | None
    metrics: str


def scoring(plan: Plan) -> Scoring:
    """Return how the runs of a plan are scored."""
    from harness.metrics import score_id  # imports torch

    score = plan.resolved.get("score")
    if score is None:
        return Scoring(None, None, "unknown")
    extractors = score.get("extractors")
    today = score_id(score["at"], score["samples"], extractors, score.get("metrics", {}))
    names = None if extractors is None else tuple(extractors)
    return Scoring(score["samples"], names, "" if plan.score_id == today else plan.score_id)


def scored_table(store: Source, of: Sequence[str] | None = None) -> pd.DataFrame:
    """Return a row for every scored step of every run, or of those `of` them: run_id, step and the metrics.

    Of frozen results it is the table that was kept.
    """
    if is_frozen(store.folder):
        table = frozen_table(store.folder, "scored")
        return table if of is None else table[table["run_id"].isin(of)]
    plan = store.plan
    rows = []
    for run_id in plan.run_ids if of is None else of:
        scores = store.scores(run_id, plan.score_id)
        for step, metrics in scores.steps.items() if scores else ():
            first = {"run_id": run_id, "step": step}
            rows.append({**first, **metrics, **first})  # no metric takes the place of a label
    table = pd.DataFrame(rows, columns=None if rows else ["run_id", "step"])
    return table.sort_values(["run_id", "step"], ignore_index=True)


def _one_run(store: Source, run_id: str, spec: Json, score_id: str) -> Columns:
    """The columns of a run that do not depend on the names under which it was planned."""
    setup = spec["setup"]
    columns = _pending(spec)
    record = store.record(run_id)
    if record is None:
        attempt = store.last_attempt(run_id)
        return columns | ({"status": attempt.status, "error": attempt.error} if attempt else {})
    columns |= {"status": record.status, "first_bad_step": record.first_bad_step}
    columns |= {name: record.facts.get(name) for name in FACTS}
    columns |= {name: record.facts[name] for name in FACTS_OF_SOME if name in record.facts}
    columns |= {name: record.provenance.get(name) for name in PROVENANCE}
    scores = store.scores(run_id, score_id)
    if scores is not None:
        metrics = scores.steps.get(setup["train"]["steps"], {}) if record.status == "ok" else {}
        columns = {**columns, "score_s": scores.score_s, **scores.made_with, **metrics, **columns}
    if record.status == "ok" and (saturated := record.facts.get("saturated")) is not None:
        columns["saturated"] = float(saturated)
    return columns


def _pending(spec: Json) -> Columns:
    return {"status": "pending", **settings_of(spec)}


def settings_of(spec: Json) -> Columns:
    """Return the columns of a run's resolved settings: steps, hyper.*, data.*, setup.*; lists and mappings as text."""
    return {"steps": spec["setup"]["train"]["steps"], **_hyper(spec["hyper"]), **_setup(spec["setup"])}


def _hyper(hyper: Mapping[str, float]) -> Columns:
    columns = {name if name.startswith("data.") else f"hyper.{name}": value for name, value in hyper.items()}
    same = hyper["critic_lr"] == hyper["generator_lr"]
    return {"hyper.lr": hyper["critic_lr"] if same else None, **columns}


def _setup(setup: Json) -> Columns:
    """Flatten a Setup: parameters of both players also under their plain name, null where the two differ."""
    generator, critic, train = setup["generator"], setup["critic"], dict(setup["train"])
    del train["steps"]
    trained = train.pop("generator")
    columns: Columns = {}
    for name in dict.fromkeys([*generator, *critic]):
        values = [player[name] for player in (generator, critic) if name in player]
        columns[f"setup.{name}"] = values[0] if values[0] == values[-1] else None
    columns |= {f"setup.generator.{name}": value for name, value in generator.items()}
    columns |= {f"setup.critic.{name}": value for name, value in critic.items()}
    columns |= {f"setup.{name}": value for name, value in [*train.items(), *setup["data"].items()]}
    columns |= {"setup.trained": trained, "setup.tricks": "+".join(sorted(setup["tricks"])) or None}
    return {name: _plain(value) for name, value in columns.items()}


def one_kind_a_column(table: pd.DataFrame) -> pd.DataFrame:
    """Write mixed columns as text ("recipe" beside 0.001), which parquet needs."""
    for name in table.columns:
        kinds = {type(value) for value in table[name] if value is not None and value == value}
        if str in kinds and len(kinds) > 1:
            table[name] = [str(value) if value is not None and value == value else None for value in table[name]]
    return table


def _plain(value: Any) -> Any:
    """Lists and mappings as text: a column holds one kind of value."""
    return canonical_json(value) if isinstance(value, list | tuple | dict) else value
