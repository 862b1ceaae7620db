"""Reports: from the records of a suite to one offline page, tables and figures.

stats.py numbers; contest.py who comes first in a task, answer.py the sentence that says it; headline.py who does over
many tasks, verdict.py the sentences that say that; tables.py the page's tables; figures.py draws; pictures.py and
overview.py decide what is drawn, panels.py counts and encodes it; page.py writes.
pairs.py pairs the runs of two sides, changes.py says what else differs between them, comparison.py puts both into
words; records.py is what a report reads, merged.py several folders as one.
Nothing here imports torch: a report reads records only.
"""

from harness.report.page import build_report

__all__ = ["build_report"]
