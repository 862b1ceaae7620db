"""What every test stands on."""

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory):
    """Timings go to a folder of the test's own, never into the user's cache, though a test undo its monkeypatch."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(folder))
        yield folder
