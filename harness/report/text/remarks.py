"""What a reader should know beside the answer, a sentence each, "" where there is nothing to say."""

from collections import Counter
from collections.abc import Hashable, Sequence

import pandas as pd

from harness.objectives import PENALTIES
from harness.report.analysis.comparable import Confounding
from harness.report.analysis.critic_norms import RESOLVED, Norms
from harness.report.analysis.leave_one_out import PARTS
from harness.report.analysis.noise_floors import FLOORS, ImageFloors
from harness.store import LOST
from harness.text import counted, interval, listed, number

MOST = 4  # removals that a sentence names
MOST_EDGES = 6  # tuned settings at an edge that a sentence names one by one
NULLS = {"constant": "a constant", "gaussian": "a Gaussian fit", "untrained": "an untrained generator"}
NO_NULLS = "the best single point"  # what the score is 0 for in a table without null samplers


def caveat(confounding: Confounding) -> str:
    """Return what the verdict on a table depends on beside its objectives, with a space at the end."""
    text = ""
    if confounding.weights:
        text = "On {} runs are scored in different weights of the extractor {}. ".format(*confounding.weights)
    if confounding.on_train:
        text += (
            f"No images of {listed(confounding.on_train)} are held out: runs are scored against those that they train "
        )
        text += "on, so that copies of these would score best. "
    if confounding.values:
        values = listed([f"{value} with {listed(own)}" for value, own in confounding.values.items()])
        where = f"on {confounding.task} {confounding.setting}"
        text += f"Objectives differ in other settings, too: {where} is {values}. "
    return text


def tables_alone(folders: Sequence[str]) -> str:
    """Return why figures of curves and samples are missing."""
    if not folders:
        return ""
    verb = "holds" if len(folders) == 1 else "hold"
    return f"No figures of curves and samples from {listed(folders)}, which {verb} tables alone."


def partial(table: pd.DataFrame) -> str:
    """Return how many of the planned runs figures can show, while some have not ended, or wait to be tried again."""
    counts = table["status"].value_counts()
    missing = [f"{int(counts[name]):,} {name}" for name in ("pending", *LOST) if counts.get(name)]
    n_ok = int((table["status"] == "ok").sum())
    return f"Shown are {n_ok:,} of {counted(len(table), 'run')}: {listed(missing)}." if missing else ""


def edges(table: pd.DataFrame) -> str:
    """Return which tuned values (`grid_edges.edges`) lie at the edge of their grid."""
    rows = table.assign(n=table["at_smallest"] + table["at_largest"]).query("n > 0").to_dict("records")
    parts = [
        f"{row['setting']} of {row['objective']} in {row['n']} of {row['choices']} choices ({_sides(row)})"
        for row in rows
    ]
    if len(parts) > MOST_EDGES:
        n, choices = (sum(row[key] for row in rows) for key in ("n", "choices"))
        which = listed(list(dict.fromkeys(str(row["setting"]) for row in rows)))
        parts = [f"{which} of {counted(len(rows), 'candidate')} in {n} of {choices} choices"]
    few = list(table[table["fewest_values"] < 3]["setting"].unique())
    interior = f" A grid of two values of {listed(few)} has no interior." if few else ""
    at_edge = "At the edge of its grid, so that a better value may lie outside"
    return f"{at_edge}: {'; '.join(parts)}.{interior}" if parts else ""


def _sides(row: dict[Hashable, int]) -> str:
    smallest, largest = row["at_smallest"], row["at_largest"]
    if smallest and largest:
        return f"{largest} the largest and {smallest} the smallest"
    return "the smallest" if smallest else "the largest"


def removals(rows: pd.DataFrame, best: str) -> str:
    """Return whether the best stays first whatever is left out (`leave_one_out`), and else without what it does not."""
    if rows.empty:
        return ""
    sizes = rows.groupby("part", sort=False).size().items()
    parts = [counted(n, str(part)) if part in PARTS else f"{counted(n, 'value')} of {part}" for part, n in sizes]
    turned, names = rows[rows["first"] != best], rows["left_out"].where(rows["part"].isin(list(PARTS)))
    names = names.fillna(rows["part"] + " " + rows["left_out"])
    least = int(rows["ahead"].to_numpy().argmin())
    row = rows.iloc[least]
    ahead = interval(row["ahead"], row["ahead_low"], row["ahead_high"])
    rest = f"the smallest lead is {ahead} over {row['second']}, without {names.iloc[least]}"
    if len(turned):
        without = listed([*names[turned.index[:MOST]], *(["others"] if len(turned) > MOST else [])])
        rest = f"it does not without {without}"
    shared = int(rows.loc[rows["first"] == best, "shared"].sum())
    tied = f" ({shared} of them tied)" if shared else ""
    stays = f"{best} stays first in {len(rows) - len(turned)} of {counted(len(rows), 'case')}{tied}"
    return f"Left out one at a time: {listed(parts)}. {stays}; {rest}."


