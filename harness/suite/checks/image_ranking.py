"""Whether images can be ranked on what a suite says: whether their runs will have such a column, and its values."""

import math
from collections.abc import Collection, Sequence

from harness.datasets import Dataset
from harness.datasets.images import HELD_OUT
from harness.hints import suggestion
from harness.metrics import FEATURE_METRICS, rankable
from harness.metrics.columns import MetricColumn, covered
from harness.metrics.extractors import OF_CLASSES, defaults, kind_of
from harness.metrics.extractors.network import FEATURES
from harness.metrics.image_metrics import FEATURE_COLUMNS, WEAK_ERROR, columns_seen
from harness.suite.format.values import Values
from harness.text import listed

BY_NAME = ("fd", "fd_train")  # of some extractors, which have no fid
OF_EVERY = {c.name for metric in FEATURE_METRICS.values() if metric.needs == "features" for c in metric.columns}
OF_EVERY -= {*BY_NAME, "fd_infinity"}

BY_COVARIANCE = ("fid", "fid_train", "fd", "fd_train", "fid_excess", "score")  # which say little where it is singular


def few_for_fid(label: str, n: int) -> str:
    """Return that so few images of a data set are too few for a FID in features of an extractor, in a phrase."""
    least = math.floor(FEATURES / HELD_OUT) + 1
    needs = f"FID in {FEATURES} features takes more than {FEATURES} held-out images"
    return f"{needs} (30 % of a folder of {least}), and '{label}' is scored on {n:,}"


def weak_extractor(label: str, name: str, error: float) -> str:
    """Return that an extractor is too weak for the classes of a data set, in a phrase."""
    why = f"is wrong on {100 * error:.1f} % of the held-out images of '{label}'"
    if error <= WEAK_ERROR:
        why = f"misses classes in the held-out images of '{label}'"
    return f"the extractor '{name}' {why}: modes, class_kl and share are empty; FID and score in its features say less"


def why_unranked(
    metric: str,
    label: str,
    entry: Dataset,
    data: Values,
    score: tuple[int, Sequence[str] | None],
    plugin_metrics: Collection[str] = (),
) -> str:
    """Return why runs on a data set of images cannot be ranked on a metric, in a sentence; "" where they can.

    `data` are its settings, `label` its name in the suite; `plugin_metrics` names those of plug-ins; `score` holds
    its samples and extractors. Images are made only where the answer depends on them.
    """
    assert entry.pictures is not None, "of a data set of images"
    known, plain = rankable(entry, data, plugin_metrics), MetricColumn.parse(metric).name
    if plain not in known or (plain not in FEATURE_COLUMNS and plain != metric):
        return f"images cannot be ranked on {metric!r}.{suggestion(metric, known)}"
    sizes, (samples, extractors) = entry.sizes(data), score
    n, (_, height, width) = min(samples, sizes.held_out), entry.shape(data)
    looked_at = bool(extractors) if extractors is not None else height == width
    kinds = [kind for x in extractors or () if (kind := kind_of(x)) is not None]
    looked_at = looked_at and all(kind.distance == "fid" for kind in kinds)
    few = ""
    if plain in BY_COVARIANCE and sizes.held_out <= FEATURES:
        few = f"{metric!r} given; {few_for_fid(label, sizes.held_out)}; rank on sliced_w or kid."
    if plain not in FEATURE_COLUMNS or (looked_at and metric in OF_EVERY and n >= FEATURE_COLUMNS[plain].least):
        return few
    if plain == "fd_infinity" and n < 4 * FEATURES:
        return f"{metric!r} takes {4 * FEATURES} images or more, and '{label}' is scored on {n:,}; rank on fid."
    pictures = entry.pictures(data)
    names = defaults(pictures) if extractors is None else list(extractors)
    used, classes = data.get("fixed") or sizes.train, len(pictures.classes)
    columns = [c for x in names for c in columns_seen(x, n, used, classes if x in OF_CLASSES else 0)]
    there = list(map(str, covered(plain, columns)))
    least = FEATURE_COLUMNS[plain].least
    if not there and n < least:
        return f"{metric!r} takes {least} images or more, and '{label}' is scored on {n}; use sliced_w."
    if not there:
        looking = f"{listed(names)} alone" if names else "no extractor"
        text = f"{metric!r} given, and '{label}' is looked at by {looking}; name score.extractors that fit, or rank on "
        return f"{text}sliced_w."
    if not covered(metric, there):
        return f"{metric!r} given, and '{label}' has {listed(there)}; name one of these, or score.extractors that fit."
    return few
