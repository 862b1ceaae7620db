"""Whole files or none: temporary names, flushes, links and renames; locks that die with their process.

What writes raises OSError; `writing` turns that into the one sentence that a user reads.
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Timer

from harness.disk.owners import holder, mark, this_process
from harness.errors import Damaged, HarnessError, StoreError
from harness.hints import quoted
from harness.text import reason

ABSENT = (FileNotFoundError, NotADirectoryError)  # what reading a file that is not there raises
FOREIGN = (errno.EISDIR, errno.ELOOP, errno.ENXIO)  # what opening a folder, a circle of links or a socket may raise
WAIT_S = 1.0  # for a lock, before it is said who holds it
LONGEST_NAME, LONGEST_PATH = 255, 3900  # bytes; Linux takes 4,095, and the files of a run lie below
FLUSHERS = 16  # flushes side by side: file systems write their journal once for all that wait for it


def read_bytes(path: Path) -> bytes | None:
    """Return a file's content, None where there is nothing of that name.

    Raises Damaged where something else stands there, as a folder or a broken link, StoreError where it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe without a writer would be waited for
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                with open(descriptor, "rb", closefd=False) as file:
                    return file.read()
        finally:
            os.close(descriptor)
    except ABSENT:
        if os.path.islink(path):
            raise Damaged(path, "a broken link") from None
        return None
    except OSError as error:
        if error.errno not in FOREIGN:
            raise StoreError(f"{path}: cannot be read ({reason(error)})") from None
    raise Damaged(path, "not a regular file")


def refuse_long(path: str | Path) -> None:
    """Raise HarnessError where a path is longer than a file system takes, or leaves no room for files below it."""
    whole = os.fsencode(path)
    if len(whole) > LONGEST_PATH or any(len(name) > LONGEST_NAME for name in whole.split(b"/")):
        raise HarnessError(
            f"{quoted(str(path))}: too long for a file system; {LONGEST_NAME} bytes for each name in a path and "
            f"{LONGEST_PATH:,} for all are the most."
        )


def stamp(path: Path) -> object:
    """Return what changes when a file is put in place anew; None where there is none that can be read."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def write_atomic(path: Path, *parts: bytes, flush: bool = True) -> None:
    """Write a file whole or not at all, replacing what was there. `flush`: it outlives a power failure as well."""
    with _draft(path, parts, flush) as draft:
        os.replace(draft, path)
    if flush:
        flush_all([path.parent])


def write_once(path: Path, content: bytes) -> bool:
    """Write and flush a file, unless it exists: the first writer wins. Returns whether it was this one."""
    with _draft(path, [content], flush=True) as draft:
        if not link_once(draft, path):
            return False
    flush_all([path.parent])
    return True


def link_once(source: Path, path: Path) -> bool:
    """Give a file a second name, unless that is taken. Returns whether it was free."""
    try:
        os.link(source, path)
    except FileExistsError:
        return False
    return True


@contextlib.contextmanager
def drafted(place: Path, contents: Mapping[str, bytes]) -> Iterator[Path]:
    """Write files into a temporary folder beside `place` and flush them; the folder is gone when the block ends.

    Yields the folder. Whatever is to stay must be renamed or linked out of it.
    """
    folder = temporary(place)
    try:
        for inner in sorted({folder, *((folder / name).parent for name in contents)}):
            inner.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            _write(folder / name, [content])
        flush_all(folder / name for name in contents)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def flush_all(paths: Iterable[Path]) -> None:
    """Wait until files and folders are on the disk."""
    todo = list(paths)
    if len(todo) == 1:
        _flush(todo[0])
        return
    list(_flushers().map(_flush, todo))


def temporary(path: Path) -> Path:
    """Return a name beside `path` that no other writer uses, here or elsewhere, and that tells whose it is."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{mark()}.tmp")


def make_folder(path: Path) -> list[Path]:
    """Make a folder and those above it; return the folders in which one is new, for `flush_all`."""
    new = []
    for folder in (path, *path.parents):
        if folder.exists():
            break
        new.append(folder.parent)
    path.mkdir(parents=True, exist_ok=True)
    return new


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`: one process at a time is inside, and one that dies leaves. Not to be nested.

    The file names who holds it; whoever waits for more than WAIT_S says so on standard error.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notice = Timer(WAIT_S, _say_who_holds, [path])
            notice.daemon = True
            notice.start()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            finally:
                notice.cancel()
        with contextlib.suppress(OSError):  # a full disk: nobody is named then
            os.ftruncate(descriptor, os.pwrite(descriptor, this_process().encode(), 0))
        yield
    finally:
        os.close(descriptor)


def _say_who_holds(path: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        text = path.read_bytes()[:200].decode(errors="replace")
        print(f"{path}: waiting for {holder(text)}, which holds this lock", file=sys.stderr, flush=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into a StoreError of one sentence that names the path."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({reason(error)}); what was kept before is whole: free some space or "
            "mend the permissions and give the same command again, or choose another folder with -o"
        ) from None


@contextlib.contextmanager
def _draft(path: Path, parts: Iterable[bytes], flush: bool) -> Iterator[Path]:
    """Write a temporary file beside `path`; it is gone when the block ends, under this name."""
    new, draft = make_folder(path.parent), temporary(path)
    try:
        _write(draft, parts)
        if flush:
            flush_all([draft, *new])
        yield draft
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)  # a full disk, say: half a file helps nobody


@cache
def _flushers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(FLUSHERS)


if hasattr(os, "register_at_fork"):
    # Its threads are not forked along: a forked process would wait for them for ever.
    os.register_at_fork(after_in_child=_flushers.cache_clear)


def _write(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("xb") as file:
        file.writelines(parts)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
