"""`harness bench` finds the benchmarks of a clone, and says where to get them elsewhere."""

import pytest

from harness.commands import bench
from harness.errors import HarnessError, UnknownName


def test_a_clone_has_its_benchmarks():
    with pytest.raises(UnknownName, match="engine"):
        bench.bench("engin", print)


def test_without_a_clone_it_says_where_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "CLONE", tmp_path)
    with pytest.raises(HarnessError, match="clone the repository"):
        bench.bench("engine", print)


def test_only_growth_is_drawn(tmp_path):
    with pytest.raises(HarnessError, match="only `bench growth` and"):
        bench.bench("engine", print, str(tmp_path / "x.png"))
    with pytest.raises(HarnessError, match="there is no folder"):
        bench.bench("growth", print, str(tmp_path / "none" / "x.png"))
