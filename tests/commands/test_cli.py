"""The command line as a tired student types it."""

import itertools
import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from harness.commands import cli
from harness.suite.shipped import find_suite, suites_folder

SCHEMA = Path(__file__).parents[2] / "harness" / "suite.schema.json"

GOOD = """\
version: 1
name: tiny
question: Does it run?
seeds: 2
train: {steps: 20, batch: 8, lr: 1e-3}
score: {at: [0, .5, 1], samples: 60}
matrix:
  - dataset: 8gaussians
    architecture: mlp
    objective: [gan, wgan-gp]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("good.yaml").write_text(GOOD)
    return tmp_path


@pytest.fixture
def call(folder, call):
    """Call the command in a folder that holds a good suite."""
    return call


@pytest.mark.slow
def test_help_is_quick_and_imports_nothing_heavy():
    """In CPU time, and the least of three tries, as a cold disk or a busy machine says nothing of the imports."""
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-m", "harness", "--help"], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert "run" in done.stdout
    assert min(took) < 0.5


@pytest.mark.slow
def test_light_commands_import_no_torch(folder):
    """In one process, one after another: the first that says so is the one that imports it."""
    heavy = ["torch", "pandas", "scipy", "matplotlib", "numpy"]
    code = (
        "import json, sys\nfrom harness.__main__ import main\nfor words in json.loads(sys.argv[1]):\n"
        "    sys.argv[1:] = words.split()\n    try: main()\n    except SystemExit: pass\n"
        f"    print('heavy:', words, [m for m in {heavy} if m in sys.modules])"
    )
    light = ["--help", "schema", "status", "clean", "logs a"]
    command = [sys.executable, "-c", code, json.dumps(light)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    found = [line for line in done.stdout.splitlines() if line.startswith("heavy: ")]
    assert found == [f"heavy: {words} []" for words in light]


@pytest.mark.slow
def test_the_runs_parent_imports_no_torch_and_stays_small(folder):
    """With 200 planned runs, of which two are trained. VmHWM is the most memory that it ever held, in kB."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom fake_tasks import UNDRAWN\n"
        "from harness.execution.requests import Request\nfrom harness.execution.runner import run\n"
        "if __name__ == '__main__':\n"
        "    run(Request('good.yaml', sets=['seeds=100'], only=['seed=7'], workers=1), do=UNDRAWN)\n"
        "    print('torch' in sys.modules, Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    Path("parent.py").write_text(code)
    done = subprocess.run([sys.executable, "parent.py"], capture_output=True, text=True, cwd=folder)
    torch, most = done.stdout.split()
    assert (torch, done.stderr) == ("False", "")
    assert int(most) < 200_000


@pytest.mark.slow
def test_a_run_its_status_and_its_report(call, undrawn):
    code, out, err = call("run", "good.yaml", "--workers", "0")
    assert code == 0
    assert "4 ok (4 trained now" in out
    assert re.search(r"^took \S+ s$", out, re.MULTILINE)
    assert "report: reports/tiny/index.html" in out
    assert err.count(": ok") == 4  # plain lines, a line a finished run
    code, out, _ = call("status")
    assert (code, out) == (0, "results/tiny: 4 runs planned: 4 ok\n")
    assert json.loads(call("status", "results/tiny", "--json")[1])[0]["counts"]["ok"] == 4
    assert call("report", "results/tiny", "-o", "elsewhere")[1] == "elsewhere/index.html\n"
    code, out, err = call("run", "good.yaml", "--workers", "0")
    assert "4 kept from before" in out
    assert "4 already finished" in err


@pytest.mark.slow
def test_run_prints_json_alone_when_asked(call, undrawn):
    code, out, err = call("run", "good.yaml", "--workers", "0", "--json", "--only", "objective=gan")
    result = json.loads(out)
    assert (code, err) == (0, "")
    assert (result["trained"], result["counts"]["pending"]) == (2, 2)


def test_plan_writes_nothing_and_says_what_matters(call, folder):
    code, out, _ = call("plan", "--workers", "0", "good.yaml", "--set", "seeds=4")
    assert code == 0
    assert re.search(r"8 runs", out)
    assert "p = " in out
    assert sorted(p.name for p in folder.iterdir()) == ["good.yaml"]
    assert "--measure" in " ".join(out.split())
    assert json.loads(call("plan", "--workers", "0", "good.yaml", "--json")[1])["planned"] == 4


