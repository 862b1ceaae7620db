"""What a page that is watched shows of stacks in training, from their last checkpoints: losses and samples so far."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from harness.report.analysis.tables import View
from harness.report.figures import drawing, panels, sample_sheets, task_figures
from harness.report.figures.panels import Drawn, Section
from harness.store import Store
from harness.store.contents import Training
from harness.text import counted

MOST = 4  # stacks: more are hardly trained side by side


@dataclass(frozen=True)
class InTraining:
    """A stack in training: the row of its first run in the table, how many runs it has, and how far they are."""

    row: "pd.Series[Any]"
    runs: int
    training: Training

    @property
    def title(self) -> str:
        """Its first run in words, a line each for what trains on what, and for how far it is."""
        row = self.row
        name = f"{row['objective']}, {row['setting']}" if row["setting"] else str(row["objective"])
        others = f" and {counted(self.runs - 1, 'other run')}" if self.runs > 1 else ""
        step = f"step {self.training.step:,} of {row['steps']:,}"
        return f"{name}\n{row['task']}, seed {row['seed']}{others}\n{step}"


def section(view: View) -> Section:
    """Return a panel with the losses so far of every stack in training, and of images one with samples."""
    stacks = [stack for part in view.store.parts for stack in _stacks(view, part.store)]
    items = [(stack, draw) for stack in stacks[:MOST] for draw in (_losses, _samples)]
    return panels.collect("training", items, lambda item: item[1](view, item[0]), len(items), "")


def _stacks(view: View, store: Store) -> Iterator[InTraining]:
    """Yield the claimed stacks that have a checkpoint with a step done: of one run of a stack by its own name."""
    for holder in store.claims():
        stack = next((stack for stack in store.plan.stacks if stack.id == holder.stack), None)
        for name in (stack.id, *stack.runs) if stack is not None and holder.alive is not False else ():
            training = store.training(name)
            runs = stack.runs if stack is not None and name == stack.id else (name,)
            rows = view.table[view.table["run_id"] == runs[0]]
            if training is not None and training.step and len(rows):
                yield InTraining(rows.iloc[0], len(runs), training)


def _losses(view: View, stack: InTraining) -> Drawn:
    figure, ax = drawing.blank(3.08, 3.0)
    curves = pd.DataFrame(stack.training.curves[0], columns=stack.training.names)
    curves.insert(0, "step", np.arange(1, len(curves) + 1))
    row = stack.row
    task_figures.draw_curves(
        ax, curves, view.styled[str(row["objective"])], task_figures.counted_in(view, [row["task"]])
    )
    ax.set_title(drawing.wrapped(stack.title, 2.9), fontsize=8.5)
    return figure, stack.title, f"Losses so far of {stack.title}"


def _samples(view: View, stack: InTraining) -> Drawn | None:
    """The newest samples of the same latents, of images; points are drawn once their run has ended."""
    fixed = stack.training.fixed
    if fixed is None or fixed.ndim != 5:
        return None
    figure, ax = task_figures.narrow(stack.title)
    drawing.draw_sheet(ax, sample_sheets.sheet_of(fixed[0]))
    return figure, stack.title, f"Samples so far of {stack.title}"
