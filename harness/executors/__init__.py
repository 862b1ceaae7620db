"""Where tasks run."""

from harness.executors.local import Executor, as_they_end, default_workers, open_executor

__all__ = ["Executor", "as_they_end", "default_workers", "open_executor"]
