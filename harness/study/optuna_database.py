"""A study as a database of Optuna's own, which its dashboard and its importance evaluators open."""

from pathlib import Path
from tempfile import TemporaryDirectory

import optuna
import pandas as pd
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from harness.errors import HarnessError
from harness.statistics.trials import WORST
from harness.store import Store
from harness.store.plan_file import PlannedTrial
from harness.study.trial_sampling import distributions, quiet
from harness.suite.format.study_block import Study


def trials_table(store: Store) -> pd.DataFrame:
    """Return the trials of a results folder: value (null before its runs have ended) and how many runs were lost.

    Raises HarnessError where it holds no study.
    """
    plan = store.plan
    if plan.study is None:
        raise HarnessError(f"{store.folder}: its suite has no study; --to csv writes its runs")
    trials, runs = plan.study.trials, store.table().drop_duplicates("run_id").set_index("run_id")
    lost = ~runs["status"].isin(["ok", "pending"])
    scores = runs.reindex(columns=["score"])["score"].astype(float).mask(lost, WORST)
    rows = [(scores[trial.runs].mean(skipna=False), int(lost[trial.runs].sum())) for trial in trials]
    frame = pd.DataFrame(rows, columns=["value", "lost"])
    frame.attrs = {"block": dict(plan.resolved["study"]), "trials": trials}
    return frame


def database(frame: pd.DataFrame) -> bytes:
    """Return what `trials` found as SQLite: a study an objective, maximised; trials that have not ended are waiting."""
    block, trials = Study.model_validate(frame.attrs["block"]), frame.attrs["trials"]
    with quiet(), TemporaryDirectory() as folder:
        file = Path(folder) / "study.db"
        storage = RDBStorage(f"sqlite:///{file}")
        studies = {
            name: optuna.create_study(storage=storage, study_name=name, direction="maximize")
            for name in dict.fromkeys(trial.objective for trial in trials)
        }
        for trial, value, lost in zip(trials, frame["value"], frame["lost"], strict=True):
            studies[trial.objective].add_trial(_frozen(block, trial, float(value), int(lost)))
        storage.remove_session()
        storage.engine.dispose()
        return file.read_bytes()


def _frozen(block: Study, trial: PlannedTrial, value: float, lost: int) -> FrozenTrial:
    params, attributes = trial.params, {"runs": trial.runs, "lost": lost}
    space = distributions(block, params)
    if value != value:
        return optuna.create_trial(state=TrialState.WAITING, params=params, distributions=space, user_attrs=attributes)
    return optuna.create_trial(params=params, distributions=space, value=value, user_attrs=attributes)
