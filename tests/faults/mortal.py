"""A call that dies at its n-th file operation, for every n: `python -m faults.mortal ROUNDS`, where a planned.json is.

Prints a line for each n that was survived.
"""

import io
import itertools
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from faults import fake
from faults.commands import status_works
from faults.kills import ends_well
from faults.records import records

DEADLY = ("fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir", "utime")
DIED = 9


class Torn:
    """A file whose content is half written when its process dies."""

    def __init__(self, file: Any, counted: Iterator[int], nth: int) -> None:
        self._file, self._counted, self._nth = file, counted, nth

    def writelines(self, parts: Iterable[bytes]) -> None:
        content = b"".join(parts)
        if next(self._counted) == self._nth:
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            os._exit(DIED)
        self._file.write(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "Torn":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()


def doomed(nth: int) -> None:
    """Let this process die at its n-th file operation from here on."""
    counted = itertools.count(1)

    def deadly(operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            if next(counted) == nth:
                os._exit(DIED)
            return operation(*arguments, **more)

        return call

    for name in DEADLY:
        setattr(os, name, deadly(getattr(os, name)))
    opened = io.open

    def torn(file: Any, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        stream = opened(file, mode, *arguments, **more)
        return Torn(stream, counted, nth) if mode == "xb" else stream

    io.open = torn  # what pathlib opens with


def forked(work: Callable[[], None]) -> int:
    """Do something in a process of its own; return its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def run(root: str) -> None:
    """Run the planned suite in this process."""
    fake.run(fake.Request("planned.json", root=root, workers=0))


def main(rounds: int) -> None:
    """Kill a call at every operation, or at about `rounds` of them evenly spread, and let it go on."""
    os.environ["FAKE_STEP_S"] = "0"
    assert forked(lambda: run("whole/results")) == 0
    expected = records(Path("whole/results/fake"))
    step = 1 if rounds > 10**5 else max(1, 150 // rounds)
    for nth in itertools.count(1, step):
        root = f"{nth}/results"
        code = forked(lambda nth=nth, root=root: (doomed(nth), run(root)))
        assert code in (0, DIED), f"ended with {code} at operation {nth}"
        if code == 0:
            break  # it has no n-th operation
        status_works(Path(root))
        assert forked(lambda root=root: run(root)) == 0, f"it does not go on from operation {nth}"
        ends_well(Path(str(nth)), expected)
        print(f"survived {nth} operations", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
