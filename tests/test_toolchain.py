"""Which cargo scores."""

import os
import time
from pathlib import Path

import pytest

from runner.errors import ScorerUnavailable
from scorers.toolchain import find_toolchain
from tests.rust import rust_submission


def fake(folder: Path, name: str, body: str) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_rustups_proxy_is_not_the_one_that_runs(tmp_path: Path) -> None:
    made = rust_submission(tmp_path, {"README": ""})
    toolchain = find_toolchain(made.workspace, made.env)
    assert toolchain.cargo.name == "cargo"
    assert ".cargo/bin" not in str(toolchain.cargo)
    assert toolchain.version.startswith("cargo 1.")
    assert "lib" in toolchain.library_path


def test_without_rustup_the_path_decides(tmp_path: Path) -> None:
    env = fake(tmp_path / "bin", "cargo", "echo 'cargo 1.82.0 (8f40fc59f 2024-08-21)'")
    assert find_toolchain(tmp_path, env).cargo == tmp_path / "bin" / "cargo"


def test_a_cargo_that_is_too_old_says_so(tmp_path: Path) -> None:
    env = fake(tmp_path / "bin", "cargo", "echo 'cargo 1.70.0 (ec8a8a0ca 2023-04-25)'")
    with pytest.raises(ScorerUnavailable, match="too old"):
        find_toolchain(tmp_path, env)


def test_a_cargo_that_does_not_work_says_so(tmp_path: Path) -> None:
    env = fake(tmp_path / "bin", "cargo", "echo broken >&2; exit 3")
    with pytest.raises(ScorerUnavailable, match="broken"):
        find_toolchain(tmp_path, env)


def test_a_toolchain_that_is_not_installed_says_so(tmp_path: Path) -> None:
    env = fake(tmp_path / "bin", "rustup", "echo 'toolchain 1.0 is not installed' >&2; exit 1")
    with pytest.raises(ScorerUnavailable, match=r"toolchain 1\.0 is not installed"):
        find_toolchain(tmp_path, env)


def test_a_program_that_was_replaced_is_told(tmp_path: Path) -> None:
    env = fake(tmp_path / "bin", "cargo", "echo 'cargo 1.82.0 (8f40fc59f 2024-08-21)'")
    moment = time.time_ns() + 10**9
    toolchain = find_toolchain(tmp_path, env)
    assert toolchain.changed_since(moment) == ()
    os.utime(toolchain.cargo, (0, 0))
    assert toolchain.changed_since(moment - 10**12) == (str(toolchain.cargo),)
