from intervals import merge


def test_an_interval_inside_another_does_not_shorten_it():
    assert merge([(1, 10), (2, 3)]) == [(1, 10)]
