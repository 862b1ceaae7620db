"""A user's file that is given every finished run: what it gets is what the store holds; the trackers' files of the docs
run with stand-ins that take what the packages take.
"""

import math
import re
import sys
import types
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from harness.report.run_series import finished, series
from harness.store import Store
from harness.store.table import settings_of

DOCS = Path(__file__).parents[2] / "docs" / "sharing.md"
KEEP = """\
import beside

def write(run):
    print(run.name, len(run.steps))
    beside.RUNS.append(run)
"""


@pytest.fixture
def given(results, call, monkeypatch):
    """The runs that a file in another folder was given."""
    Path("mine").mkdir()
    Path("mine/sink.py").write_text(KEEP)
    Path("mine/beside.py").write_text("RUNS = []\n")
    monkeypatch.delitem(sys.modules, "beside", raising=False)
    code, out, err = call("export", "results/small", "--to", "mine/sink.py")
    assert (code, out) == (0, "mine/sink.py: 4 runs\n")
    assert "8gaussians/averaged/mlp/seed-0 20" in err
    return {run.run_id: run for run in sys.modules.pop("beside").RUNS}


def test_it_is_given_every_finished_run_as_the_store_has_it(results, given):
    store = Store("results/small")
    assert given.keys() == store.finished()
    for run_id, run in given.items():
        assert (run.status, run.suite) == (store.status(run_id), "small")
        (planned,) = (row for row in store.plan.runs if row.run_id == run_id)
        labels = {name: getattr(planned, name) for name in ("dataset", "architecture", "objective", "seed")}
        spec = {**labels, **settings_of(store.plan.specs[run_id])}
        assert labels.items() <= run.settings.items()
        assert run.settings.items() <= spec.items()
        assert all(spec[name] in (None, "", "{}") for name in spec.keys() - run.settings.keys())
        curves = store.curves(run_id)
        assert [step.step for step in run.steps if "curves/critic_loss" in step.scalars] == curves["step"].tolist()
        losses = [step.scalars["curves/critic_loss"] for step in run.steps]
        np.testing.assert_array_equal(losses, curves["critic_loss"].to_numpy(float))
        assert run.files.keys() == store.record(run_id).files.keys()
        assert all(path.is_file() for path in run.files.values())
    run = given[results["averaged mlp"]]
    scores = store.scores(run.run_id, store.plan.score_id).steps[20]
    assert run.steps[-1].scalars["scores/w1"] == scores["w1"]
    assert run.steps[-1].seconds == pytest.approx(store.record(run.run_id).facts["train_s"])
    assert (run.steps[-1].image.ndim, run.steps[-1].image.dtype, run.steps[0].image) == (3, np.uint8, None)
    assert [each.name for each in (series(store, other) for other in finished(store))] == [
        r.name for r in given.values()
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, "--to sink.py: no such file"),
        ("write = 1", "it has no function write(run)"),
        ("def write(run):\n    1 / 0", "averaged/mlp/seed-0, it raises ZeroDivisionError: division by zero at line 2"),
        ("import sys\nsys.exit(3)", "imported, it raises SystemExit: 3 at line 2"),
        ("import no_such", "imported, it raises ModuleNotFoundError: No module named 'no_such' at line 1"),
        ("def write(run:", "imported, it raises SyntaxError"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_a_sentence(results, call, source, words):
    if source is not None:
        Path("sink.py").write_text(source)
    code, out, err = call("export", "results/small", "--to", "sink.py")
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_it_says_itself_where_runs_go(results, call):
    Path("sink.py").write_text("def write(run): pass")
    code, _, err = call("export", "results/small", "--to", "sink.py", "-o", "x")
    assert (code, "leave -o out" in err) == (2, True)


def test_frozen_results_have_no_runs_for_it(results, call):
    Path("sink.py").write_text("def write(run): pass")
    code, _, err = call("export", str(DOCS.parents[1] / "results/reference/quickstart"), "--to", "sink.py")
    assert (code, "frozen" in err) == (3, True)


# The files of the docs, with stand-ins


def written(name):
    """Write a file that the docs show."""
    (source,) = (
        text for text in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL) if text.startswith(f"# {name}")
    )
    Path(name).write_text(source)
    return name


