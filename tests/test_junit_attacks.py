"""Whatever an agent leaves behind, the report of `node --test` earns it no more than its honest work."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from runner.process import Account
from scorers.base import Score
from scorers.junit import Junit
from tests.attacking import attacks
from tests.judging import ENV, PROJECTS, submit, write

NODE = ["node", "--test", "--test-reporter=junit"]
UID = 30_000 + os.getpid() % 30_000
"""Nobody else's: what runs under a user's name is ended after each of its runs."""
AGENT = Account("unused", UID, UID, Path("/nonexistent"))
HONEST = 1 / 3
CANARY = """import assert from 'node:assert';
import test from 'node:test';
import { sum } from '../lib/sum.js';
test('adds it all', () => assert.strictEqual(typeof sum, 'number'));
"""
MUTANT = {
    "file": "test/sum.test.js",
    "text": "sum(1, 2), 3",
    "becomes": "sum(1, 2), {number}",
    "fails": ["adds two"],
}


def judge(attack: dict[str, Any], place: Path) -> Score:
    """Let the agent leave behind what the attack says, and score it."""
    place.chmod(0o755)
    project = write(shutil.copytree(PROJECTS / "node_sum", place / "project"), attack.get("project", {}))
    _make_executable(project, attack)
    guarded = attack["kind"] == "framework" or attack.get("guarded", False)
    hidden = {"canary.test.js": CANARY} if guarded else attack.get("hidden", {})
    options: dict[str, Any] = {"command": attack.get("command", NODE), **attack.get("options", {})}
    if guarded:
        options |= {"canaries": ["adds it all"], "overlay": {"canary.test.js": "test/canary.test.js"}}
        options |= {"mutants": [MUTANT]}
    path = ":".join([*(f"{place}/{each}" for each in attack.get("path", [])), ENV["PATH"]])
    made = submit(
        place,
        project,
        lambda workspace: _carry_out(attack, workspace),
        tests=write(place / "hidden", hidden) if hidden else None,
        account=AGENT if attack.get("account") else None,
        env={**ENV, "PATH": path},
    )
    return Junit(options).score(made)


def _carry_out(attack: dict[str, Any], workspace: Path) -> None:
    write(workspace, attack.get("files", {}))
    _make_executable(workspace, attack)
    if attack.get("account"):
        for path in (workspace.parent, *workspace.parent.rglob("*")):
            os.chown(path, AGENT.uid, AGENT.gid)


def _make_executable(folder: Path, attack: dict[str, Any]) -> None:
    for name in attack.get("executable", []):
        if (folder / name).exists():
            (folder / name).chmod(0o755)


@pytest.mark.parametrize("attack", list(attacks("junit")))
def test_an_attack_earns_no_more_than_honest_work(attack: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to other users
        score = judge(attack, Path(place))
    assert score.reward <= attack.get("reward", HONEST) + 1e-9, score.checks
    assert score.reward == pytest.approx(attack.get("reward", score.reward))
    assert bool(score.resolved) == attack.get("resolved", False)
    assert bool(score.tampering) == attack.get("caught", False)
