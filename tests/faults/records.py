"""What must be equal after a fault: all that is kept of the runs, timings aside."""

from pathlib import Path
from typing import Any

from harness.store import Store

TIMINGS = ("train_s", "step_ms", "peak_mb")


def records(folder: Path) -> dict[str, Any]:
    """Return what a results folder says of each finished run. Every file of it must be what its record says."""
    store, found = Store(folder), {}
    for run_id in sorted(store.finished()):
        record, scores = store.record(run_id), store.scores(run_id, store.plan.score_id)
        assert record is not None, store.damage
        for name in record.files:
            store.artefact(run_id, name)
        kept = {key: getattr(record, key) for key in ("status", "first_bad_step", "spec", "files")}
        facts = {key: value for key, value in record.facts.items() if key not in TIMINGS}
        found[run_id] = {
            **kept,
            "facts": facts,
            "state": record.provenance.get("state"),
            "scores": scores and scores.steps,
        }
    assert not store.damage, store.damage
    return found


def planned(folder: Path) -> list[str]:
    """Return the ids of the planned runs."""
    return [row.run_id for row in Store(folder).plan.runs]


def leftovers(folder: Path) -> list[Path]:
    """Return claims and checkpoints, which a call that ended by itself leaves none of."""
    return [path for kind in ("claims", "checkpoints") for path in (folder / kind).glob("[!.]*")]
