"""Whatever an agent leaves behind, it earns no more than its honest work: here, none."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from scorers.base import Score
from scorers.pytest import Pytest
from tests.attacking import attacks
from tests.judging import ENV, PROJECTS, submit, write

PROJECT = PROJECTS / "sums"
HONEST = 3 / 8
EXPECTED = [
    f"tests/test_sums.py::{name}"
    for name in (
        "test_add",
        "test_mean",
        "test_mean_of_fixture",
        "test_largest[given0-1]",
        "test_largest[given1-9]",
        "test_largest[given2-5]",
        "TestDescribe::test_count",
        "TestDescribe::test_mean",
    )
]


def carry_out(attack: dict[str, Any], workspace: Path) -> None:
    """Leave behind what the attack says."""
    for name in attack.get("remove", []):
        path = workspace / name
        path.unlink() if path.is_file() else _remove(path)
    honest = (PROJECT / "sums.py").read_text(encoding="utf-8")
    write(workspace, {name: text.replace("{sums}", honest) for name, text in attack.get("files", {}).items()})
    write(workspace.parent, attack.get("above", {}))
    for name, target in attack.get("links", {}).items():
        (workspace / name).symlink_to(target)
    for name, text in attack.get("compile", {}).items():
        _compile(workspace / name, text)
    for program in workspace.glob(".venv/bin/*"):
        program.chmod(0o755)


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def _compile(source: Path, text: str) -> None:
    loader = importlib.util.spec_from_loader("forged", loader=None)
    assert loader
    code = compile(text, str(source), "exec")
    data = importlib._bootstrap_external._code_to_hash_pyc(code, b"\0" * 8, checked=False)  # type: ignore[attr-defined] # noqa: SLF001
    for tag in (sys.implementation.cache_tag, f"{sys.implementation.cache_tag}-pytest-{pytest.__version__}"):
        compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
        compiled.parent.mkdir(exist_ok=True)
        compiled.write_bytes(data)


def judge(attack: dict[str, Any], folder: Path) -> Score:
    env = {
        name: value.replace("{above}", str(folder / "home")) for name, value in attack.get("env", {}).items()
    }
    submission = submit(folder, PROJECT, lambda workspace: carry_out(attack, workspace), env={**ENV, **env})
    return Pytest({"expected": EXPECTED, **attack.get("options", {})}).score(submission)


@pytest.mark.parametrize("attack", list(attacks("pytest")))
def test_an_attack_earns_no_more_than_honest_work(attack: dict[str, Any], tmp_path: Path) -> None:
    score = judge(attack, tmp_path)
    assert score.reward <= attack.get("reward", HONEST)
    assert not score.resolved or attack.get("reward") == 1
    assert bool(score.tampering) == attack.get("caught", False)
