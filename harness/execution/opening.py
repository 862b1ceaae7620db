"""What a task begins with: a process in a known state, and a folder with its plan, its plug-ins and its data."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from harness.errors import HarnessError, SuiteError
from harness.objectives import PENALTIES
from harness.plugins.components import fingerprint, load_plugins, tables
from harness.spec import ENGINE_VERSION, Setup
from harness.store import Store, open_store
from harness.store.plan_file import Plan
from harness.suite.format.models import PATHS

P = ParamSpec("P")
R = TypeVar("R")


def stated(task: Callable[P, R]) -> Callable[P, R]:
    """Let a task compute in `own_state`: with `workers=0` it runs in the user's process. Imports torch when called."""

    @wraps(task)
    def run(*arguments: P.args, **named: P.kwargs) -> R:
        from harness.engine.process import own_state

        with own_state():
            return task(*arguments, **named)

    return run


def prepare() -> None:
    """Import what every task needs, before a limit of time counts: it takes seconds."""
    import harness.engine
    import harness.metrics
    import harness.suite.load  # noqa: F401


def open_planned(folder: str) -> tuple[Store, Plan]:
    """Return a results folder and its plan; this process then knows the suite's plug-ins and where its data lie.

    A plug-in that cannot be loaded is passed over: `check_versions` says so for the runs that need it.
    """
    from harness.datasets.places import place

    store = open_store(folder)
    plan = store.plan
    first = {run.dataset: run.run_id for run in reversed(plan.runs)}
    for label, variant in plan.resolved["datasets"].items():
        data = plan.specs[first[label]]["setup"]["data"] if label in first else {}
        for key, content in PATHS.items():
            if key in variant and content in data:
                place(data[content], variant[key])
    for path in store.suite.get("plugins", []):
        with suppress(SuiteError):
            load_plugins([path])
    return store, plan


def check_versions(plan: Plan, setup: Setup) -> None:
    """Make sure that this process would train what was planned: versions of engine and components, and plug-ins.

    Raises HarnessError naming the plug-in that cannot be loaded, or what has changed since.
    """
    for key, planned in sorted(setup.versions.items(), key=lambda item: not item[0].endswith(".file")):
        what, version = _version(setup, key)
        if version != planned:
            load_plugins(named := plan.resolved.get("plugins", []))  # raises what is wrong with one
            if key.endswith(".file") and version is None and not named:
                mine, _ = _version(setup, key.removesuffix(".file"))
                raise HarnessError(f"{mine} was given in Python and is not known here; give it to `harness.run` again")
            raise HarnessError(f"{what} has changed since the suite was planned; `harness run` plans it anew")


def _version(setup: Setup, key: str) -> tuple[str, int | None]:
    """Return what a key of a Setup's versions means, and its version in this process: None where it is not there."""
    if key == "engine":
        return "the engine", ENGINE_VERSION
    kind, _, rest = key.removesuffix(".file").partition(".")
    name = rest or getattr(setup, kind)
    if key.endswith(".file"):
        return f"the plug-in that defines the {kind} '{name}'", fingerprint(kind, name)
    table: Mapping[str, Any] = PENALTIES if kind == "penalty" else tables().of(kind)
    entry = table.get(name)
    return f"the {kind} '{name}'", entry and entry.version
