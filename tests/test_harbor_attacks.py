"""What an agent leaves behind, and what its program does while `test.sh` runs it, to be paid for nothing."""

import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.deadline import Deadline
from runner.errors import ScoringFailed
from runner.process import Account
from scorers.base import Score
from scorers.harbor import Harbor
from tests.attacking import attacks
from tests.judging import submit, write

UID = 30_000 + os.getpid() % 30_000
"""Nobody else's: what runs under a user's name is ended after each of its runs."""
SCRIPT = """sh ./program
if sh "$TESTS_DIR/check.sh"; then echo 1 > "$LOGS_DIR/reward.txt"; else echo 0 > "$LOGS_DIR/reward.txt"; fi
"""
DROPPING = SCRIPT.replace("sh ./program", "setpriv --reuid {uid} --regid {uid} --clear-groups sh ./program")
CHECK = 'test "$(cat answer)" = 42\n'


def judge(attack: dict[str, Any], place: Path) -> Score:
    """Leave behind what the attack says, and let the script decide."""
    place.chmod(0o755)
    script = attack.get("script", DROPPING if attack.get("drops") else SCRIPT).replace("{uid}", str(UID))
    task = write(place / "task", {"test.sh": f"#!/bin/sh\n{script}", "check.sh": CHECK})
    agent = Account("unused", UID, UID, place / "home")
    made = submit(
        place,
        {"answer": "41"},
        lambda workspace: write(workspace, {"program": attack.get("program", "")}),
        tests=task,
        account=agent if attack.get("account") else None,
        env={"PATH": os.environ["PATH"], "HOME": str(place)},
    )
    _leave(attack, place)
    deadline = Deadline.after(attack.get("seconds", 60))
    options = {"tests_path": f"{place}/tests", "logs_path": f"{place}/logs/verifier"}
    options["user"] = attack.get("user", "runner")
    return Harbor(options).score(replace(made, deadline=deadline))


def _leave(attack: dict[str, Any], place: Path) -> None:
    """Let the agent, by its own user where it has one, leave things around."""
    uid = UID if attack.get("account") else None
    if uid:
        os.chown(place, uid, uid)
        os.chown(place / "home", uid, uid)
    subprocess.run(["sh", "-euc", attack.get("left", "")], cwd=place, user=uid, check=True)
    if uid:
        os.chown(place, 0, 0)


@pytest.mark.parametrize("attack", list(attacks("harbor")))
def test_an_attack_earns_no_more_than_honest_work(attack: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if "fails" in attack:
            with pytest.raises(ScoringFailed, match=attack["fails"]):
                judge(attack, Path(folder))
            return
        score = judge(attack, Path(folder))
    assert score.reward == attack["reward"]
    assert attack.get("caught", "") in " ".join(score.tampering)
    if attack.get("disagrees"):
        assert score.details["disagreements"]
