import json
import math
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from runner.atomic import overwrite, replace
from runner.claim import claim
from runner.errors import Interrupted, ResultUnwritable, SandboxFailed
from runner.report import Report
from scorers.base import Check


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_a_valid_result_lies_there_from_the_first_moment(tmp_path: Path) -> None:
    Report(claim(tmp_path / "result.json"))
    result = read(tmp_path / "result.json")
    assert result["success"] is False
    assert result["failure"]["kind"] == "Unfinished"
    assert result["failure"]["retryable"] is True
    assert result["metrics"]["reward_mean"] == 0.0


def test_a_rollout_killed_while_the_agent_works_says_so(tmp_path: Path) -> None:
    report = Report(claim(tmp_path / "result.json"))
    with report.timed("agent"):
        result = read(tmp_path / "result.json")
    assert result["phase"] == "agent"
    assert "killed in its stage 'agent'" in result["error"]


def test_the_three_spellings_of_the_reward_are_equal(tmp_path: Path) -> None:
    report = Report(claim(tmp_path / "result.json"))
    report.finish(reward=0.75, success=True, details={"passed": 3})
    result = read(tmp_path / "result.json")
    assert result["metrics"]["reward_mean"] == 0.75
    assert result["metrics"]["outcome_reward"] == 0.75
    assert result["reward_info"]["outcome_reward"] == 0.75
    assert result["metrics"]["details"] == result["reward_info"]["details"] == {"passed": 3}


def test_a_failure_names_its_phase_and_cause_and_leaves_no_reward(tmp_path: Path) -> None:
    report = Report(claim(tmp_path / "result.json"))
    with report.timed("scoring"):
        report.fail(SandboxFailed("out of memory", hint="give the sandbox more"))
    result = read(tmp_path / "result.json")
    assert result["failure"] == {
        "kind": "SandboxFailed",
        "phase": "scoring",
        "cause": "sandbox",
        "retryable": True,
        "message": "out of memory (give the sandbox more)",
    }
    assert result["error"] == result["status_detail"] == "out of memory (give the sandbox more)"
    assert result["success"] is False


def test_an_interruption_exits_as_the_shell_expects() -> None:
    assert Interrupted(15).exit_code == 143
    assert Interrupted(2).exit_code == 130


def test_a_reader_never_sees_half_a_result(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    replace(path, b'{"n": 0}')
    seen: set[str] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(300):
        replace(path, json.dumps({"n": number, "pad": "x" * 50_000}).encode())
    stop.set()
    reader.join()
    assert all(json.loads(text) for text in seen)


def test_what_lay_in_the_folder_beforehand_is_gone(tmp_path: Path) -> None:
    planted = tmp_path / "result.json.d"
    planted.mkdir()
    (planted / "ctrf.json").write_text("planted")
    Report(claim(tmp_path / "result.json"))
    assert list(planted.iterdir()) == []


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "keep").write_text("")
    (tmp_path / "result.json.d").symlink_to(precious)
    Report(claim(tmp_path / "result.json"))
    assert (precious / "keep").exists()


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultUnwritable, match=r"file/result\.json.*(exists|directory).*--output"):
        Report(claim(tmp_path / "file" / "result.json"))


def test_secrets_never_reach_the_result(tmp_path: Path) -> None:
    report = Report(claim(tmp_path / "result.json"), secrets=("sk-very-secret",))
    report.fail(SandboxFailed("401 for key sk-very-secret"))
    text = (tmp_path / "result.json").read_text()
    assert "sk-very-secret" not in text
    assert "401 for key [key]" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_result_that_is_a_mount_point_is_written_in_place(tmp_path: Path) -> None:
    inside, outside = tmp_path / "result.json", tmp_path / "outside"
    inside.touch()
    outside.touch()
    if subprocess.run(["mount", "--bind", outside, inside], check=False, capture_output=True).returncode:
        pytest.skip("the sandbox refuses mounts")
    try:
        replace(inside, b"{}")
        assert outside.read_bytes() == b"{}"
    finally:
        subprocess.run(["umount", inside], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_costs_the_artifacts_but_never_the_reward(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("the sandbox refuses mounts")
    try:
        report = Report(claim(disk / "result.json"))
        subprocess.run(["dd", "if=/dev/zero", f"of={disk}/filler"], check=False, capture_output=True)
        report.note(warnings=["goes on"])
        report.finish(reward=1.0, success=True, details={"output": "x" * 100_000, "passed": 1})
        result = read(disk / "result.json")
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)  # the claim holds a folder of it
    assert result["metrics"]["reward_mean"] == 1.0
    assert "the disk is full" in result["warnings"][0]


def test_writing_in_place_does_not_follow_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(ResultUnwritable):
        overwrite(tmp_path / "link", b"{}")


def test_half_a_character_that_a_test_or_an_agent_said_costs_no_result(tmp_path: Path) -> None:
    report = Report(claim(tmp_path / "result.json"))
    check = Check(id="t[\ud800]", status="failed", message="ValueError: \udfff", duration_s=math.inf)
    report.note(warnings=["\ud83d"])
    report.finish(checks=[check], details={"said": {"deep": ["\ud800"]}})
    written = read(tmp_path / "result.json")
    assert written["checks"][0]["id"] == "t[?]"
    assert written["checks"][0]["duration_s"] is None  # `Infinity` is no JSON
    assert written["metrics"]["details"]["said"] == {"deep": ["?"]}
    assert written["warnings"] == ["?"]
