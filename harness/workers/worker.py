"""The life of a worker process: prepared once, then one task after another, and never without its parent."""

import ctypes
import os
import pickle
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from harness.errors import HarnessError, Interrupted
from harness.processes import become_worker, is_retired, leave_gpu, settle_streams

Task = Callable[..., Any]

LOOK_S = 0.5  # how soon a worker notices that its parent is gone, where the kernel does not tell


def nothing() -> None:
    """Prepare nothing."""


def see_gpu(gpu: str) -> str:
    """Let CUDA, which this process has not called yet, see one GPU alone; return what CUDA_VISIBLE_DEVICES calls it."""
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    return gpu


def work(descriptor: int, parent: int) -> None:
    """Answer the tasks that come through a pipe until it is closed, or this process is retired.

    An answer is (whether it was done, result or exception, whether it is the last).
    """
    pipe = Connection(descriptor)
    settle(parent)
    become_worker(pipe.send)
    while not is_retired():
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
            pipe.send((False, TypeError(f"a task's result cannot be sent back ({error})"), is_retired()))


def _answer(message: bytes) -> tuple[bool, Any, bool]:
    try:
        task, arguments = pickle.loads(message)  # from our own parent, through a pipe that nobody else has
        result = task(*arguments)
    except BaseException as error:  # nobody interrupts a worker: a KeyboardInterrupt is the task's own
        leave_gpu()
        caught = as_exception(error)
        if not isinstance(caught, HarnessError):
            caught.add_note(f"In a worker process: {traceback.format_exc()}")
        return False, caught, is_retired()
    return True, result, is_retired()


def as_exception(error: BaseException) -> Exception:
    """Return what a task raised as an Exception, which alone a caller expects: a SystemExit ends no more than a task.

    Raises what asks this very process to leave.
    """
    if isinstance(error, Interrupted):
        raise error
    return error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")


def settle(parent: int) -> None:
    """Make this process a well-behaved worker: one thread, gone when its parent is, and silent on standard output.

    What a task prints goes to standard error. Two OpenMP threads beside a busy core ran ten times slower than one. The
    variables are read when torch and numpy are first imported, which is after this.
    """
    follow(parent)
    settle_streams()
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if platform.system() == "Linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        # Keep freed tensors of up to 256 MB in the heap (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD): handing them back to
        # the kernel and faulting them in again took a fifth of a training step at width 64, batch 256.
        libc.mallopt(-1, 2**28)
        libc.mallopt(-3, 2**28)
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # else it starts processes of its own, one a core
    os.environ["MPLBACKEND"] = "agg"  # a notebook's, which may not be installed here, fails at matplotlib's import


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
