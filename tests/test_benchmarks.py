"""The benchmarks: the yardstick, what is counted, and that both sides do the same."""

import json
import os
from collections import Counter
from contextlib import nullcontext
from datetime import datetime
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import (
    BENCHMARKS,
    all_cores,
    bench,
    compiled_step,
    diagnostics,
    gpu_check,
    gpu_processes,
    gpu_step,
    growth,
    image_step,
    scoring,
    study_cost,
    toy_step,
    whole_suite,
)
from benchmarks.plain_loop import PictureSize, PlainLoop, PlainPictures, Size
from benchmarks.toy_step import peak_gflops, step_flops
from harness import metrics
from harness.architectures import ARCHITECTURES, dcgan
from harness.datasets import DATASETS
from harness.engine.replay import Replay
from harness.errors import HarnessError, UnknownName
from harness.metrics import CRITIC_METRICS
from harness.metrics.columns import MetricColumn
from harness.metrics.transport import wasserstein_1
from harness.plan import stacks
from harness.store import Store
from harness.suite.expand import expand
from harness.suite.load import load_suite
from harness.suite.shipped import find_suite
from harness.workers import default_workers, open_executor


@pytest.mark.slow
def test_the_counted_work_is_what_the_plain_loop_multiplies():
    """By PyTorch's profiler. Autograd also sends the penalty's zeros back through the ReLUs, a sixth of it."""
    size = Size(width=64, batch=32, n_critic=2)
    loop = PlainLoop(size)
    with profile(activities=[ProfilerActivity.CPU], with_flops=True) as profiler:
        loop.step()
    products = sum(event.flops for event in profiler.key_averages() if event.key in ("aten::mm", "aten::addmm"))
    assert 5 / 6 < step_flops(size) / products < 1


@pytest.mark.slow
def test_the_plain_loop_learns_the_ring():
    torch.manual_seed(0)
    loop, entry = PlainLoop(Size(width=64, batch=64)), DATASETS["8gaussians"]
    real = entry.reference(500, torch.Generator().manual_seed(0), {**entry.hyper, **entry.setup}).numpy()

    def distance():
        with torch.no_grad():
            return wasserstein_1(loop.generator(torch.randn(500, 2)).numpy(), real)

    before = distance()
    for optimizer in loop._players:
        optimizer.param_groups[0]["lr"] = 1e-3
    for _ in range(300):
        loop.step()
    assert distance() < 0.5 * before


@pytest.mark.slow
def test_a_row_compares_every_stack_with_the_plain_loop():
    row = toy_step.measure(width=8, batch=8, rounds=1, seconds=0.001)
    assert [stack["runs"] for stack in row["stacks"]] == list(toy_step.STACKS)
    assert row["best"] == min(stack["ratio"] for stack in row["stacks"])
    assert row["plain"]["ratio"] == 1.0
    for stack in row["stacks"]:
        np.testing.assert_allclose(stack["ratio"], stack["ms"] / row["plain"]["ms"])  # of one round
    assert len(toy_step.render(row)) <= 115
    assert all(len(line) <= 115 for line in toy_step.heading().splitlines())


@pytest.mark.parametrize("objective", ["gan", "wgan-gp"])
@pytest.mark.parametrize(("side", "channels"), [(16, 1), (32, 3)])
def test_the_plain_loop_of_pictures_trains_the_networks_of_dcgan(objective, side, channels):
    """Layer by layer, and its step moves both players."""
    size = PictureSize(objective, side, channels, width=4, batch=8)
    loop = PlainPictures(size, torch.rand(20, channels, side, side))
    norm, shape = "batch" if objective == "gan" else "layer", (channels, side, side)
    for mine, theirs in (
        (loop.generator, dcgan.build_generator(dcgan.DcganGenerator(width=4, latent=64), shape)),
        (loop.critic, dcgan.build_critic(dcgan.DcganCritic(width=4, norm=norm), shape)),
    ):
        assert [p.shape for p in mine.parameters()] == [p.shape for p in theirs.parameters()]
        x = torch.randn(3, *([64] if mine is loop.generator else shape))
        params = dict(zip(dict(theirs.named_parameters()), mine.parameters(), strict=True))
        torch.testing.assert_close(mine(x), torch.func.functional_call(theirs, params, x))
    weights = [p for p in (*loop.generator.parameters(), *loop.critic.parameters()) if p.ndim > 1]
    before = [p.detach().clone() for p in weights]
    loop.step()
    assert not any(torch.equal(a, b) for a, b in zip(before, weights, strict=True))


