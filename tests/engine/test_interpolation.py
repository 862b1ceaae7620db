"""Spherical interpolation of latents: along great circles, ends included."""

import numpy as np
import pytest
import torch
from scipy.spatial import geometric_slerp

from harness.engine.sampling import slerp

SHARES = [0.0, 0.1, 0.5, 0.75, 1.0]


def vectors(*shape):
    return torch.randn(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_unit_vectors_follow_the_great_circle():
    start, end = torch.nn.functional.normalize(vectors(6), dim=-1)
    ours = torch.stack([slerp(start, end, at) for at in SHARES])
    np.testing.assert_allclose(ours, geometric_slerp(start.numpy(), end.numpy(), SHARES), atol=1e-12)


def test_ends_are_the_latents_themselves():
    start, end = vectors(3, 5, 7).float()
    assert torch.equal(slerp(start, end, 0.0), start)
    assert torch.equal(slerp(start, end, 1.0), end)


def test_vectors_of_one_length_keep_it_where_a_straight_line_would_not():
    start, end = 3 * torch.nn.functional.normalize(vectors(50, 8), dim=-1)
    for at in SHARES:
        torch.testing.assert_close(slerp(start, end, at).norm(dim=-1), torch.full((50,), 3.0, dtype=torch.float64))
    assert (torch.lerp(start, end, 0.5).norm(dim=-1) < 2.99).all()


def test_no_point_is_shorter_than_both_ends_of_an_acute_angle():
    start, end = vectors(200, 64)
    middle, ends = slerp(start, end, 0.5).norm(dim=-1), torch.stack([start, end]).norm(dim=-1)
    acute = (start * end).sum(-1) > 0
    assert (middle >= ends.min(0).values)[acute].all()


@pytest.mark.parametrize("factor", [1.0, 2.5, -1.0])
def test_parallel_vectors_go_straight(factor):
    start = torch.tensor([0.6, -0.8, 2.0])
    torch.testing.assert_close(slerp(start, factor * start, 0.25), start * (0.75 + 0.25 * factor))
