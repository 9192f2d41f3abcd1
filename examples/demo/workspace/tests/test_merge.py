import pytest

from intervals import merge


def test_disjoint_intervals_stay_apart():
    assert merge([(5, 6), (1, 2)]) == [(1, 2), (5, 6)]


def test_overlapping_intervals_become_one():
    assert merge([(1, 3), (2, 5)]) == [(1, 5)]


@pytest.mark.parametrize("touching", [[(1, 2), (2, 4)], [(2, 4), (1, 2)]])
def test_touching_intervals_become_one(touching):
    assert merge(touching) == [(1, 4)]
