"""The faults themselves, a few rounds of most: what `make faults` tries at length."""

import pytest

from faults.__main__ import FAULTS
from faults.commands import end_all
from faults.cost import FAULTS as COSTS
from faults.disk import wrong_files
from faults.kills import a_worker, fake_kills, parent_alone
from faults.table import Untried

# Of whole calls that die, tests/store/test_killed.py, tests/execution/test_workers.py and test_scheduler.py have the
# parts; every kind of wrong file has its test in tests/store/test_wrong_files.py.
LEFT_OUT = (fake_kills, parent_alone, a_worker, wrong_files)
SHORT = [fault for fault in FAULTS if fault.few and fault not in COSTS and fault.tries not in LEFT_OUT]
CASES = [pytest.param(fault, id=fault.name, marks=[pytest.mark.slow] if fault.slow else []) for fault in SHORT]


@pytest.mark.slow
@pytest.mark.parametrize("fault", CASES)
def test_it_is_survived(fault, tmp_path):
    try:
        assert list(fault.tries(tmp_path, fault.few))
    except Untried as reason:
        pytest.skip(str(reason))
    finally:
        end_all()
