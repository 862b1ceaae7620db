"""A call that dies at its n-th file operation, for every n: `python -m faults.mortal ROUNDS`, beside planned.pickle.

Prints a line for each n that was survived.
"""

import itertools
import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from killing import disk

from faults import fake
from faults.commands import status_works
from faults.kills import ends_well
from faults.records import records

DIED = 9


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
    """Run the planned suite in this process, on a disk whose flushes take no time."""
    with disk():
        fake.run(fake.Request("planned.pickle", root=root, workers=0))


def doomed(nth: int, root: str) -> None:
    """Run it in this process, which dies at its n-th file operation."""
    with disk(nth, partial(os._exit, DIED)):
        fake.run(fake.Request("planned.pickle", root=root, workers=0))


def main(rounds: int) -> None:
    """Kill a call at every operation, or at about `rounds` of them evenly spread, and let it go on."""
    os.environ["FAKE_STEP_S"] = "0"
    run("whole/results")  # here: what it imports, the forked ones need not import each
    expected = records(Path("whole/results/fake"))
    step = 1 if rounds > 10**5 else max(1, 150 // rounds)
    for nth in itertools.count(1, step):
        root = f"{nth}/results"
        code = forked(lambda nth=nth, root=root: doomed(nth, root))
        assert code in (0, DIED), f"ended with {code} at operation {nth}"
        if code == 0:
            break  # it has no n-th operation
        status_works(Path(root))
        assert forked(lambda root=root: run(root)) == 0, f"it does not go on from operation {nth}"
        ends_well(Path(str(nth)), expected)
        print(f"survived {nth} operations", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
