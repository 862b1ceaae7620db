"""The order of `harness run`'s tasks, by hand and between its bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plan.estimate import makespan


def test_two_workers_by_hand():
    """A: score 0-1, stack b 1-4, stack c 4-8, a's second score 8-9. B: stack a 0-5, b's 5-7, a's first 7-8, c's 8-9."""
    stacks = [(5, [1, 1]), (3, [2]), (4, [1])]
    assert makespan(2, stacks, [1]) == 9
    assert makespan(1, stacks, [1]) == 18
    assert makespan(0, stacks, [1]) == 18  # this process is one


def test_a_worker_waits_for_what_there_is_to_score():
    assert makespan(2, [(5, [1, 1]), (1, [])]) == 6
    assert makespan(8, [(5, [1, 2])]) == 7


def test_where_some_train_the_others_score_meanwhile():
    """A: stack a 0-5, stack b 5-8, two of b's scores 8-10. B: score 0-1, two of a's 5-9. C: a's 5-7, b's 8-9."""
    stacks = [(5, [2, 2, 2]), (3, [1, 1, 1])]
    assert makespan(3, stacks, [1], trainers=1) == 10
    assert makespan(3, stacks, [1], trainers=3) == makespan(3, stacks, [1])
    assert makespan(0, stacks, [1], trainers=1) == makespan(0, stacks, [1])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_nothing_takes_no_time(workers):
    assert makespan(workers, []) == 0


DURATIONS = st.integers(1, 50)


@pytest.mark.slow
@given(st.integers(1, 5), st.lists(st.tuples(DURATIONS, st.lists(DURATIONS, max_size=4)), max_size=12))
def test_the_end_lies_between_its_bounds(workers, stacks):
    whole = sum(train + sum(scores) for train, scores in stacks)
    chain = max((train + max(scores, default=0) for train, scores in stacks), default=0)
    assert max(whole / workers, chain) <= makespan(workers, stacks) <= whole
    assert makespan(1, stacks) == whole
    for trainers in range(1, workers):
        trained = sum(train for train, _ in stacks) / trainers
        assert max(whole / workers, trained, chain) <= makespan(workers, stacks, trainers=trainers) <= whole
