"""Tasks on this machine: worker processes, each with a thread here that attends to it, or this very process.

Pools of other people were tried. In concurrent.futures and loky one dead worker loses every pending task; pebble waits
for ever for a task whose worker left with exit code 0, and the death of an idle one breaks it for good. Here a worker
has a pipe of its own and shares no lock, so that nothing it can do reaches beyond the task that it was given.
"""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from multiprocessing import Pipe
from pathlib import Path
from threading import Condition, Lock, Thread
from typing import Any, NamedTuple, Protocol, TypeVar

from harness.errors import HarnessError, Interrupted
from harness.processes import Step
from harness.workers.worker import Task, as_exception, nothing, see_gpu

PARENTS = [signal.SIGINT]  # Ctrl-C is this process's to answer
GRACE_S = 5.0  # between SIGTERM and SIGKILL
LONGEST_S = 2e6  # that a pipe can be waited for, 23 days
# A worker runs no script of the user's: one that calls `harness.run` needs no guard for the name __main__.
BOOT = (
    "import json, sys; sys.path[:], *given = json.loads(sys.argv[1]); "
    "from harness.workers.worker import work; work(*given)"
)
FILES, FILES_A_WORKER = 48, 4  # that a process has open: its libraries', its store's; its end of a pipe, and its start

T = TypeVar("T")
Label = TypeVar("Label")


class Job(NamedTuple):
    """A task that waits for a worker; one that `trains` for a worker that may."""

    future: "Future[Any]"
    task: Task
    arguments: tuple[object, ...]
    limit_s: float | None
    trains: bool


class WorkerDied(Exception):
    """A worker process that ended within a task. `code`: its exit code, or minus the signal that ended it.

    `short_of_memory`: the kernel killed something for memory meanwhile. `what` it was about to do, where it said so.
    """

    def __init__(self, code: int, short_of_memory: bool = False, what: str = "") -> None:
        self.code, self.short_of_memory, self.what = code, short_of_memory, what
        how = f"killed by {signal_name(-code)} (signal {-code})" if code < 0 else f"it ended with exit code {code}"
        text = f"the worker process died: {how}{', out of memory' if short_of_memory else ''}"
        super().__init__(f"{what}: {text}" if what else text)

    def __reduce__(self) -> tuple[type["WorkerDied"], tuple[int, bool, str]]:
        return type(self), (self.code, self.short_of_memory, self.what)  # another machine sends it back whole


class OutOfTime(Exception):
    """A task, or `what` its worker was about to do, that took longer than it may; its worker was ended."""

    def __init__(self, limit_s: float, what: str = "") -> None:
        self.limit_s, self.what = limit_s, what
        text = f"exceeded its time limit of {limit_s:g} s"
        super().__init__(f"{what}: {text}" if what else text)

    def __reduce__(self) -> tuple[type["OutOfTime"], tuple[float, str]]:
        return type(self), (self.limit_s, self.what)


class InProcess:
    """`workers: 0`: tasks run here, as they are submitted. What a notebook with its own objective uses.

    There are no limits: nobody could stop this process but itself. What a task prints goes to standard error.
    """

    slots = trainers = 1

    def pin(self, training: Sequence[str], scoring: Sequence[str]) -> None:
        """Change nothing: this process trains and scores, on the first GPU that it sees."""

    def submit(
        self, task: Callable[..., T], *arguments: object, limit_s: float | None = None, trains: bool = False
    ) -> "Future[T]":
        """Run a task at once."""
        future: Future[T] = Future()
        try:
            with contextlib.redirect_stdout(sys.stderr):
                future.set_result(task(*arguments))
        except (Interrupted, KeyboardInterrupt):
            raise
        except BaseException as error:
            future.set_exception(as_exception(error))
        return future

    def drop(self) -> None:
        """Nothing runs between calls."""

    stop = drop


