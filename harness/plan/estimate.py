"""A workload and what its tasks took before: how long it will take, and how much it will write."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from harness.plan.makespan import makespan
from harness.plan.timings import Found, Timings


class Sought:
    """Looks timings up and remembers what was guessed, what was missing, and how recent they were."""

    def __init__(self, timings: Timings, workers: int) -> None:
        self.find = partial(timings.find, workers=workers)
        self.rough: dict[str, None] = {}
        self.missing: dict[str, None] = {}
        self.days: set[str] = set()

    def value(self, name: str, what: str, key: str, size: float) -> float:
        """Return what a thing takes; 0 where nothing says so, which `missing` then names."""
        found: Found | None = self.find(what, key, size)
        if found is None:
            self.missing[name] = None
            return 0.0
        self.days.add(found.day)
        if found.rough:
            self.rough[name] = None
        return found.value


def estimate(workload: Mapping[str, Any], timings: Timings, workers: int) -> dict[str, Any]:
    """Return {"seconds", "parts", "workers", "missing", "rough", "timed", "bytes"} of what is left to do.

    seconds   of the whole call, as `harness run` goes about it; None where training or scoring was never timed
    parts     {"planning", "training", "scoring", "report"}: their seconds on the clock, which sum to it
    missing   names of what was never timed; rough: of what was guessed from other stacks, data sets or workers
    timed     the day of the newest timing used
    bytes     on disk; None where no run was ever seen to write
    """
    sought = Sought(timings, workers)
    runs, stacks, left = max(workload["runs"], 1), workload["stacks"], workload["scores"]
    trained = [_training(stack, sought) for stack in stacks]
    scored = _scoring([left, *(stack["scores"] for stack in stacks)], workload, sought, workers)
    incomplete = bool(sought.missing)
    together = makespan(workers, zip(trained, scored[1:], strict=True), scored[0])
    alone = makespan(workers, [(seconds, ()) for seconds in trained])
    starting = sought.value("the start of workers", "start", "", runs) if stacks or left else 0.0
    parts = {
        "planning": sought.value("planning", "plan", "", runs) + starting,
        "training": alone,
        "scoring": together - alone,
        "report": sought.value("the report", "report", "", runs),
    }
    size = _bytes(stacks, Sought(timings, workers))
    incomplete = incomplete or not sought.days  # nothing is left, and not even planning was ever timed
    return {
        "seconds": None if incomplete else sum(parts.values()),
        "parts": None if incomplete else parts,
        "workers": workers,
        "missing": list(sought.missing),
        "rough": list(sought.rough),
        "timed": max(sought.days, default=None),
        "bytes": size,
    }


def _training(stack: Mapping[str, Any], sought: Sought) -> float:
    """Return the seconds of a stack's task."""
    step = sought.value(stack["name"], "step", stack["key"], stack["size"])
    keep = sought.value(stack["name"], "keep", stack["key"], stack["members"])
    return stack["steps"] * step + stack["points"] * keep


def _scoring(
    groups: Iterable[Iterable[Mapping[str, Any]]], workload: Mapping[str, Any], sought: Sought, workers: int
) -> list[list[float]]:
    """Return the seconds of every scoring task, group by group.

    The first that need a reference make it: one a worker, as they do so at the same time.
    """
    makers = dict.fromkeys(workload["made"], 0)

    def seconds(score: Mapping[str, Any]) -> float:
        own = sought.value(score["name"], "score", score["key"], score["size"])
        address = score["reference"]
        makers[address] = makers.get(address, max(workers, 1)) - 1
        if makers[address] < 0:
            return own
        return own + sought.value(score["name"], "reference", score["key"], workload["samples"] ** 2)

    return [[seconds(score) for score in group] for group in groups]


def _bytes(stacks: Iterable[Mapping[str, Any]], sought: Sought) -> float | None:
    """Return what the runs still to be trained will write."""
    size = sum(len(s["scores"]) * sought.value(s["name"], "disk", s["key"], s["points"]) for s in stacks)
    return None if sought.missing else size
