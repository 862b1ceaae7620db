"""A suite from YAML to a report, in this process and in workers: what is kept, what is done again, what fails."""

import io
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import fake_tasks
import numpy as np
import pandas as pd
import pytest
from oracles import same

from harness.commands.verify import verify
from harness.disk.arrays import read_npz
from harness.errors import HarnessError
from harness.execution import tasks
from harness.execution.requests import Request, Retry
from harness.execution.runner import run, score
from harness.metrics import METRICS
from harness.report.rebuild import rebuild_reports
from harness.store import STATUSES, Store
from harness.store.find import report_folder

pytestmark = pytest.mark.slow

# A plug-in that fails on 32-bit numbers alone passes the trial before training, which takes 64-bit numbers too.
SUITE = """
version: 1
name: tiny
question: Does it run?
seeds: 2
train: {steps: 20, batch: 8, lr: 1e-3}
score: {at: [0, .5, 1], samples: 60}
architectures: {mlp: {width: 4, depth: 1}}
datasets: {ring: {sd: [.1, .2]}}
matrix:
  - {dataset: [8gaussians, ring], architecture: mlp, objective: [gan, wgan-gp]}
"""


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A suite file in a folder of its own, and a report that takes no time (tests/report has the real one)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.report.page.build_report", fake_tasks.blank_report)
    Path("tiny.yaml").write_text(SUITE)
    return "tiny.yaml"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder in which the suite was run once in this process, and the result."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HARNESS_CACHE", str(folder / "cache"))
        patch.setattr("harness.report.page.build_report", fake_tasks.blank_report)
        Path("tiny.yaml").write_text(SUITE)
        return folder, run(Request("tiny.yaml", workers=0))


@pytest.fixture
def ran(whole, suite):
    """The suite file beside a copy of its results."""
    shutil.copytree(whole[0] / "results", "results")
    return suite


def contents(folder):
    """What a results folder says of its runs, timings and place left out."""
    store = Store(folder)
    found = {}
    for run_id in store.finished():
        record = store.record(run_id)
        found[run_id] = {
            "status": record.status,
            "steps": {str(s): store.snapshot(run_id, s) for s in store.steps(run_id)},
            "curves": {name: store.curves(run_id)[name].to_numpy() for name in store.curves(run_id)},
            "scores": store.scores(run_id, store.plan.score_id).steps[20]["w1"],
        }
    return found


def test_a_suite_runs_and_every_planned_run_has_its_row(whole, monkeypatch):
    folder, result = whole
    monkeypatch.chdir(folder)
    assert (result.trained, result.already, result.exit_code) == (12, 0, 0)
    assert result.counts == {**dict.fromkeys(STATUSES, 0), "ok": 12}
    table = pd.read_parquet("results/tiny/runs.parquet")
    assert len(table) == 12
    assert (table["status"] == "ok").all()
    columns = ["w1", "w1_floor", "w1_excess", "score_undefined", "collapsed", "saturated", "train_s", "score_s"]
    assert table[[*columns, "peak_mb"]].notna().all(axis=None)
    np.testing.assert_allclose(table["w1_excess"], table["w1"] - table["w1_floor"])
    assert table.loc[table["dataset"] == "8gaussians", "hq"].notna().all()
    assert table.loc[table["dataset"] == "ring", "hq"].isna().all()
    assert result.report == Path("reports/tiny/index.html")
    assert "Does it run?" in result.report.read_text()


def test_the_folder_holds_what_commands_md_says(ran):
    folder = Path("results/tiny")
    entries = {"suite.yaml", "plan.json", "runs.parquet", "references", "runs", "claims"}
    assert {p.name for p in folder.iterdir() if not p.name.startswith(".")} == entries
    assert not list(folder.glob("claims/*.json"))
    references = sorted(p.name for p in (folder / "references").glob("*.npz"))
    assert references[0] == "8gaussians.npz"  # one setting: no hash
    assert len(references) == 3
    assert all(name.startswith("ring-") for name in references[1:])
    one = next((folder / "runs").iterdir())
    names = {str(p.relative_to(one)) for p in one.rglob("*") if p.is_file() and "scores" not in p.parts}
    snapshots = {f"snapshots/{step}.npz" for step in (0, 10, 20)}
    weights = {"generator.safetensors", "critic.safetensors"}
    assert names == {"record.json", "curves.parquet", "samples.npz"} | snapshots | weights


