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
from harness.text import listed

SWEPT, RESOLVED = "sweep.critic.norm", "setup.critic.norm"


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
        norms = dict.fromkeys(self.usual.values())
        return "; ".join(
            f"{norm} for {listed([name for name in self.usual if self.usual[name] == norm])}" for norm in norms
        )


def norms(table: pd.DataFrame) -> Norms:
    """Return what a labelled table says of its critics' norms; of one without them that there is no factor."""
    if RESOLVED not in table or table[RESOLVED].isna().all():
        return Norms(False, (), {}, ())
    shared, own = _shared(table), usual(table)
    counts = own.groupby("task", sort=False)[RESOLVED].nunique()
    unequal = [str(task) for task in counts.index[counts > 1]]
    rows = own[own["task"].isin(unequal)] if unequal else own
    by_objective = rows.groupby("objective", sort=False)[RESOLVED]
    words = {str(name): listed(list(map(str, values.unique()))) for name, values in by_objective}
    differing = tuple(task for task in unequal if not shared[task])
    is_factor = _is_swept(table) and sum(map(bool, shared.values())) > 1
    return Norms(is_factor, tuple(map(str, same(table)["norm"].unique())) if is_factor else (), words, differing)


def _is_swept(table: pd.DataFrame) -> bool:
    return SWEPT in table and table[SWEPT].nunique() > 1


def _shared(table: pd.DataFrame) -> dict[str, set[str]]:
    """Return by task the norms that all of its objectives have."""
    sets = table.groupby(["task", "objective"], sort=False)[RESOLVED].agg(set)
    return {str(task): set.intersection(*of_task) for task, of_task in sets.groupby("task", sort=False)}


def same(table: pd.DataFrame, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return the runs at norms that all objectives of their task have, with that `norm` in place of the swept value."""
    shared = _shared(table)
    is_shared = [norm in shared[task] for norm, task in zip(table[RESOLVED], table["task"], strict=True)]
    return _without_axis(table[is_shared], data_axes)


def usual(table: pd.DataFrame, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return the runs at each objective's usual norm: labelled `auto` where norms are swept, all elsewhere."""
    if SWEPT not in table:
        return table
    return _without_axis(table[(table[SWEPT] == "auto") | table[SWEPT].isna()], data_axes)


def at_equal_norms(table: pd.DataFrame, data_axes: Collection[str] = ()) -> pd.DataFrame:
    """Return the runs of `same` where norms are swept and some task has a common one, so that none is tuned; the table
    itself elsewhere, and where its norm is held already.
    """
    if "norm" in table or RESOLVED not in table or not _is_swept(table):
        return table
    return same(table, data_axes) if any(_shared(table).values()) else table


def _without_axis(table: pd.DataFrame, data_axes: Collection[str]) -> pd.DataFrame:
    runs = table.assign(norm=table[RESOLVED]).drop(columns=SWEPT, errors="ignore")
    return runs.assign(setting=cell_table.settings(runs, data_axes)).reset_index(drop=True)
