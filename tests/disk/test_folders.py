"""Where the user's folders are, by the environment."""

from pathlib import Path

import pytest

from harness.disk.folders import cache_folder, data_folder


@pytest.mark.parametrize(("folder", "own"), [(cache_folder, "HARNESS_CACHE"), (data_folder, "HARNESS_DATA")])
def test_the_harness_own_variable_wins_over_the_shared_one_and_that_over_home(folder, own, monkeypatch):
    monkeypatch.setenv(own, "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    monkeypatch.setenv("HOME", "/c")
    assert folder() == Path("/a")
    monkeypatch.delenv(own)
    assert folder() == Path("/b/gan-harness")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert folder() == Path("/c/.cache/gan-harness")
