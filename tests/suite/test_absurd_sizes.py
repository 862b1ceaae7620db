"""Numbers, names, lists and paths of absurd size: refused with file and line, in short sentences, at once."""

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness import api
from harness.errors import LONGEST, PRINTED, HarnessError, SuiteError
from harness.execution.planning import plan_suite
from harness.execution.requests import Request
from harness.hints import QUOTED, nearest, quoted, suggestion
from harness.plan.make import make_plan
from harness.plan.screen import render
from harness.spec import MAX_COUNT, canonical_json
from harness.store.plan_file import Plan
from harness.suite.format.values import MAX_CHOICES, MAX_NUMBER, MAX_RUNS
from harness.suite.load import load_suite

HUGE = "9" * 350
LONG = 500  # characters of a whole sentence, with its place

SUITE = """\
version: 1
name: t
question: q
seeds: 1
train: {steps: 5, batch: 8, %s}
score: {samples: 50}
datasets: {ring: {sd: 0.1}}
matrix: [{dataset: ring, architecture: mlp, objective: %s}]
"""
PLAIN = SUITE % ("lr: 1e-3", "nsgan")


def sentences(problems):
    texts = [str(problem) for problem in problems]
    assert texts
    assert all(len(text) <= LONG and "\n" not in text for text in texts), [len(text) for text in texts]
    return texts


@pytest.mark.parametrize("digits", [11, 290, 350, 1000, 5000])
@pytest.mark.parametrize(
    ("written", "key", "line"),
    [
        ("steps: 5", "steps", 5),
        ("batch: 8", "batch", 5),
        ("lr: 1e-3", "n_critic", 5),
        ("samples: 50", "samples", 6),
        ("sd: 0.1", "sd", 7),
        ("seeds: 1", "seeds", 4),
    ],
)
def test_a_number_of_many_digits_is_refused_in_the_file_and_by_set(problems, digits, written, key, line):
    number = "9" * (digits + 30 * (key == "sd"))
    assert written in PLAIN
    (problem,) = problems(PLAIN.replace(written, f"{key}: {number}"))
    assert (problem.place, problem.code) == (f"x.yaml:{line}", "bad-value")
    (problem,) = problems(PLAIN, sets=[f"{key}={number}"])
    assert problem.place.startswith("--set")
    sentences([problem])


@pytest.mark.parametrize(
    "text",
    [
        SUITE % (f"n_critic: {{base: 1, first: [5, {HUGE}]}}", "nsgan"),
        SUITE % (f"pack: {HUGE}", "nsgan"),
        SUITE % (f"micro_batch: {HUGE}", "nsgan"),
        SUITE % ("lr: 1e300", "nsgan"),
        PLAIN.replace("sd: 0.1", "sd: 1e300"),
        PLAIN.replace("sd: 0.1", f"fixed: {HUGE}"),
        PLAIN.replace("steps: 5", f"steps: 0x{'f' * 999}"),
    ],
)
def test_a_number_that_training_cannot_hold_is_refused(problems, text):
    (problem,) = problems(text)
    assert problem.code == "bad-value"
    assert "needed" in sentences([problem])[0]


@pytest.mark.parametrize("sd", [f"{MAX_NUMBER:g}", f"{int(MAX_NUMBER)}", str(2**63)])
def test_the_largest_numbers_are_planned(sd, load):
    text = PLAIN.replace("steps: 5", f"steps: {MAX_COUNT}").replace("batch: 8", f"batch: {MAX_COUNT}")
    text = text.replace("sd: 0.1", f"sd: {sd}")
    suite = load(text)
    plan = replace(make_plan(suite, None, "cpu"), resolved=suite.to_json(), score_id="0" * 16)
    assert Plan.from_json(json.loads(canonical_json(plan.to_json()))).specs == plan.specs


def test_more_samples_than_the_memory_takes_have_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text(PLAIN.replace("samples: 50", "samples: 1000000"))
    with pytest.raises(SuiteError) as error:
        plan_suite(Request("x.yaml", "results", device="cpu"), False)
    assert [(problem.place, problem.code) for problem in error.value.problems] == [("x.yaml:6", "too-many-samples")]
    assert "GB" in str(error.value)


def test_more_layers_than_a_network_may_have_are_refused(problems):
    layers = ", ".join(["8"] * 1000)
    text = PLAIN.replace("matrix:", f"architectures: {{mlp: {{widths: [[{layers}]]}}}}\nmatrix:")
    assert [each.split("given, ")[1] for each in map(str, problems(text))] == ["at most 128 widths needed."]


