"""llms.txt is what its script writes, and every suite in it is planned as it stands."""

import importlib.util
import re
from pathlib import Path

import pytest

from harness.suite.expand import expand
from harness.suite.load import load_suite

ROOT = Path(__file__).parents[1]
SUITES = re.findall(r"```yaml\n(.*?)```", (ROOT / "llms.txt").read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def llms():
    spec = importlib.util.spec_from_file_location("llms_of_docs", ROOT / "docs" / "llms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_it_is_current(llms):
    assert llms.write() == (ROOT / "llms.txt").read_text(encoding="utf-8"), "run `python docs/llms.py`"


@pytest.mark.parametrize("text", SUITES, ids=lambda text: re.search(r"name: (\S+)", text)[1])
def test_its_suites_are_planned(tmp_path, text):
    (tmp_path / "suite.yaml").write_text(text)
    assert len(expand(load_suite(str(tmp_path / "suite.yaml"))).runs) > 1


def test_it_has_every_suite_of_its_script(llms):
    assert list(llms.SUITES.values()) == SUITES
