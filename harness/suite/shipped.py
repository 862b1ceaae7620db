"""Suites that come with the package, and the one that `harness init` writes."""

import os
from pathlib import Path

from harness.errors import HarnessError
from harness.hints import QUOTED, shortened, suggestion
from harness.text import reason

_HERE = Path(__file__).resolve().parent


def suites_folder() -> Path:
    """The folder of shipped suites: inside an installed package, else beside it in a checkout."""
    package = _HERE.parent
    inside = package / "suites"
    return inside if inside.is_dir() else package.parent / "suites"


def find_suite(name: str) -> str:
    """Return the path of a suite given as a path or as the name of a shipped one.

    Raises HarnessError with the nearest shipped name where a bare name is neither, and SuiteError where a file is not
    YAML: before anything is imported that takes a second.
    """
    if os.path.exists(name) or "/" in name or name.endswith((".yaml", ".yml")):
        from harness.suite.format.yaml_file import read_yaml  # needless for `harness --help`

        read_yaml(name)
        return name
    shipped = {path.stem: path for path in suites_folder().glob("*.yaml")}
    if name in shipped:
        return str(shipped[name])
    raise HarnessError(f"{shortened(name, QUOTED)}: neither a file nor a shipped suite.{suggestion(name, shipped)}")


def write_template(path: Path) -> None:
    """Write a commented suite whose name is the file's. Raises HarnessError where the file exists or cannot be made."""
    if os.path.exists(path):
        raise HarnessError(f"{path}: exists already; name another file, or edit that one")
    template = (_HERE / "template.yaml").read_text(encoding="utf-8")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template.replace("name: mine", f"name: {path.stem}"), encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{path}: cannot be written ({reason(error)})") from None
