"""The faults themselves, a few rounds of each: what `make faults` tries at length."""

import pytest

from faults.__main__ import FAULTS
from faults.commands import end_all
from faults.cost import FAULTS as COSTS
from faults.table import Untried

CASES = [pytest.param(f, id=f.name, marks=[pytest.mark.slow] if f.slow else []) for f in FAULTS if f not in COSTS]


@pytest.mark.parametrize("fault", CASES)
def test_it_is_survived(fault, tmp_path):
    try:
        assert list(fault.tries(tmp_path, fault.few))
    except Untried as reason:
        pytest.skip(str(reason))
    finally:
        end_all()
