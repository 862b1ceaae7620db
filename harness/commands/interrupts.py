"""What SIGINT and SIGTERM do: the first leaves in order, the second at once."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.errors import Interrupted

EXIT = 130


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Interrupted at the first SIGINT or SIGTERM while the block runs; leave with exit code 130 at the second.

    Workers end with this process, and claims of a process that is gone hold nobody up: nothing is lost by leaving so.
    """
    before = {number: signal.signal(number, _leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except Interrupted:
        before = dict.fromkeys(before, signal.SIG_IGN)  # what is left takes no time, and must end with that code
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: Any) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _leave_at_once)
    raise Interrupted


def _leave_at_once(number: int, frame: Any) -> None:
    os._exit(EXIT)
