"""A plug-in is known by its own content and by that of the user's modules that it imports."""

import sys

import pytest

from harness.errors import SuiteError
from harness.objectives import OBJECTIVES
from harness.suite import plugins
from harness.suite.localmodules import local_modules

PLUG = """\
import torch, math
from harness import OBJECTIVES, Objective
{imports}
def generator_loss(real, fake, hyper): return -fake.mean(-1)
OBJECTIVES = {{"beside": Objective(1, critic, generator_loss, OBJECTIVES["wgan"].recipe, "beside")}}
"""
LOSS = "SCALE = 1.0\ndef critic(real, fake, hyper):\n    return SCALE * (fake.mean(-1) - real.mean(-1))\n"


@pytest.fixture
def mark(tmp_path, monkeypatch):
    """Return a function that writes modules beside a plug-in and gives the plug-in's fingerprint."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def of(imports, **modules):
        for name, text in modules.items():
            path = tmp_path / f"{name.replace('_of_', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        (tmp_path / "plug.py").write_text(PLUG.format(imports=imports))
        plugins.load_plugins([tmp_path / "plug.py"])
        return plugins.fingerprint("objective", "beside")

    yield of
    plugins._forget(plugins._LOADED.pop(str(tmp_path / "plug.py"), 0))
    for name in set(sys.modules) - before:
        if name.startswith("own_"):
            del sys.modules[name]


def scale():
    import torch

    one = torch.ones(1)
    return float(OBJECTIVES["beside"].critic_loss(0 * one, one, {}))


@pytest.mark.parametrize(
    ("imports", "holder"),
    [
        ("from own_losses import critic", {}),
        ("import own_losses; critic = own_losses.critic", {}),
        ("from own_other import critic", {"own_other": "from own_losses import critic"}),
        (
            "from own_pack.inner import critic",
            {"own_pack_of___init__": "", "own_pack_of_inner": "from own_losses import critic"},
        ),
        (
            "from own_pack import critic",
            {"own_pack_of___init__": "from .inner import critic", "own_pack_of_inner": LOSS},
        ),
    ],
)
def test_a_changed_module_is_another_plug_in_and_is_run_anew(mark, imports, holder):
    first = mark(imports, own_losses=LOSS, **holder)
    assert scale() == 1.0
    assert mark(imports, own_losses=LOSS, **holder) == first
    changed = {name: text.replace("1.0", "2.0") for name, text in {"own_losses": LOSS, **holder}.items()}
    assert mark(imports, **changed) != first  # of the same size, within the same second
    assert scale() == 2.0


def test_what_it_does_not_import_changes_nothing_and_packages_count_by_name(mark):
    first = mark("from own_losses import critic", own_losses=LOSS, own_idle="1")
    assert mark("from own_losses import critic", own_losses=LOSS, own_idle="2") == first
    assert local_modules("import torch, numpy as np, harness.plot, json\nfrom torch.nn import functional") == {}


def test_an_import_within_a_function_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_late.py").write_text("x = 1")
    assert local_modules("def f():\n    import own_late, absent_module\n") == {"own_late": b"x = 1"}


def test_a_module_that_is_not_there_is_one_sentence(mark):
    with pytest.raises(SuiteError, match="cannot be imported: ModuleNotFoundError: No module named 'absent_module'"):
        mark("from absent_module import critic")
