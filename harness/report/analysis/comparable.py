"""What may be compared with what: one definition for plans, reports, `compare` and tables in Python.

Runs are comparable where they were trained on the same data, scored on equally many samples by the same metrics and
extractors, and where no setting differs that is neither swept, nor named (an objective, an architecture), nor asked
about (`compare`). What is not comparable is refused in a sentence; a lesser difference is the first thing said. Blocks
of a suite are held to it before training (`harness.suite.blocks`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.metrics.columns import covered
from harness.store.table import Scoring
from harness.store.table_files import is_frozen
from harness.text import counted, listed, plain

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = ("hyper.", "data.", "setup.")
WEIGHTS = "extractor_weights"
# Settings that belong to no objective: where competitors of one task differ in them, that is said first.
COMMON = ("steps", "setup.batch", "setup.fixed", "setup.points", "data.", "setup.generator.")
CELL = ["task", "objective", "setting"]
OTHER_DATA = "trained on other data under one name; give the data sets names of their own"


def is_setting(column: str) -> bool:
    """Whether a column of a table of runs holds a setting that a run was trained with."""
    return column == "steps" or column.startswith(SETTINGS)


# How runs are scored


def unlike_samples(folders: Sequence[str], scorings: Sequence[Scoring]) -> str:
    """Return why scores of two folders cannot be compared for their numbers of samples; "" where they can."""
    n = [each.samples for each in scorings]
    if None in n or n[0] == n[1]:
        return ""
    few, many = (n.index(size) for size in sorted(n))  # type: ignore[type-var]
    start = f"scored on {n[0]:,} and on {n[1]:,} samples"
    for one, other in ((few, many), (many, few)):
        if not is_frozen(Path(folders[one])):
            return f"{start}; rescore with `harness score {folders[one]} --samples {n[other]}`"
    again = f"run the suite of {folders[few]} again with `--set score.samples={n[many]}`"
    return f"{start}; both are frozen and cannot be rescored: {again}"


def unlike_extractors(scorings: Sequence[Scoring]) -> bool:
    """Whether the images of two folders are scored in features of different extractors."""
    return scorings[0].extractors != scorings[1].extractors


def outdated(scorings: Sequence[Scoring]) -> int | None:
    """Return which of two folders is scored by other versions of the metrics than the other, and than today's.

    Of two that are both outdated, each by versions of its own, the first.
    """
    if scorings[0].metrics == scorings[1].metrics:
        return None
    return 0 if scorings[0].metrics else 1


# Tables of runs


def refuse_unlike(table: "pd.DataFrame") -> None:
    """Raise HarnessError where a labelled table (`cell_table.labelled`) has runs in one task that cannot be compared:
    scored otherwise, or trained on other data under one name.
    """
    for task, runs in table.groupby("task", sort=False):
        if reason := _unlike(runs):
            raise HarnessError(f"{task}: {reason}")


def _unlike(runs: "pd.DataFrame") -> str:
    ok = runs[runs["status"] == "ok"]
    if len(sizes := _values(ok, "score.samples")) > 1:
        n = sorted(int(float(size)) for size in sizes)
        each = " and on ".join(f"{size:,}" for size in n)
        return (
            f"scored on {each} samples; rescore with `harness score DIR --samples {max(n)}`, and load the folders again"
        )
    if len(used := _extractors(ok)) > 1:
        features = " and of ".join(used)
        return f"images are scored in features of {features}; score them in those of one, and load the folders again"
    if len(_values(ok, "score.metrics")) > 1:
        return "scored by other versions of the metrics; first `harness score DIR` each folder, and load it again"
    return OTHER_DATA if len(_values(runs, "setup.content")) > 1 else ""


def _extractors(runs: "pd.DataFrame") -> list[str]:
    """Return in features of which extractors some runs are scored, in words: one text where all are of the same."""
    columns = covered(WEIGHTS, runs.columns)
    sets = runs[list(map(str, columns))].notna().drop_duplicates().to_numpy()
    used = ([column.extractor for column, is_used in zip(columns, row, strict=True) if is_used] for row in sets)
    return sorted(listed(extractors) for extractors in used if extractors)


def unlike_data(runs: "pd.DataFrame", a: "pd.DataFrame", b: "pd.DataFrame") -> str:
    """Return the data set of the first pair (`run_id_a`, `run_id_b`) whose runs, in tables of either side, were trained
    on other data under its name; "" where none was.
    """
    if "setup.content" not in a or "setup.content" not in b:
        return ""
    contents = [t.drop_duplicates("run_id").set_index("run_id")["setup.content"] for t in (a, b)]
    first, second = (runs[f"run_id_{end}"].map(content) for end, content in zip("ab", contents, strict=True))
    unlike = runs.loc[first.notna() & second.notna() & (first != second), "dataset"]
    return str(unlike.iloc[0]) if len(unlike) else ""


def refuse_mixed(table: "pd.DataFrame", advice: str) -> None:
    """Raise HarnessError where the runs of a cell differ by a setting, and not by their seed alone."""
    varied = [c for c in table.columns if is_setting(c) and table[c].nunique(dropna=False) > 1]
    known = table[[*CELL, *varied]].astype(dict.fromkeys(varied, str))
    distinct = known.drop_duplicates()
    mixed = distinct[distinct.duplicated(CELL)]
    if mixed.empty:
        return
    cell = mixed[CELL].iloc[0]
    runs = table[(known[CELL] == cell).all(axis=1)]
    differences = []
    for name in _independent(runs, varied):
        parts = []
        for value, part in runs.groupby(runs[name].map(plain), sort=False):
            seeds = [str(seed) for seed in sorted(part["seed"].unique())]
            parts.append(f"{value} with seed{'s' * (len(seeds) > 1)} {listed(seeds)}")
        differences.append(f"{name} is {listed(parts)}")
    where = f"{cell['objective']} on {cell['task']}" + (f", {cell['setting']}" if cell["setting"] else "")
    more = f", and {counted(len(differences) - 2, 'more setting')} differ" if len(differences) > 2 else ""
    raise HarnessError(f"{where}: runs of other settings stand for one cell: {listed(differences[:2])}{more}; {advice}")


def _independent(runs: "pd.DataFrame", names: Sequence[str]) -> list[str]:
    """Return the settings that differ between runs, without those that differ as an earlier one does."""
    patterns: dict[bytes, str] = {}
    for name in names:
        codes = runs[name].astype(str).factorize()[0]
        if codes.max() > 0:
            patterns.setdefault(codes.tobytes(), name)
    return list(patterns.values())


@dataclass(frozen=True)
class Confounding:
    """What the verdict on a table depends on beside its objectives.

    weights  a task whose runs are scored in different weights of an extractor, and that extractor; () where none is
    values   by each value of a `setting` that belongs to no objective the objectives that have it on `task`
    on_train data sets whose runs are scored against the images that they train on
    """

    weights: tuple[str, ...] = ()
    on_train: tuple[str, ...] = ()
    task: str = ""
    setting: str = ""
    values: Mapping[str, list[str]] = field(default_factory=dict)


def confounding(table: "pd.DataFrame", drawn: Collection[str] = ()) -> Confounding:
    """Return the first of either that a labelled table has; no settings that are swept, or `drawn` by a study."""
    weights: tuple[str, ...] = ()
    none_held_out = table["setup.held_out"] == 0 if "setup.held_out" in table else [False] * len(table)
    on_train = tuple(map(str, table.loc[none_held_out, "dataset"].unique()))
    for column in covered(WEIGHTS, table.columns):
        counts = table.groupby("task", sort=False)[str(column)].nunique()
        if (counts > 1).any():
            weights = str(counts.idxmax()), column.extractor
    swept = {c.rpartition(".")[2] for c in (*drawn, *table.columns) if c in drawn or c.startswith("sweep.")}
    swept |= {"steps"} if "epochs" in swept else set()
    names = [c for c in table.columns if c.startswith(COMMON) and c.rpartition(".")[2] not in swept]
    names = [c for c in names if table[c].nunique(dropna=False) > 1]
    for task, runs in table.groupby("task", sort=False):
        for name in _independent(runs, names):
            owners = runs.groupby(runs[name].map(plain), sort=False)["objective"].agg(
                lambda own: list(map(str, own.unique()))
            )
            if len(owners) > 1:
                values = {str(v): own for v, own in owners.items()}
                return Confounding(weights, on_train, str(task), name.removeprefix("setup."), values)
    return Confounding(weights, on_train)


def unlike_weights(a: "pd.DataFrame", b: "pd.DataFrame") -> list[str]:
    """Return the extractors whose weights differ between the runs of two tables."""
    columns = dict.fromkeys(covered(WEIGHTS, [*a, *b]))
    return [column.extractor for column in columns if _values(a, str(column)) != _values(b, str(column))]


def _values(runs: "pd.DataFrame", name: str) -> list[str]:
    return sorted(map(str, runs[name].dropna().unique())) if name in runs else []
