"""Execute a notebook's cells in one namespace, in an empty folder, and write their outputs into it, as Jupyter would.

python docs/notebook.py                   docs/notebook.ipynb anew; needs no Jupyter
"""

import ast
import base64
import contextlib
import io
import json
import linecache
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

DPI = 72


def execute(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the notebook with the outputs that its code cells have in the working directory.

    Raises what a cell raises; the traceback shows its line.
    """
    defined: dict[str, Any] = {"__name__": "__main__"}
    cells, count = [], 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            outputs = _outputs("".join(cell["source"]), count, defined)
            cell = {**cell, "execution_count": count, "outputs": outputs}
        cells.append(cell)
    return {**notebook, "cells": cells}


def _outputs(source: str, count: int, defined: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a cell; return what it printed, the figures it left open, and the value of its last expression."""
    name = f"<cell {count}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # inspect.getsource looks there
    body = ast.parse(source, name).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) and not source.rstrip().endswith(";") else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(ast.Module(body, []), name, "exec"), defined)
        value = eval(compile(ast.Expression(last.value), name, "eval"), defined) if last is not None else None
    outputs = [{"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}]
    outputs = outputs if printed.getvalue() else []
    if value is not None:
        outputs.append(
            {"data": _shown(value), "execution_count": count, "metadata": {}, "output_type": "execute_result"}
        )
    return outputs + [_figure(number) for number in plt.get_fignums()]


def _shown(value: Any) -> dict[str, list[str]]:
    made = value._repr_html_() if hasattr(value, "_repr_html_") else None
    return {**({"text/html": _lines(made)} if made else {}), "text/plain": _lines(repr(value))}


def _figure(number: int) -> dict[str, Any]:
    """Return an open figure as an output, and close it."""
    figure, content = plt.figure(number), io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    width, height = (f"{inches:g}" for inches in figure.get_size_inches())
    plt.close(figure)
    png = base64.b64encode(content.getvalue()).decode("ascii")
    said = [f"<Figure of {width} x {height} inches>"]
    return {"data": {"image/png": png, "text/plain": said}, "metadata": {}, "output_type": "display_data"}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main(path: Path) -> None:
    """Execute a notebook away from where it lies, and write it back."""
    notebook, here = json.loads(path.read_text(encoding="utf-8")), Path.cwd()
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        try:
            made = execute(notebook)
        finally:
            os.chdir(here)
    path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_suffix(".ipynb")))
