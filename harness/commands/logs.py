"""What became of one run: status, attempts, log, and where its files lie. Reads JSON and text only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StoreError
from harness.store import Attempt
from harness.store.find import find_run, run_label
from harness.text import printable, reason


@dataclass(frozen=True)
class Logs:
    """What is kept of one run: `label` and the parts of a record are None where there are none."""

    run_id: str
    label: str | None
    folder: str
    status: str
    first_bad_step: int | None
    facts: Mapping[str, float | None] | None
    provenance: Mapping[str, str] | None
    attempts: list[Attempt]
    log: str | None
    files: list[str]


def logs(text: str, root: str) -> Logs:
    """Return what is kept of the run that a text names. Raises what `find_run` raises."""
    store, run_id = find_run(text, root)
    planned, folder, record = store.plan.run(run_id), store.run_folder(run_id), store.record(run_id)
    return Logs(
        run_id=run_id,
        label=run_label(planned) if planned is not None else None,
        folder=str(folder),
        status=store.status(run_id),
        first_bad_step=record.first_bad_step if record else None,
        facts=record.facts if record else None,
        provenance=record.provenance if record else None,
        attempts=store.attempts(run_id),
        log=_log(folder),
        files=sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()),
    )


def render(logs: Logs) -> str:
    """Return that as lines for a terminal."""
    values: Mapping[str, object] = {**(logs.facts or {}), **(logs.provenance or {})}
    names = [name for name in ("train_s", "device", "torch", "harness") if values.get(name) is not None]
    ended = f" at step {logs.first_bad_step}" if logs.first_bad_step else ""
    lines = [f"{logs.run_id} {logs.label or 'no longer planned'}", f"status: {logs.status}{ended}"]
    lines += [", ".join(f"{name} {_short(values[name])}" for name in names)] if values else []
    lines += [f"attempt {n}: {one.status}: {one.error}" for n, one in enumerate(logs.attempts, 1)]
    lines.append(f"files: {logs.folder}" + ("" if logs.files else " (nothing there yet)"))
    lines += [f"  {name}" for name in logs.files]
    if logs.log:
        lines += ["log.txt:", logs.log.rstrip("\n")]
    return printable("\n".join(lines))


def _log(folder: Path) -> str | None:
    path = folder / "log.txt"
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({reason(error)})") from None


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
