"""The measured numbers of README and docs are those of the results that the repository keeps."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PATH = ROOT / "docs" / "measured.py"
PAGES = [
    path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if "<!-- numbers: " in path.read_text()
]


@pytest.fixture(scope="module")
def numbers():
    spec = importlib.util.spec_from_file_location("measured_of_docs", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_with_a_block_is_written(numbers):
    assert numbers.pages() == PAGES
    assert {"README.md", "defaults.md"} <= {page.name for page in PAGES}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_what_the_reference_says(numbers, page):
    assert numbers.filled(page.read_text()) == page.read_text(), f"{page}: run `python docs/measured.py`"


def test_a_block_is_filled_and_the_rest_stays(numbers, monkeypatch):
    monkeypatch.setitem(numbers.WHAT, "name", lambda folder: folder.name)
    page = "before\n<!-- numbers: name robustness -->\n17\n<!-- end -->\nafter\n"
    assert numbers.filled(page) == page.replace("17", "robustness")
    assert numbers.filled(numbers.filled(page)) == numbers.filled(page)
