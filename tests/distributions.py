"""Installed packages for tests: files and metadata in a folder of the path, as pip would leave them."""

import shutil
import tomllib
from pathlib import Path


def distribution(folder: Path, name: str, version: str, entry_points: dict[str, str]) -> None:
    """Write the metadata of a distribution with entry points of the group `harness.plugins` into a folder."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{key} = {value}" for key, value in entry_points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[harness.plugins]", *lines, ""]))


def install(project: Path, folder: Path) -> None:
    """Install a project of single modules into a folder, as its pyproject.toml says."""
    text = tomllib.loads((project / "pyproject.toml").read_text())
    for module in text["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]:
        shutil.copy(project / module, folder)
    of = text["project"]
    distribution(folder, of["name"], of["version"], of["entry-points"]["harness.plugins"])
