"""What a stack needs on a machine that does not see the results folder: a small results folder of its own.

`requirements_of` says once a plan what all its stacks need, `PayloadBuilder` takes one stack's part out of a folder,
and `unpack` lays that out elsewhere, where the very same tasks train and score it as in any other results folder.
"""

import hashlib
import os
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import harness
from harness.disk.files import writing
from harness.errors import DataError, SuiteError
from harness.execution.opening import open_planned, stated
from harness.execution.provenance import LIBRARIES, provenance
from harness.plan.origins import Origin, origins
from harness.plugins.installed import installed, is_file, locate, version_of
from harness.plugins.local_modules import first_on_path, local_modules
from harness.store import FINAL, Store
from harness.store.plan_file import Json, Plan, PlannedRun
from harness.suite.format.models import PATHS

Files = Mapping[str, bytes]  # contents by path below a folder

PLUGIN = "plug-in "  # begins what an installed one is called among software
REFERENCES = "references"  # of a folder: kept from one stack to the next


@dataclass(frozen=True)
class Requirements:
    """What the stacks of a plan need, beside the plan.

    plugins   the files of each plug-in file, by the path that the plan gives it: its own and the modules it imports
    donors    what a run goes on from, by run_id            memory    bytes that training a run is taken to need
    software  what must be the same where they train        examples  runs that together read all data there are
    """

    plugins: Mapping[str, Files]
    donors: Mapping[str, str]
    memory: Mapping[str, float]
    software: Mapping[str, str]
    examples: Sequence[str]


@dataclass(frozen=True)
class Payload:
    """A stack as it travels: the part of the plan that is about it, and what `Requirements` says that it needs.

    files        of finished runs that it goes on from, by path below the results folder
    checkpoints  the files of each, by its name
    data         the sender's $HARNESS_DATA, "" where it has none
    """

    plan: Plan
    files: Files
    checkpoints: Mapping[str, Files]
    plugins: Mapping[str, Files]
    software: Mapping[str, str]
    data: str


@stated
def requirements_of(folder: str) -> Requirements:
    """Return what the unfinished runs of a results folder need elsewhere. Imports torch."""
    store, plan = open_planned(folder)
    named = plan.resolved.get("plugins", [])
    left = {*plan.run_ids} - store.finished()
    replies = origins(store, plan, left, provenance(plan.device)) if plan.device == "cpu" else {}
    return Requirements(
        plugins={path: files for path in named if is_file(path) and (files := _plugin(path))},
        donors={run_id: reply.run_id for run_id, reply in replies.items() if isinstance(reply, Origin)},
        memory=_memory(plan),
        software=software(name for name in named if not is_file(name)),
        examples=_examples(plan),
    )


def software(plugins: Iterable[str] = ()) -> dict[str, str]:
    """Return what must be the same on every machine, from this one: the harness to the byte, Python, libraries, and
    installed plug-ins, which may be given by what this calls them."""
    package, text = Path(harness.__file__).parent, hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        text.update(f"{path.relative_to(package)}\n".encode() + path.read_bytes())
    libraries = {name: version(name) for name in ("torch", "torchvision", *LIBRARIES)}
    ours = f"{harness.__version__} ({text.hexdigest()[:8]})"
    names = [name.removeprefix(PLUGIN) for name in plugins]
    packages = {f"{PLUGIN}{name}": _installed(name) for name in names}
    return {"harness": ours, "python": platform.python_version(), **libraries, **packages}


def _installed(name: str) -> str:
    """Return the version of an installed plug-in, with a hash of its source."""
    try:
        identity = locate(name).identity
    except SuiteError:
        return "not installed"
    return f"{version_of(installed()[name])} ({hashlib.sha256(identity).hexdigest()[:8]})"


def _plugin(path: str) -> Files:
    """Return a plug-in and the user's own modules that it imports, as they lie beside each other; none of one that
    cannot be read, which its runs will say."""
    with suppress(OSError, SuiteError), first_on_path(Path(path).absolute().parent):
        source = Path(path).read_bytes()
        beside = local_modules(source)
        return {Path(path).name: source} | {_module_file(name, beside): text for name, text in beside.items()}
    return {}


def _module_file(name: str, modules: Iterable[str]) -> str:
    is_package = any(other.startswith(f"{name}.") for other in modules)
    return name.replace(".", "/") + ("/__init__.py" if is_package else ".py")


def _memory(plan: Plan) -> dict[str, float]:
    """Return the memory that training takes of every run that was ever planned: any may be a mate in a stack."""
    from harness.plan.stacks import is_known, run_bytes

    known: dict[int, float] = {}  # runs share Setups
    for run_id in plan.specs:
        plain = plan.specs[run_id]["setup"]
        if id(plain) not in known:
            setup = plan.spec(run_id).setup
            known[id(plain)] = run_bytes(setup) if is_known(setup) else 0.0
    return {run_id: known[id(spec["setup"])] for run_id, spec in plan.specs.items()}


def _examples(plan: Plan) -> list[str]:
    """Return the first run of each data set that reads files."""
    from harness.datasets import DATASETS

    first = {run.dataset: run.run_id for run in reversed(plan.runs)}
    entries = {label: DATASETS.get(plan.specs[run_id]["setup"]["dataset"]) for label, run_id in first.items()}
    return [first[label] for label, entry in entries.items() if entry and (entry.pictures or entry.points)]


