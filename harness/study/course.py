"""The course of a study, found anew from what there is: which trials are drawn, and which are the best.

What was drawn is pinned in plan.json; what a trial was worth follows from its runs. With both, a study that was ended
at any moment goes on as if it had not been.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from harness.errors import HarnessError
from harness.spec import content_id
from harness.statistics.trials import BELOW
from harness.store import Store
from harness.study.trial_runs import Planner, Trial
from harness.study.trial_sampling import Params, learnt, points
from harness.study.trial_value import value_of
from harness.suite.expand import Expansion
from harness.suite.format.models import Suite
from harness.suite.format.study_block import Study
from harness.suite.format.values import seed_list

WORTH = ("primary", "score", "architectures", "datasets", "objectives", "matrix", "set")  # beside how they are trained

Value = Callable[[Trial], float | None]


class Course(NamedTuple):
    """Where a study stands.

    runs   of all trials so far on the study's seeds, and of the best on the suite's, once these are known
    kept   what plan.json keeps: `trials` of every objective, drawn so far, and `chosen`, the best of each, once all are
           drawn and have ended, both {"objective", "number", "params", "runs"}; `identity` of what they are drawn from
    """

    runs: Expansion
    kept: dict[str, Any]


def course(suite: Suite, store: Store, previous: Mapping[str, Any] | None, score_id: str) -> Course:
    """Return where the study of a suite stands by the records of its folder; `previous` is the plan there was.

    Raises HarnessError where a finished run has no score, or settings that were drawn contradict each other.
    """
    planner, study = Planner(suite), suite.study

    def value(trial: Trial) -> float | None:
        return value_of(results_of(store, planner.ids(trial, study.tuning), score_id), lost=-BELOW)

    mark = identity(suite, planner.names)
    trials = list(_drawn(study, planner.names, pinned(previous, mark), value))
    found = {(trial.objective, trial.number): value(trial) for trial in trials}
    known = {place: worth for place, worth in found.items() if worth is not None}
    chosen = best(trials, known) if len(known) == study.trials * len(planner.names) else []
    seeds = seed_list(suite.seeds)
    kept = {
        "identity": mark,
        "trials": [planner.plain(trial, study.tuning) for trial in trials],
        "chosen": [planner.plain(trial, seeds) for trial in chosen],
    }
    planned = [(trial, study.tuning) for trial in trials] + [(trial, seeds) for trial in chosen]
    return Course(planner.expansion(planned), kept)


def results_of(store: Store, run_ids: Iterable[str], score_id: str) -> Iterator[tuple[str, float | None]]:
    """Yield the status of each run, and its score where it is ok: a run that is not scored yet is pending.

    Raises HarnessError where a run that is ok was scored and has none.
    """
    for run_id in run_ids:
        status = store.status(run_id)
        scores = store.scores(run_id, score_id) if status == "ok" else None
        if status != "ok" or scores is None:
            yield ("pending" if status == "ok" else status), None
            continue
        last = scores.steps[max(scores.steps)].get("score")
        if last is None:
            raise HarnessError(f"{store.run_folder(run_id)}: the run has no score, by which a study chooses")
        yield status, float(last)


def best(trials: Iterable[Trial], values: Mapping[tuple[str, int], float]) -> list[Trial]:
    """Return the trial of the largest value of each objective, of equal ones the first; `values` are by both names."""
    found: dict[str, Trial] = {}
    for trial in trials:
        held = found.setdefault(trial.objective, trial)
        if values[trial.objective, trial.number] > values[held.objective, held.number]:
            found[trial.objective] = trial
    return list(found.values())


def identity(suite: Suite, names: Mapping[str, Sequence[str]]) -> str:
    """Return what tells one study from another: all that its trials depend on, but for how many there are.

    Where they are learnt from others, that is all that these are worth something by.
    """
    study = suite.study
    held = study.model_dump(mode="json", exclude={"trials", "batch", "seeds"})
    if study.sampler == "tpe":
        what = suite.to_json()
        train = {key: value for key, value in what["train"].items() if key not in ("checkpoint_s", "limits")}
        held |= {"batch": study.batch, "seeds": study.tuning, "train": train}
        held |= {key: what.get(key) for key in WORTH}
    return content_id({**held, "names": names})


def pinned(previous: Mapping[str, Any] | None, mark: str) -> dict[str, list[Params]]:
    """Return the settings that were drawn before, by objective in order; none of another study."""
    held = (previous or {}).get("study") or {}
    found: dict[str, list[Params]] = {}
    for trial in held.get("trials", ()) if held.get("identity") == mark else ():
        found.setdefault(trial["objective"], []).append(trial["params"])
    return found


def _drawn(
    study: Study, names: Mapping[str, Sequence[str]], held: Mapping[str, list[Params]], value: Value
) -> Iterator[Trial]:
    """Yield all trials that can be trained by now."""
    for objective, own in names.items():
        found = held.get(objective, [])[: study.trials]
        if study.sampler == "tpe":
            yield from _learning(study, objective, own, found, value)
            continue
        everything = points(study, study.space, len(found), study.trials)
        found = found + [{name: point[name] for name in own} for point in everything]
        yield from (Trial(objective, number, params) for number, params in enumerate(found))


def _learning(
    study: Study, objective: str, names: Sequence[str], held: Sequence[Params], value: Value
) -> Iterator[Trial]:
    """Yield an objective's trials batch by batch, up to the first batch that has not ended."""
    told: list[tuple[Params, float]] = []
    while len(told) < study.trials:
        start, stop = len(told), min(len(told) + study.batch, study.trials)
        batch = list(held[start:stop])
        if start + len(batch) < stop:
            batch += learnt(study, names, told, stop - start)[len(batch) :]
        trials = [Trial(objective, number, params) for number, params in enumerate(batch, start)]
        yield from trials
        values = [value(trial) for trial in trials]
        known = [found for found in values if found is not None]
        if len(known) < len(values):
            return
        told += zip(batch, known, strict=True)
