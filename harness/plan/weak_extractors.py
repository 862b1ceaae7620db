"""Which extractors are known to be too weak for what a plan ranks images on."""

from harness.metrics.columns import MetricColumn
from harness.metrics.extractors import OF_CLASSES, defaults, known
from harness.metrics.image_metrics import FEATURE_METRICS, too_weak
from harness.plugins.components import tables
from harness.spec import canonical_json
from harness.store.plan_file import Plan
from harness.suite.format.models import Suite

BY_CLASSES = {c.name for metric in FEATURE_METRICS.values() if metric.needs == "classes" for c in metric.columns}


def weak_extractors(suite: Suite, plan: Plan) -> dict[str, dict[str, float]]:
    """Return by data set the held-out errors of extractors that are too weak for a primary metric of classes.

    Only of those that the cache holds: a plan trains none.
    """
    if MetricColumn.parse(suite.primary.images).name not in BY_CLASSES:
        return {}
    weak: dict[str, dict[str, float]] = {}
    setups = {
        (row.dataset, canonical_json(setup["data"])): setup
        for row in plan.runs
        for setup in [plan.specs[row.run_id]["setup"]]
    }
    for (label, _), setup in setups.items():
        load = tables().dataset[setup["dataset"]].pictures
        names = [] if load is None else suite.score.extractors or defaults(load(setup["data"]))
        for name in OF_CLASSES:
            extractor = known(name, setup["dataset"], setup["data"]) if name in names else None
            if extractor is not None and too_weak(extractor.error):
                weak.setdefault(label, {})[name] = extractor.error
    return weak
