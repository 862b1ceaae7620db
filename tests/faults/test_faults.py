"""The faults themselves, a few rounds of each: what `make faults` tries at length."""

import pytest

from faults.__main__ import FAULTS
from faults.commands import end_all
from faults.cost import FAULTS as COSTS
from faults.table import Untried

SHORT = [fault for fault in FAULTS if fault.few and fault not in COSTS]
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
