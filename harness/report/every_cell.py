"""`harness report --every-cell`: losses, estimate, samples and animation of every cell, on a page beside the report.

A report shows some cells alone; these are drawn on demand, as they take a second a cell.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from harness.disk.files import write_atomic, writing
from harness.errors import HarnessError
from harness.processes import progress
from harness.report import page
from harness.report.analysis import tables
from harness.report.analysis.tables import View
from harness.report.figures import courses, encoding, panels, sample_sheets, style, task_figures
from harness.report.figures.panels import Drawn, Panel
from harness.report.figures.task_figures import Cell, cells_of
from harness.report.findings import critic_figures
from harness.report.results import Results, confirmed
from harness.report.text import table_rows
from harness.report.text.table_rows import Row
from harness.text import listed

FOLDER = "cells"
FIGURE = re.compile(r"\d{3,}-[a-z]+-.*\.(png|gif)")  # what an earlier page showed, and may go

Draw = Callable[[Cell], Drawn | Panel | None]


def write_cells(results: Results, out: Path) -> None:
    """Write out/cells/index.html with a figure of each kind of every cell, each file atomically.

    Raises what a report raises, StoreError where `out` cannot be written.
    """
    if not results.has_any_records:
        raise HarnessError(
            f"--every-cell: {listed(list(map(str, results.tables_alone)))}: tables alone, without curves and samples"
        )
    view, folder, items = tables.read(confirmed(results)), out / FOLDER, []
    rows = [row for task in table_rows.cells(view.cells) for row in task["rows"]]
    with writing(folder), progress("drawing cells", len(rows)) as tell:
        for place, (cell, row) in enumerate(zip(cells_of(view.cells), rows, strict=True), start=1):
            items.append({"cell": cell, "row": row, **_write_cell(view, cell, folder, f"{place:03d}")})
            tell(place)
        values = {"name": str(view.suite.get("name", results.folder.name)), "items": items}
        html = page.render(values, "cells.html.j2", images="'self'")
        write_atomic(folder / "index.html", html.encode("utf-8", "backslashreplace"), flush=False)


def _write_cell(view: View, cell: Cell, folder: Path, place: str) -> Row:
    """Write the figures of a cell; return its median run, what the page shows, and what could not be drawn."""
    figures, notes = [], []
    for kind, drawn in _panels(view, cell):
        if isinstance(drawn, str):
            notes.append(f"{kind}: {drawn}")
            continue
        ((ending, content),) = drawn.files.items()
        name = f"{panels.named(f'{place}-{kind}', drawn.name)}.{ending}"
        write_atomic(folder / name, content, flush=False)
        size = {"width": drawn.width, "height": drawn.height}
        figures.append({"name": name, "alt": drawn.alt, **size, "moves": ending == "gif"})
    return {"run": task_figures.median_of(view, cell), "figures": figures, "notes": notes}


def remove_cells(out: Path) -> None:
    """Remove what `write_cells` wrote of an earlier report: it is not of this one. Files of others stay.

    Raises StoreError where it cannot be removed.
    """
    with writing(out):
        for path in (out / FOLDER).glob("*"):
            if FIGURE.fullmatch(path.name) or path.name == "index.html":
                path.unlink(missing_ok=True)
    with suppress(OSError):  # where there is none, or where others have files in it
        (out / FOLDER).rmdir()


def _panels(view: View, cell: Cell) -> Iterator[tuple[str, Panel | str]]:
    """Yield the figures of a cell by kind; a sentence in place of one that cannot be read."""
    is_images = cell.dataset in view.plan.pictures
    kinds: dict[str, Draw] = {
        "losses": partial(task_figures.losses, view),
        "estimate": partial(critic_figures.estimate, view),
        "samples": partial(_sheet, view) if is_images else task_figures.points(view, [cell]),
        "training": partial(_moving_images if is_images else _moving_points, view),
    }
    for kind, draw in kinds.items():
        try:
            with style.applied():
                drawn = draw(cell)
                if isinstance(drawn, tuple):
                    figure, title, alt = drawn
                    drawn = Panel(title, alt, *panels.css_size(figure), {"png": encoding.png_of(figure)})
        except (HarnessError, OSError) as error:
            yield kind, str(error)
        else:
            if drawn is not None:
                yield kind, drawn


def _sheet(view: View, cell: Cell) -> Drawn | None:
    return sample_sheets.draw(view, (cell, False))


def _moving_images(view: View, cell: Cell) -> Panel | None:
    """The same latents through training: at every frame that the median run kept, else at its scored steps."""
    run_id = task_figures.median_of(view, cell)
    if run_id is None:
        return None
    frames = view.store.frames(run_id)
    if frames is not None:
        steps, images = frames["step"].tolist(), frames["fixed"]
    else:
        steps = view.store.steps(run_id)
        images = np.stack([view.store.snapshot(run_id, step)["fixed"] for step in steps])
    return sample_sheets.moving_panel("", cell, steps, images) if len(steps) > 1 else None


def _moving_points(view: View, cell: Cell) -> Panel | None:
    """The points of the median run and its critic's contours at its scored steps."""
    course = courses.course_of(view, cell)
    return courses.gif_of("", [course]) if course is not None else None
