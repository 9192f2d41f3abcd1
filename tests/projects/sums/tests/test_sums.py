import pytest

from sums import add, describe, largest, mean


def test_add():
    assert add(1, 2) == 3


def test_mean():
    assert mean([1, 2, 3]) == 2


def test_mean_of_fixture(values):
    assert mean(values) == 2


@pytest.mark.odd
@pytest.mark.parametrize("given, expected", [([1], 1), ([3, 9], 9), ([5, 2, 4], 5)])
def test_largest(given, expected):
    assert largest(given) == expected


class TestDescribe:
    def test_count(self, values):
        assert describe(values)["count"] == 3

    def test_mean(self, values):
        assert describe(values)["mean"] == 2
