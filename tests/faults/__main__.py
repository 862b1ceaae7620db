"""Try every fault and print the table: `python -m faults [--fast] [WORD ..]`; exit code 1 where one was not survived.

--fast  a few rounds of each that takes seconds        WORD  only faults whose names hold one of these
"""

import os
import platform
import sys
import time

from faults import cluster, cost, disk, failing, hostile, kills, sharing, surroundings
from faults.table import HEAD, attempt

FAULTS = [
    *kills.FAULTS,
    *sharing.FAULTS,
    *cluster.FAULTS,
    *disk.FAULTS,
    *hostile.FAULTS,
    *failing.FAULTS,
    *surroundings.FAULTS,
    *cost.FAULTS,
]


def main(arguments: list[str]) -> int:
    """Try what is asked for; return the exit code."""
    fast, words = "--fast" in arguments, [word for word in arguments if word != "--fast"]
    chosen = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    chosen = [fault for fault in chosen if fault.few or not fast]
    started, rows = time.perf_counter(), []
    print(HEAD, flush=True)
    for fault in chosen:
        rows.append(attempt(fault, fault.few if fast else fault.rounds))
        print(rows[-1].render(), flush=True)
        if rows[-1].trace:
            print(f"\n{fault.name}:\n{rows[-1].trace}", file=sys.stderr, flush=True)
    minutes = (time.perf_counter() - started) / 60
    print(f"\n{time.strftime('%Y-%m-%d')}, {platform.platform()}, {os.cpu_count()} cores, {minutes:.1f} minutes")
    return 0 if rows and not any(row.trace for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
