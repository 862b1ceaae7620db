"""Processes that tasks run in: what takes long is done in several, and what breaks one breaks no more than its task.

local   worker processes of this machine, or this process     worker  what a worker process does
"""

from harness.workers.local import Executor, OutOfTime, WorkerDied, as_they_end, default_workers, open_executor
from harness.workers.worker import Task

__all__ = ["Executor", "OutOfTime", "Task", "WorkerDied", "as_they_end", "default_workers", "open_executor"]