def test_plan_counts_the_seeds_for_an_effect(call, folder):
    assert "15 seeds a cell" in " ".join(call("plan", "--workers", "0", "good.yaml", "--power", "0.8")[1].split())
    found = json.loads(call("plan", "--workers", "0", "good.yaml", "--power", "0.8", "--json")[1])
    assert (found["power"]["effect"], found["power"]["seeds_needed_alone"]) == (0.8, 15)
    assert "power" not in json.loads(call("plan", "--workers", "0", "good.yaml", "--json")[1])


@pytest.mark.slow
def test_plan_measures_on_request(call, folder):
    code, out, err = call("plan", "good.yaml", "--measure", "--workers", "0")
    assert code == 0
    assert err.startswith("trial 1 of 2: 8gaussians mlp ")
    assert re.search(r"time +about \d", out)
    assert sorted(p.name for p in folder.iterdir()) == ["good.yaml"]
    cost = json.loads(call("plan", "--workers", "0", "good.yaml", "--json")[1])["cost"]
    assert cost["seconds"] > 0
    assert (cost["workers"], cost["missing"], cost["rough"]) == (0, ["the report"], [])


def test_init_writes_a_suite_that_plans(call):
    assert call("init")[0] == 0
    assert call("plan", "--workers", "0", "suites/mine.yaml")[0] == 0
    code, _, err = call("init")
    assert (code, "exists already" in err) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", ["suites", "objectives", "architectures", "datasets", "penalties", "tricks", "metrics", "extractors"]
)
def test_lists_are_the_tables(call, what):
    entries = json.loads(call("list", what, "--json")[1])
    shown = call("list", what)[1]
    assert all(entry["name"] in shown and entry["summary"] for entry in entries)
    if what == "objectives":
        from harness import OBJECTIVES

        assert [entry["name"] for entry in entries] == list(OBJECTIVES)


def test_show_counts_parameters(call):
    code, out, _ = call("show", "mlp", "--set", "width=8", "--set", "generator.latent=3", "--json")
    summary = json.loads(out)
    assert code == 0
    assert summary["generator"]["parameters"] == 3 * 8 + 8 + 2 * (8 * 8 + 8) + 2 * 8 + 2
    assert "Linear" in call("show", "mlp-bn")[1]
    assert json.loads(call("show", "mlp", "--shape", "1x4x4", "--json")[1])["shape"] == [1, 4, 4]


def test_schema_is_the_committed_file(call):
    assert call("schema")[1] == SCHEMA.read_text()


def test_a_shipped_suite_is_found_by_its_name(folder):
    assert find_suite("quickstart") == str(suites_folder() / "quickstart.yaml")
    assert find_suite("./good.yaml") == "./good.yaml"


WRONG = [
    (["run", "god.yaml"], "no such file"),
    (["run", "quikstart"], "Did you mean 'quickstart'?"),
    (["run", "good.yaml", "--set", "train.stepz=3"], "Did you mean 'steps'?"),
    (["run", "good.yaml", "--set", "steps"], "KEY=VALUE"),
    (["run", "good.yaml", "--set", "steps=-3"], "-3"),
    (["run", "good.yaml", "--scale", "paper"], "no scale 'paper'"),
    (["run", "good.yaml", "--only", "objective=wgan-gq"], "Did you mean 'wgan-gp'?"),
    (["run", "good.yaml", "--only", "objectiv=gan"], "Did you mean 'objective'?"),
    (["run", "good.yaml", "--device", "tpu"], "cpu, cuda or auto"),
    (["run", "good.yaml", "--workers", "-1"], "equal to 0"),
    (["plan", "good.yaml", "--workers", "-1"], "equal to 0"),
    (["plan", "good.yaml", "--power", "0"], "Cohen's d"),
    (["plan", "good.yaml", "--power", "nan"], "--power: nan"),
    (["plan", "good.yaml", "--power", "large"], "'--power'"),
    (["plan", "good.yaml", "--set", "objective.clip=1"], "clip"),
    (["list", "objectivs"], "Did you mean 'objectives'?"),
    (["show", "mpl"], "Did you mean 'mlp'?"),
    (["show", "mlp", "--set", "width=-8"], "-8 given"),
    (["show", "mlp", "--set", "widht=8"], "Did you mean 'width'?"),
    (["show", "mlp", "--shape", "3xa"], "3x64x64"),
    (["rnu", "good.yaml"], "No such command"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(a) for a, _ in WRONG])
