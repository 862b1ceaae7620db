"""A disk on which a process is killed at its n-th operation, or which refuses: for tests of what must survive."""

import io
import os
from contextlib import contextmanager
from threading import Lock
from unittest.mock import patch

GROWING = ("open", "mkdir", "fsync", "replace", "rename", "link")  # what a full disk refuses
CHANGING = (*GROWING, "unlink", "rmdir", "utime")


class Killed(BaseException):
    """What a killed process does not live to see: nothing after it may touch the disk, clean-up included."""


def kill():
    raise Killed


class Disk:
    """Counts operations that change files; from the n-th on, `act` is called in their place, for ever."""

    def __init__(self, at, act=kill):
        self.at, self.act, self.count, self.lock = at, act, 0, Lock()  # files are flushed by several threads

    def step(self):
        with self.lock:
            self.count += 1
            if self.at is not None and self.count >= self.at:
                self.act()

    def counted(self, name, real):
        def operation(*arguments, **named):
            if name != "open" or arguments[1] & os.O_CREAT:
                self.step()
            return real(*arguments, **named)

        return operation

    def opened(self, path, mode="r", *arguments, **named):
        if "r" in mode:
            return OPEN(path, mode, *arguments, **named)
        self.step()
        return Half(OPEN(path, mode, *arguments, **named), self)


class Half:
    """A file of which half is on the disk when the process is killed while writing."""

    def __init__(self, file, disk):
        self.file, self.disk = file, disk

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def writelines(self, parts):
        self.write(b"".join(parts))

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        self.disk.step()
        self.file.write(content[len(content) // 2 :])


OPEN = io.open


@contextmanager
def disk(at=None, act=kill, names=CHANGING):
    """Count operations of these names, and from the n-th on act. Flushes cost no time here. Yields the Disk."""
    made, known = Disk(at, act), {name: getattr(os, name) for name in CHANGING} | {"fsync": lambda descriptor: None}
    patches = [patch.object(os, name, made.counted(name, known[name])) for name in names]
    patches.append(patch.object(io, "open", made.opened))
    for one in patches:
        one.start()
    try:
        yield made
    finally:
        for one in patches:
            one.stop()


def refuse(number):
    """Return an act that raises an OSError of this number."""

    def act():
        raise OSError(number, os.strerror(number))

    return act
