"""Tasks on the machines of a Ray cluster: a stack is a Ray task, and this process alone writes results.

Planning and the report stay in a worker here. A stack travels as a small results folder (`execution.payloads`), is
trained and scored by a worker of a node (`cluster.node`), and its runs are committed here as they come, as if they had
been trained here. A node that dies is no failure of the runs that it had: their stack is sent again.

Imports Ray. Raises HarnessError where it is not installed.
"""

import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from harness.errors import HarnessError
from harness.execution.cluster.node import (
    CheckpointUpdate,
    CompletedRun,
    Message,
    StackTask,
    TaskFunctions,
    check_node,
    run_stack,
    run_whole_stack,
)
from harness.execution.outcomes import StackOutcome, TrainedRun
from harness.execution.payloads import Payload, PayloadBuilder, committed, requirements_of
from harness.hints import quoted
from harness.store import Store
from harness.text import counted, reason
from harness.workers.local import Executor, OutOfTime, WorkerDied, default_workers

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # Ray would send some to its makers
try:
    import ray
    from ray.exceptions import OutOfMemoryError, RayError, RayTaskError
    from ray.util.client import ray as client
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as missing:
    raise HarnessError(f"--executor ray: {missing}; pip install 'gan-harness[ray]'") from None

T = TypeVar("T")

CLIENT = "ray://"  # begins the address of a server of Ray Client, by which nothing comes before a task has ended
LOSSES = 10  # of machines with one stack, before the call gives up
PROCESS_BYTES = 1e9  # that a process of Ray's and its worker take before they train
CONNECT_S = 10.0  # that an address may take to answer; Ray itself would try for minutes
AHEAD = 0.25  # stacks that wait in Ray's queue, of those that fit
GRACE_S = 10.0  # that threads may take to leave Ray before it is shut down: it ends a process that calls it after
LOOK_S = 1.0  # between two looks at how large the cluster is


