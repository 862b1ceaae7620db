"""Reports: from the records of a suite to one offline page, tables and figures.

stats.py numbers; contest.py who comes first in a task, answer.py the sentence that says it; headline.py who does over
many tasks, verdict.py the sentences that say that; across.py tests it, from aggregates.py, significance.py and
variance.py, across_shown.py says that; tables.py the page's tables; figures.py and across_figures.py draw; pictures.py
and overview.py decide what is drawn, panels.py counts and encodes it; page.py writes.
Nothing here imports torch: a report reads records only.
"""

from harness.report.page import build_report

__all__ = ["build_report"]
