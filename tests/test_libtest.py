"""Libtest's events, between whatever else a process prints."""

import json
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from scorers.libtest import Events, listed, read


def event(**fields: object) -> str:
    # Libtest's own spelling: a space inside the braces, `type` first.
    return "{ " + json.dumps(fields)[1:-1] + " }"


def started(name: str) -> str:
    return event(type="test", event="started", name=name)


def ended(name: str, how: str, **more: object) -> str:
    return event(type="test", name=name, event=how, **more)


WHOLE = [
    event(type="suite", event="started", test_count=3),
    started("a"),
    ended("a", "ok", exec_time=0.5),
    started("b"),
    ended("b", "failed", stdout="why"),
    started("c"),
    ended("c", "ignored", message="slow"),
    event(type="suite", event="failed", passed=1, failed=1),
]


def events_of(folder: Path, *lines: str) -> Events:
    path = folder / "out"
    path.write_text("\n".join(lines), "utf-8")
    return read(path)


def test_each_test_has_its_verdict(tmp_path: Path) -> None:
    found = events_of(tmp_path, *WHOLE)
    assert {name: (v.status, v.message) for name, v in found.verdicts.items()} == {
        "a": ("passed", ""),
        "b": ("failed", "why"),
        "c": ("skipped", "slow"),
    }
    assert found.verdicts["a"].duration_s == 0.5
    assert found.agrees(101)


def test_another_exit_code_is_another_story(tmp_path: Path) -> None:
    assert not events_of(tmp_path, *WHOLE).agrees(0)


def test_a_test_without_a_result_is_unfinished(tmp_path: Path) -> None:
    found = events_of(tmp_path, *WHOLE[:4])
    assert found.unfinished == {"b"}
    assert not found.agrees(0)


def test_a_second_result_fails_the_test(tmp_path: Path) -> None:
    found = events_of(tmp_path, *WHOLE[:5], ended("b", "ok"), *WHOLE[5:])
    assert found.verdicts["b"].raw == "two results"
    assert not found.agrees(101)


def test_a_result_of_a_test_that_never_began_is_none(tmp_path: Path) -> None:
    assert events_of(tmp_path, ended("a", "ok")).verdicts["a"].status == "failed"


def test_a_warning_after_a_minute_is_no_result(tmp_path: Path) -> None:
    assert events_of(tmp_path, started("a"), ended("a", "timeout")).unfinished == {"a"}


def test_half_a_line_before_an_event_does_not_hide_it(tmp_path: Path) -> None:
    assert (
        events_of(tmp_path, started("a"), "half a line" + ended("a", "ok")).verdicts["a"].status == "passed"
    )


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="{"), max_size=40), min_size=8, max_size=8
    )
)
def test_what_a_suite_prints_between_events_changes_nothing(noise: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        mixed = [line for pair in zip(noise, WHOLE, strict=True) for line in pair]
        assert events_of(Path(folder), *mixed).agrees(101)


def test_a_list_tells_what_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "out"
    lines = [event(type="test", event="discovered", name=name, ignore=name == "b") for name in "ab"]
    path.write_text("\n".join(lines))
    assert listed(path) == {"a": False, "b": True}
