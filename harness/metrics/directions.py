"""Which way each metric is better: what a suite may rank on."""

import re
from collections.abc import Iterable

from harness.errors import lookup

LOWER, HIGHER = True, False
DIRECTIONS: dict[str, bool] = {  # by the name before [extractor] and @n; which way is better
    "w1": LOWER, "w1_floor": LOWER, "w1_excess": LOWER, "w2": LOWER, "sliced_w": LOWER,
    "reverse_kl": LOWER, "tv": LOWER, "kl": LOWER, "js": LOWER, "class_kl": LOWER,
    "fid": LOWER, "fid_excess": LOWER, "fid_train": LOWER, "kid": LOWER, "dual_gap": LOWER,
    "train_s": LOWER, "score_s": LOWER, "step_ms": LOWER, "peak_mb": LOWER, "ms_per_image": LOWER,
    "score": HIGHER, "hq": HIGHER, "modes": HIGHER, "modes_half": HIGHER, "density": HIGHER, "coverage": HIGHER,
    "precision": HIGHER, "recall": HIGHER, "isc": HIGHER, "direction": HIGHER,
}  # fmt: skip


def bare_name(column: str) -> str:
    """Return the name of a column without [extractor] and @n."""
    return re.split(r"[\[@]", column, maxsplit=1)[0]


def lower_is_better(metric: str) -> bool:
    """Return the direction of a metric column, such as `w1_excess`, `modes@2500` or `fid[classifier]@540`.

    Raises UnknownName where the metric has none.
    """
    return lookup(DIRECTIONS, bare_name(metric), "metric to rank on")


def named_by(name: str, columns: Iterable[str]) -> list[re.Match[str]]:
    """Return the columns that a name stands for, with their extractor `of` and number `n`: `fid` is that of every
    extractor at every n, `fid[classifier]` that of one."""
    pattern = re.compile(re.escape(name) + r"(\[(?P<of>[^\],]+)[^\]]*\])?(@(?P<n>\d+))?")
    return [found for column in columns if (found := pattern.fullmatch(column))]
