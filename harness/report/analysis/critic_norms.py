"""The critic's norm as a factor: objectives at the same norm, and each at its usual one.

A suite that sweeps `critic.norm` trains several norms in one architecture. *Same norm*: the norms that all objectives
of a task have, each held fixed while other settings are tuned, and averaged. *Usual norm*: what `auto` stands for. Both
are tables for `headline`, in which the norm is no swept value. Tasks whose critics differ in norm and do not sweep it
compare objectives together with their norms.
"""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from harness.report.analysis import cell_table
from harness.text import counted, listed

SWEPT, RESOLVED = "sweep.critic.norm", "setup.critic.norm"
SAME, USUAL = "the same norm", "its usual norm"


@dataclass(frozen=True)
class Norms:
    """What is known of the critics' norms.

    is_factor  whether a critic's norm is swept, and all objectives have a norm in common in two tasks or more
    compared   the norms that objectives are compared at, in the order of the table
    usual      by objective, its usual norm; several in words where that differs between tasks
    differing  the tasks in which objectives have different norms and none in common
    """

    is_factor: bool
    compared: tuple[str, ...]
    usual: dict[str, str]
    differing: tuple[str, ...]

    @property
    def usual_text(self) -> str:
        """Return "batch for gan and nsgan; layer for wgan-gp"."""
        by: dict[str, list[str]] = {}
        for name, norm in self.usual.items():
            by.setdefault(norm, []).append(name)
        return "; ".join(f"{norm} for {listed(names)}" for norm, names in by.items())


def norms(table: pd.DataFrame) -> Norms:
    """Return what a labelled table says of its critics' norms; of one without them that there is no factor."""
    if RESOLVED not in table or table[RESOLVED].isna().all():
        return Norms(False, (), {}, ())
    shared, own = _shared(table), usual(table)
    unequal = _differ(own)
    said = (own[own["task"].isin(unequal)] if unequal else own).groupby("objective", sort=False)[RESOLVED]
    words = {str(name): listed(list(dict.fromkeys(map(str, norms)))) for name, norms in said}
    differing = tuple(task for task in unequal if not shared[task])
    if SWEPT not in table or table[SWEPT].nunique() < 2 or sum(map(bool, shared.values())) < 2:
        return Norms(False, (), words, differing)
    return Norms(True, tuple(map(str, same(table)["norm"].unique())), words, differing)


def same(table: pd.DataFrame, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return the runs at norms that all objectives of their task have, with that `norm` in place of the swept value."""
    shared = _shared(table)
    kept = table[[norm in shared[task] for norm, task in zip(table[RESOLVED], table["task"], strict=True)]]
    return _without_axis(kept.assign(norm=kept[RESOLVED]), data_axes)


def usual(table: pd.DataFrame, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return the runs at each objective's usual norm: labelled `auto` where norms are swept, all elsewhere."""
    if SWEPT not in table:
        return table
    kept = table[(table[SWEPT] == "auto") | table[SWEPT].isna()]
    return _without_axis(kept.assign(norm=kept[RESOLVED]), data_axes)


def held(table: pd.DataFrame, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return the runs of `same` where norms are swept and some task has a common one, so that none is tuned; the table
    itself elsewhere, and where its norm is held already.
    """
    if "norm" in table or SWEPT not in table or RESOLVED not in table or table[SWEPT].nunique() < 2:
        return table
    return same(table, data_axes) if any(_shared(table).values()) else table


def held_said(compared: pd.DataFrame, whole: pd.DataFrame) -> str:
    """Say of the runs of `held` at which norms objectives are compared, and how many tasks of the whole table that
    leaves out; "" where no norm is held.
    """
    if "norm" not in compared:
        return ""
    if _differ_in_a_task(compared):
        return "Each objective has its usual norm in the critic."
    left = whole["task"].nunique() - compared["task"].nunique()
    several = ", averaged where a task has several" if compared["norm"].nunique() > 1 else ""
    out = f"; {counted(left, 'task')} without a common norm {'is' if left == 1 else 'are'} left out" if left else ""
    return (
        f"Every critic of a task has the same norm ({listed(list(map(str, compared['norm'].unique())))}{several}{out})."
    )


def _differ_in_a_task(table: pd.DataFrame) -> bool:
    """Whether the objectives of some task have other norms."""
    own = table.groupby(["task", "objective"])["norm"].agg(lambda norms: " ".join(sorted(set(norms))))
    return bool((own.groupby("task").nunique() > 1).any())


def _without_axis(table: pd.DataFrame, data_axes: Collection[str]) -> pd.DataFrame:
    made = table.drop(columns=SWEPT, errors="ignore")
    rest = cell_table.swept_columns(made, data_axes)
    texts = [cell_table.described(row, rest) for row in made[rest].to_dict("records")] if rest else ""
    return made.assign(setting=texts).reset_index(drop=True)


def _shared(table: pd.DataFrame) -> dict[str, set[str]]:
    """Return by task the norms that all of its objectives have."""
    found: dict[str, set[str]] = {}
    for _, rows in table.groupby(["task", "objective"], sort=False):
        task, values = str(rows["task"].iloc[0]), set(rows[RESOLVED])
        found[task] = found[task] & values if task in found else values
    return found


def _differ(table: pd.DataFrame) -> list[str]:
    """Return the tasks whose critics have several norms."""
    counts = table.groupby("task", sort=False)[RESOLVED].nunique()
    return [str(task) for task in counts.index[counts > 1]]


def warning(found: Norms) -> str:
    """Say that objectives are compared together with their norms, where some are; "" where none are."""
    if not found.differing:
        return ""
    tasks = f"In {counted(len(found.differing), 'task')} critics differ in norm ({found.usual_text})"
    return (
        f"{tasks}: there objectives are compared together with their norms, which "
        "critic: {norm: [auto, none, layer]} in the architecture tells apart."
    )