@pytest.mark.parametrize("name", ["x" * 60, "x" * 100_000, "x\ny" * 30_000])
def test_a_long_name_is_quoted_short(problems, name):
    sentences(problems(SUITE % ("lr: 1e-3", f'"{name}"'.replace("\n", "\\n"))))
    sentences(problems(PLAIN, scale=name))
    sentences(problems(PLAIN, sets=[f"{name[:9000]}=1"]))
    sentences(problems(PLAIN, sets=[name]))


@pytest.mark.parametrize(
    "line",
    ["extends: %s", "plugins: [%s]", "datasets: {ring: {base: points, file: %s}}", "scale: %s", "question: [%s]"],
)
def test_a_long_path_is_quoted_short(problems, line):
    for path in ("y" * 300, "y" * 100_000, "../" * 30_000 + "y"):
        sentences(problems(PLAIN.replace("datasets: {ring: {sd: 0.1}}\n", "") + line % path + "\n"))


def test_a_path_that_is_too_long_for_a_name_is_quoted_short_where_it_is_extended(problems):
    (text,) = sentences(problems(PLAIN + f"extends: {'z' * 100_000}\n"))
    assert text.count("z") <= QUOTED


def test_a_nul_in_a_name_is_not_printed(problems):
    (problem,) = problems(PLAIN + 'extends: "a\\0b"\n')
    assert str(problem).isprintable()


@pytest.mark.parametrize("call", [api.load, api.load_run])
def test_a_long_folder_is_quoted_short(call):
    with pytest.raises(HarnessError, match="too long") as error:
        call(*(["ab"] if call is api.load_run else []), "x" * 5000)
    assert len(str(error.value)) < LONG


def test_many_mistakes_are_counted_and_not_printed(problems, load):
    names = ", ".join(f"x{i}" for i in range(500))
    text = SUITE % ("lr: 1e-3", f"[{names}]")
    assert len(problems(text)) == 500
    with pytest.raises(SuiteError, match=f"{500 - PRINTED} further") as error:
        load(text)
    assert len(str(error.value).splitlines()) == PRINTED + 1


def test_of_many_names_the_five_nearest_are_listed():
    known = [f"name-{i}" for i in range(3000)]
    assert suggestion("qqqq", known).count("name-") == 5
    assert "2,995 more" in suggestion("qqqq", known)
    assert suggestion("qqqq", known[:3]) == " Known: name-0, name-1, name-2."
    assert nearest("name-17", known) == " Did you mean 'name-17'?"
    assert len(quoted("x" * 10**6)) == len(quoted(list(range(10**5)))) == 80


def blocks(n):
    train = [{"lr": 1e-6 * (i + 1)} for i in range(n)]
    return [{"dataset": "ring", "architecture": "mlp", "objective": "nsgan", "train": one} for one in train]


def suite(**parts):
    return {"version": 1, "name": "t", "train": {"steps": 5, "batch": 8}, "score": {"samples": 50}, **parts}