@pytest.mark.slow
def test_a_row_of_pictures_compares_every_stack(monkeypatch):
    monkeypatch.setitem(DATASETS, "bench", image_step._PICTURES)  # and away again
    row = image_step.measure(PictureSize("wgan-gp", 16, 1, 2, 4), rounds=1, seconds=0.001)
    assert [stack["runs"] for stack in row["stacks"]] == list(image_step.STACKS)
    assert row["plain"]["ratio"] == 1.0
    assert row["planned"] == 16
    assert len(image_step.render(row)) <= 115
    assert all(len(line) <= 115 for line in image_step.heading().splitlines())
    assert {"gan", "wgan-gp"} == {size.objective for size in image_step.SIZES}
    assert "dcgan" in ARCHITECTURES


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A small study by both ways, in three rounds: what was measured, and the scores of every run by side."""
    monkeypatch.setattr(study_cost, "TemporaryDirectory", lambda **options: nullcontext(str(tmp_path)))
    monkeypatch.setitem(stacks.STACK_SIZE, "cpu", 2)
    monkeypatch.setattr(stacks, "MOST_TINY", 2)
    with open_executor(0) as executor:
        size = study_cost.StudySize("wgan-clip", trials=3, seeds=2, steps=4, width=4, samples=50, every=2)
        row = study_cost.measure(executor, size)
    scores = {}
    for side in ("stacked", "alone"):
        store = Store(tmp_path / side / "bench")
        found = {run_id: store.scores(run_id, store.plan.score_id) for run_id in store.finished()}
        scores[side] = {run_id: scored.steps for run_id, scored in found.items()}
    return row, scores


def solved(columns):
    """Return the columns but for what a critic says, whose last bits may depend on the size of the stack."""
    learned = {column.name for metric in CRITIC_METRICS.values() for column in metric.columns}
    return {name: value for name, value in columns.items() if MetricColumn.parse(name).name not in learned}


@pytest.mark.slow
def test_a_sample_of_a_studys_runs_is_trained_to_the_same_scores(trained):
    row, scores = trained
    assert (row["runs"], row["sampled"]) == (len(scores["stacked"]), len(scores["alone"])) == (6, 3)
    for run_id, steps in scores["alone"].items():
        assert {step: solved(columns) for step, columns in steps.items()} == {
            step: solved(columns) for step, columns in scores["stacked"][run_id].items()
        }
    assert [(part["runs"], part["sampled"]) for part in row["rounds"]] == [(2, 1)] * 3
    np.testing.assert_allclose(row["alone_s"], 2 * sum(part["alone_s"] for part in row["rounds"]))
    np.testing.assert_allclose(row["ratio"], row["stacks_s"] / row["alone_s"])
    lines = [*study_cost.heading(study_cost.StudySize("wgan-gp"), 2).splitlines(), study_cost.render(row)]
    assert all(len(line) <= 115 for line in lines)


@pytest.mark.bench
def test_a_study_in_stacks_takes_at_most_so_much_of_one_run_after_another():
    found = bench("study", print)
    assert [row["objective"] for row in found["rows"]] == list(study_cost.OWN)
    assert all(row["ratio"] <= study_cost.LIMIT for row in found["rows"])


@pytest.mark.slow
@pytest.mark.parametrize("case", [diagnostics.DIAGNOSED[0], diagnostics.DIAGNOSED[5]], ids=" ".join)
def test_diagnostics_are_clocked_within_a_stack_s_time(case):
    row = diagnostics.measure(*case, sets=("train.steps=3", "score.samples=60", "seeds=2"))
    assert row["points"] == len({0, 1, 2, 3} if case[0] == "quickstart" else {1, 2, 3})
    assert 0 < row["critic_s"] < row["train_s"]
    assert 0 < row["columns_s"] < row["score_s"]
    np.testing.assert_allclose(row["share"], (row["critic_s"] + row["columns_s"]) / (row["train_s"] + row["score_s"]))
    assert 0 < row["arrays_kb"] < row["kept_kb"]
    lines = [*diagnostics.HEADING.splitlines(), diagnostics.render(row)]
    assert all(len(line) <= 115 for line in lines)


@pytest.mark.bench
def test_diagnostics_of_the_critic_take_at_most_a_tenth_of_a_toy_run():
    assert all(row["share"] <= diagnostics.LIMIT for row in bench("diagnostics", print)["rows"])


@pytest.mark.slow
def test_the_sizes_and_the_peak():
    assert {width for width, _ in toy_step.SIZES} == {64, 128, 512}
    assert peak_gflops() > 0.1


@pytest.mark.parametrize("module", BENCHMARKS.values())
def test_every_benchmark_is_a_module(module):
    assert callable(import_module(f"benchmarks.{module}").bench)


def test_an_unknown_benchmark_is_a_sentence():
    with pytest.raises(UnknownName, match=r"'engin'.*Did you mean 'engine'"):
        bench("engin")


@pytest.mark.slow
def test_a_row_of_a_gpu_compares_graphs_with_eager_updates_and_the_plain_loop(monkeypatch):
    """On the CPU, where nothing is captured: the same steps twice."""
    monkeypatch.setitem(DATASETS, "bench", image_step._PICTURES)
    sizes = [Size(width=4, batch=8, n_critic=1), PictureSize("wgan-gp", 16, 1, 2, 4)]
    for size in sizes:
        row = gpu_step.measure(gpu_step.Row(size, 2, at_least=1e9, at_most_ms=1e-9), "cpu", rounds=1, seconds=0.001)
        np.testing.assert_allclose(row["times_plain"], row["plain_ms"] / row["graph_ms"])
        np.testing.assert_allclose(row["times_eager"], row["eager_ms"] / row["graph_ms"])
        assert len(row["fails"]) == 2
        lines = [*gpu_step.HEADING.splitlines(), *gpu_step.render(row).splitlines()]
        assert all(len(line) <= 115 for line in lines)


@pytest.mark.slow
def test_a_row_of_compiled_steps(monkeypatch):
    """Both sides train the same stack; what compiling takes is set against what it saves."""
    monkeypatch.setattr(torch, "compile", lambda update, **options: update)
    row = compiled_step.measure(gpu_step.Row(Size(4, 8), 2), rounds=3, seconds=0.01)
    np.testing.assert_allclose(row["ratio"], row["compiled_ms"] / row["eager_ms"], rtol=0.5)
    saves = row["compiled_ms"] < row["eager_ms"]
    assert (row["pays_after"] is not None) == saves
    for pays in (row["pays_after"], 12_345, None):
        lines = [*compiled_step.HEADING.splitlines(), compiled_step.render(row | {"pays_after": pays})]
        assert all(len(line) <= 115 for line in lines)


def test_a_target_of_a_gpu_is_missed_or_reached():
    row = gpu_step.Row(Size(64, 256), 64, at_least=200, over_eager=5, at_most_ms=2.0)
    assert gpu_step.missed(row, {"times_plain": 200, "times_eager": 5, "graph_ms": 2.0}) == []
    assert gpu_step.missed(row, {"times_plain": 199.4, "times_eager": 4, "graph_ms": 2.25}) == [
        "199 times the plain loop, at least 200", "4 times eager, at least 5", "2.25 ms a run, at most 2",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_row_says_that_its_stack_was_not_compiled(monkeypatch):
    def broken(*_, **__):
        raise torch._dynamo.exc.Unsupported("no such operation")

    monkeypatch.setattr(torch, "compile", lambda *_, **__: broken)
    monkeypatch.setattr(gpu_step, "peak_tflops", lambda **_: 1e-9)
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")  # which the row unsets
    sized = gpu_step.Row(Size(width=4, batch=8, n_critic=1), 2, share=1e-9)
    row = gpu_step.measure(sized, "cpu", rounds=1, seconds=0.001)
    assert row["engines"]["compiled"] == "eager"
    assert row["fails"] == ["compiled fell back (engine eager): no such operation"]
    lines = gpu_step.render(row).splitlines()
    assert lines[1].startswith("  not compiled: ")
    assert lines[2] == f"  missed: {row['fails'][0]}"
    assert all(len(line) <= 115 for line in lines)
    row = compiled_step.measure(sized, rounds=1, seconds=0.001)
    assert row["eager_because"] == "no such operation"
    assert compiled_step.render(row).splitlines()[1:] == ["  fell back to eager updates: no such operation"]


def test_a_stack_that_could_not_be_captured_fell_back():
    def record(body):
        raise RuntimeError("operation not permitted\nwhile capturing")

    stack = toy_step.stack_of(toy_step.specs_of(Size(width=4, batch=8, n_critic=1), 2))
    stack.replay = Replay(stack.updates, record)
    toy_step.stepped(stack)(2)
    whole = toy_step.stack_of(stack.specs)
    assert gpu_step.fallbacks({"eager": whole, "graph": stack}) == [
        "graph fell back (engine eager): operation not permitted"
    ]


def test_a_row_that_cannot_be_measured_says_why(monkeypatch):
    def measure(row):
        raise MemoryError("no room for 64 runs")

    monkeypatch.setattr(gpu_step, "measure", measure)
    with open_executor(0) as executor:
        row = gpu_step.measured_or_failed(executor, gpu_step.ROWS[0])
    assert row["fails"] == ["not measured: no room for 64 runs"]
    assert gpu_step.render(row).splitlines()[1:] == ["  missed: not measured: no room for 64 runs"]


JUNIT = """<testsuites><testsuite tests="4">
<testcase name="test_a"/><testcase name="test_b[gan]"><failure message="no"/></testcase>
<testcase name="test_c"><skipped/></testcase><testcase name="test_d"><error/></testcase>
</testsuite></testsuites>"""


def test_a_report_of_tests_that_was_cut_short_counts_none():
    assert gpu_check.counts_of(JUNIT[:90]) == gpu_check.counts_of("") == {"passed": 0, "skipped": 0, "failed": []}


def test_what_the_tests_said_is_kept_where_the_benchmark_fails(tmp_path, monkeypatch):
    def fails(progress):
        raise RuntimeError("no room")

    monkeypatch.setattr(gpu_step, "require_gpu", lambda: None)
    monkeypatch.setattr(gpu_step, "bench", fails)
    monkeypatch.setattr(gpu_check, "run_tests", lambda: {**gpu_check.counts_of(JUNIT), "took_s": 1.0})
    missed = gpu_check.check(tmp_path / "check.json", lambda line: None)
    assert missed == ["test: test_b[gan]", "test: test_d", "test: bench gpu: RuntimeError: no room"]
    assert json.loads((tmp_path / "check.json").read_text())["missed"] == missed


def test_a_check_of_a_gpu_names_what_was_missed_and_what_each_part_took(tmp_path, monkeypatch):
    tests = {**gpu_check.counts_of(JUNIT), "took_s": 40.0}
    rows = [{**gpu_step.named(row), "fails": [], "took_s": 10.0} for row in gpu_step.ROWS[:2]]
    rows[1]["fails"] = ["199 times the plain loop, at least 200"]
    processes = [{"processes": 2, "fails": [], "took_s": 5.0}]
    monkeypatch.setattr(gpu_step, "require_gpu", lambda: None)
    monkeypatch.setattr(gpu_step, "bench", lambda progress: {"rows": rows, "processes": processes})
    monkeypatch.setattr(gpu_check, "run_tests", lambda: tests)
    clock = iter([0.0, 301.0])
    monkeypatch.setattr(gpu_check, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    lines = []
    missed = gpu_check.check(tmp_path / "x.json", lines.append)
    assert missed == [
        "test: test_b[gan]",
        "test: test_d",
        "mlp, width 64, batch 256, 64 runs: 199 times the plain loop, at least 200",
        "301 s in all, at most 300",
    ]
    report = json.loads((tmp_path / "x.json").read_text())
    assert report["missed"] == missed
    assert [part["took_s"] for part in report["parts"]] == [40, 10, 10, 5, 236]
    assert report["tests"] == {"passed": 1, "skipped": 1, "failed": ["test_b[gan]", "test_d"], "took_s": 40}
    assert lines[-1].splitlines()[-len(missed) :] == [f"  {target}" for target in missed]


def test_the_clocks_of_a_check_of_a_gpu_run_for_a_quarter_of_its_time():
    contenders = sum(5 if row.share else 3 for row in gpu_step.ROWS)
    clocked = contenders * gpu_step.ROUNDS * gpu_step.SECONDS + len(gpu_processes.COUNTS) * gpu_processes.SECONDS
    assert clocked <= gpu_check.AT_MOST_S / 4


def test_processes_that_share_a_gpu_are_compared_with_one(tmp_path):
    """On the CPU, one process."""
    with open_executor(0) as executor:
        (row,) = gpu_processes.measure(executor, "cpu", [1], Size(width=4, batch=8, n_critic=1), seconds=0.001)
    assert (row["processes"], row["times_one"]) == (1, 1.0)
    assert row["steps_s"] > 0
    lines = [*gpu_processes.HEADING.splitlines(), gpu_processes.render(row)]
    assert all(len(line) <= 115 for line in lines)


def test_the_suite_of_a_whole_call_is_that_of_2026_11_28():
    runs = expand(load_suite(str(whole_suite.SUITE))).runs
    assert len(runs) == 875
    assert Counter(run.dataset for run in runs) == {"digits": 200, **dict.fromkeys(TOYS, 225)}


TOYS = ("8gaussians", "25gaussians", "swissroll")


def test_time_in_which_no_process_trains_is_idle():
    """0-4 and 1-3 at once, then nothing until 6-8, of eight."""
    stacks = [(1, 0.0, 0.1, 4.0), (2, 1.0, 1.0, 3.0), (1, 6.0, 6.5, 8.0)]
    assert whole_suite.idle([whole_suite.Training(*stack) for stack in stacks]) == 0.25


def test_how_busy_gpus_are_is_what_nvidia_smi_wrote_meanwhile(tmp_path):
    noon = datetime(2026, 11, 29, 12).timestamp()
    lines = [f"2026/11/29 12:00:0{s}.500, {percent}" for s, percent in enumerate((0, 90, 100, 80, 5))]
    (tmp_path / "gpus.csv").write_text("\n".join([*lines, "[N/A]", "2026/11/29 12:0"]))
    assert whole_suite._busy(tmp_path / "gpus.csv", noon + 1, noon + 4) == pytest.approx(0.9)
    (tmp_path / "gpus.csv").write_text("")
    assert whole_suite._busy(tmp_path / "gpus.csv", noon, noon + 4) is None


@pytest.mark.slow
def test_a_whole_call_is_timed_from_its_first_step_to_its_report(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.report.page.build_report", lambda store, out, workers: out)
    suite = tmp_path / "tiny.yaml"
    suite.write_text(
        "version: 1\nname: tiny\nseeds: 2\ntrain: {steps: 20, batch: 8, lr: 1e-3}\nscore: {at: [1], samples: 60}\n"
        "architectures: {mlp: {width: 4, depth: 1}}\n"
        "matrix: [{dataset: 8gaussians, architecture: mlp, objective: [gan, wgan-gp]}]\n"
    )
    row = whole_suite.measure(str(suite), workers=0, device="cpu")
    assert (row["runs"], row["workers"], row["trainers"], row["device"]) == (4, 0, 1, "cpu")
    assert 0 < row["work_s"] < row["report_s"]
    assert row["first_step_s"] > 0
    assert 0 <= row["idle"] < 1
    lines = [*whole_suite.HEADING.splitlines(), whole_suite.render(row), whole_suite.render({**row, "gpu_busy": 0.97})]
    assert all(len(line) <= 115 for line in lines)


def test_extractors_are_in_the_cache_before_cores_are_timed(monkeypatch):
    """What makes a reference keeps them there; only images have any."""
    references = []
    monkeypatch.setattr(
        metrics, "make_reference", lambda spec, n, names: references.append((spec.setup.dataset, n, names))
    )
    all_cores.fill_cache(find_suite("robustness"), all_cores.PART)
    assert references == [("digits", load_suite(find_suite("robustness")).score.samples, None)]


@pytest.mark.bench
def test_two_cores_take_robustness_1_9_times_as_fast_as_one():
    assert default_workers() != 2 or bench("cores", print)["ratio"] >= all_cores.AT_LEAST


def test_without_a_gpu_its_benchmark_is_a_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(HarnessError, match="PyTorch sees no CUDA device"):
        bench("gpu")


def test_the_slope_of_growth_is_the_exponent_of_its_upper_half():
    rows = [{"axis": "runs", "value": n, "seconds": max(1, n**2 / 16), "gb": 0.1} for n in (1, 2, 4, 8, 16, 32)]
    assert growth.slope(rows) == pytest.approx(2)
    assert growth.slope([row for row in rows if row["value"] in (8, 32)]) == pytest.approx(2)
    assert growth.draw(rows).startswith(b"\x89PNG")
    lines = [*growth.HEADING.splitlines(), *map(growth.render, rows)]
    assert all(len(line) <= 115 for line in lines)


@pytest.mark.slow
def test_a_value_of_growth_is_measured_in_a_process_of_its_own():
    row = growth.measure("records", 10)
    assert (row["axis"], row["value"]) == ("records", 10)
    assert row["seconds"] > 0
    assert 0.01 < row["gb"] < 3
    with pytest.raises(HarnessError, match=r"benchmarks\.growth nothing 11 failed: KeyError"):
        growth.measure("nothing", 11)


@pytest.mark.slow
@pytest.mark.parametrize("axis", [*sorted(growth.AXES.keys() - {"records"}), "driver", "store"])
def test_so_is_every_axis_of_growth(axis, monkeypatch):
    """Here, where torch is imported once."""
    monkeypatch.setattr(os, "fsync", os.fsync)  # which some replace
    assert growth.one(axis, 10)["seconds"] > 0


@pytest.mark.slow
def test_both_sides_of_scoring_give_the_same_distances(monkeypatch):
    monkeypatch.setattr(scoring, "SIZES", (300,))
    monkeypatch.setattr(scoring, "ROUNDS", 1)
    monkeypatch.setattr(
        scoring, "load_suite", lambda path: load_suite(path, sets=("train.steps=20", "score.samples=300"))
    )
    row = scoring.measure("quickstart", "8gaussians", "mlp", "nsgan")
    assert row["sizes"][0]["difference"] < 1e-9
    lines = [*scoring.HEADING.splitlines(), *scoring.render(row).splitlines()]
    assert all(len(line) <= 120 for line in lines)