def undertrained(rows: pd.DataFrame) -> str:
    """Return by how much the best objective misses each data set (`noise_floors.nearest`), beside two floors."""
    parts = [
        f"{row['dataset']} {number(row['excess'])} ({', '.join(filter(None, [row['objective'], row['setting']]))}; "
        f"{'within' if row['near'] else 'beyond'} two floors, {number(FLOORS * row['floor'])})"
        for row in rows.to_dict("records")
    ]
    more = "" if rows["near"].all() else " Beyond two floors, more training may change the result."
    what = "Lowest mean excess over the noise floor, over all architectures and seeds"
    return f"{what}: {'; '.join(parts)}.{more}" if parts else ""


def fixed_factors(compared: pd.DataFrame, whole: pd.DataFrame) -> str:
    """Return in sentences what is held fixed while settings are tuned: norms (`norms`), ways of computing."""
    return " ".join(filter(None, [norms(compared, whole), computing(compared)]))


def computing(compared: pd.DataFrame) -> str:
    """Return that updates are computed in several ways, which are averaged; "" where they are not, or compete."""
    if "computing" not in compared or (compared.groupby("objective")["computing"].nunique() < 2).all():
        return ""
    ways = listed(list(map(str, filter(None, compared["computing"].unique()))))
    return f"Updates are computed in several ways ({ways}), which are averaged and not tuned."


def norms(compared: pd.DataFrame, whole: pd.DataFrame) -> str:
    """Return at which norms the runs of `critic_norms.at_equal_norms` are compared, and how many tasks of the whole
    table have none in common.
    """
    if "norm" not in compared:
        return ""
    own = compared.groupby(["task", "objective"])["norm"].agg(frozenset)
    if (own.groupby("task").nunique() > 1).any():
        return "Each objective has its usual norm in the critic."
    names, left = list(map(str, compared["norm"].unique())), whole["task"].nunique() - compared["task"].nunique()
    several = ", averaged where a task has several" if len(names) > 1 else ""
    out = f"; left out, without a common norm: {counted(left, 'task')}" if left else ""
    return f"Every critic of a task has the same norm ({listed(names)}{several}{out})."


def unequal_norms(norms: Norms) -> str:
    """Return that objectives are compared together with their norms, where some are."""
    if not norms.differing:
        return ""
    return (
        f"In {counted(len(norms.differing), 'task')} critics differ in norm ({norms.usual_text}): there objectives are "
        "compared together with their norms, which critic: {norm: [auto, none, layer]} in the architecture separates."
    )


def coupled(table: pd.DataFrame) -> str:
    """Return how many runs have batch norm beside a penalty on each sample's slope, which a suite has to allow."""
    weights = {f"hyper.{name}" for penalty in PENALTIES.values() for name in penalty.hyper} & {*table.columns}
    if RESOLVED not in table or not weights:
        return ""
    both = (table[RESOLVED] == "batch") & table[sorted(weights)].notna().any(axis=1)
    if not both.any():
        return ""
    what = "batch norm couples the samples whose slopes the critic's penalty takes one by one"
    return f"In {counted(int(both.sum()), 'run')} {what} (allow: [batch-norm-in-penalty])."


def zero(nulls: pd.DataFrame) -> str:
    """Return for what a score is 0, of the rows of `null_rows.by_task`."""
    counts = Counter(nulls.loc[nulls["is_zero"].astype(bool), "sampler"])
    if len(counts) < 2:
        return NULLS[next(iter(counts))] if counts else NO_NULLS
    tasks = [f"{NULLS[name]} in {counted(n, 'task')}" for name, n in counts.items()]
    return f"the best null sampler ({listed(tasks)})"


def image_floors(floors: ImageFloors) -> str:
    """Return what real images of a data set reach, how often each extractor was wrong, and where there are too few."""
    reached = listed([f"{column} {number(value)}" for column, value in floors.metrics.items()])
    wrong = listed([f"{name} on {100 * share:.2g} %" for name, share in floors.errors.items()]) if floors.errors else ""
    errors = f" Wrong about {'held-out ones' if floors.held_out else 'these'}: {wrong}." if wrong else ""
    if not floors.singular:
        return f"Real images of {floors.dataset} reach {reached}.{errors}"
    few = f" There are no more images than features of {listed(floors.singular)}: its FID says little."
    return f"Real images of {floors.dataset} reach {reached}.{errors}{few}"
