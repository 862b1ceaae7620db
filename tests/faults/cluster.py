"""Stacks on a Ray cluster of two nodes, of which one dies, and calls there that are ended."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from faults import fake
from faults.commands import ROOT, ended, start, until
from faults.kills import ends_well, fake_start, uninterrupted
from faults.table import Fault, Tries, Untried
from harness.execution.outcomes import Event, Trained
from harness.execution.requests import Request
from harness.execution.runner import run

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000}
SIGNALS = [(signal.SIGKILL, -9), (signal.SIGINT, 130)]  # with the exit code of a call that gets it


@contextmanager
def two_nodes(cache: Path) -> Iterator[Any]:
    """Start a cluster of two nodes of one CPU, on which a step of fake training takes a while.

    Raises Untried where Ray is not installed.
    """
    try:
        from ray.cluster_utils import Cluster
    except ImportError:
        raise Untried("the extra `ray` is not installed") from None
    env = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "FAKE_STEP_S": "0.1",
        "HARNESS_CACHE": str(cache),
        "PYTHONPATH": os.pathsep.join(map(str, [ROOT, ROOT / "tests"])),
    }
    with patch.dict(os.environ, env):
        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        try:
            cluster.add_node(**NODE)
            yield cluster
        finally:
            cluster.shutdown()


def a_node(folder: Path, rounds: int) -> Tries:
    """A node dies once a stack has been trained: the other trains all that it had, and each stack ends whole."""
    planned = folder / fake.planned(folder)
    expected, _ = uninterrupted(folder / "whole", fake_start(planned))
    with two_nodes(folder) as cluster:
        for number in range(rounds):
            home, doomed, events = folder / str(number), cluster.list_all_nodes()[-1], list[Event]()
            results = str(home / "results")
            request = Request(str(planned), results, device="cpu", executor="ray", address=cluster.address)
            result = run(request, partial(_remove_after_a_stack, cluster, doomed, events), fake.FAKES)
            assert result.exit_code == 0
            assert doomed not in cluster.list_all_nodes(), "it never died"
            assert not [event for event in events if isinstance(event, Trained) and not event.whole]
            ends_well(home, expected)
            cluster.add_node(**NODE)
            yield None


def _remove_after_a_stack(cluster: Any, doomed: Any, events: list[Event], event: Event) -> None:
    events.append(event)
    if isinstance(event, Trained) and doomed in cluster.list_all_nodes():
        cluster.remove_node(doomed, allow_graceful=False)


def calls(folder: Path, rounds: int) -> Tries:
    """A call is ended when some of its runs are kept: the same command trains the others, and none of those again."""
    planned = folder / fake.planned(folder)
    expected, _ = uninterrupted(folder / "whole", fake_start(planned))
    with two_nodes(folder) as cluster:
        words = ("run", str(planned), "-o", "results", "--executor", "ray", "--address", cluster.address)
        for number in range(rounds):
            home, (sent, code) = folder / str(number), SIGNALS[number % len(SIGNALS)]
            home.mkdir()
            process = start(home, *words, module="faults.fake")
            results = home / "results/fake"
            assert until(lambda at=results: any(at.glob("runs/*/record.json")) and any(at.glob("claims/*.json")))
            os.kill(process.pid, sent)
            ended(process, code)
            before = {path: path.stat().st_mtime_ns for path in results.glob("runs/*/record.json")}
            assert 0 < len(before) < len(expected)
            ended(start(home, *words, module="faults.fake"), 0)
            ends_well(home, expected)
            assert all(path.stat().st_mtime_ns == time for path, time in before.items()), "a kept run was trained again"
            yield None


FAULTS = [
    Fault("a node of a Ray cluster dies", a_node, 2, 0),
    Fault("kill -9 and SIGINT of a call on Ray", calls, 4, 0),
]
