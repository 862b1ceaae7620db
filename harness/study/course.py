"""The course of a study, found anew from what there is: which trials are drawn, and which are the best.

What was drawn is pinned in plan.json; what a trial was worth follows from its runs. With both, a study that was ended
at any moment goes on as if it had not been.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from statistics import fmean
from typing import NamedTuple

from harness.errors import HarnessError
from harness.spec import content_id
from harness.statistics.trials import BELOW
from harness.store import Store
from harness.store.plan_file import Plan, StudyState
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
    state  the trials of every objective, drawn so far, and the best of each, once all are drawn and have ended
    """

    runs: Expansion
    state: StudyState


def course(suite: Suite, store: Store, previous: Plan | None, score_id: str) -> Course:
    """Return where the study of a suite stands by the records of its folder; `previous` is the plan there was.

    Raises HarnessError where a finished run has no score, or settings that were drawn contradict each other.
    """
    planner, study = Planner(suite), suite.study

    def value(trial: Trial) -> float | None:
        return value_of(results_of(store, planner.ids(trial, study.tuning), score_id), lost=-BELOW)

    def distance(trial: Trial) -> float:
        return distance_of(store, planner.ids(trial, study.tuning), score_id)

    mark = identity(suite, planner.names)
    trials = list(_drawn(study, planner.names, pinned(previous, mark), value))
    values = {(trial.objective, trial.number): value(trial) for trial in trials}
    known = {place: worth for place, worth in values.items() if worth is not None}
    chosen = best(trials, known, distance) if len(known) == study.trials * len(planner.names) else []
    seeds = seed_list(suite.seeds)
    state = StudyState(
        mark,
        trials=tuple(planner.planned(trial, study.tuning) for trial in trials),
        chosen=tuple(planner.planned(trial, seeds) for trial in chosen),
    )
    tried = [(trial, study.tuning) for trial in trials] + [(trial, seeds) for trial in chosen]
    return Course(planner.expansion(tried), state)


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


def distance_of(store: Store, run_ids: Iterable[str], score_id: str) -> float:
    """Return the mean distance of runs from the data, beyond the floor, as a multiple of a Gaussian fit's.

    Infinite where one of them was lost. It tells runs apart whose scores are all 0.
    """
    from harness.metrics.null_samplers import excess_in

    ratios = []
    for run_id in run_ids:
        scores = store.scores(run_id, score_id)
        last = {} if scores is None else scores.steps[max(scores.steps)]
        known = {name: value for name, value in last.items() if value is not None}
        name, excess = excess_in(known) if store.status(run_id) == "ok" else ("", inf)
        ratios.append(excess / known.get(f"null.gaussian.{name}", 1.0))
    return fmean(ratios)


def best(
    trials: Iterable[Trial], values: Mapping[tuple[str, int], float], distance: Callable[[Trial], float]
) -> list[Trial]:
    """Return the best trial of each objective: of the largest value, of equal ones that of the least `distance`, of
    equal ones the first. `values` are by objective and number.
    """
    by_objective: dict[str, list[Trial]] = {}
    for trial in trials:
        by_objective.setdefault(trial.objective, []).append(trial)
    winners = []
    for own in by_objective.values():
        most = max(values[trial.objective, trial.number] for trial in own)
        equal = [trial for trial in own if values[trial.objective, trial.number] == most]
        winners.append(min(equal, key=distance) if len(equal) > 1 else equal[0])
    return winners


def identity(suite: Suite, names: Mapping[str, Sequence[str]]) -> str:
    """Return what tells one study from another: all that its trials depend on, but for how many there are.

    Where they are learnt from others, that is all that these are worth something by.
    """
    study = suite.study
    settings = study.model_dump(mode="json", exclude={"trials", "batch", "seeds"})
    if study.sampler == "tpe":
        resolved = suite.to_json()
        train = {
            key: value for key, value in resolved["train"].items() if key not in ("keep", "checkpoint_s", "limits")
        }
        settings |= {"batch": study.batch, "seeds": study.tuning, "train": train}
        settings |= {key: resolved.get(key) for key in WORTH}
    return content_id({**settings, "names": names})


def pinned(previous: Plan | None, mark: str) -> dict[str, list[Params]]:
    """Return the settings that were drawn before, by objective in order; none of another study."""
    state, params = previous.study if previous else None, dict[str, list[Params]]()
    for trial in state.trials if state and state.identity == mark else ():
        params.setdefault(trial.objective, []).append(trial.params)
    return params


def _drawn(
    study: Study, names: Mapping[str, Sequence[str]], before: Mapping[str, list[Params]], value: Value
) -> Iterator[Trial]:
    """Yield all trials that can be trained by now."""
    for objective, own in names.items():
        params = before.get(objective, [])[: study.trials]
        if study.sampler == "tpe":
            yield from _learning(study, objective, own, params, value)
            continue
        everything = points(study, study.space, len(params), study.trials)
        params = params + [{name: point[name] for name in own} for point in everything]
        yield from (Trial(objective, number, each) for number, each in enumerate(params))


def _learning(
    study: Study, objective: str, names: Sequence[str], before: Sequence[Params], value: Value
) -> Iterator[Trial]:
    """Yield an objective's trials batch by batch, up to the first batch that has not ended."""
    history: list[tuple[Params, float]] = []
    while len(history) < study.trials:
        start, stop = len(history), min(len(history) + study.batch, study.trials)
        batch = list(before[start:stop])
        if start + len(batch) < stop:
            batch += learnt(study, names, history, stop - start)[len(batch) :]
        trials = [Trial(objective, number, params) for number, params in enumerate(batch, start)]
        yield from trials
        values = [worth for trial in trials if (worth := value(trial)) is not None]
        if len(values) < len(trials):
            return
        history += zip(batch, values, strict=True)