class OnRay:
    """Trains stacks on the nodes of a cluster; whatever else is submitted runs in an executor `here`.

    `workers` stacks are sent side by side where it is given, else as many as the cluster has CPUs, or GPUs. Where they
    are more than the GPUs, they share them. Nodes may come and go.
    """

    def __init__(self, here: Executor, functions: TaskFunctions, workers: int | None, is_client: bool) -> None:
        self._here, self._functions, self._workers, self._is_client = here, functions, workers, is_client
        self._device = "cpu"
        self._building, self._sending = threading.Lock(), threading.Lock()
        self._builder: PayloadBuilder | None = None
        self._threads: list[threading.Thread] = []  # one a stack that has not ended
        self._sent: set[Any] = set()  # what Ray gave for tasks that have not ended
        self._era = 0  # how often all was dropped
        self._size, self._looked = 0, -math.inf

    @property
    def slots(self) -> int:
        """How many tasks run side by side, there and here."""
        return self.trainers + self._here.slots

    @property
    def trainers(self) -> int:
        """How many stacks are sent side by side: more than fit, as a node is free before all is committed here."""
        if self._workers:
            return self._workers
        if time.monotonic() > self._looked + LOOK_S:
            self._size, self._looked = int(_total(self._kind)), time.monotonic()
        return max(1, self._size) + math.ceil(self._size * AHEAD)

    def pin(self, training: Sequence[str], scoring: Sequence[str]) -> None:
        """Change nothing: Ray gives each stack its GPU, of the node that it trains on."""

    def submit(
        self, task: Callable[..., T], *arguments: Any, limit_s: float | None = None, trains: bool = False
    ) -> "Future[T]":
        """Send a stack that is to be trained, and submit any other task here."""
        if not trains:
            return self._here.submit(task, *arguments, limit_s=limit_s)
        folder, stack_id, runs, device, members = arguments
        if device != self._device:
            self._device, self._looked = device, -math.inf
        stack = StackTask(self._functions, stack_id, runs, device, members, limit_s)
        future: Future[Any] = Future()
        thread = threading.Thread(target=self._attend, args=(future, folder, stack, self._era), daemon=True)
        self._threads = [*filter(threading.Thread.is_alive, self._threads), thread]
        thread.start()
        return future

    def drop(self) -> None:
        """End what runs and forget what is queued; tasks may be submitted again."""
        self._here.drop()
        with self._sending:
            self._era += 1
        for reference in list(self._sent):
            with suppress(Exception):
                ray.cancel(reference, force=True)

    def stop(self) -> None:
        """End every stack at once, for good; whoever opened the executor `here` stops that."""
        self.drop()
        until = time.monotonic() + GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _attend(self, future: "Future[StackOutcome]", folder: str, task: StackTask, era: int) -> None:
        try:
            future.set_result(self._trained(folder, task, era))
        except BaseException as error:
            future.set_exception(error)

    def _trained(self, folder: str, task: StackTask, era: int) -> StackOutcome:
        """Train a stack, on one node after another where nodes die, and commit its runs."""
        store, trained, why = Store(folder), dict[str, TrainedRun](), ""
        for _ in range(LOSSES):
            done = committed(store, task.runs)
            left = [run_id for run_id in task.runs if run_id not in done]
            if not left:  # the last of them came before the node died
                return StackOutcome([*trained.values()])
            try:
                end = self._followed(folder, store, replace(task, runs=left), trained, era)
            except OutOfMemoryError:  # Ray ended it, as its node had no memory left
                raise WorkerDied(-signal.SIGKILL, short_of_memory=True) from None
            except RayTaskError as error:
                raise HarnessError(f"a Ray task could not begin: {_why(error)}") from error
            except (RayError, ConnectionError) as error:
                if era != self._era:
                    raise
                why = _why(error)
                continue
            if isinstance(end, Exception):
                raise end
            timed = {run.run_id: run for run in end.runs}
            return StackOutcome([timed.get(run_id, run) for run_id, run in trained.items()], end.failure)
        text = f"stack {task.stack_id} was lost {LOSSES} times with what trained it on Ray ({why})"
        raise HarnessError(f"{text}; finished runs are kept, and the same command continues")

    def _followed(
        self, folder: str, store: Store, task: StackTask, trained: dict[str, TrainedRun], era: int
    ) -> StackOutcome | Exception:
        """Send a stack, keep what comes of it, and return how it ended."""
        with self._building:
            builder = self._ready(folder, task)
            payload, memory = builder.build(task.stack_id, task.members), builder.memory(task.members)
        with self._sending:
            if era != self._era:  # Ray may be shut down by now, and would start again at any call
                raise RuntimeError("it was dropped before it was sent")
            sent = self._send(payload, task, memory)
            self._sent.add(sent)
        try:
            messages: Iterable[Message] = ray.get(sent) if self._is_client else map(ray.get, sent)
            for message in messages:
                if era != self._era:
                    raise RuntimeError("it was dropped")
                if isinstance(message, StackOutcome | Exception):
                    return message
                _save(store, message, trained)
            raise ConnectionError("its task ended without a word of what became of it")
        except BaseException:
            with suppress(Exception):
                ray.cancel(sent, force=True)
            raise
        finally:
            self._sent.discard(sent)

    def _send(self, payload: Payload, task: StackTask, memory: float) -> Any:
        options = {**self._resources(memory), "max_retries": 0, "max_calls": 0, "name": f"stack {task.stack_id}"}
        if self._is_client:
            return ray.remote(**options)(run_whole_stack).remote(payload, task)
        return ray.remote(**options, num_returns="streaming")(run_stack).remote(payload, task)

    def _ready(self, folder: str, task: StackTask) -> PayloadBuilder:
        """Return what builds the payloads of a folder's stacks. Before the first of a plan, all nodes are looked at."""
        if self._builder is None or not self._builder.knows(task.members):
            try:
                requirements = self._here.submit(requirements_of, folder).result()
            except (WorkerDied, OutOfTime) as error:
                raise HarnessError(f"looking at what stacks need elsewhere: {error}") from None
            builder = PayloadBuilder(Store(folder), requirements)
            self._refuse_nodes(builder.examples() if requirements.examples else None, requirements.software)
            self._builder = builder
        return self._builder

    def _refuse_nodes(self, examples: Payload | None, software: Mapping[str, str]) -> None:
        """Raise HarnessError where a node that would train cannot: of other software, or without the data."""
        nodes = [node for node in _nodes() if node["Resources"].get(self._kind, 0) > 0]
        if not nodes:
            raise HarnessError(f"--executor ray: no node of the cluster has a {self._kind} to train on")
        looks = []
        for node in nodes:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            look = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=there)(check_node)
            looks.append(look.remote(examples, software, self._functions.prepare))
        errors = []
        for node, look in zip(nodes, looks, strict=True):
            try:
                error = ray.get(look)
            except RayError as lost:
                if node["NodeID"] not in [alive["NodeID"] for alive in _nodes()]:
                    continue  # it was gone, and is now known to be
                error = HarnessError(f"node {node['NodeManagerHostname']}: {_why(lost)}")
            if error is not None:
                errors.append(error)
        if errors:
            others = f" (and {counted(len(errors) - 1, 'other node')})" if len(errors) > 1 else ""
            raise HarnessError(f"{errors[0]}{others}") from errors[0]

    @property
    def _kind(self) -> str:
        return "GPU" if self._device == "cuda" else "CPU"

    def _resources(self, memory: float) -> dict[str, float]:
        """Return what a stack is to have: a processor, the memory it is taken to need, and of a GPU its share."""
        largest = max((node["Resources"].get("memory", 0.0) for node in _nodes()), default=0.0)
        # What asks for more memory than any node has would wait for ever.
        needed: dict[str, float] = {"num_cpus": 1, "memory": int(min(PROCESS_BYTES + memory, largest))}
        if self._device != "cuda":
            return needed
        stacks = math.ceil((self._workers or 1) / max(1.0, _total("GPU")))
        return {**needed, "num_gpus": math.floor(1e4 / stacks) / 1e4}  # Ray counts in ten thousandths


