from pathlib import Path
from typing import Any

import pytest

from runner.errors import PluginNotFound, ScorerUnavailable, ScoringFailed, TaskInvalid
from scorers.base import Score
from scorers.combined import Combined
from tests.submissions import submission

MINE = """
from scorers.base import Check, Score, Scorer

class Mine(Scorer):
    name = "mine"
    def score(self, submission):
        (submission.scratch / "seen").write_text("")
        assert submission.deadline.remaining > 0
        return Score(**{"checks": (Check(id="a", status="passed"),), **self.options})
"""


def scored(place: Path, *parts: dict[str, Any]) -> Score:
    (place / "mine.py").write_text(MINE)
    named = [{"name": str(place / "mine.py"), **part} for part in parts]
    return Combined({"parts": named}).score(submission(place))


def test_the_reward_is_the_weighted_mean(tmp_path: Path) -> None:
    score = scored(tmp_path, {"weight": 0.7, "reward": 1.0}, {"weight": 0.3, "reward": 0.5})
    assert score.reward == pytest.approx(0.85)
    assert [part["reward"] for part in score.details["parts"]] == [1.0, 0.5]


def test_weights_need_not_add_up_to_one(tmp_path: Path) -> None:
    assert scored(tmp_path, {"weight": 3, "reward": 1.0}, {"reward": 0.0}).reward == 0.75


def test_checks_say_whose_they_are(tmp_path: Path) -> None:
    first, second = (check.id for check in scored(tmp_path, {"reward": 1.0}, {"reward": 1.0}).checks)
    assert first.endswith("mine.py: a")
    assert second.endswith("mine.py-2: a")


def test_tampering_seen_by_one_part_makes_all_nothing(tmp_path: Path) -> None:
    score = scored(tmp_path, {"reward": 1.0}, {"reward": 1.0, "tampering": ("a canary passed",)})
    assert (score.reward, score.tampering) == (0.0, ("a canary passed",))


def test_compiled_and_resolved_hold_where_every_part_that_says_so_agrees(tmp_path: Path) -> None:
    parts = ({"reward": 1.0, "resolved": True}, {"reward": 1.0}, {"reward": 1.0, "resolved": False})
    score = scored(tmp_path, *parts)
    assert (score.resolved, score.compiled) == (False, None)


def test_changes_to_protected_paths_are_joined(tmp_path: Path) -> None:
    one, two = {"protected_changes": ("b", "a")}, {"protected_changes": ("b",)}
    assert scored(tmp_path, {"reward": 1.0, **one}, {"reward": 1.0, **two}).protected_changes == ("a", "b")


def test_a_part_without_a_verdict_leaves_the_whole_without_one(tmp_path: Path) -> None:
    parts = [
        {"name": "command", "command": ["true"], "trust": "plain"},
        {"name": "command", "command": ["true"], "pattern": "(1)", "trust": "plain"},
    ]
    with pytest.raises(ScoringFailed, match="printed no fraction"):
        Combined({"parts": parts}).score(submission(tmp_path))


def test_a_part_that_does_not_exist_fails_before_any_is_run(tmp_path: Path) -> None:
    parts = [{"name": "command", "command": ["touch", str(tmp_path / "ran")]}, {"name": "pyttest"}]
    with pytest.raises(PluginNotFound, match="did you mean pytest"):
        Combined({"parts": parts}).score(submission(tmp_path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "has no parts"),
        ([{}], "1 has no name"),
        ([{"name": "command", "weight": 0}], "command: weight is 0"),
        ([{"name": "command", "weight": "1"}], "command: weight is '1'"),
        ([{"name": "command", "weight": float("nan")}], "command: weight is nan"),
    ],
)
def test_wrong_parts_are_named(tmp_path: Path, parts: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(TaskInvalid, match=message):
        Combined({"parts": parts}).score(submission(tmp_path))


def test_the_doctor_hears_of_every_part(tmp_path: Path) -> None:
    parts = [{"name": "command", "command": ["sh"]}, {"name": "junit", "command": ["./run"]}]
    assert Combined({"parts": parts}).tool(tmp_path, {"PATH": "/bin"}) == "/bin/sh, ./run"
    assert Combined({}).tool(tmp_path, {}) == ""
    missing = Combined({"parts": [{"name": "command", "command": ["no-such-tool"]}]})
    with pytest.raises(ScorerUnavailable, match="there is no no-such-tool on the PATH"):
        missing.tool(tmp_path, {"PATH": "/bin"})


def test_a_part_that_runs_in_the_workspace_itself_belongs_at_the_end() -> None:
    strict, plain = {"name": "command", "command": ["true"]}, {"name": "harbor"}
    judged = {"name": "rubric", "criteria": ["a"], "model": "m"}
    assert Combined({"parts": [plain, strict]}).check() == [
        "[[scorer]] harbor runs in the workspace itself: put it after command"
    ]
    for parts in ([strict, plain], [plain, judged], [{**strict, "trust": "plain"}, plain]):
        assert Combined({"parts": parts}).check() == []
