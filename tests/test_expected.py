"""The denominator is the task's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import TaskInvalid
from scorers.base import Check, ratio
from scorers.expected import Expected, clip, expected_of, resolved, verdicts

_statuses = st.sampled_from(["passed", "failed", "skipped"])
_seen = st.dictionaries(st.text(max_size=3), _statuses, max_size=8)


def _checks(seen: dict[str, str]) -> dict[str, Check]:
    return {id_: Check.model_validate({"id": id_, "status": status}) for id_, status in seen.items()}


def test_swe_bench_groups_are_expected_ids_also_as_json_text() -> None:
    expected = expected_of({"fail_to_pass": '["a", "b"]', "PASS_TO_PASS": ["c", "a"]})
    assert expected is not None
    assert expected.ids == ("a", "b", "c")
    checks = verdicts(expected, _checks({"a": "passed", "b": "failed", "c": "passed"}))
    groups = {"fail_to_pass": {"passed": 1, "total": 2}, "pass_to_pass": {"passed": 2, "total": 2}}
    assert expected.summary(checks) == groups


@pytest.mark.parametrize("value", ["not json", 3, [1], {"a": 1}])
def test_what_is_no_list_of_ids_is_refused_by_name(value: object) -> None:
    with pytest.raises(TaskInvalid, match="fail_to_pass"):
        expected_of({"fail_to_pass": value})


def test_nothing_named_is_nothing_expected() -> None:
    assert expected_of({"trust": "plain"}) is None


@given(st.lists(st.text(max_size=3), min_size=1, unique=True), _seen)
def test_only_expected_ids_count_and_each_counts_once(ids: list[str], seen: dict[str, str]) -> None:
    checks = verdicts(Expected(tuple(ids)), _checks(seen))
    assert [check.id for check in checks] == ids
    assert all(check.status != "skipped" for check in checks)
    assert ratio(checks) == sum(seen.get(id_) == "passed" for id_ in ids) / len(ids)
    assert resolved(checks) == all(seen.get(id_) == "passed" for id_ in ids)


def test_a_skip_is_excused_only_where_the_project_skips_too() -> None:
    seen = _checks({"a": "skipped", "b": "skipped", "c": "passed"})
    checks = verdicts(Expected(("a", "b", "c")), seen, excused={"a"})
    assert [check.status for check in checks] == ["skipped", "failed", "passed"]
    assert checks[1].raw == "skipped"


def test_all_skipped_is_not_resolved() -> None:
    assert not resolved([Check(id="a", status="skipped")])


@given(st.text(), st.integers(0, 40), st.integers(1, 40))
def test_a_clipped_text_keeps_head_and_tail(text: str, head: int, tail: int) -> None:
    clipped = clip(text, head, tail)
    assert clipped.startswith(text[:head])
    assert clipped.endswith(text[-tail:])
