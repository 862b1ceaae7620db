"""How far each swept number moves the score: which objective is the least sensitive to it."""

from harness.report.analysis import sensitivity
from harness.report.figures import study_figures
from harness.report.findings.finding import Finding, Runs
from harness.report.text import settings_text
from harness.text import listed


def find(runs: Runs) -> Finding | None:
    """Return the sensitivity to what was swept; None where nothing was, or not all runs have ended."""
    learners, axes = runs.learners, runs.data_axes
    sweeps, ranges = sensitivity.sweeps(learners, axes), sensitivity.ranges(learners, axes)
    names = sensitivity.swept(learners, axes)
    if not sweeps and ranges.empty:
        return None
    return Finding(
        values={"names": listed(names), "text": settings_text.sensitivity(ranges, names)},
        draw=lambda: {"sensitivity": study_figures.sweep_section(sweeps, runs.styled)},
        frames=({"sweeps.csv": sensitivity.table_of(sweeps)} if sweeps else {})
        | ({"sweep-ranges.csv": ranges} if len(ranges) else {}),
    )
