"""What worker processes do. Arguments and results are plain JSON, so that the parent needs none of the heavy imports.

planning  a suite, a retry, a new scoring: what there is to do     training  a stack to its records
scoring   a run to its metrics                                     ending    the table and the report
opening   a results folder with its plan, plug-ins and data

Imports of torch, pandas and the like stand inside the functions: these modules are also read by the parent.
"""

from harness.execution.ending import finish, write_table
from harness.execution.opening import open_planned, prepare
from harness.execution.planning import plan_retry, plan_scores, plan_suite, unpin_scores
from harness.execution.scoring import score_runs
from harness.execution.training import train_stack

__all__ = [
    "finish",
    "open_planned",
    "plan_retry",
    "plan_scores",
    "plan_suite",
    "prepare",
    "score_runs",
    "train_stack",
    "unpin_scores",
    "write_table",
]
