"""Published results: a frozen folder as one zip file, read where it lies and never unpacked.

    NAME.zip  manifest.json  FROZEN  suite.yaml  plan.json  runs.parquet  scored.parquet

The manifest holds the sha256 of every other file, and what a reader asks first: counts, machines, versions. A file is
whole or refused in one sentence: it may come from anybody. No code of it is run, as no plug-in that its plan names is.
"""

import hashlib
import stat as modes
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from harness.disk.documents import seal, unseal
from harness.disk.files import stamp
from harness.disk.schema import Malformed, matching, require, schema
from harness.errors import Damaged, StoreError
from harness.hints import quoted
from harness.store.plan_file import Plan
from harness.text import reason

MARKER = "FROZEN"  # a file of a frozen folder; `frozen` makes them
MANIFEST = "manifest.json"
FILES = (MARKER, "suite.yaml", "plan.json", "runs.parquet", "scored.parquet")
LARGEST = 2**30  # bytes of all files together
EPOCH = (1980, 1, 1, 0, 0, 0)  # when every file was changed, for zip knows nothing earlier: the same bytes every time
CONTENT = schema({"files": {str: matching("[0-9a-f]{64}")}})


def is_published(path: Path) -> bool:
    """Whether a path that stands for results is a file: results of another kind are folders."""
    return path.is_file()


def pack(contents: Mapping[str, bytes], facts: Mapping[str, object]) -> bytes:
    """Return FILES with a manifest of their checksums and `facts` as a zip file: the same bytes for the same files."""
    sums = {name: hashlib.sha256(contents[name]).hexdigest() for name in FILES}
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {MANIFEST: seal({**facts, "files": sums}), **contents}.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system, info.external_attr = 3, (modes.S_IFREG | 0o644) << 16  # of Unix, wherever it is made
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def member(path: Path, name: str) -> bytes:
    """Return one of FILES, or the manifest, of a published file. Raises StoreError where that is not whole."""
    return _contents(str(path.absolute()), stamp(path), str(path))[name]


def plan(path: Path) -> Plan:
    """Return the plan of a published file, without its plug-ins.

    Raises StoreError where it is malformed, or its runs are ranked on a metric of a plug-in that is not loaded.
    """
    from harness.metrics import column_facts  # imports numpy, which `status` need not wait for
    from harness.metrics.columns import MetricColumn

    place = path / "plan.json"
    try:
        content = Plan.from_json(unseal(member(path, place.name), place))
    except Damaged as damaged:
        raise _refused(path, f"plan.json: {damaged.why}") from None
    except Malformed as why:
        raise _refused(path, f"plan.json: {why}") from None
    resolved = dict(content.resolved)
    if resolved.pop("plugins", None):
        for metric in resolved["primary"].values():
            if MetricColumn.parse(metric).name not in column_facts():
                raise StoreError(
                    f"{path}: ranked on '{metric}', a metric of a plug-in, and no code is run for published results; "
                    "unzip it into a folder, from which the path of the plug-in holds, and name that"
                )
    return replace(content, resolved={**resolved, "plugins": []})


@lru_cache(maxsize=4)
def _contents(place: str, mark: object, path: str) -> dict[str, bytes]:
    """`mark` tells the file from a later one of that name; `path` is how the user wrote it."""
    try:
        with zipfile.ZipFile(place) as archive:
            entries = archive.infolist()
            if why := _unlike(entries):
                raise _refused(path, why)
            contents = {entry.filename: _read(archive, entry) for entry in entries}
    except StoreError:
        raise
    except Exception as error:  # foreign bytes raise anything
        raise _refused(path, reason(error)) from None
    sums = {name: hashlib.sha256(contents[name]).hexdigest() for name in FILES}
    try:
        manifest = unseal(contents[MANIFEST], Path(MANIFEST), needs_sum=True)
        require(manifest, CONTENT)
    except Damaged as damaged:
        raise _refused(path, f"{MANIFEST}: {damaged.why}") from None
    except Malformed as malformed:
        raise _refused(path, f"{MANIFEST}: {malformed}") from None
    for name in FILES:
        if manifest["files"].get(name) != sums[name]:
            raise _refused(path, f"its {name} does not match its checksum")
    return contents


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return a file, of which no more is unpacked than its entry says; a torn one has another checksum."""
    with archive.open(entry) as file:
        return file.read(entry.file_size)


def _unlike(entries: Sequence[zipfile.ZipInfo]) -> str:
    """Return why these are not the files of published results; "" where they are."""
    counts = Counter(entry.filename for entry in entries)
    for name in counts:
        if name not in (MANIFEST, *FILES):
            return f"it holds {quoted(name)}, which no published file does"
        if counts[name] > 1:
            return f"it holds {name} {counts[name]} times"
    if missing := [name for name in (MANIFEST, *FILES) if name not in counts]:
        return f"it holds no {missing[0]}"
    for entry in entries:
        mode = entry.external_attr >> 16
        if modes.S_IFMT(mode) not in (0, modes.S_IFREG):
            return f"its {entry.filename} is a link"
    size = sum(entry.file_size for entry in entries)
    return f"its files have {size:,} bytes, and at most {LARGEST:,} are read" if size > LARGEST else ""


def _refused(path: str | Path, why: str) -> StoreError:
    return StoreError(
        f"{path}: no published results: {why.removesuffix('.')}; name a file that `harness publish` wrote"
    )
