"""What is done to one part of a combined score, to be paid for in the others."""

from pathlib import Path
from typing import Any

import pytest

from runner.errors import ScoringFailed
from scorers.base import Score
from scorers.combined import Combined
from tests.attacking import attacks
from tests.judging import submit, write

REPORT = """sh ./work.sh > said <<END
0
END
echo '<testsuite><testcase name="a"/><testcase name="canary">'
grep -q 1 said || echo '<failure/>'
echo '</testcase></testsuite>'
"""
PROJECT = {
    "run.sh": "sh ./work.sh",
    "work.sh": "",
    "answer": "wrong\n",
    "bench.sh": "sh ./work.sh",
    "last.sh": "echo score 0",
    "report.sh": REPORT,
}


def judge(attack: dict[str, Any], place: Path) -> Score:
    """Let the agent leave its program behind, and score it by every part."""
    seconds = attack.get("seconds", 60)
    made = submit(place, PROJECT, lambda workspace: write(workspace, attack["files"]), seconds=seconds)
    return Combined({"parts": [{"name": "command", **part} for part in attack["parts"]]}).score(made)


@pytest.mark.parametrize("attack", list(attacks("combined")))
def test_an_attack_on_one_part_is_not_paid_for_in_another(attack: dict[str, Any], tmp_path: Path) -> None:
    if "fails" in attack:
        with pytest.raises(ScoringFailed, match=attack["fails"]):
            judge(attack, tmp_path)
        return
    score = judge(attack, tmp_path)
    assert (score.reward, bool(score.tampering)) == (attack["reward"], attack.get("caught", False))