def test_a_wrong_call_is_a_sentence_and_exit_2(call, folder, arguments, words):
    if arguments[0] == "run":
        arguments = [*arguments, "--workers", "0"] if "--workers" not in arguments else arguments
    code, out, err = call(*arguments)
    assert code == 2
    assert words in err
    assert "Traceback" not in err
    assert out == ""
    assert not (folder / "results").exists()


LEVELS = ["a", *(f"k{i}" for i in range(20))]
BOMB = "a: &a [1, 1]\n" + "".join(f"{k}: &{k} [*{p}, *{p}]\n" for p, k in itertools.pairwise(LEVELS))
NOT_SUITES = {
    "unknown key": GOOD + "seed: 3\n",
    "unknown name": GOOD.replace("wgan-gp", "wgan_gp"),
    "wrong type": GOOD.replace("steps: 20", "steps: many"),
    "negative steps": GOOD.replace("steps: 20", "steps: -20"),
    "zero seeds": GOOD.replace("seeds: 2", "seeds: 0"),
    "repeated seeds": GOOD.replace("seeds: 2", "seeds: [1, 1]"),
    "too many seeds": GOOD.replace("seeds: 2", "seeds: 10001"),
    "empty matrix": GOOD[: GOOD.index("matrix")] + "matrix: []\n",
    "duplicate key": GOOD + "seeds: 3\n",
    "not YAML": "name: [tiny\n",
    "python tag": GOOD + "question: !!python/object/apply:os.system ['touch pwned']\n",
    "foreign hyperparameter": GOOD.replace("[gan, wgan-gp]", "x") + "objectives: {x: {base: gan, gp_weight: 1}}\n",
    "batch norm with a penalty": GOOD.replace("mlp", "x") + "architectures: {x: {base: mlp, critic: {norm: batch}}}\n",
    "a path as a name": GOOD.replace("name: tiny", "name: ../tiny"),
    "a long name": GOOD.replace("name: tiny", f"name: {'x' * 65}"),
    "NUL": GOOD + "# \0\n",
    "20,000 brackets": "[" * 20_000,
    "over 1 MB": GOOD + "#" * 1_100_000,
    "alias bomb": BOMB,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("mistake", NOT_SUITES)
def test_a_wrong_suite_is_sentences_with_their_lines_and_nothing_is_trained(call, folder, mistake):
    Path("bad.yaml").write_text(NOT_SUITES[mistake])
    code, out, err = call("run", "bad.yaml", "--workers", "0")
    assert code == 2
    assert all(re.match(r"bad\.yaml:\d+: ", line) for line in err.splitlines()), err
    assert err.strip()
    assert out == ""
    assert not (folder / "results").exists()
    assert not (folder / "pwned").exists()


def test_utf_16_is_a_sentence(call):
    Path("bad.yaml").write_text(GOOD, encoding="utf-16")
    code, _, err = call("run", "bad.yaml", "--workers", "0")
    assert code == 2
    assert "UTF-16" in err


def test_all_mistakes_are_told_at_once(call):
    Path("bad.yaml").write_text(GOOD.replace("steps: 20", "stepz: 20").replace("wgan-gp", "wgan_gp") + "seed: 3\n")
    err = call("run", "bad.yaml", "--workers", "0")[2]
    assert [line.split(":")[1] for line in err.splitlines()] == ["5", "10", "11"]


@pytest.mark.slow
def test_a_worker_sends_mistakes_back_whole(call):
    Path("bad.yaml").write_text(GOOD.replace("wgan-gp", "wgan_gp") + "seed: 3\n")
    code, _, err = call("run", "bad.yaml", "--workers", "1")
    assert code == 2
    assert len(err.splitlines()) == 2
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["status", "nowhere"],
        ["report", "nowhere"],
        ["logs", "a"],
        ["export", "no", "--to", "csv"],
        ["retry", "no"],
        ["score", "no"],
        ["clean"],
    ],
)
def test_missing_results_are_exit_3(call, arguments):
    code, _, err = call(*arguments)
    assert code == 3
    assert "harness run quickstart" in err