class Workers:
    """Spawned processes, `slots` of them side by side; arguments and results of tasks are pickled.

    `trainers` of them may train: all, until `pin` gives some of them a GPU each. `prepare` is done in each before
    it takes a task, and is not part of a limit of time.
    """

    def __init__(self, count: int, prepare: Task = nothing) -> None:
        self.slots = self.trainers = count
        refuse_too_few_files(count)
        self._jobs = _Jobs()
        self._workers = [_Worker(self._jobs, prepare) for _ in range(count)]

    def pin(self, training: Sequence[str], scoring: Sequence[str]) -> None:
        """Leave training to as many workers, each of which sees one of these GPUs alone, from the next task on.

        The other workers see one of `scoring` each, and all GPUs where that is empty. A GPU is what
        CUDA_VISIBLE_DEVICES calls it: an index or a name. To be called while no task runs; what counts is the first
        call. Workers that have done nothing yet train first: CUDA reads that variable once, so that any other process
        is started anew.
        """
        if not training or any(worker.gpu for worker in self._workers):
            return
        self.trainers = len(training)
        workers = sorted(self._workers, key=lambda worker: worker.has_worked)
        for worker in workers[self.trainers :]:
            worker.may_train = False
        pinned = workers if scoring else workers[: self.trainers]
        for worker, worker.gpu in zip(pinned, [*training, *scoring], strict=True):
            if worker.has_worked:
                worker.kill()

    def submit(
        self, task: Callable[..., T], *arguments: object, limit_s: float | None = None, trains: bool = False
    ) -> "Future[T]":
        """Queue a task. After `limit_s` seconds of it, it is stopped, with OutOfTime; a death is WorkerDied."""
        future: Future[T] = Future()
        self._jobs.put(Job(future, task, arguments, limit_s, trains))
        return future

    def drop(self) -> None:
        """End what runs and forget what is queued; tasks may be submitted again."""
        self._jobs.cancel()
        for worker in self._workers:
            worker.kill()

    def stop(self) -> None:
        """End every task at once, for good."""
        for worker in self._workers:
            worker.is_over = True
        self.drop()
        for worker in self._workers:
            worker.thread.join(GRACE_S)


class _Jobs:
    """Tasks that wait, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: list[Job] = []
        self._changed = Condition()

    def put(self, job: Job) -> None:
        with self._changed:
            self._waiting.append(job)
            self._changed.notify_all()

    def take(self, worker: "_Worker") -> Job | None:
        """Wait for the first task that a worker may do; None once it is over."""
        with self._changed:
            while not worker.is_over:
                for place, job in enumerate(self._waiting):
                    if worker.may_train or not job.trains:
                        return self._waiting.pop(place)
                self._changed.wait()
        return None

    def cancel(self) -> None:
        """Forget all tasks, and let workers look whether they are over."""
        with self._changed:
            for job in self._waiting:
                job.future.cancel()
            self._waiting.clear()
            self._changed.notify_all()


class _Worker:
    """A worker process and the thread that gives it one task after another; one that died is started again.

    gpu         the only GPU that its process sees, all where it is None
    has_worked  whether its process was given a task
    """

    def __init__(self, jobs: _Jobs, prepare: Task) -> None:
        self._jobs, self._prepare, self._lock = jobs, prepare, Lock()
        self._process: Any = None
        self._is_spent = True  # there is none, or it was told to end
        self._sees: str | None = None
        self.gpu: str | None = None
        self.may_train, self.has_worked, self.is_over = True, False, False
        self.thread = Thread(target=self._attend, daemon=True)
        self.thread.start()

    def kill(self) -> None:
        with self._lock:
            if not self._is_spent:
                self._process.kill()
            self._is_spent = True

    def _attend(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, PARENTS)  # inherited by the process
        with contextlib.suppress(Exception):
            self._start()  # at once: it imports while others plan; where it fails, the first task will say so
        for job in iter(lambda: self._jobs.take(self), None):
            if job.future.set_running_or_notify_cancel():
                try:
                    if self._is_spent or self._process.poll() is not None:
                        self._start()
                    if self._sees != self.gpu:
                        self._sees = self._ask(see_gpu, (self.gpu,), None)
                    self.has_worked = True
                    job.future.set_result(self._ask(job.task, job.arguments, job.limit_s))
                except BaseException as error:
                    job.future.set_exception(error)
        self.kill()
        if self._process is not None:
            self._exit_code()

    def _start(self) -> None:
        if self._process is not None:
            self._exit_code()
        self._pipe, theirs = Pipe()
        given = json.dumps([_path(), theirs.fileno(), os.getpid()])
        with self._lock, theirs:
            if self.is_over:
                raise RuntimeError("the executor was stopped")
            # A new program, never a fork, which would copy locks held by threads of this process.
            command = [sys.executable, "-P", "-c", BOOT, given]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
            self._is_spent, self.has_worked, self._sees = False, False, None
        self._ask(self._prepare, (), None)

    def _ask(self, task: Task, arguments: tuple[object, ...], limit_s: float | None) -> Any:
        kills, step = kernel_kills(), Step("")
        until = time.monotonic() + limit_s if limit_s is not None else math.inf
        try:
            self._pipe.send((task, arguments))
            while True:
                left = max(until - time.monotonic(), 0.0)
                most = min(left, step.limit_s)
                if not self._pipe.poll(min(most, LONGEST_S) if most < math.inf else None):
                    is_step = step.limit_s < left
                    raise OutOfTime(step.limit_s, step.what) if is_step else OutOfTime(limit_s or 0.0)
                answer = self._pipe.recv()
                if isinstance(answer, tuple):
                    break
                step = answer or Step("")
        except (EOFError, ConnectionError):
            code = self._exit_code()
            raise WorkerDied(code, code == -signal.SIGKILL and kernel_kills() > kills, step.what) from None
        except BaseException:
            self._process.terminate()  # its answer may still come, and would be taken for the next task's
            self._exit_code()
            raise
        is_done, result, is_last = answer
        if is_last:
            self._exit_code()  # the next task begins with a new process
        if not is_done:
            raise result
        return result

    def _exit_code(self) -> int:
        """Wait for the process to end, make it end where it does not, and return its exit code."""
        try:
            return int(self._process.wait(GRACE_S))
        except subprocess.TimeoutExpired:
            self._process.kill()
            return int(self._process.wait())


def _path() -> list[str]:
    """Return where a worker finds modules: as this process does, but for a file of the user's own that is named like
    a standard module."""
    standard = os.path.dirname(os.__file__)
    first = standard, os.path.join(standard, "lib-dynload")
    return sorted((place for place in sys.path if isinstance(place, str)), key=lambda place: place not in first)


def refuse_too_few_files(workers: int) -> None:
    """Let this process open the files that so many workers take. Raises HarnessError where the system forbids it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES + FILES_A_WORKER * workers
    if resource.RLIM_INFINITY in (soft, hard) or soft >= needed:
        return
    if hard >= needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
        return
    fewer = (hard - FILES) // FILES_A_WORKER
    text = f"{workers} workers need {needed} open files, and {hard} are allowed; raise that (ulimit -n {needed})"
    raise HarnessError(text + (f", or use --workers {fewer}" if fewer > 0 else ""))


