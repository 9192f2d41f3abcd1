import pytest


@pytest.fixture
def values():
    return [3, 1, 2]
