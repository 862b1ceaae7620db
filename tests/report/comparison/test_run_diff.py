"""Settings that differ: nothing that makes another run of a run is left unsaid."""

import copy
import math
from dataclasses import replace

import pandas as pd
import pytest

from harness.report.analysis import primary, tables
from harness.report.comparison.pairs import Side, pair
from harness.report.comparison.run_diff import Change, changed_settings
from harness.spec import content_id
from harness.store import Store


def leaves(value, path=()):
    """Yield the path of every number, word and list in nested mappings."""
    for key, part in value.items():
        if isinstance(part, dict):
            yield from leaves(part, (*path, key))
        else:
            yield (*path, key)


def changed(spec, path):
    """The same run with one leaf changed."""
    made = copy.deepcopy(spec)
    place = made
    for key in path[:-1]:
        place = place[key]
    old = place[path[-1]]
    more = math.nextafter(old, math.inf) if isinstance(old, float) else None
    place[path[-1]] = more or (old + 1 if type(old) is int else "another")
    return made


@pytest.mark.slow
def test_every_leaf_of_a_run_that_changes_is_told_to_the_last_bit(trained):
    store = Store(trained / "results" / "small")
    table = tables.runs_of(store)[0]
    rows = table[(table["objective"] == "averaged") & (table["architecture"] == "mlp")].reset_index(drop=True)
    spec = store.plan.specs[rows["run_id"][0]]
    metrics = primary.metrics_of(store.plan, table)
    assert len(rows) == 1
    paths = list(leaves({"setup": spec["setup"], "hyper": spec["hyper"]}))
    assert len(paths) > 20
    others = {content_id(other): other for other in (changed(spec, path) for path in paths)}
    names = [".".join(path) for path in paths]  # a pair of runs for each, which bears its name as an objective
    table = pd.concat([rows] * len(paths), ignore_index=True).assign(objective=names)
    a = Side("a", store.plan, table, metrics)
    b = Side("b", replace(store.plan, specs=others), table.assign(run_id=list(others)), metrics)
    changes = changed_settings(a, b, pair(a, b))
    assert {name for change in changes for name in change.objectives} == set(names)
    assert all(change.a != change.b and change.pairs == len(change.objectives) for change in changes)


@pytest.mark.slow
def test_runs_of_equal_id_have_no_changed_setting(trained):
    store = Store(trained / "results" / "small")
    table = tables.runs_of(store)[0]
    a, b = (Side(name, store.plan, table, primary.metrics_of(store.plan, table)) for name in "ab")
    assert changed_settings(a, b, pair(a, b)) == []


@pytest.mark.slow
def test_each_change_is_counted_once_with_the_objectives_that_it_concerns(trained):
    store = Store(trained / "results" / "small")
    table = tables.runs_of(store)[0]
    metrics, specs, renamed = primary.metrics_of(store.plan, table), {}, {}
    for run_id, objective in zip(table["run_id"], table["objective"], strict=True):
        spec = copy.deepcopy(store.plan.specs[run_id])
        spec["setup"]["train"]["batch"] = 16
        spec["setup"]["train"]["n_critic"] = 9 if objective == "averaged" else spec["setup"]["train"]["n_critic"]
        renamed[run_id] = content_id(spec)
        specs[renamed[run_id]] = spec
    b = Side("b", replace(store.plan, specs=specs), table.assign(run_id=table["run_id"].map(renamed)), metrics)
    a = Side("a", store.plan, table, metrics)
    told = {change.setting: change for change in changed_settings(a, b, pair(a, b))}
    assert set(told) == {"setup.batch", "setup.n_critic"}
    assert told["setup.batch"] == Change("setup.batch", "8", "16", 5)
    assert (told["setup.n_critic"].pairs, told["setup.n_critic"].objectives) == (2, ("averaged",))
