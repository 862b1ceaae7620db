"""One family of tests: every pair of objectives over the tasks, and who is not told apart.

Wilcoxon's signed-rank test (Wilcoxon 1945) with Holm's correction (Holm 1979), as Benavoli et al. 2016 advise for
several methods over several tasks.
"""

from itertools import combinations

import pandas as pd

from harness.statistics.paired import effect_seen, holm, leaning, signed_rank
from harness.statistics.power import LEVEL


def family(blocks: pd.DataFrame) -> pd.DataFrame:
    """Test every pair of the columns of `blocks` (a row a task, a column an objective, a score the higher the better).

    Returns first, second (in the order of the columns), higher (the one of them whose side the ranks lean to, which
    need not be that of the mean), tasks, p, p_holm, told_apart, and smallest_effect: Cohen's d of the differences
    between tasks that this test of so many finds with 80 % power, before correction. Raises HarnessError where a score
    is not finite.
    """
    pairs = list(combinations(blocks.columns, 2))
    gaps = [blocks[a].to_numpy() - blocks[b].to_numpy() for a, b in pairs]
    p = [signed_rank(gap) for gap in gaps]
    adjusted = holm(p)
    return pd.DataFrame({
        "first": [a for a, _ in pairs],
        "second": [b for _, b in pairs],
        "higher": [a if leaning(gap) >= 0 else b for (a, b), gap in zip(pairs, gaps, strict=True)],
        "tasks": len(blocks),
        "p": p,
        "p_holm": adjusted,
        "told_apart": adjusted <= LEVEL,
        "smallest_effect": effect_seen(len(blocks)),
    })  # fmt: skip


def mean_ranks(blocks: pd.DataFrame) -> pd.Series:
    """Return every objective's mean place over the tasks, best first: 1 is the highest score, ties share places."""
    ranks = blocks.round(12).rank(axis=1, ascending=False).mean()
    return ranks.sort_index().sort_values(kind="stable")


def groups(order: list[str], pairs: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return the longest stretches of objectives, in the order given, of which no two are told apart (Demšar 2006).

    `pairs` as `family` returns them.
    """
    apart = {
        frozenset(pair) for pair in zip(*(pairs.loc[pairs["told_apart"], c] for c in ("first", "second")), strict=True)
    }
    found: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and all(frozenset((other, order[end])) not in apart for other in order[start:end]):
            end += 1
        if end - start > 1 and end > reached:
            found.append(tuple(order[start:end]))
            reached = end
    return found
