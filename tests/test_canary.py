"""A canary is none of the task's tests, and reads like one."""

from hypothesis import given
from hypothesis import strategies as st

from scorers.base import Check
from scorers.canary import Canaries, canary_name, canary_values

_names = st.lists(st.from_regex(r"test_[a-z]{1,6}(_[a-z]{1,6}){0,3}", fullmatch=True), max_size=20)


@given(_names)
def test_a_name_is_new_and_an_identifier(names: list[str]) -> None:
    name = canary_name(names)
    assert name not in names
    assert name.isidentifier()
    assert name.startswith("test_")


def test_values_differ() -> None:
    assert all(first != second for first, second in (canary_values() for _ in range(1000)))


def test_one_that_passes_or_is_gone_is_told_by_its_place_alone() -> None:
    canaries = Canaries({"a.py::test_x": "a.py", "b.py::test_y": "b.py"})
    seen = {
        "a.py::test_x": Check(id="a.py::test_x", status="passed"),
        "b.py::test_1": Check(id="b.py::test_1", status="passed"),
    }
    assert canaries.caught(seen) == ("a test that must fail passed in a.py",)
    assert canaries.vanished(seen, ()) == ("a test that must fail was removed from b.py",)
    assert canaries.vanished(seen, {"b.py::test_y"}) == ()
    assert list(canaries.without(seen)) == ["b.py::test_1"]


def test_one_that_gets_the_parameters_of_all_tests_is_still_one() -> None:
    canaries = Canaries({"a.py::test_x": "a.py", "b.py::test_y": "b.py"})
    checks = [
        Check(id="a.py::test_x[native]", status="failed"),
        Check(id="b.py::test_y[native]", status="passed"),
    ]
    seen = {check.id: check for check in (*checks, Check(id="a.py::test_1[native]", status="passed"))}
    assert canaries.vanished(seen, ()) == ()
    assert canaries.caught(seen) == ("a test that must fail passed in b.py",)
    assert list(canaries.without(seen)) == ["a.py::test_1[native]"]
