"""An estimate in words."""

from harness.plan.estimate import Estimate

UNITS = {"h": 3600.0, "min": 60.0, "s": 1.0}


MEASURE = "run with --measure to estimate it"


def time_sentence(estimate: Estimate) -> str:
    """Return how long a suite takes: about 9 min on 2 workers (training 7.5, scoring 1, report 0.2), from ..."""
    seconds, workers = estimate.seconds, estimate.workers
    if seconds is None:
        return f"unknown: {_first(estimate.missing)} never timed on this machine; {MEASURE}"
    unit = UNITS[unit_of(seconds)]
    parts = [f"{name} {_digits(part / unit)}" for name, part in (estimate.parts or {}).items() if part >= unit / 20]
    where = f"on {workers} worker{'s' * (workers != 1)}" if workers else "in this process"
    text = f"about {duration(seconds)} {where}" + (f" ({', '.join(parts)})" if parts else "")
    if estimate.timed:
        text += f", from timings of {estimate.timed} on this machine"
    if estimate.missing:
        text += f"; without {_first(estimate.missing)}, never timed here"
    if estimate.rough:
        text += f"; rough: {_first(estimate.rough)} guessed from other timings; {MEASURE}"
    return text


def disk_sentence(size: float) -> str:
    """Return how much a suite writes: about 600 MB."""
    return f"about {_digits(size / 1e9)} GB" if size >= 1e9 else f"about {_digits(size / 1e6)} MB"


def unit_of(seconds: float) -> str:
    """Return the unit in which a duration reads well: s up to two minutes, min up to two hours, h."""
    return "s" if seconds < 120 else "min" if seconds < 7200 else "h"


def duration(seconds: float) -> str:
    """Return a duration with two digits: 46 s, 8.9 min, 12 h."""
    unit = unit_of(seconds)
    return f"{_digits(seconds / UNITS[unit])} {unit}"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")


def _first(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"
