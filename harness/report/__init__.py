"""Reports: from the records of a suite to one offline page, tables and figures.

stats.py numbers; contest.py who comes first; answer.py the sentence that says it; tables.py the page's tables;
figures.py draws; pictures.py decides what is drawn; page.py writes.
Nothing here imports torch: a report reads records only.
"""

from harness.report.page import build_report

__all__ = ["build_report"]
