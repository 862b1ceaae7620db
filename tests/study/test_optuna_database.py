"""A study as Optuna reads it back: every trial with its settings and value, and a known importance."""

import optuna
import pytest
from report.fake_study import Study

from harness.study.optuna_database import database, trials_table
from harness.study.trial_sampling import quiet

VALUES = {"gp": [0.8, 0.82, 0.85, 0.9], "clip": [0.1, 0.2, 0.3, 0.95]}


@pytest.fixture
def opened(tmp_path):
    """Write a study's database and load the study of an objective from it."""

    def load(store, name):
        (tmp_path / "s.db").write_bytes(database(trials_table(store)))
        with quiet():
            return optuna.load_study(study_name=name, storage=f"sqlite:///{tmp_path}/s.db")

    return load


@pytest.mark.slow
@pytest.mark.parametrize("name", VALUES)
def test_optuna_reads_what_was_written(opened, name):
    study = opened(Study(VALUES), name)
    assert [trial.value for trial in study.trials] == pytest.approx(VALUES[name])
    assert [trial.params["lr"] for trial in study.trials] == [0.001, 0.002, 0.003, 0.004]
    assert study.direction.name == "MAXIMIZE"
    assert study.best_trial.number == 3
    assert study.trials[0].user_attrs == {"runs": [f"{name}-0-100", f"{name}-0-101"], "lost": 0}


@pytest.mark.slow
def test_a_lost_run_is_told_as_worst_and_a_pending_one_waits(opened):
    store = Study({"gp": VALUES["gp"]}, statuses={"gp-0-100": "diverged", "gp-1-100": "pending"})
    first, second, *_ = opened(store, "gp").trials
    assert (first.value, first.user_attrs["lost"]) == (pytest.approx(0.395), 1)
    assert (second.value, second.state.name) == (None, "WAITING")