def fake(monkeypatch, name, **functions):
    """Put a module in place whose functions take what the package's take; return their calls."""
    module, calls = types.ModuleType(name), mock.Mock()
    for key, function in functions.items():
        setattr(module, key, mock.create_autospec(function))
        calls.attach_mock(getattr(module, key), key)
    monkeypatch.setitem(sys.modules, name, module)
    return calls


class Run:
    """What wandb.init returns."""

    def log(self, data, step=None, commit=None): ...

    def log_artifact(self, artifact_or_path, name=None, type=None, aliases=None, tags=None): ...

    def finish(self, exit_code=None): ...


class Artifact:
    def __init__(self, name, type, description=None, metadata=None): ...

    def add_file(self, local_path, name=None): ...


def init(
    *, entity=None, project=None, dir=None, id=None, name=None, notes=None, tags=None, config=None, resume=None
): ...


def image(data_or_path, mode=None, caption=None): ...


def test_the_file_for_wandb_logs_every_step_in_order(results, call, monkeypatch):
    calls = fake(monkeypatch, "wandb", init=init, Image=image, Artifact=Artifact)
    calls.init.return_value = run = mock.create_autospec(Run, instance=True)
    assert call("export", "results/small", "--to", written("wandb_sink.py"))[0] == 0
    store = Store("results/small")
    assert {each.kwargs["id"] for each in calls.init.call_args_list} == store.finished()
    assert all(not set("/\\#?%:") & set(each.kwargs["id"]) for each in calls.init.call_args_list)  # which W&B refuses
    assert calls.init.call_args_list[0].kwargs["config"]["status"] == "ok"
    steps = [each.kwargs["step"] for each in run.log.call_args_list]
    n = [len(store.curves(run_id)) for run_id in (each.kwargs["id"] for each in calls.init.call_args_list)]
    assert len(steps) == sum(n)
    assert steps[: n[0]] == sorted(set(steps[: n[0]]))  # W&B takes no step twice, and none after a later one
    assert "scores/w1" in run.log.call_args_list[n[0] - 1].args[0]
    assert run.finish.call_count == 4
    assert run.log_artifact.call_count == 2  # a run that diverged, and a critic alone, keep no generator


def test_the_file_for_mlflow_logs_names_and_values_that_it_takes(results, call, monkeypatch):
    def set_experiment(experiment_name=None, experiment_id=None): ...
    def start_run(run_id=None, experiment_id=None, run_name=None, nested=False, tags=None, description=None): ...
    def log_params(params, synchronous=None, run_id=None): ...
    def log_metrics(metrics, step=None, synchronous=None, run_id=None, timestamp=None): ...
    def log_image(image, artifact_file=None, key=None, step=None, timestamp=None, synchronous=False): ...
    def log_artifact(local_path, artifact_path=None, run_id=None): ...

    calls = fake(
        monkeypatch, "mlflow", set_experiment=set_experiment, start_run=start_run, log_params=log_params,
        log_metrics=log_metrics, log_image=log_image, log_artifact=log_artifact,
    )  # fmt: skip
    calls.start_run.return_value = mock.MagicMock()
    assert call("export", "results/small", "--to", written("mlflow_sink.py"))[0] == 0
    assert {each.kwargs["tags"]["run_id"] for each in calls.start_run.call_args_list} == Store(
        "results/small"
    ).finished()
    metrics = [each.args[0] for each in calls.log_metrics.call_args_list]
    assert all(re.fullmatch(r"[/\w.\- ]+", name) for each in metrics for name in each)  # other characters are refused
    assert all(math.isfinite(value) for each in metrics for value in each.values())
    assert all(len(each.args[0]) <= 100 for each in calls.log_params.call_args_list)  # in one call
    assert any("scores/w1" in each for each in metrics)
    assert {each.kwargs["key"] for each in calls.log_image.call_args_list} == {"samples"}
