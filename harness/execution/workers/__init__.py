"""Where tasks run.

local   worker processes of this machine, and this process     worker  what a worker process does
ray     stacks on the machines of a cluster                     node    what such a machine does with one
"""

from harness.execution.workers.local import Executor, OutOfTime, WorkerDied, as_they_end, default_workers, open_executor
from harness.execution.workers.worker import Task

__all__ = ["Executor", "OutOfTime", "Task", "WorkerDied", "as_they_end", "default_workers", "open_executor"]
