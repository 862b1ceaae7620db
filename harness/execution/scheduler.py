"""One call's work on a results folder: each stack is claimed, trained, scored and let go.

On a CPU every worker trains as long as there is something to train, and scores come last. Where training has GPUs, some
workers train and the others score at the same time; at the end all score.

A stack that fails costs its own runs alone, and they are trained again one by one (on a GPU in halves, down to one by
one): only a run that fails by itself is lost. One that finds no memory on a GPU beside others is first trained again
with no other beside it. A stack that another call holds is looked at again until that call has
committed it or is gone.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from threading import Event, Thread
from typing import Any, NamedTuple

from harness.errors import Damaged, HarnessError, StoreError
from harness.execution import tasks
from harness.execution.outcomes import (
    Alone,
    Ending,
    Failure,
    Progress,
    Scored,
    ScoredRun,
    Split,
    StackOutcome,
    Trained,
    TrainedRun,
    Unscored,
    Waiting,
    failure_of,
)
from harness.execution.requests import Request, StackTodo, Todo
from harness.store import FINAL, RENEW_S, Claim, open_store, spent_checkpoints
from harness.workers import Executor, WorkerDied

LOOK_S = 1.0  # between two looks at stacks that another call holds


@dataclass(frozen=True)
class Tasks:
    """What workers are told to do; each is a function that they can import."""

    prepare: Callable[[], None] = tasks.prepare
    plan: Callable[[Request, bool], Todo] = tasks.plan_suite
    retry: Callable[[str, Sequence[str]], Todo] = tasks.plan_retry
    train: Callable[..., StackOutcome] = tasks.train_stack
    score: Callable[[str, Sequence[str]], list[ScoredRun]] = tasks.score_runs
    finish: Callable[[str, str, int], Ending] = tasks.finish


TASKS = Tasks()


class Job(NamedTuple):
    """To train `members`, of `stack`, and commit those of `runs`; or to score `runs`, where there are no members.

    `alone`: while nothing else trains.
    """

    stack: StackTodo
    runs: list[str]
    members: Sequence[str]
    alone: bool = False


@dataclass
class Claimed:
    """A claimed stack, and how many of its jobs have not ended."""

    claim: Claim
    jobs: int = 0


class Scheduler:
    """What is left of a plan, what runs, and what is claimed.

    trained, lost, scored, unscored   runs that this call trained, that failed, that it scored, or could not score
    """

    def __init__(self, executor: Executor, todo: Todo, do: Tasks, progress: Progress) -> None:
        self._executor, self._todo, self._do, self._progress = executor, todo, do, progress
        self._store = open_store(todo.folder)
        self._stacks = deque([*todo.unscored, *todo.stacks])
        self._elsewhere: list[StackTodo] = []  # stacks that another call holds
        self._look_at = 0.0
        self._urgent: deque[Job] = deque()
        self._scores: deque[Job] = deque()
        self._claimed: dict[str, Claimed] = {}
        self._running: dict[Future[Any], Job] = {}
        self._references = {score.run_id: score.reference for score in todo.workload.every_score}
        self._made: set[str | None] = {*todo.workload.references}  # reference samples, by address
        self._tried: set[tuple[str, str]] = set()  # "train" or "score", and a run whose worker died within it
        self.trained = self.lost = self.scored = self.unscored = 0

    def work(self, fail_fast: bool = False) -> None:
        """Train and score all that is left; with `fail_fast` until a run is lost. Raises HarnessError."""
        try:
            with self._renewing():
                while not (fail_fast and self.lost):
                    self._hand_out()
                    if not self._running and not self._elsewhere:
                        break
                    self._take_in()
            if self._running:
                self._executor.drop()
            self._tidy()
        finally:
            for claimed in self._claimed.values():
                claimed.claim.release()

    def _tidy(self) -> None:
        """Remove what a call that was killed left of stacks that it had committed; nobody else comes by there again."""
        for path in spent_checkpoints(self._store):
            self._store.drop_checkpoint(path.name)
        for holder in self._store.claims():
            if holder.alive is False and (claim := self._store.claim(holder.stack)) is not None:
                claim.release()

    def _hand_out(self) -> None:
        while len(self._running) < self._executor.slots and (job := self._next()) is not None:
            self._running[self._submit(job)] = job

    def _next(self) -> Job | None:
        """Training goes first, where a worker is free for it; there what failed before, as its stack is held for it.

        So scores fill all cores at the end, and until then those that may not train.
        """
        training = [job for job in self._running.values() if job.members]
        if len(training) < self._executor.trainers:
            while not self._urgent and (stack := self._next_stack()) is not None:
                self._claim(stack)
            alone = any(job.alone for job in (*training, *islice(self._urgent, 1)))
            if self._urgent and not (alone and training):
                return self._urgent.popleft()
        return self._next_score()

    def _next_score(self) -> Job | None:
        """Go first where no other worker is making the reference samples, which both would wait for or make twice."""
        making = {self._reference(job) for job in self._running.values() if not job.members} - self._made
        for place, job in enumerate(self._scores):
            if self._reference(job) not in making:
                del self._scores[place]
                return job
        return self._scores.popleft() if self._scores else None

    def _reference(self, job: Job) -> str | None:
        return self._references.get(job.runs[0])  # none of a run that another call has trained meanwhile

    def _next_stack(self) -> StackTodo | None:
        if not self._stacks and self._elsewhere and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_S
            self._stacks.extend(self._elsewhere)
            self._elsewhere.clear()
        return self._stacks.popleft() if self._stacks else None

    def _claim(self, stack: StackTodo) -> None:
        """Claim a stack and queue what another call has not done of it meanwhile."""
        if stack.id not in self._claimed:  # as it is where some of its runs are to be scored and others to be trained
            claim = self._store.claim(stack.id)
            if claim is None:
                self._elsewhere.append(stack)
                return
            self._claimed[stack.id] = Claimed(claim)
        statuses = {run_id: self._store.status(run_id) for run_id in stack.runs}
        self._queue_scores(stack, [run_id for run_id, status in statuses.items() if status in FINAL])
        left = [run_id for run_id, status in statuses.items() if status in self._todo.wanted]
        if left and stack.members:
            self._queue(self._urgent, Job(stack, left, stack.members))
        self._let_go(stack)

    def _queue(self, queue: deque[Job], job: Job) -> None:
        queue.append(job)
        self._claimed[job.stack.id].jobs += 1

    def _queue_scores(self, stack: StackTodo, runs: list[str]) -> None:
        """Queue a job a run, so that all cores share the scoring of the last stack."""
        for run_id in self._store.unscored(runs, self._todo.score_id) if runs else ():
            self._queue(self._scores, Job(stack, [run_id], []))

    def _submit(self, job: Job) -> "Future[Any]":
        folder, seconds = self._todo.folder, self._todo.limit_s
        if not job.members:
            return self._executor.submit(self._do.score, folder, job.runs)
        limit_s = seconds and seconds * max(len(job.members), job.stack.least)
        arguments = folder, job.stack.id, job.runs, self._todo.device, job.members
        return self._executor.submit(self._do.train, *arguments, limit_s=limit_s, trains=True)

    def _take_in(self) -> None:
        """Wait until a job has ended, or until it is time to look at what another call holds."""
        idle = len(self._running) < self._executor.slots
        if not self._running:
            self._progress(Waiting(len(self._elsewhere)))
            time.sleep(LOOK_S)
            return
        done, _ = wait(self._running, LOOK_S if self._elsewhere and idle else None, FIRST_COMPLETED)
        for future in done:
            job = self._running.pop(future)
            if not job.members:
                self._made.add(self._reference(job))
            (self._trained if job.members else self._scored)(job, future)
            self._claimed[job.stack.id].jobs -= 1
            self._let_go(job.stack)

    def _let_go(self, stack: StackTodo) -> None:
        if not self._claimed[stack.id].jobs:
            self._claimed.pop(stack.id).claim.release()

    def _scored(self, job: Job, future: "Future[Any]") -> None:
        try:
            scored: list[ScoredRun] = future.result()
        except Exception as error:
            if isinstance(error, StoreError) and not isinstance(error, Damaged):
                raise
            if isinstance(error, WorkerDied) and self._may_try_again("score", job):
                self._queue(self._scores, job)
                return
            self.unscored += 1
            self._progress(Unscored(job.runs[0], failure_of(error).error))
            return
        self.scored += len(scored)
        self._progress(Scored(scored))

    def _trained(self, job: Job, future: "Future[Any]") -> None:
        try:
            outcome: StackOutcome = future.result()
        except HarnessError:
            raise  # nothing that these runs did
        except Exception as error:
            outcome = StackOutcome(failure=failure_of(error))
            if isinstance(error, WorkerDied) and (committed := self._committed(job)):
                self._count_trained(job, [TrainedRun(*run) for run in committed.items()])
                job = job._replace(runs=[run_id for run_id in job.runs if run_id not in committed])
            if isinstance(error, WorkerDied) and len(job.members) == 1 and self._may_try_again("train", job):
                self._queue(self._urgent, job)  # whoever ended it need not have meant this run
                return
        if outcome.failure is None:
            self._count_trained(job, outcome.runs)
        elif job.runs:
            if outcome.runs:  # it trains in parts, and one that ended before is committed
                self._count_trained(job, outcome.runs)
                done = {run.run_id for run in outcome.runs}
                job = job._replace(runs=[run_id for run_id in job.runs if run_id not in done])
            self._failed(job, outcome.failure)

    def _count_trained(self, job: Job, runs: Sequence[TrainedRun]) -> None:
        """Count and tell runs that were trained, and queue the scores of all that the job was about: a worker that died
        after it had committed some never said so."""
        self.trained += len(runs)
        whole = len(job.members) == len(job.stack.members) == len(runs)
        self._progress(Trained(job.stack.id, runs, whole))
        self._queue_scores(job.stack, job.runs)

    def _committed(self, job: Job) -> dict[str, str]:
        """Return those runs of a job that have their record, with their status."""
        statuses = {run_id: self._store.status(run_id) for run_id in job.runs}
        return {run_id: status for run_id, status in statuses.items() if status in FINAL}

    def _may_try_again(self, what: str, job: Job) -> bool:
        """Return whether a job of one run is to be done once more: it has not been given a second try yet."""
        if not job.runs or (what, job.runs[0]) in self._tried:
            return False
        self._tried.add((what, job.runs[0]))
        return True

    def _failed(self, job: Job, failure: Failure) -> None:
        on_gpu = self._todo.device != "cpu"
        if on_gpu and failure.status == "oom" and self._executor.trainers > 1 and not job.alone:
            self._progress(Alone(job.stack.id, failure.error))
            self._claimed[job.stack.id].jobs += 1
            self._urgent.appendleft(job._replace(alone=True))
            return
        if len(job.members) > (2 if on_gpu and failure.status == "oom" else 1):  # a lone run is padded to a pair
            self._progress(Split(job.stack.id, job.runs, failure.error))
            (self._halve if on_gpu else self._train_alone)(job)
            return
        for run_id in job.runs:
            self._store.commit_attempt(run_id, failure.status, failure.error, failure.log)
        if failure.status != "timeout":  # `retry` goes on where a run was stopped; elsewhere it led to the failure
            self._store.drop_checkpoint(self._store.plan.stack(job.stack.id).checkpoint(job.members))
        self.lost += len(job.runs)
        lost = [TrainedRun(run_id, failure.status, error=failure.error) for run_id in job.runs]
        self._progress(Trained(job.stack.id, lost, whole=False))

    def _train_alone(self, job: Job) -> None:
        self._store.drop_checkpoint(job.stack.id)  # it led to the failure
        for run_id in job.runs:
            self._tried.add(("train", run_id))
            self._queue(self._urgent, Job(job.stack, [run_id], [run_id]))

    def _halve(self, job: Job) -> None:
        """Pin the halves of a stack, where no earlier call did so, and train them next."""
        from harness.plan.stacks import halves  # imports torch

        with self._store.locked():
            plan = self._store.plan
            pinned = halves(plan, job.stack.id)
            if pinned[0] not in plan.stacks:
                self._store.write_plan(replace(plan, stacks=(*plan.stacks, *pinned)), self._store.suite_text)
        for half in reversed(pinned):
            runs = [run_id for run_id in half.runs if run_id in job.runs]
            self._stacks.appendleft(replace(job.stack, id=half.id, runs=runs, members=half.runs))

    @contextmanager
    def _renewing(self) -> Iterator[None]:
        """Renew what is held while the block runs, from a thread: this process may be the one that trains."""
        over = Event()

        def renew() -> None:
            while not over.wait(RENEW_S):
                for claimed in list(self._claimed.values()):
                    with suppress(OSError, StoreError):  # a disk that fails once must not end all renewing
                        claimed.claim.renew()

        thread = Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
