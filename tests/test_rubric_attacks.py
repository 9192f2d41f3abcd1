"""How a diff speaks to its judge, hides from it or stands in for its answer, and what becomes of that."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.changes import write_changes
from runner.errors import JudgeFailed
from runner.interceptor.replay import Script, Turn, replay
from runner.interceptor.replay.script import Call
from scorers import rubric
from scorers.base import Score
from scorers.rubric import Rubric
from tests.attacking import attacks
from tests.judging import submit, write


@pytest.fixture(autouse=True)
def _canary_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put it where a judge that answers from a script expects it."""
    monkeypatch.setattr(rubric, "place_of_canary", lambda criteria: criteria)


CRITERIA = ["It adds two numbers.", "It has a test."]


def judge(attack: dict[str, Any], place: Path) -> tuple[Score, str]:
    """Return the score, and what the judge was asked."""
    made = submit(place, {"README": ""}, lambda workspace: _carry_out(attack, workspace))
    assert made.snapshot
    diff = write_changes(made.snapshot, made.workspace, place / "agent.diff").text()
    turn, name = _turn(attack), attack.get("model", "gpt-4.1-mini")
    with replay(Script.of([turn, turn])) as model:
        made = replace(made, inference_url=f"{model.base_url}/v1", model=name, diff=diff)
        return Rubric({"criteria": CRITERIA}).score(made), str(
            model.requests[-1].body["messages"][-1]["content"]
        )


def _carry_out(attack: dict[str, Any], workspace: Path) -> None:
    write(workspace, attack["files"])
    write(workspace, {name: "good = 1\n" * (size // 9) for name, size in attack.get("flood", {}).items()})
    write(workspace, {f"f{number:05}.py": "good = 1\n" * 60 for number in range(attack.get("many", 0))})


def _turn(attack: dict[str, Any]) -> Turn:
    text = attack.get("answer") or _answer(attack["verdicts"])
    if "claude" not in attack.get("model", ""):
        return Turn(text=text)
    return Turn(tool_calls=(Call(name="verdict", arguments=json.loads(text)),))


def _answer(scores: list[float]) -> str:
    verdicts = [{"criterion": n, "reason": "", "score": score} for n, score in enumerate(scores, 1)]
    return json.dumps({"verdicts": verdicts})


@pytest.mark.parametrize("attack", list(attacks("rubric")))
def test_an_attack_earns_nothing(attack: dict[str, Any], tmp_path: Path) -> None:
    if "fails" in attack:
        with pytest.raises(JudgeFailed, match=attack["fails"]):
            judge(attack, tmp_path)
        return
    score, question = judge(attack, tmp_path)
    assert (score.reward, bool(score.tampering)) == (0, attack.get("caught", False))
    assert len(question) < 250_000
    mark = next(line for line in question.splitlines() if line.startswith("=== "))
    _, _, _, work, rest = question.split(mark)
    assert all(text in work and text not in rest for text in attack.get("inside", []))
    assert all(text in work for text in attack.get("says", []))
    assert not any(text in question for text in attack.get("never", []))
