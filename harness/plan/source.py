"""Which suite file a results folder belongs to: two files that share a name must not share a folder.

A folder belongs to its suite file until that is gone. The file may be edited and planned again, a copy that says the
same may take its place, and the suite.yaml in the folder always continues it. YAML text and mappings are not checked:
they have no file.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import Problem, SuiteError
from harness.plugins.installed import is_file
from harness.store.plan_file import Plan
from harness.suite.format.models import PATHS
from harness.suite.load import Given, read_extended


def source_of(suite: Given, resolved: Mapping[str, Any], previous: Plan | None, folder: Path) -> str:
    """Return what a plan of this suite has as its `source`: its file, relative to the folder of results.

    Raises SuiteError where the folder was planned from another file that is still there and says something else.
    """
    path, home = _file(suite), os.path.realpath(folder)
    if path is None:
        return ""
    own = os.path.dirname(path)
    is_kept = os.path.basename(path) == "suite.yaml" and os.path.exists(os.path.join(own, "plan.json"))
    if is_kept and os.path.basename(own) != os.path.basename(home):
        name = os.path.basename(home)
        text = (
            f"it belongs to the results folder {own}, and its runs would go to {home}: rename the folder to '{name}'."
        )
        raise SuiteError(Problem("renamed-folder", (), text, str(suite)))
    known = previous.source if previous else ""
    if path == os.path.join(home, "suite.yaml"):
        return known
    other = os.path.normpath(os.path.join(home, known))
    is_another = known and path != other and os.path.exists(other)
    if previous and is_another and resolved != previous.resolved and not _say_the_same(path, other):
        text = (
            f"{previous.suite!r} is the name of {other} as well, whose runs are in {folder}: give this suite another "
            "name, or choose another folder with -o."
        )
        raise SuiteError(Problem("name-taken", ("name",), text, str(suite)))
    return os.path.relpath(path, home)


def _file(suite: Given) -> str | None:
    return None if isinstance(suite, Mapping) or "\n" in str(suite) else os.path.realpath(str(suite))


def _say_the_same(one: str, other: str) -> bool:
    """Whether two files hold the same suite: a relative path in it means another file in another folder."""
    with suppress(SuiteError):
        data = read_extended(one, ()).data
        return data == read_extended(other, ()).data and all(map(os.path.isabs, _paths(data)))
    return False


def _paths(data: Mapping[str, Any]) -> list[str]:
    variants = [variant for variant in (data.get("datasets") or {}).values() if isinstance(variant, Mapping)]
    named = [variant[key] for variant in variants for key in PATHS if key in variant]
    files = [path for paths in named for path in (paths if isinstance(paths, list) else [paths])]
    plugins = [str(name) for name in data.get("plugins") or () if is_file(str(name))]
    return [*plugins, *map(str, files)]
