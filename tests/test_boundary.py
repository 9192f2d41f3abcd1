import errno
from pathlib import Path

import pytest

from runner.boundary import boundary
from runner.errors import AgentFailed, ModelFailed, SandboxFailed, ScoringFailed


def test_a_plain_exception_becomes_the_failure_of_the_boundary_it_crossed(tmp_path: Path) -> None:
    log = tmp_path / "runner.log"
    with (
        pytest.raises(ScoringFailed, match="KeyError: 'expected'") as caught,
        boundary(ScoringFailed, log=log),
    ):
        raise KeyError("expected")
    assert caught.value.phase == "scoring"
    assert "Traceback" in log.read_text()


def test_a_failure_passes_unchanged() -> None:
    failure = ModelFailed("503 from the provider")
    with pytest.raises(ModelFailed) as caught, boundary(AgentFailed):
        raise failure
    assert caught.value is failure


def test_a_full_disk_is_the_sandbox_s_fault_whoever_meets_it() -> None:
    with pytest.raises(SandboxFailed, match="disk is full"), boundary(AgentFailed):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_no_memory_is_the_sandbox_s_fault() -> None:
    with pytest.raises(SandboxFailed, match="memory"), boundary(AgentFailed):
        raise MemoryError
