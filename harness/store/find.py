"""Which run a user means by a run_id, or by the beginning of one."""

from typing import Any, NamedTuple

from harness.commands.status import result_folders
from harness.errors import HarnessError, StoreError
from harness.store import Store
from harness.text import printable

NEAR = 5  # names that a sentence offers


class Found(NamedTuple):
    """A run, the store that holds it, its spec in plain form, and the row of the plan; None where no longer planned."""

    store: Store
    run_id: str
    spec: dict[str, Any]
    row: dict[str, Any] | None


def find_run(text: str, root: str) -> Found:
    """Return the run whose id is `text`, or begins so, in a results folder or a root of several.

    Raises HarnessError with near names where there is none, or with all of them where there are several; StoreError
    where there are no results.
    """
    where: dict[str, list[Store]] = {}
    unreadable: list[StoreError] = []
    for store in map(Store, result_folders(root)):
        try:
            for run_id in store.plan["specs"]:
                where.setdefault(run_id, []).append(store)
        except StoreError as error:  # told where the run is in no other folder
            unreadable.append(error)
    given = printable(text[:60])
    begins = sorted(run_id for run_id in where if text and run_id.startswith(text.lower()))
    if not begins and unreadable:
        raise unreadable[0]
    if not begins:
        raise HarnessError(f"RUN {given!r}: no run in {root} begins so.{_near(text.lower()[:16], sorted(where))}")
    if len(begins) > 1:
        shown = ", ".join(begins[:NEAR]) + (", ..." if len(begins) > NEAR else "")
        raise HarnessError(f"RUN {given!r}: {len(begins)} runs in {root} begin so: {shown}; write more of it.")
    (run_id,) = begins
    stores = where[run_id]
    if len(stores) > 1:
        folders = " and ".join(str(store.folder) for store in stores)
        raise HarnessError(f"RUN {given!r}: {run_id} stands in {folders}; name one of them with --root.")
    plan = stores[0].plan
    row = next((row for row in plan["runs"] if row["run_id"] == run_id), None)
    return Found(stores[0], run_id, plan["specs"][run_id], row)


def _near(text: str, known: list[str]) -> str:
    """Offer the ids that share the longest beginning with `text`, at most NEAR of them."""
    if not known:
        return " None is planned there."
    shared = {run_id: max(i for i in range(len(text) + 1) if run_id.startswith(text[:i])) for run_id in known}
    near = sorted(known, key=lambda run_id: -shared[run_id])
    if shared[near[0]] >= 3:
        return f" Did you mean '{near[0]}'?"
    return f" Known: {', '.join(near[:NEAR])}{f' and {len(near) - NEAR:,} more' if len(near) > NEAR else ''}."