@stated
def check_data(folder: str) -> None:
    """Read the data of every planned run of a folder, as runs do. Raises DataError where they are not what was planned
    with, or cannot be scored on this node (the checks of `harness plan`).
    """
    from harness.datasets import DATASETS
    from harness.datasets.places import changed
    from harness.engine.real_data import data_settings
    from harness.suite.checks.data_check import why_unfit

    _, plan = open_planned(folder)
    for run in plan.runs:
        spec, variant = plan.spec(run.run_id), plan.resolved["datasets"].get(run.dataset, {})
        entry, settings = DATASETS[spec.setup.dataset], data_settings(spec)
        for key, content in PATHS.items():
            if key in variant and key in entry.files and entry.files[key](variant[key])[content] != settings[content]:
                raise changed(variant[key], "contents")
        if entry.points is not None:
            entry.points(settings)
        if entry.pictures is not None:
            entry.pictures(settings)
            for name in plan.resolved["score"].get("extractors") or ():
                if why := why_unfit(name, spec.setup.dataset, settings):
                    raise DataError(f"the extractor '{name}': {why}")


class PayloadBuilder:
    """Builds the payloads of stacks from a results folder; calls of one must not overlap."""

    def __init__(self, store: Store, requirements: Requirements) -> None:
        self._store, self._requirements = store, requirements
        self._plan: Plan | None = None
        self._rows: dict[str, list[PlannedRun]] = {}

    def build(self, stack_id: str, members: Sequence[str]) -> Payload:
        """Return what it takes to train these members of a stack, from their checkpoints where they have some."""
        plan = self._read()
        stack = plan.stack(stack_id)
        names = dict.fromkeys([stack.id, *members])
        read = {name: self._store.read_checkpoint(name) for name in names if self._store.checkpoint_path(name).exists()}
        known = self._requirements.donors
        donors = dict.fromkeys(known[run_id] for run_id in members if run_id in known)
        return replace(
            self._part(plan, members, [*stack.runs, *donors]),
            files={path: content for donor in donors for path, content in self._kept(donor)},
            checkpoints={name: files for name, files in read.items() if files is not None},
        )

    def examples(self) -> Payload:
        """Return what it takes to look whether all data are there."""
        return self._part(self._read(), self._requirements.examples, self._requirements.examples)

    def knows(self, members: Sequence[str]) -> bool:
        """Whether these runs were planned when it was made."""
        return self._requirements.memory.keys() >= {*members}

    def memory(self, members: Sequence[str]) -> float:
        """Return how many bytes training these runs is taken to need."""
        return sum(self._requirements.memory.get(run_id, 0.0) for run_id in members)

    def _read(self) -> Plan:
        self._store.refresh()
        if self._plan is not self._store.plan:
            self._plan, self._rows = self._store.plan, {}
            for row in self._plan.runs:
                self._rows.setdefault(row.run_id, []).append(row)
        return self._plan

    def _part(self, plan: Plan, runs: Sequence[str], known: Iterable[str]) -> Payload:
        """Return the plan of some of its runs; `known` are those whose specs it holds."""
        resolved = {**plan.resolved, "datasets": {k: _absolute(v) for k, v in plan.resolved["datasets"].items()}}
        stacks = tuple(stack for stack in plan.stacks if not {*stack.runs}.isdisjoint(runs))
        known = {*known, *(run_id for stack in stacks for run_id in stack.runs)}
        part = replace(
            plan,
            runs=tuple(row for run_id in runs for row in self._rows.get(run_id, ())),
            specs={run_id: plan.specs[run_id] for run_id in known},
            stacks=stacks,
            resolved=resolved,
            study=None,
            settings=(),
            source="",
        )
        needed, data = self._requirements, os.environ.get("HARNESS_DATA", "")
        return Payload(part, {}, {}, needed.plugins, needed.software, data)

    def _kept(self, run_id: str) -> list[tuple[str, bytes]]:
        """Return the record of a finished run and all that it keeps; nothing where that cannot be read."""
        record, folder = self._store.record(run_id), self._store.run_folder(run_id)
        names = ["record.json", *record.files] if record is not None else []
        with suppress(OSError):
            return [(f"runs/{run_id}/{name}", (folder / name).read_bytes()) for name in names]
        return []


def _absolute(variant: Json) -> Json:
    """Return the settings of a data set with paths that do not depend on the working directory."""
    named = {key: variant[key] for key in PATHS if key in variant}
    return {
        **variant,
        **{
            key: os.path.abspath(at) if isinstance(at, str) else [*map(os.path.abspath, at)]
            for key, at in named.items()
        },
    }


def unpack(payload: Payload, folder: Path) -> Store:
    """Lay a payload out as a results folder, in place of the one before, of which the references are kept.

    Raises StoreError where it cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        clear(folder)
        places = {path: folder / "plugins" / str(i) for i, path in enumerate(payload.plugins)}
        plugins = {places[path] / name: text for path, files in payload.plugins.items() for name, text in files.items()}
        for path, content in {**plugins, **{folder / name: text for name, text in payload.files.items()}}.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    store = Store(folder)
    resolved = dict(payload.plan.resolved)
    if "plugins" in resolved:
        resolved["plugins"] = [str(places[p] / Path(p).name) if p in places else p for p in resolved["plugins"]]
    store.write_plan(replace(payload.plan, resolved=resolved), "")
    for name, files in payload.checkpoints.items():
        store.write_checkpoint(name, files)
    return store


def clear(folder: Path) -> None:
    """Empty a folder that payloads are laid out in, but for the references: the next stack may need the same."""
    for old in folder.glob("*"):
        if old.name != REFERENCES:
            shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)


def committed(store: Store, runs: Iterable[str]) -> list[str]:
    """Return those of the runs that have their record."""
    return [run_id for run_id in runs if store.status(run_id) in FINAL]
