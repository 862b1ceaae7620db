"""Elementwise functions whose bits do not depend on where in a tensor a number stands."""

import pytest
import torch
from torch.nn import functional as F

from harness.lanes import LANES, lanewise, whole_lanes


@pytest.mark.parametrize("k", [1, 7, 32, 33, 64])
def test_whole_lanes_pads_with_zeros_and_leaves_whole_ones_alone(k):
    x = torch.rand(3, k) + 1
    padded = whole_lanes(x)
    assert padded.shape[-1] % LANES == 0
    assert torch.equal(padded[:, :k], x)
    assert not padded[:, k:].any()
    assert (padded is x) == (k % LANES == 0)


@pytest.mark.parametrize("function", [torch.tanh, torch.sigmoid, F.softplus, F.elu])
def test_lanewise_gives_a_row_the_same_bits_wherever_it_stands(function):
    row = torch.randn(13, generator=torch.Generator().manual_seed(0)) * 3
    alone = lanewise(function, row[None])[0]
    for rows in range(2, 20):
        stacked = lanewise(function, row.expand(rows, 13).contiguous())
        assert all(torch.equal(alone, other) for other in stacked)
    torch.testing.assert_close(alone, function(row))
