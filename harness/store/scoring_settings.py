"""How the runs of a results folder are scored: on how many samples, by which metrics and extractors."""

from typing import NamedTuple

from harness.store.plan_file import Plan

SCORING = ("score.samples", "score.metrics")  # columns of `harness.load`: how the runs of a folder are scored


class Scoring(NamedTuple):
    """How the runs of a folder are scored: None where nobody says. `metrics` is "" for the versions of today."""

    samples: int | None
    extractors: tuple[str, ...] | None
    metrics: str


def scoring(plan: Plan) -> Scoring:
    """Return how the runs of a plan are scored."""
    from harness.metrics import score_id  # imports torch

    score = plan.resolved.get("score")
    if score is None:
        return Scoring(None, None, "unknown")
    extractors = score.get("extractors")
    today = score_id(score["at"], score["samples"], extractors, score.get("metrics", {}))
    asked = None if extractors is None else tuple(extractors)
    return Scoring(score["samples"], asked, "" if plan.score_id == today else str(plan.score_id))
