"""Suites of a few lines, loaded or refused."""

from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.suite.load import load_suite


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that loads a suite's text from x.yaml in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def from_text(text, **options):
        Path("x.yaml").write_text(text)
        return load_suite("x.yaml", **options)

    return from_text


@pytest.fixture
def mistakes(load):
    """Return a function that gives the sentences with which a suite's text is refused."""

    def of(text, **options):
        with pytest.raises(SuiteError) as error:
            load(text, **options)
        return error.value.problems

    return of
