"""A plug-in is known by its own content and by that of the user's modules that it imports."""

import sys

import pytest

from harness.errors import SuiteError
from harness.objectives import OBJECTIVES
from harness.plugins import components
from harness.plugins import local_modules as localmodules
from harness.plugins.local_modules import local_modules

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
        components.load_plugins([tmp_path / "plug.py"])
        return components.fingerprint("objective", "beside")

    yield of
    components.forget(str(tmp_path / "plug.py"))
    for name in set(sys.modules) - before:
        if name.startswith("own_"):
            del sys.modules[name]


PATH = """\
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(__file__), {folder!r}))
from own_losses import critic
"""


@pytest.fixture
def anew(tmp_path, monkeypatch):
    """Return a function that loads a plug-in whose helper is another, as a new process does, and gives its mark."""

    def load(plug, imports, helper=None):
        plug.parent.mkdir(exist_ok=True)
        plug.write_text(PLUG.format(imports=imports))
        if helper is not None:
            path, text = helper
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        components.load_plugins([plug])
        return components.fingerprint("objective", "beside")

    def started(*arguments):
        sys.path[:] = path
        for place in list(components._LOADED):
            components.forget(place)
        sys.modules.pop("own_losses", None)
        localmodules._IMPORTED.clear()
        return load(*arguments)

    path = list(sys.path)
    monkeypatch.setattr(localmodules, "_IMPORTED", {})
    yield started, load
    sys.modules.pop("own_losses", None)


@pytest.mark.parametrize("folder", ["", "lib"])
def test_a_helper_beside_a_plug_in_is_part_of_it_from_the_first_load_on(tmp_path, anew, folder):
    (started, load), imports = anew, PATH.format(folder=folder)
    plug, helper = tmp_path / "plug.py", tmp_path / folder / "own_losses.py"
    first = started(plug, imports, (helper, LOSS))
    assert load(plug, imports) == first
    other = started(plug, imports, (helper, LOSS.replace("1.0", "2.0")))
    assert (other != first, scale()) == (True, 2.0)
    assert load(plug, imports, (helper, LOSS)) == first
    assert scale() == 1.0


@pytest.mark.parametrize("imports", [PATH.format(folder=""), "from own_losses import critic"])
def test_each_plug_in_has_the_helper_of_its_own_folder(tmp_path, anew, imports):
    started, load = anew
    marks = [
        start(tmp_path / folder / "plug.py", imports, (tmp_path / folder / "own_losses.py", LOSS.replace("1.0", value)))
        for start, folder, value in [(started, "a", "1.0"), (started, "b", "2.0")]
    ]
    for folder, value in (("a", 1.0), ("b", 2.0), ("a", 1.0)):
        for place in list(components._LOADED):
            components.forget(place)
        assert load(tmp_path / folder / "plug.py", imports) == marks[folder == "b"]
        assert scale() == value


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


def test_a_plug_in_that_rewrites_what_it_imports_is_one_sentence(mark):
    text = "import pathlib, uuid; path = pathlib.Path(__file__).with_name('own_losses.py')\n"
    text += "path.write_text(path.read_text() + f'# {uuid.uuid4()}\\n')\nfrom own_losses import critic"
    with pytest.raises(SuiteError, match="changes the modules"):
        mark(text, own_losses=LOSS)


def test_folders_without_init_and_a_folder_named_as_the_package_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for folder in ("own_outer/own_inner", "harness"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "deep.py").write_text("x = 1")
    (tmp_path / "harness" / "__init__.py").write_text("")
    found = local_modules("import own_outer.own_inner.deep, harness.deep")
    assert found == {"own_outer.own_inner.deep": b"x = 1"}


def test_a_module_that_is_not_there_is_one_sentence(mark):
    with pytest.raises(SuiteError, match=r"ModuleNotFoundError: .*'absent_module'"):
        mark("from absent_module import critic")
