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
def problems(load):
    """Return a function that gives the problems for which a suite's text is refused."""

    def of(text, **options):
        with pytest.raises(SuiteError) as error:
            load(text, **options)
        return error.value.problems

    return of


@pytest.fixture
def mistakes(problems):
    """Return a function that gives the same as sentences."""
    return lambda text, **options: [str(problem) for problem in problems(text, **options)]


@pytest.fixture
def check(problems):
    """Return a function that checks that one of the mistakes of a text has a line, a key, a code and a word in it."""

    def of(text, line, key, code, word):
        found = problems(text)
        facts = [(p.place, next((k for k in reversed(p.path) if isinstance(k, str)), ""), p.code) for p in found]
        place = f"x.yaml:{line}" if line else "x.yaml"
        assert (place, key, code) in facts, facts
        assert word in str(found[facts.index((place, key, code))])
        assert all(str(p).startswith("x.yaml") and str(p).endswith((".", "?")) for p in found)
        return found

    return of