def test_a_folder_that_cannot_be_written_is_exit_3(call):
    Path("taken").write_text("no folder")
    code, _, err = call("run", "good.yaml", "--workers", "0", "-o", "taken")
    assert code == 3
    assert "taken" in err
    assert "-o" in err


VERBS = typer.main.get_command(cli.app).commands


def test_help_groups_the_verbs_in_whole_lines(call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = call("--help")
    assert code == 0
    assert [line for line in out.splitlines() if line in ("Run:", "Inspect:", "Maintain:")] == [
        "Run:", "Inspect:", "Maintain:"
    ]  # fmt: skip
    assert all(re.search(rf"^  {name} +[A-Z].*\.$", out, re.MULTILINE) for name in VERBS)
    assert len(VERBS) == 23


@pytest.mark.parametrize("words", [[], *([name] for name in VERBS)], ids="-".join)
def test_every_help_fits_and_ends_with_an_example_that_can_be_given(call, monkeypatch, words):
    monkeypatch.setenv("COLUMNS", "80")
    lines = call(*words, "--help")[1].splitlines()
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith("...") for line in lines[1:])  # of the first it is [ARGS]...
    harness, name, *arguments = lines[-1].removeprefix("  Example: ").partition(" >")[0].split()
    assert (harness, name) == ("harness", words[0] if words else "run")
    VERBS[name].make_context(name, arguments)  # raises where an argument or option is wrong


def test_public_names_are_there():
    import harness

    assert all(getattr(harness, name) is not None for name in harness.__all__)
    with pytest.raises(AttributeError):
        harness.nothing  # noqa: B018


LONG = "y" * 300


@pytest.mark.parametrize(
    "line",
    [
        ["plan", LONG],
        ["plan", f"{LONG}.yaml"],
        ["plan", "good.yaml", "-o", LONG],
        ["run", "good.yaml", "-o", f"x/{LONG}/z"],
        ["study", "good.yaml", "-o", "z/" * 3000],
        ["init", f"{LONG}.yaml"],
        ["report", LONG],
        ["report", "results", "-o", LONG],
        ["export", "results", "--to", "csv", "-o", LONG],
        ["sample", "3f2a", "-o", f"{LONG}.png"],
        ["logs", "3f2a", "--root", LONG],
        ["compare", LONG, LONG],
        ["distance", LONG, "b.csv"],
        ["distance", "a.csv", "b.csv", "--ground", LONG],
        *([verb, LONG] for verb in ("status", "doctor", "verify", "clean", "retry", "score")),
        ["plan", "good.yaml", "--only", f"{'y' * 10**5}=1"],
        ["plan", "good.yaml", "--only", f"seed={'9' * 10**5}"],
        ["plan", "good.yaml", "--scale", "y" * 10**5],
        ["plan", "good.yaml", "--device", "y" * 10**5],
        ["show", "y" * 10**5],
        ["data", "y" * 10**5],
        ["list", "y" * 10**5],
        ["bench", "y" * 10**5],
        ["y" * 10**5],
        ["score", "results", "--samples", "9" * 350],
        ["sample", "3f2a", "-o", "a.npz", "-n", "9" * 350],
        ["sample", "3f2a", "-o", "a.npz", "--seed", "9" * 350],
    ],
    ids=lambda line: " ".join(word[:9] for word in line),
)
def test_what_is_too_long_is_refused_in_a_short_sentence(call, line):
    code, out, err = call(*line, *(["--workers", "0"] if line[0] == "plan" else []))
    assert code == 2
    assert not out
    assert len(err) < 500
    assert "Traceback" not in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("harness pub", {"publish"}),
        ("harness run quick", {"quickstart"}),
        ("harness run suites/mi", set()),  # the shell then offers files
        ("harness list pen", {"penalties"}),
        ("harness export results --t", {"--to"}),
    ],
)
def test_a_shell_completes_verbs_suites_tables_and_options(words, completed):
    asked = {"_HARNESS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-m", "harness"], env={**os.environ, **asked}, capture_output=True, text=True
    )
    assert (set(done.stdout.split()), done.stderr) == (completed, "")