@pytest.mark.parametrize(
    ("matrix", "seeds", "total"),
    [
        ([{"dataset": ["ring"] * 10**4, "architecture": ["mlp"] * 10**4, "objective": ["gan"] * 10**4}], 1, 10**12),
        ([{"dataset": "ring", "architecture": "mlp", "objective": "gan", "train": {"steps": [*range(1, 1001)]}}],
         1000, 10**6),
        ([{"dataset": "ring", "architecture": "mlp", "objective": "gan", "seeds": [*range(MAX_RUNS // 10 - 1)]}] * 11,
         1, None),
    ],
    ids=["names", "values", "blocks"],
)  # fmt: skip
def test_too_many_runs_are_counted_and_not_expanded(matrix, seeds, total):
    started = time.process_time()
    with pytest.raises(SuiteError) as error:
        load_suite(suite(matrix=matrix, seeds=seeds))
    assert [problem.code for problem in error.value.problems] == ["too-many-runs"]
    assert (f"{total:,}" if total else "") in str(error.value)
    assert f"{MAX_RUNS:,}" in str(error.value)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("settings", "space", "total"),
    [
        ({"width": [*range(1, 2001)]}, {}, 2000),
        ({}, {"width": [*range(2, 302)], "depth": [*range(1, 31)]}, 9331),
        ({}, {"batch": [*range(2, 1002)], "n_critic": [*range(1, 1001)]}, 1_002_001),
    ],
    ids=["networks", "networks of a study", "pairs of a study"],
)
def test_more_networks_or_choices_than_can_be_tried_are_counted_and_none_is(settings, space, total, monkeypatch):
    monkeypatch.setattr("harness.suite.matrix.refusals", None)  # what tries a combination
    study = {"study": {"trials": 4, "seeds": [7], "space": {key: {"choices": each} for key, each in space.items()}}}
    matrix = [{"dataset": "ring", "architecture": "own", "objective": "gan"}]
    own = {"own": {"base": "mlp", **settings}}
    with pytest.raises(SuiteError) as error:
        load_suite(suite(matrix=matrix, architectures=own, **(study if space else {})))
    assert [problem.code for problem in error.value.problems] == ["too-many-choices"]
    assert f"{total:,}" in sentences(error.value.problems)[0]


@pytest.mark.slow
@pytest.mark.parametrize("key", ["norm", "width", "init", "activation"])
def test_a_list_of_many_wrong_values_is_refused_in_a_time_that_grows_as_it_does(key):
    """Each is checked and worded once, however many settings share it; a quadratic check took ten minutes."""
    took = []
    for n in (1, 1000, 4000):  # the first call imports
        started = time.process_time()
        with pytest.raises(SuiteError) as error:
            load_suite(suite(matrix=blocks(1), architectures={"dcgan": {key: [f"x{i}" for i in range(n)]}}))
        took.append(time.process_time() - started)
        assert len(error.value.problems) == n
    assert took[2] < 12 * took[1]


@pytest.mark.slow
def test_more_plug_ins_than_are_imported_are_counted(problems):
    (problem,) = problems(PLAIN + f"plugins: [{', '.join(f'p{i}.py' for i in range(10_000))}]\n")
    assert (problem.code, problem.place) == ("too-many-plugins", "x.yaml:9")


def test_more_choices_than_are_drawn_from_are_refused(problems):
    choices = ", ".join(f"{i}e-8" for i in range(1, MAX_CHOICES + 2))
    study = "study: {trials: 4, seeds: 1, space: {lr: {choices: [%s]}}}\n"
    (problem,) = problems(PLAIN.replace("lr: 1e-3", "beta1: 0") + study % choices)
    assert (problem.code, problem.place) == ("bad-range", "x.yaml:9")
    assert f"{MAX_CHOICES:,}" in sentences([problem])[0]


@pytest.mark.parametrize("text", ['"a\\ud800b"', '"\\udc00"'])
def test_half_a_surrogate_pair_is_refused_where_it_stands(problems, text):
    (problem,) = problems(PLAIN.replace("question: q", f"question: {text}"))
    assert (problem.place, problem.code) == ("x.yaml:3", "not-utf8")
    (problem,) = problems(PLAIN + f"objectives: {{{text}: {{base: gan}}}}\n")
    assert (problem.place, problem.code) == ("x.yaml:9", "not-utf8")
    with pytest.raises(SuiteError):
        load_suite(suite(matrix=blocks(1), question="a\ud800b"))


def test_a_mapping_that_is_too_deep_or_has_too_many_digits_is_refused():
    deep = []
    for _ in range(10**4):
        deep = [deep]
    wide = {}
    for _ in range(3000):
        wide = {"x": wide}
    for value in (deep, wide, 10**5000):
        with pytest.raises(SuiteError) as error:
            load_suite(suite(matrix=blocks(1), question=value))
        sentences(error.value.problems)


@pytest.mark.slow
def test_a_thousand_cells_are_planned_on_a_screen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {f"o{i}": {"base": "nsgan", "lr": 1e-6 * (i + 1)} for i in range(60)}
    block = {"dataset": "ring", "architecture": "mlp", "objective": list(names), "train": {"steps": [*range(1, 41)]}}
    todo = plan_suite(Request(suite(matrix=[block], objectives=names, question="q"), "r", device="cpu"), False)
    assert len(todo.description.cells) == 2400
    text = render(todo.description)
    assert len(text.splitlines()) < 200
    assert "40 more" in text


@pytest.mark.slow
@pytest.mark.parametrize("is_blocks", [False, True], ids=["values", "blocks"])
def test_many_cells_take_a_time_that_grows_as_they_do(tmp_path, monkeypatch, is_blocks):
    """Four times the cells take at most seven times as long."""
    monkeypatch.chdir(tmp_path)
    took = {}
    for n in (10, 50, 100):  # the first call imports
        train = {"lr": [1e-6 * (i + 1) for i in range(n)], "beta1": [i / n for i in range(n // 2)]}
        block = {"dataset": "ring", "architecture": "mlp", "objective": "nsgan", "train": train}
        started = time.process_time()
        plan_suite(Request(suite(matrix=blocks(n * n // 2) if is_blocks else [block]), "r", device="cpu"), False)
        took[n] = time.process_time() - started
    assert took[100] < 7 * took[50]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    assert memory < 2e9


def test_a_mistake_is_never_longer_than_a_few_lines():
    assert LONGEST < LONG
