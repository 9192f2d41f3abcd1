"""What an agent may leave behind to earn reward without work: none of it earns more than honest idleness."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from scorers.base import Score
from scorers.cargo import Cargo
from tests.judging import PROJECTS, write
from tests.rust import rust_submission

ATTACKS = sorted((Path(__file__).parent / "attacks" / "cargo").glob("*.toml"))
HONEST = 2 / 5
"""What the untouched project earns: two of its five tests pass."""


def attacked(place: Path, attack: dict[str, object]) -> Score:
    project, editable = str(attack.get("project", "rust_sums")), attack.get("editable", ())
    made = rust_submission(place, PROJECTS / project, editable=editable)
    write(made.workspace, attack.get("files", {}))  # type: ignore[arg-type]
    if script := attack.get("script"):
        env = {**made.env, "PLACE": str(place)}
        subprocess.run(["bash", "-euc", str(script)], cwd=made.workspace, env=env, check=True)
    return Cargo(attack.get("scorer", {})).score(made)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.stem)
def test_an_attack_earns_no_more_than_honest_idleness(tmp_path: Path, path: Path) -> None:
    attack = tomllib.loads(path.read_text("utf-8"))
    score = attacked(tmp_path, attack)
    assert score.reward <= attack.get("honest", HONEST) + 1e-9, score.checks
    if attack.get("tampering"):
        assert score.tampering
        assert score.reward == 0
    assert score.total == attack.get("total", 5)