class Executor(Protocol):
    """What carries tasks out: this process, Workers of this machine, or other machines."""

    @property
    def slots(self) -> int:
        """How many tasks run side by side."""

    @property
    def trainers(self) -> int:
        """How many of these may train."""

    def pin(self, training: Sequence[str], scoring: Sequence[str]) -> None:
        """Leave training on this machine to as many workers, each on one of these GPUs; the others have `scoring`."""

    def submit(
        self, task: Callable[..., T], *arguments: object, limit_s: float | None = None, trains: bool = False
    ) -> "Future[T]":
        """Begin a task, or queue it: one that `trains` where that may be done."""

    def drop(self) -> None:
        """End what runs and forget what is queued; tasks may be submitted again."""

    def stop(self) -> None:
        """End every task at once, for good."""


def kernel_kills() -> int:
    """Return how many processes the kernel has killed for want of memory since it started; 0 where that is unknown."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/vmstat").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    return 0


def signal_name(number: int) -> str:
    """Return SIGKILL for 9; the number where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def as_they_end(futures: "dict[Future[T], Label]") -> "Iterator[tuple[Future[T], Label]]":
    """Yield each future with its label as it ends; futures may be added to the dict meanwhile."""
    while futures:
        done, _ = wait(list(futures), return_when=FIRST_COMPLETED)
        for future in done:
            yield future, futures.pop(future)


@contextlib.contextmanager
def open_executor(workers: int, prepare: Callable[[], None] = nothing) -> Iterator[Executor]:
    """Open workers, or this process where `workers` is 0; whatever runs is ended on the way out."""
    executor: Executor = InProcess() if workers == 0 else Workers(workers, prepare)
    try:
        yield executor
    finally:
        executor.stop()


def default_workers() -> int:
    """A process a core this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
