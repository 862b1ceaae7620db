"""Whatever a plug-in does as it is imported, one sentence names it, and the process goes on as it was."""

import json
import os
import signal
from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.execution.outcomes import failure_of
from harness.objectives import OBJECTIVES
from harness.plugins import guard
from harness.plugins.components import is_loaded, load_plugins
from harness.plugins.guard import MAX_BYTES, blamed

HEAD = "from dataclasses import replace\nfrom harness import OBJECTIVES as known\n"
ODD = "class Odd(BaseException):\n    pass\n"
HOSTILE = {  # what it does: its source, and what the sentence says besides its name
    "raises a BaseException": (f"{ODD}raise Odd('strange')", "Odd: strange at line 3"),
    "raises GeneratorExit": ("raise GeneratorExit", "GeneratorExit at line 1"),
    "leaves": ("import sys\nsys.exit(0)", "SystemExit: 0 at line 2"),
    "ends the process": ("import os\nos._exit(0)", "SystemExit: 0 at line 2"),
    "raises what has no text": (f"{ODD}    def __str__(self):\n        raise self\nraise Odd", "Odd: no reason given"),
    "raises for every name": ("def __getattr__(name):\n    raise RuntimeError(name)", "RuntimeError"),
    "raises Odd for every name": (f"{ODD}def __getattr__(name):\n    raise Odd(name)", "Odd"),
    "has a table of keys that it lacks": (
        f"{HEAD}class Liar(dict):\n    def __iter__(self):\n        return iter(['mine'])\nOBJECTIVES = Liar()",
        "KeyError",
    ),
    "has a recipe that is none": (f"{HEAD}OBJECTIVES = {{'mine': replace(known['gan'], recipe=7)}}", "recipe"),
    "replaces a function of json": ("import json\njson.dumps = lambda *_: 3", "json.dumps"),
    "replaces a method of json": ("import json\njson.JSONEncoder.encode = lambda *_: 3", "JSONEncoder.encode"),
    "replaces a builtin": ("import builtins\nbuiltins.len = lambda _: 3", "builtins.len"),
    "replaces a function of ours": ("import harness.spec\nharness.spec.content_id = id", "harness.spec.content_id"),
    "replaces a function of torch": ("import torch\ntorch.zeros = None", "torch.zeros"),
    "replaces a function of os": ("import os\nos.open = None", "os.open"),
    "adds to our table": (f"{HEAD}known['mine'] = known['gan']", "a table"),
    "empties our table": (f"{HEAD}known.clear()", ""),
    "raises our own error": ("from harness.errors import HarnessError\nraise HarnessError('boom')", "boom"),
    "recurses": ("def f():\n    f()\nf()", "RecursionError"),
}
LOOP = "while True:\n    pass"
DEVICES = ["/dev/zero", "/dev/urandom", "/dev/stdin", "."]


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_caught_is_named_and_put_back(what, tmp_path):
    source, words = HOSTILE[what]
    (tmp_path / "plug.py").write_text(source)
    before, functions = dict(OBJECTIVES), (json.dumps, json.JSONEncoder.encode, len)
    with pytest.raises(SuiteError) as raised:
        load_plugins([tmp_path / "plug.py"])
    text = str(raised.value)
    assert "plug.py" in text
    assert words in text
    assert "\n" not in text
    assert before == OBJECTIVES
    assert (json.dumps, json.JSONEncoder.encode, len) == functions
    assert not is_loaded(str(tmp_path / "plug.py"))


def test_what_never_ends_is_ended_in_a_process_that_nobody_watches(tmp_path, monkeypatch):
    (tmp_path / "plug.py").write_text(LOOP)
    before = signal.getsignal(signal.SIGALRM)
    monkeypatch.setattr(guard, "LIMIT_S", 0.05)
    with pytest.raises(SuiteError, match=r"plug\.py: .*TimeoutError"):
        load_plugins([tmp_path / "plug.py"])
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize("path", DEVICES)
def test_what_is_no_file_of_source_is_not_read(path):
    with pytest.raises(SuiteError, match="is not a regular file"):
        load_plugins([path])


def test_a_pipe_that_nobody_writes_to_and_a_file_of_gigabytes_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    with (tmp_path / "large.py").open("wb") as file:
        file.truncate(3 * 10**9)
    for name, words in (("pipe.py", "is not a regular file"), ("large.py", f"at most {MAX_BYTES:,}")):
        with pytest.raises(SuiteError, match=words):
            load_plugins([tmp_path / name])


def test_what_it_prints_goes_to_standard_error_and_the_working_folder_stays(tmp_path, capsys):
    (tmp_path / "plug.py").write_text("import os\nprint('loud')\nos.chdir('/')\n")
    folder = Path.cwd()
    load_plugins([tmp_path / "plug.py"])
    assert capsys.readouterr() == ("", "loud\n")
    assert Path.cwd() == folder


def test_what_one_raises_later_is_its_own_and_what_we_raise_is_ours(tmp_path):
    (tmp_path / "plug.py").write_text(
        f"{HEAD}def loss(*_):\n    raise GeneratorExit\n"
        "OBJECTIVES = {'late': replace(known['gan'], generator_loss=loss)}"
    )
    load_plugins([tmp_path / "plug.py"])
    try:
        with pytest.raises(SuiteError, match=r"plug\.py raises GeneratorExit at line 4"), blamed():
            OBJECTIVES["late"].generator_loss()
        with pytest.raises(ZeroDivisionError), blamed():
            divmod(1, 0)
    finally:
        OBJECTIVES.pop("late")


def test_training_that_fails_in_a_plug_in_names_it(tmp_path):
    (tmp_path / "plug.py").write_text(
        f"{HEAD}def loss(*_):\n    raise ValueError('boom')\n"
        "OBJECTIVES = {'late': replace(known['gan'], generator_loss=loss)}"
    )
    load_plugins([tmp_path / "plug.py"])
    with pytest.raises(ValueError, match="boom") as caught:
        OBJECTIVES["late"].generator_loss()
    failure = failure_of(caught.value)
    assert failure.error == f"the plug-in {tmp_path / 'plug.py'} raises ValueError: boom at line 4"
    assert failure.status == "failed"
    assert failure_of(ValueError("ours")).error == "ValueError: ours"
