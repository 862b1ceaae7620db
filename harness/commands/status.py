"""How far a results folder is: counts by status, what trains, how fast, what failed. No torch, no pandas."""

import shlex
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Damaged, StoreError
from harness.plan.cost_text import duration
from harness.store import LOST, STATUSES, Attempt, Holder, Store, missing, open_store
from harness.store.find import result_folders, run_label
from harness.store.plan_file import Plan
from harness.text import counted, printable, waiting

RECENT_S = 600.0  # of which the speed is taken
FAILURES = 5  # printed of each suite, the newest


@dataclass(frozen=True)
class Failure:
    """A run whose last attempt failed."""

    run_id: str
    label: str
    status: str
    error: str


@dataclass(frozen=True)
class Status:
    """How far one suite is.

    counts                    runs by status; they sum to planned
    unreadable                without a plan that can be read: how much lies there, why, and what would do; else None
    unscored                  finished runs without scores
    more                      whether a study plans further runs once these have ended
    training                  who holds which stack
    runs_a_minute, left_s     None where nothing trains, or too little has ended to tell
    failures                  the newest
    damage                    a line for each damaged file, and for what was set aside and is not made again yet
    """

    folder: str
    planned: int
    counts: dict[str, int]
    unreadable: str | None
    unscored: int
    more: bool
    training: list[Holder]
    runs_a_minute: float | None
    left_s: float | None
    failures: list[Failure]
    damage: list[str]

    @property
    def is_unfinished(self) -> bool:
        return bool(self.counts["pending"] or self.unscored or self.more)

    @property
    def is_training(self) -> bool:
        return any(holder.alive is not False for holder in self.training)

    @property
    def headline(self) -> str:
        """The folder, and how many runs there are of each status."""
        if self.unreadable:
            return f"{self.folder}: {self.unreadable}"
        counts = ", ".join(f"{n} {status}" for status, n in self.counts.items() if n)
        scoring = f"; {self.unscored} not scored yet" if self.unscored else ""
        more = "; its study plans more once these have ended" if self.more else ""
        return f"{self.folder}: {counted(self.planned, 'run')} planned: {counts or 'none'}{scoring}{more}"

    @property
    def speed(self) -> str:
        """Runs a minute and the time left; "" where that is not known."""
        left = f", {duration(self.left_s)} left" if self.left_s else ""
        return "" if self.runs_a_minute is None else f"{self.runs_a_minute:.1f} runs a minute{left}"


def statuses(path: str) -> list[Status]:
    """Return how far each suite is, of a results folder or a root of several. Raises StoreError without results."""
    return [_status(open_store(folder)) for folder in result_folders(path)]


def render(entries: Sequence[Status]) -> str:
    """Return the entries as lines for a terminal."""
    lines = []
    for entry in entries:
        lines.append(entry.headline)
        lines += [f"  {entry.speed}"] if entry.speed else []
        lines += [f"  in training: stack {_holder_text(holder)}" for holder in entry.training]
        lines += [f"  {one.status}: {one.run_id} {one.label}: {one.error}" for one in entry.failures]
        lost = sum(entry.counts[status] for status in LOST)
        lines += [f"  {waiting(lost, entry.folder)}"] if lost else []
        lines += [f"  damaged: {line}" for line in entry.damage]
    return printable("\n".join(lines))


def _status(store: Store) -> Status:
    unreadable, damage, plan = None, list[str](), Plan("", (), {}, ())
    try:
        plan, damage = store.plan, missing(store)
    except StoreError as error:
        unreadable = _unreadable(store, error)
    rows = {row.run_id: row for row in plan.runs}
    begun = store.begun()
    by_run = {run_id: store.status(run_id) if run_id in begun else "pending" for run_id in rows}
    counts = Counter(by_run[row.run_id] for row in plan.runs)
    training = store.claims()
    pace = _pace(store, rows) if any(holder.alive is not False for holder in training) else None
    lost = [run_id for run_id, status in by_run.items() if status in LOST]
    newest = sorted(lost, key=lambda run_id: -_time(store.run_folder(run_id) / "log.txt"))[:FAILURES]
    attempts = {run_id: store.last_attempt(run_id) or Attempt("failed", "") for run_id in newest}
    return Status(
        folder=str(store.folder),
        planned=len(plan.runs),
        counts={status: counts[status] for status in STATUSES},
        unreadable=unreadable,
        unscored=len(store.unscored(rows, plan.score_id)),
        more=plan.study is not None and not plan.study.chosen,
        training=training,
        runs_a_minute=None if pace is None else 60 * pace,
        left_s=None if pace is None else counts["pending"] / pace,
        failures=[Failure(r, run_label(rows[r]), one.status, one.error) for r, one in attempts.items()],
        damage=damage + [f"{path}: {why}" for path, why in sorted(store.damage.items())],
    )


def _unreadable(store: Store, error: StoreError) -> str:
    """Say what is known of a folder without its plan."""
    finished = counted(len(store.finished()), "finished run")
    if (store.folder / "plan.json").is_file() and not isinstance(error, Damaged):
        return f"{finished}, and a plan that cannot be read: {error}"
    why = f"its plan.json is damaged ({error.why})" if isinstance(error, Damaged) else "it has no plan.json"
    again = f"`harness doctor {shlex.quote(str(store.folder))}`, or a `harness run` of its suite, makes it again"
    return f"{finished}, and how many were planned is not known: {why}; {again}"


def _pace(store: Store, run_ids: Iterable[str]) -> float | None:
    """Return how many runs ended a second lately, after the first of them and its stack; None where none did."""
    now, times = time.time(), [_time(store.run_folder(run_id) / "record.json") for run_id in run_ids]
    recent = sorted(when for when in times if when > now - RECENT_S)
    later = [when for when in recent if when > recent[0] + 1]
    return len(later) / (now - recent[0]) if later else None


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _holder_text(holder: Holder) -> str:
    if holder.pid is None:
        return f"{holder.stack} by a process that is gone, whose claim cannot be read"
    gone = ", which is gone" if holder.alive is False else ""
    return f"{holder.stack} by process {holder.pid} on {holder.host}{gone}"
