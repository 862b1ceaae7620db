"""An objective without a file is known by what its functions are: the same cell gives the same runs, another others."""

import functools
import linecache

import pytest
import torch

import harness
from harness.errors import HarnessError, SuiteError
from harness.execution.requests import Request
from harness.objectives import OBJECTIVES
from harness.plugins import components
from harness.plugins.inline import add_objectives

CELL = """\
import torch
from torch import nn, exp
from torch.nn import functional as F
from harness.objectives import OBJECTIVES, Objective, losses, recipes

half = 0.5
unrelated = torch.zeros(3)

def scaled(x, by=half):
    return by * x

def critic_loss(real_scores, fake_scores, hyper):
    return (lambda x: scaled(F.softplus(x)).mean(-1))(fake_scores - real_scores)

def outer(shift):
    def generator_loss(real_scores, fake_scores, hyper):
        return F.softplus(shift + real_scores - fake_scores).mean(-1)
    return generator_loss

mine = Objective(1, critic_loss, outer(0.0), OBJECTIVES["nsgan"].recipe, "mine", relative=True)
"""
SUITE = {
    "version": 1,
    "name": "own",
    "train": {"steps": 6, "batch": 4},
    "score": {"samples": 50},
    "architectures": {"mlp": {"width": 4, "depth": 1}},
    "matrix": [{"dataset": "8gaussians", "architecture": "mlp", "objective": ["nsgan", "mine"]}],
}


def cell(source=CELL):
    """Run a notebook's cell as a notebook does, its source kept where Python looks for it; return what it defines."""
    name = f"<cell {hash(source)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    defined = {"__name__": "__main__"}
    exec(compile(source, name, "exec"), defined)
    return defined


def mark(source=CELL, name="mine"):
    add_objectives({name: cell(source)["mine"]})
    return components.fingerprint("objective", name)


@pytest.mark.slow
def test_the_same_cell_is_the_same_objective_and_what_it_does_not_use_changes_nothing():
    first = mark()
    assert first == mark() == mark(CELL.replace("unrelated", "more")) == mark("\n\n" + CELL)
    assert first == mark(CELL.replace('"mine", relative', '"my own", relative'))  # its summary trains nothing
    assert first != mark(name="other")
    assert OBJECTIVES["mine"].summary == "my own"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("fake_scores - real_scores)", "fake_scores - 2 * real_scores)"),
        ("half = 0.5", "half = 0.25"),  # a default
        ("return by * x", "return by * x + half"),  # of a function that a lambda calls
        ("outer(0.0)", "outer(1.0)"),  # what a function closes over
        ("from torch.nn import functional as F", "from torch import special as F"),
        ("scaled(F.", "abs(F."),
        ("relative=True", "relative=False"),
        ("critic_loss, outer", "losses.wasserstein_critic, outer"),
        ('relative=True', 'relative=True, draws={"mix": ()}'),
    ],
)  # fmt: skip
def test_what_trains_otherwise_is_another_objective(old, new):
    assert old in CELL
    assert mark() != mark(CELL.replace(old, new))


def test_a_function_of_harness_or_torch_is_known_by_its_name():
    uses = CELL.replace("half * x", "x").replace("scaled(F.softplus(x))", "exp(x)")
    assert mark(uses) == mark(uses)
    assert mark(uses) != mark(uses.replace("nn, exp", "nn, sin as exp"))


def test_a_module_of_ones_own_is_known_by_its_source(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_module.py").write_text("def softplus(x):\n    return x\n")
    direct = CELL.replace("from torch.nn import functional as F", "import own_module as F")
    by_name = CELL.replace("from torch.nn import functional as F", "from own_module import softplus") \
        .replace("F.softplus", "softplus")  # fmt: skip
    before = [mark(direct), mark(by_name)]
    (tmp_path / "own_module.py").write_text("def softplus(x):\n    return 2 * x\n")
    linecache.checkcache()
    assert all(old != new for old, new in zip(before, [mark(direct), mark(by_name)], strict=True))


def test_a_module_that_a_function_imports_is_known_by_its_source(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    inner = CELL.replace("return by", "import own_inner; return by")
    marks = set()
    for text in ("x = 1", "x = 2"):
        (tmp_path / "own_inner.py").write_text(text)
        marks.add(mark(inner))
    assert len({*marks, mark()}) == 3


def test_the_name_of_an_attribute_is_no_global():
    shadowed = CELL.replace("unrelated", "softplus")  # F.softplus is not the tensor of that name
    assert mark(shadowed) == mark()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda made: made["mine"].critic_loss, "an Objective is needed"),
        (lambda made: replaced(made, critic_loss=functools.partial(made["critic_loss"])), "critic_loss is a partial"),
        (lambda made: replaced(made, critic_loss=eval("lambda r, f, h: f")), "source of its critic_loss"),
        (lambda made: replaced(made, critic_loss=eval("lambda r, f, h: f", {})), "critic_loss is a function, which"),
        (lambda made: replaced(made, critic_loss=made["outer"](torch.ones(1))), "'shift', which its"),
        (lambda made: replaced(made, critic_loss=made["outer"]({"a": torch.ones(1)})), "is a dict"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_is_one_sentence(change, words):
    with pytest.raises(SuiteError, match=words) as error:
        add_objectives({"mine": change(cell())})
    assert "\n" not in str(error.value)
    assert "mine" not in OBJECTIVES


def replaced(made, **parts):
    import dataclasses

    return dataclasses.replace(made["mine"], **parts)


def test_a_name_of_the_table_is_taken():
    with pytest.raises(SuiteError, match="'wgan-gp': a name that"):
        add_objectives({"wgan-gp": cell()["mine"]})


@pytest.mark.slow
def test_the_next_session_goes_on_and_an_edited_cell_trains_its_own_runs_anew(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.report.page.build_report", lambda store, out, workers: out)
    first = harness.run(SUITE, objectives={"mine": cell()["mine"]})
    assert (first.trained, first.counts["ok"]) == (2, 2)
    components.forget("objectives=mine")
    with pytest.raises(HarnessError, match="objective: unknown name 'mine'"):
        harness.run(SUITE, workers=0)
    again = harness.run(SUITE, objectives={"mine": cell()["mine"]})
    assert (again.trained, again.already, again.unplanned) == (0, 2, 0)
    edited = harness.run(SUITE, objectives={"mine": cell(CELL.replace("0.5", "0.25"))["mine"]})
    assert (edited.trained, edited.already, edited.unplanned) == (1, 1, 1)
    harness.load_run(harness.load("results/own")["run_id"].iloc[1]).draw(3)


def test_where_it_is_not_known_training_it_again_says_so(tmp_path, monkeypatch):
    from harness.execution.tasks import plan_suite, train_stack

    monkeypatch.chdir(tmp_path)
    add_objectives({"mine": cell()["mine"]})
    plan = plan_suite(Request(SUITE, "results", device="cpu"), True)
    components.forget("objectives=mine")
    done = [train_stack(plan.folder, stack.id, stack.runs, "cpu") for stack in plan.stacks]
    said = [str(one.failure) for one in done if one.failure]
    assert len(said) == 1
    assert "give it to `harness.run` again" in said[0]
