"""What the code under test does to have the last word, where a command's word is the reward."""

from pathlib import Path
from typing import Any

import pytest

from scorers.base import Score
from scorers.command import CommandScorer
from tests.attacking import attacks
from tests.judging import ENV, submit, write

BENCH = """right=0
for n in 1 2 3; do
  if [ "$(sh ./solve.sh $n)" = 1 ]; then right=$((right + 1)); fi
done
echo "$right of 3"
"""
HONEST = 1 / 3


def judge(attack: dict[str, Any], place: Path) -> Score:
    """Let the agent leave its program behind, and take the bench's word on it."""
    env = {
        name: text.format(workspace=place / "home/workspace") for name, text in attack.get("env", {}).items()
    }
    files = {"solve.sh": attack.get("solve", 'echo "$1"'), **attack.get("files", {})}
    project = {"bench.sh": attack.get("bench", BENCH), "solve.sh": ""}
    made = submit(place, project, lambda workspace: write(workspace, files), env={**ENV, **env})
    options = {"command": ["sh", "bench.sh"], "pattern": r"(\d+) of (\d+)"}
    return CommandScorer(options).score(made)


@pytest.mark.parametrize("attack", list(attacks("command")))
def test_an_attack_earns_no_more_than_honest_work(attack: dict[str, Any], tmp_path: Path) -> None:
    score = judge(attack, tmp_path)
    assert score.reward == pytest.approx(attack.get("reward", HONEST))
