"""The notebook of docs/ is one that Jupyter opens, was executed as a whole, and can be again."""

import base64
import importlib.util
import json
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOK = json.loads((DOCS / "notebook.ipynb").read_text(encoding="utf-8"))
CODE = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def notebook():
    """The module docs/notebook.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("notebook_of_docs", DOCS / "notebook.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cells(*sources):
    made = [{"cell_type": "code", "id": f"c{i}", "source": text.splitlines(True)} for i, text in enumerate(sources)]
    return {"cells": [{"cell_type": "markdown", "id": "m", "source": ["# x"]}, *made]}


def kinds(cell):
    return [(output["output_type"], sorted(output.get("data", ()))) for output in cell["outputs"]]


def test_it_has_the_form_of_notebooks_4_5():
    """https://github.com/jupyter/nbformat, v4/nbformat.v4.5.schema.json: what it requires, and its pattern of ids."""
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert all(re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", name) for name in ids)
    assert len(set(ids)) == len(ids)
    for cell in NOTEBOOK["cells"]:
        wanted = {"cell_type", "id", "metadata", "source"}
        wanted |= {"outputs", "execution_count"} if cell["cell_type"] == "code" else set()
        assert set(cell) == wanted
    needed = {
        "stream": {"name", "text"},
        "display_data": {"data", "metadata"},
        "execute_result": {"data", "metadata", "execution_count"},
    }
    for output in (output for cell in CODE for output in cell["outputs"]):
        assert set(output) == {"output_type"} | needed[output["output_type"]]


def test_it_was_executed_from_top_to_bottom_and_names_no_place_of_a_machine():
    assert [cell["execution_count"] for cell in CODE] == list(range(1, len(CODE) + 1))
    outputs = [output for cell in CODE for output in cell["outputs"]]
    pictures = [
        base64.b64decode(output["data"]["image/png"]) for output in outputs if "image/png" in output.get("data", {})
    ]
    assert len(pictures) >= 4
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert sum(map(len, pictures)) < 300_000
    shown = json.dumps(
        [[o.get("text"), {k: v for k, v in o.get("data", {}).items() if k != "image/png"}] for o in outputs]
    )
    assert not re.search(r"/(home|root|tmp|Users|var|work|mnt)/|[A-Z]:\\\\", shown)
    assert "Error" not in shown


def test_a_cell_shows_what_it_prints_its_figures_and_its_last_value(notebook):
    made = notebook.execute(
        cells(
            "import pandas as pd\nx = 3",
            "print('a')\nprint('b')\nx + 1",
            "pd.DataFrame({'a': [x]})",
            "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
            "def f():\n    return x\n",
            "import inspect\ninspect.getsource(f)",
        )
    )
    made = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    assert made[0]["outputs"] == []
    assert made[1]["outputs"][0]["text"] == ["a\n", "b\n"]
    assert made[1]["outputs"][1]["data"] == {"text/plain": ["4"]}
    assert kinds(made[2]) == [("execute_result", ["text/html", "text/plain"])]
    assert kinds(made[3]) == [("display_data", ["image/png", "text/plain"])]
    assert made[5]["outputs"][0]["data"]["text/plain"] == [repr("def f():\n    return x\n")]


def test_a_cell_that_raises_ends_it_and_writes_nothing(notebook, tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(cells("x = 1", "1 / 0")))
    before, here = path.read_text(), Path.cwd()
    with pytest.raises(ZeroDivisionError):
        notebook.main(path)
    assert (path.read_text(), Path.cwd()) == (before, here)


@pytest.mark.slow
def test_its_cells_still_give_outputs_of_the_same_kinds(notebook, tmp_path, undrawn, monkeypatch):
    """Of a tenth of the steps and of the samples, in this process; what its reports would draw is not looked at."""
    monkeypatch.chdir(tmp_path)
    short = json.dumps(NOTEBOOK).replace("steps: 400", "steps: 40").replace("samples: 500", "samples: 50")
    short = short.replace('objectives={\\"own-r1\\": r1})', 'objectives={\\"own-r1\\": r1}, workers=0)')
    assert short.count("workers=0") == 3
    made = [cell for cell in notebook.execute(json.loads(short))["cells"] if cell["cell_type"] == "code"]
    assert list(map(kinds, made)) == list(map(kinds, CODE))
    assert made[-1]["outputs"][0]["data"] == CODE[-1]["outputs"][0]["data"] == {"text/plain": ["0"]}  # nothing anew
