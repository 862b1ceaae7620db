"""The plug-ins that a suite uses are tried on invented runs before any of its own is planned."""

from collections.abc import Iterable, Iterator

from harness.errors import HarnessError
from harness.plugins.components import Tables, fingerprint
from harness.plugins.trial import faults, setting_of
from harness.suite.checks.study_check import all_choices
from harness.suite.format.models import Suite
from harness.suite.format.problems import Problem
from harness.suite.resolve import Resolved, resolve
from harness.suite.settings import Triple

_TRIED: dict[tuple[object, ...], list[str]] = {}  # of this process: a study plans its suite again and again


def extension_problems(suite: Suite, triples: Iterable[Triple], found: Tables) -> list[Problem]:
    """Return what is wrong with the functions of plug-ins that a sound suite uses; built-in ones are not tried."""
    problems: dict[Problem, None] = {}
    for triple in triples:
        extended = list(_extended(triple))
        choice = next(iter(all_choices(suite, triple)), None) if extended else None
        if choice is None:
            continue
        try:
            resolved = resolve(triple, choice.values, found)
        except HarnessError:
            continue  # told elsewhere
        for kind, name, mark in extended:
            texts = _faults((mark, kind, name), resolved)
            path = triple.places["objective" if kind == "trick" else kind]
            problems |= {Problem(path, f"'{name}' of a plug-in: {text}"): None for text in texts}
    return list(problems)


def _extended(triple: Triple) -> Iterator[tuple[str, str, int]]:
    """Yield the components of a triple that no table of the package holds, with the fingerprints of their sources."""
    used = [(kind, getattr(triple, kind).base) for kind in ("dataset", "architecture", "objective")]
    for kind, name in [*used, *(("trick", name) for name in triple.objective.tricks)]:
        if (mark := fingerprint(kind, name)) is not None:
            yield kind, name, mark


def _faults(of: tuple[int, str, str], resolved: Resolved) -> list[str]:
    mark, kind, name = of
    setting = setting_of(resolved.setup, resolved.hyper)
    seen: tuple[object, ...] = (mark, kind, name, setting.shape, setting.lifted)
    if kind in ("architecture", "dataset"):
        seen = (*seen, resolved.text)
    if seen not in _TRIED:
        _TRIED[seen] = faults(kind, name, resolved.setup, resolved.hyper)
    return _TRIED[seen]
