"""Files with a right checksum that are wrong: every command names them, and none ends in a traceback."""

import json
import os
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from wrong_files import KINDS, UNLIKE, UNNOTICED, clones, rewritten, setting, wreck

import harness
from harness.commands import doctor, status, verify
from harness.commands.compare import compare
from harness.commands.export import export
from harness.commands.sample import sample
from harness.errors import Damaged, HarnessError
from harness.execution import runner
from harness.report.rebuild import rebuild_reports
from harness.spec import content_id
from harness.store import Store, mend
from harness.store.plan_file import Stack

FOLDER = "results/small"


@pytest.fixture
def wrecked(results):
    """A folder in which each kind of damage spoils a run of its own; what should be named, by kind, and those runs."""
    store = Store(FOLDER)
    runs = dict(zip(KINDS, clones(store, results["averaged mlp"], len(KINDS)), strict=True))
    return {kind: wreck(store, run_id, kind) for kind, run_id in runs.items()}, runs


def load_runs():
    for row in Store(FOLDER).plan.runs:
        with suppress(HarnessError):
            run = harness.load_run(row.run_id, FOLDER)
            repr(run), run.status
            for part in ("table", "curves", "scored", "samples", "critic"):
                with suppress(HarnessError):
                    getattr(run, part)
            run.draw(2)


def samples():
    for row in Store(FOLDER).plan.runs:
        with suppress(HarnessError):
            sample(row.run_id, FOLDER, 2, "samples.npz")


VERBS = {
    "status": lambda: status.render(status.statuses(FOLDER)),
    "verify": lambda: verify.render(verify.verify(FOLDER)),
    "csv": lambda: export(FOLDER, "csv", "out.csv"),
    "parquet": lambda: export(FOLDER, "parquet", "out.parquet"),
    "latex": lambda: export(FOLDER, "latex", "out.tex"),
    "load": lambda: harness.load(FOLDER),
    "notebook": lambda: repr(harness.report(harness.load(FOLDER))),
    "load_run": load_runs,
    "sample": samples,
    "compare": lambda: compare([FOLDER, "averaged", "wild"]),
    "score": lambda: runner.score(FOLDER, None, 0),
    "doctor": lambda: doctor.render(doctor.doctor(FOLDER)),
}


@pytest.mark.slow
def test_no_command_ends_in_a_traceback_and_each_wrong_file_is_named(wrecked):
    paths, _ = wrecked
    answers = {}
    for name, verb in VERBS.items():
        with suppress(HarnessError):
            answers[name] = verb()
    assert {"verify", "doctor", "status", "csv", "parquet", "load"} <= answers.keys()
    unnamed = [kind for kind, path in paths.items() if f"{path}: " not in answers["verify"]]
    assert unnamed == list(UNNOTICED)
    assert verify.render(verify.verify(FOLDER)).endswith(f" {len(UNLIKE)} do not match")  # the rest is set aside


@pytest.mark.slow
def test_a_report_is_made_of_what_is_left(wrecked):
    assert rebuild_reports([FOLDER], "report") == ["report/index.html"]


@pytest.mark.slow
def test_what_is_wrong_is_set_aside_once_and_named_by_those_that_mend(wrecked):
    paths, runs = wrecked
    lines = mend(Store(FOLDER), runs.values(), deep=True)
    unnamed = [kind for kind, path in paths.items() if not any(f"{path}: " in line for line in lines)]
    assert unnamed == [*UNLIKE, *UNNOTICED]
    assert mend(Store(FOLDER), runs.values(), deep=True) == []


PLANS = {
    "no runs": lambda value: value.pop("runs"),
    "a run_id with a slash": lambda value: value["runs"][0].update(run_id="../x"),
    "a seed of text": lambda value: value["runs"][0].update(seed="x"),
    "a study without trials": setting("study", to={"identity": "x"}),
    "a study that its suite has not": setting("study", to={"identity": "x", "trials": [], "chosen": []}),
    "a score_id with a NUL": setting("score_id", to="a\0b"),
    "specs a list": setting("specs", to=[]),
    "a spec without steps": lambda value: next(iter(value["specs"].values()))["setup"]["train"].pop("steps"),
    "a spec with more": lambda value: next(iter(value["specs"].values()))["setup"].update(x=1),
    "a setting too deep to be walked": lambda value: next(iter(value["specs"].values()))["setup"]["data"].update(
        n_modes=json.loads("[" * 400 + "]" * 400)
    ),
    "a stack of no run": lambda value: value["stacks"][0].update(runs=["x"]),
    "a stack on no device": lambda value: value["stacks"][0].update(device=["cpu"]),
    "nothing to rank on": lambda value: value["resolved"].pop("primary"),
    "no scoring": setting("resolved", "score", to={}),
    "no samples": setting("resolved", "score", "samples", to=-1),
    "plug-ins that are no paths": setting("resolved", "plugins", to=[1]),
    "data sets that are a list": setting("resolved", "datasets", to=[]),
    "papers of another form": lambda value: value["settings"][0].update(papers=[{"x": 1}]),
    "a recipe of text": lambda value: value["settings"][0].update(recipe="x"),
    "pictures that are a number": setting("pictures", to=1),
}


@pytest.mark.parametrize("kind", PLANS)
def test_a_wrong_plan_is_named(results, kind):
    rewritten(Path(FOLDER, "plan.json"), PLANS[kind])
    with pytest.raises(Damaged, match=r"plan\.json: its .* missing or malformed|plan\.json: it"):
        Store(FOLDER).plan  # noqa: B018
    assert "plan.json" in VERBS["status"]()


def test_a_spec_of_another_run_in_the_plan_is_named_and_the_plan_made_again(results):
    rewritten(Path(FOLDER, "plan.json"), lambda value: next(iter(value["specs"].values())).update(seed=7))
    assert "plan.json: " in VERBS["verify"]()
    assert "plan.json: " in VERBS["doctor"]()
    assert VERBS["verify"]().endswith(" 0 do not match")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_what_is_no_file_is_not_waited_for(results, make):
    path = Path(FOLDER, "plan.json")
    path.unlink()
    make(path)
    with pytest.raises(Damaged, match="not a regular file"):
        Store(FOLDER).plan  # noqa: B018


@pytest.mark.slow
def test_a_plan_of_five_thousand_rows_is_read_in_seconds(results):
    store = Store(FOLDER)
    plan, spec = store.plan, store.plan.specs[results["pending mlp"]]
    specs = {content_id(spec): spec for spec in ({**spec, "seed": seed} for seed in range(1, 5_001))}
    rows = [replace(plan.run(results["pending mlp"]), run_id=run_id, seed=n) for n, run_id in enumerate(specs, 1)]
    stacks = (*plan.stacks, Stack("9999", "cpu", "stacked", tuple(specs)))
    store.write_plan(replace(plan, runs=(*plan.runs, *rows), specs={**plan.specs, **specs}, stacks=stacks), "")
    started = time.process_time()
    VERBS["status"]()
    VERBS["csv"]()
    assert time.process_time() - started < 10  # quadratic, it would be a minute
