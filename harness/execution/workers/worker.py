"""The life of a worker process: prepared once, then one task after another, and never without its parent."""

import ctypes
import os
import pickle
import platform
import signal
import time
import traceback
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from harness.errors import HarnessError

Task = Callable[..., Any]

LOOK_S = 0.5  # how soon a worker notices that its parent is gone, where the kernel does not tell


def nothing() -> None:
    """Prepare nothing."""


def work(pipe: Connection) -> None:
    """Answer the tasks that come through the pipe until it is closed: (whether it was done, result or exception)."""
    settle()
    while True:
        try:
            message = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        answer = _answer(message)
        try:
            pipe.send(answer)
        except OSError:
            return
        except Exception as error:
            pipe.send((False, TypeError(f"a task's result cannot be sent back ({error})")))


def _answer(message: bytes) -> tuple[bool, Any]:
    try:
        task, arguments = pickle.loads(message)
        return True, task(*arguments)
    except Exception as error:
        if not isinstance(error, HarnessError):
            error.add_note(f"In a worker process: {traceback.format_exc()}")
        return False, error


def settle() -> None:
    """Make this process a well-behaved worker: one thread, and gone when its parent is.

    Two OpenMP threads beside a busy core ran ten times slower than one. The variables are read when torch and numpy
    are first imported, which is after this.
    """
    parent = parent_process()
    if parent is not None and parent.pid is not None:
        follow(parent.pid)
    if platform.system() == "Linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        # Keep freed tensors of up to 256 MB in the heap (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD): handing them back to
        # the kernel and faulting them in again took a fifth of a training step at width 64, batch 256.
        libc.mallopt(-1, 2**28)
        libc.mallopt(-3, 2**28)
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")


def follow(parent: int, asks_kernel: bool = platform.system() == "Linux") -> None:
    """End this process when its parent ends, however that happens."""
    if asks_kernel:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG
    else:
        Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)  # it had ended before the kernel was told


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)