def _nodes() -> list[Any]:
    """Return what Ray says of each node that lives, as far as it knows: it notices a death after seconds."""
    return [node for node in ray.nodes() if node["Alive"]]


def _total(kind: str) -> float:
    return float(ray.cluster_resources().get(kind, 0.0))


def _save(store: Store, message: CheckpointUpdate | CompletedRun, trained: dict[str, TrainedRun]) -> None:
    """Save a checkpoint, or a run with its scores; note a run that nobody had committed before."""
    if isinstance(message, CheckpointUpdate):
        if message.files is None:
            store.drop_checkpoint(message.name)
        else:
            store.write_checkpoint(message.name, message.files)
        return
    record, scores = message.record, message.scores
    if store.commit(record, message.files):
        trained[record.run_id] = TrainedRun(record.run_id, record.status, record.facts.get("train_s"))
    if scores is not None:
        store.commit_scores(record.run_id, scores.score_id, scores.steps, scores.score_s, **scores.made_with)


def _why(error: Exception) -> str:
    """Return the last line of what Ray says of an error, which may have a traceback in it, or say nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def device(wanted: str) -> str:
    """Return what trains: GPUs for `auto` where the cluster has some. Raises HarnessError for those that it has not."""
    gpus = _total("GPU")
    if wanted == "cuda" and not gpus:
        raise HarnessError("--device cuda: no node of the Ray cluster has a GPU; use --device cpu, or auto")
    return wanted if wanted != "auto" else "cuda" if gpus else "cpu"


@contextmanager
def open_on_ray(here: Executor, functions: TaskFunctions, workers: int | None, address: str | None) -> Iterator[OnRay]:
    """Join the cluster at an address, or that of $RAY_ADDRESS, or else start one of this machine alone, for so long.

    Raises HarnessError where there is none.
    """
    if workers == 0:
        raise HarnessError("--workers 0: on Ray stacks are trained by other processes; leave it out")
    is_ours, where = not ray.is_initialized(), address or os.environ.get("RAY_ADDRESS") or "local"
    if is_ours:
        _join(where, {"num_cpus": workers or default_workers(), "include_dashboard": False})
    executor = OnRay(here, functions, workers, client.is_connected())
    try:
        yield executor
    finally:
        executor.stop()
        if is_ours:
            ray.shutdown()


def _join(address: str, own: Mapping[str, object]) -> None:
    """Connect to a cluster; one that is started is as `own` says."""
    if address not in ("auto", "local"):
        _refuse_silent(address)
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address, logging_level="ERROR", log_to_driver=False, **(own if address == "local" else {}))
    except Exception as error:  # whatever its libraries raise
        raise HarnessError(f"--address {quoted(address)}: no Ray cluster answers there ({_why(error)})") from None
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, handler)  # Ray puts its own there


def _refuse_silent(address: str) -> None:
    """Raise HarnessError where nobody listens at an address."""
    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    try:
        with socket.create_connection((host, int(port)), CONNECT_S):
            return
    except ValueError:
        text = "given; HOST:PORT of the head, ray://HOST:PORT or auto is needed"
    except OSError as error:
        text = f"no Ray cluster answers there ({reason(error)})"
    raise HarnessError(f"--address {quoted(address)}: {text}")