def test_samples_are_the_points_of_the_last_w1(ran):
    from harness.metrics.transport import wasserstein_1

    store, table = Store("results/tiny"), pd.read_parquet("results/tiny/runs.parquet")
    for row in table.itertuples():
        generated = read_npz(store.run_folder(row.run_id) / "samples.npz")["generated"]
        assert generated.shape == (60, 2)
        assert wasserstein_1(generated, store.reference(row.dataset, row.run_id)) == pytest.approx(row.w1, abs=1e-12)


def test_with_two_gpus_one_worker_trains_on_each_and_a_third_scores(suite, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    result = run(Request(suite, workers=3, device="cpu"), do=fake_tasks.FOR_TWO_GPUS)
    assert (result.trained, result.exit_code) == (12, 0)
    trained_by = dict(line.split() for line in Path("where.txt").read_text().splitlines())
    assert {*trained_by.values()} <= {"5", "GPU-7"}  # one of the two may have been slow to start
    assert len({*trained_by.values()}) == len(trained_by)


def test_a_second_call_trains_nothing(ran):
    before = {p: p.stat().st_mtime_ns for p in Path("results/tiny/runs").rglob("*")}
    again = run(Request(ran, workers=0))
    assert (again.trained, again.already) == (0, 12)
    assert {p: p.stat().st_mtime_ns for p in Path("results/tiny/runs").rglob("*")} == before


def test_workers_and_this_process_make_the_same_records(ran):
    run(Request(ran, workers=2, root="elsewhere"), do=fake_tasks.UNDRAWN)
    assert same(contents("results/tiny"), contents("elsewhere/tiny"))
    assert Path("elsewhere/tiny/report/index.html").exists()


def test_only_limits_what_is_trained_and_not_what_is_planned(suite):
    part = run(Request(suite, workers=0, only=["objective=gan,dataset=8gaussians"]))
    assert part.trained == 2
    assert part.counts["pending"] == 10
    assert len(pd.read_parquet("results/tiny/runs.parquet")) == 12
    rest = run(Request(suite, workers=0))
    assert (rest.trained, rest.already, rest.counts["ok"]) == (10, 2, 12)


def test_more_seeds_are_appended_and_old_stacks_stay(ran):
    before, old = Store("results/tiny").plan.stacks, contents("results/tiny")
    more = run(Request(ran, workers=0, sets=["seeds=3"]))
    assert (more.trained, more.already) == (6, 12)
    assert Store("results/tiny").plan.stacks[: len(before)] == before
    kept = {run_id: found for run_id, found in contents("results/tiny").items() if run_id in old}
    assert same(kept, old)


def test_other_data_settings_in_one_folder_get_their_own_reference(suite):
    """What an edited suite adds is scored as in a fresh folder, though the earlier reference lies there."""
    run(Request(suite, workers=0, only=["dataset=8gaussians"]))
    edited = run(Request(suite, workers=0, sets=["dataset.sd=0.5"], only=["dataset=8gaussians"]))
    run(Request(suite, workers=0, sets=["dataset.sd=0.5"], only=["dataset=8gaussians"], root="fresh"))
    assert edited.unplanned == 4
    assert "4 earlier runs" in edited.render()
    both = [pd.read_parquet(f"{root}/tiny/runs.parquet").dropna(subset="w1") for root in ("results", "fresh")]
    metrics = ["w1", "w1_floor", "hq", "score", "reverse_kl"]
    pd.testing.assert_frame_equal(both[0][["run_id", *metrics]], both[1][["run_id", *metrics]])


def test_more_samples_than_snapshots_keep_are_drawn_from_weights_at_the_last_step_alone(suite, monkeypatch):
    monkeypatch.setattr("harness.metrics.MODES_SAMPLES", 60)
    only = ["dataset=8gaussians,objective=gan"]
    run(Request(suite, workers=0, only=only))
    said = []
    again = run(Request(suite, workers=0, only=only, sets=["score.samples=90"]), said.append)
    assert (again.trained, again.unscored, again.exit_code) == (0, 0, 0)
    assert "weights" in said[0].todo.notes[0]
    scored = Store("results/tiny").scored()
    assert set(scored["step"]) == {20}
    assert scored["w1"].notna().all()
    verified = verify("results/tiny")[0]
    assert (verified.w1, verified.mismatches) == (2, [])
    assert score("results", samples=80, workers=0).scored == 2
    assert run(Request(suite, workers=0, only=only, sets=["score.samples=50"])).exit_code == 0
    assert set(Store("results/tiny").scored()["step"]) == {0, 10, 20}


def test_more_samples_than_runs_keep_are_refused_where_they_have_no_generator(suite, monkeypatch):
    monkeypatch.setattr("harness.metrics.MODES_SAMPLES", 60)
    text = SUITE.replace("[8gaussians, ring]", "parallel-lines").replace("lr: 1e-3", "lr: 1e-3, generator: fixed")
    Path(suite).write_text(text.replace("datasets: {ring: {sd: [.1, .2]}}\n", ""))
    run(Request(suite, workers=0))
    with pytest.raises(HarnessError, match="keep 60 samples"):
        run(Request(suite, workers=0, sets=["score.samples=90"]))
    with pytest.raises(HarnessError, match="keep 60 samples"):
        score("results/tiny", samples=90, workers=0)


def test_what_was_trained_and_not_scored_is_scored(ran):
    expected = contents("results/tiny")
    for path in list(Path("results/tiny/runs").glob("*/scores/*.json"))[::2]:
        path.unlink()
    result = run(Request(ran, workers=0))
    assert result.trained == 0
    assert same(contents("results/tiny"), expected)


def test_scoring_anew_trains_nothing_and_goes_on_where_it_was_cut_short(ran, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in Path("results/tiny/runs").glob("*/record.json")}
    changed = {"w1": replace(METRICS["w1"], version=99, compute=lambda generated, reference: {"w1": 7.0})}
    monkeypatch.setattr("harness.metrics.METRICS", {**METRICS, **changed})
    assert score("results/tiny", workers=0).scored == 12
    assert (pd.read_parquet("results/tiny/runs.parquet")["w1"] == 7.0).all()
    cut_short = Store("results/tiny").plan.score_id
    for path in sorted(Path("results/tiny/runs").glob(f"*/scores/{cut_short}.json"))[:5]:
        path.unlink()
    assert score("results/tiny", workers=0).scored == 5
    assert {path: path.stat().st_mtime_ns for path in Path("results/tiny/runs").glob("*/record.json")} == before


def test_a_run_that_raises_is_failed_and_costs_no_other(suite, monkeypatch):
    from harness import engine

    train = engine.train

    def broken(specs, *arguments, **options):
        if specs[0].setup.objective == "gan":
            raise RuntimeError("boom")
        return train(specs, *arguments, **options)

    monkeypatch.setattr(engine, "train", broken)
    result = run(Request(suite, workers=0))
    assert result.exit_code == 1
    assert (result.counts["ok"], result.counts["failed"]) == (6, 6)
    table = pd.read_parquet("results/tiny/runs.parquet")
    failed = table[table["objective"] == "gan"]
    assert failed["w1"].isna().all()
    assert failed["error"].str.contains("boom").all()
    log = Store("results/tiny").run_folder(failed["run_id"].iloc[0]) / "log.txt"
    assert "Traceback" in log.read_text()
    monkeypatch.setattr(engine, "train", train)
    assert run(Request(suite, workers=0)).trained == 0  # they wait for
    assert run(Retry("results/tiny", workers=0)).counts["ok"] == 12


def test_a_diverged_run_is_an_outcome_and_its_metrics_are_null(suite):
    Path("wild.yaml").write_text(
        SUITE.replace("name: tiny", "name: wild").replace("lr: 1e-3", "optimizer: sgd, lr: [1e-3, 1e14]")
    )
    result = run(Request("wild.yaml", workers=0, only=["objective=wgan-gp,dataset=8gaussians"]))
    table = pd.read_parquet("results/wild/runs.parquet")
    wild = table[(table["status"] == "diverged")]
    assert (len(wild), result.exit_code) == (2, 0)
    assert (wild["hyper.lr"] == 1e14).all()
    assert wild["w1"].isna().all()
    assert (wild["first_bad_step"] <= 20).all()
    scored = Store("results/wild").scored()
    assert set(scored.loc[scored["run_id"].isin(wild["run_id"]), "step"]) == {0}  # the last finite metrics are kept
    assert run(Request("wild.yaml", workers=0, only=["objective=wgan-gp,dataset=8gaussians"])).trained == 0


def test_a_worker_that_dies_costs_its_own_stack_and_a_retry_without_its_plug_in_names_that(suite):
    Path("dying.py").write_text(
        "import os\nfrom dataclasses import replace\nfrom harness import OBJECTIVES as known\n"
        "def dies(real, fake, hyper):\n"
        "    return os._exit(9) if fake.element_size() == 4 else known['gan'].generator_loss(real, fake, hyper)\n"
        "OBJECTIVES = {'dying': replace(known['gan'], generator_loss=dies)}\n"
    )
    text = SUITE.replace("name: tiny", "name: dying\nplugins: [dying.py]").replace("seeds: 2", "seeds: 1")
    Path("dying.yaml").write_text(text.replace("[gan, wgan-gp]", "[dying, wgan-gp]"))
    result = run(Request("dying.yaml", workers=1, only=["dataset=8gaussians"]), do=fake_tasks.UNDRAWN)
    assert (result.counts["ok"], result.counts["failed"], result.exit_code) == (1, 1, 1)
    assert "harness retry results/dying" in result.render()
    assert "worker process died" in failure_of("results/dying")
    Path("dying.py").unlink()
    again = run(Retry("results/dying", workers=0))
    assert (again.counts["failed"], again.exit_code) == (1, 1)
    assert "dying.py" in failure_of("results/dying")


def failure_of(folder):
    """What the table says of its one failed run."""
    (error,) = pd.read_parquet(f"{folder}/runs.parquet").query("status == 'failed'")["error"]
    return error


def test_reports_stand_where_they_are_looked_for():
    assert report_folder("results", "results/x@paper") == "reports/x@paper"
    assert report_folder("elsewhere", "elsewhere/x") == "elsewhere/x/report"


def test_an_interrupted_call_is_continued_by_the_same_call(suite, tmp_path):
    Path("waits.py").write_text(
        "import time\nfrom dataclasses import replace\nfrom pathlib import Path\n"
        "from harness import OBJECTIVES as known\n"
        "def waits(real, fake, hyper):\n"
        "    while Path('closed').exists() and any(Path('results').glob('waits/runs/[!.]*/record.json')):\n"
        "        time.sleep(0.01)\n"
        "    return known['wgan-gp'].generator_loss(real, fake, hyper)\n"
        "OBJECTIVES = {'waits': replace(known['wgan-gp'], generator_loss=waits)}\n"
    )
    text = SUITE.replace("name: tiny", "name: waits\nplugins: [waits.py]").replace("[gan, wgan-gp]", "[wgan-gp, waits]")
    Path("waits.yaml").write_text(text)
    few = {"only": ["dataset=8gaussians"]}
    run(Request("waits.yaml", workers=0, root="whole", **few))
    Path("closed").touch()  # nobody trains on once there is a record
    command = [sys.executable, "-m", "harness", "run", "waits.yaml", "--workers", "1", "--only", *few["only"]]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not list(Path("results").glob("waits/runs/[!.]*/record.json")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, words = process.communicate(timeout=30)
    assert process.returncode == 130, words
    assert "same command" in words
    done = len(Store("results/waits").finished())
    assert 0 < done < 4
    assert not children_of(process.pid)
    Path("closed").unlink()
    rest = run(Request("waits.yaml", workers=0, **few))
    assert (rest.already, rest.trained) == (done, 4 - done)
    for run_id, found in shots("whole/waits").items():
        assert same(found, shots("results/waits")[run_id])


def shots(folder):
    store = Store(folder)
    return {run_id: {str(s): store.snapshot(run_id, s) for s in store.steps(run_id)} for run_id in store.finished()}


def children_of(pid):
    """Living processes whose parent was `pid`; none once it is gone, unless they outlived it."""
    listing = subprocess.run(["ps", "-eo", "ppid="], capture_output=True, text=True, check=True).stdout.split()
    return [parent for parent in listing if int(parent) == pid]


def test_what_workers_send_back_needs_no_heavy_import(suite):
    """Results hold no arrays or classes of torch: the parent would import them."""
    plan = tasks.plan_suite(Request(suite, "results", device="cpu"), True)
    done = tasks.train_stack(plan.folder, plan.stacks[0].id, plan.stacks[0].runs, "cpu")
    modules = set()

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            modules.add(module)
            return super().find_class(module, name)

    assert Reader(io.BytesIO(pickle.dumps([plan, done]))).load() == [plan, done]
    assert {name.partition(".")[0] for name in modules} <= {"harness", "builtins"}
    assert os.path.isdir(plan.folder)


@pytest.mark.parametrize("fate", ["diverged", "failed", "pending", "fixed"])
def test_a_real_report_is_written_whatever_became_of_the_runs(fate, undrawn, tmp_path, monkeypatch):
    """Through the real store and the real page: no run ok, and no generator trained."""
    monkeypatch.chdir(tmp_path)
    Path("bursting.py").write_text(
        "from dataclasses import replace\nfrom harness import OBJECTIVES as known\n"
        "def broken(real, fake, hyper):\n    if fake.element_size() == 4:\n        raise RuntimeError('boom')\n"
        "    return known['gan'].generator_loss(real, fake, hyper)\n"
        "OBJECTIVES = {'bursting': replace(known['gan'], generator_loss=broken)}\n"
    )
    texts = {
        "diverged": SUITE.replace("lr: 1e-3", "optimizer: sgd, lr: 1e30"),
        "failed": SUITE.replace("name: tiny", "name: tiny\nplugins: [bursting.py]").replace(
            "[gan, wgan-gp]", "bursting"
        ),
        "pending": SUITE,
        "fixed": SUITE.replace("[8gaussians, ring]", "parallel-lines").replace(
            "lr: 1e-3", "lr: 1e-3, generator: fixed"
        ),
    }
    text = texts[fate].replace("[8gaussians, ring]", "8gaussians").replace("datasets: {ring: {sd: [.1, .2]}}\n", "")
    Path("tiny.yaml").write_text(text)
    if fate == "pending":
        plan = tasks.plan_suite(Request("tiny.yaml", "results", device="cpu"), True)
        page = Path(tasks.finish(plan.folder, "reports/tiny", 1).report).read_text()
        assert "harness run" in page
    else:
        result = run(Request("tiny.yaml", workers=0))
        page = result.report.read_text()
        if fate == "fixed":
            check_rebuilt(result.report)
        assert result.counts["ok" if fate == "fixed" else fate] == sum(result.counts.values())
    assert "Does it run?" in page
    assert ("boom" in page) == (fate == "failed")


def check_rebuilt(report):
    """From the records alone, to the same bytes."""
    first = report.read_bytes()
    report.unlink()
    assert rebuild_reports(["results"], None) == ["reports/tiny/index.html"]
    assert report.read_bytes() == first
