"""The plan there was before: plan.json, or what the records say where that is lost.

A record names its stack, so that finished runs keep their pins and no number of a stack is given twice. Runs that were
not finished are pinned anew: on a CPU a record does not depend on its stack, and nothing changes.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from harness.errors import Damaged
from harness.plan.stacks import stack_size
from harness.spec import RunSpec
from harness.store import Record, Store
from harness.store.plan_file import Device, Mode, Plan, Stack


def earlier_plan(store: Store) -> Plan | None:
    """Return what the folder's plan.json holds, or what its records give where that is lost; None in a fresh folder.

    Damage that is met among the records is left for others to mend: they are read by a store of their own, so that two
    looks at the same folder say the same.
    """
    try:
        if (store.folder / "plan.json").exists():
            return store.plan
    except Damaged:
        pass  # named and set aside by who writes the new one
    fresh = Store(store.folder)
    records = [record for run_id in sorted(fresh.finished()) if (record := fresh.record(run_id)) is not None]
    return replace(recovered(records, _kept_samples(fresh, records)), source=fresh.source) if records else None


def mend_plan(store: Store) -> list[str]:
    """Set a damaged plan.json aside; return a line where it was damaged, or is missing beside finished runs."""
    path = store.folder / "plan.json"
    again = "made again from the suite and the records, with new stacks for what they do not hold"
    try:
        if path.exists():
            Store(store.folder).plan  # noqa: B018  read for its checksum and its keys
            return []
    except Damaged as damaged:
        return [store.set_aside(path, f"{path}: {damaged.why}; {again}")]
    return [f"{path}: missing; {again}"] if store.finished() else []


def recovered(records: Iterable[Record], samples: int) -> Plan:
    """Return a plan that pins the runs of these records as they were, of which each keeps `samples` points."""
    specs, stacks = {}, dict[str, Stack]()
    for record in records:
        specs[record.run_id] = record.spec
        where, number = record.provenance, str(record.provenance.get("stack", ""))
        if number.isdecimal():
            device: Device = "cpu" if where["device"] == "cpu" else "cuda"
            mode: Mode = "stacked" if stack_size(RunSpec.from_json(record.spec).setup, device) > 1 else "single"
            stack = stacks.get(number, Stack(number, device, mode, ()))
            stacks[number] = replace(stack, runs=(*stack.runs, record.run_id))
    pinned = tuple(stacks[number] for number in sorted(stacks))
    return Plan("", (), specs, pinned, resolved={"score": {"samples": samples}})


def _kept_samples(store: Store, records: Iterable[Record]) -> int:
    """Return how many points the first run with whole snapshots keeps, 0 where none does."""
    for record in records:
        with suppress(Damaged):
            if store.steps(record.run_id):
                return len(store.snapshot(record.run_id)["generated"])
    return 0
