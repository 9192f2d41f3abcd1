import errno
import os
import tempfile
from pathlib import Path

import pytest

from runner.disk import complaint, temporary_folder, writing
from runner.errors import SandboxFailed


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_no_more_is_the_sandboxs_failure(number: int) -> None:
    with pytest.raises(SandboxFailed, match="cannot write to /state: "), writing(Path("/state")):
        raise OSError(number, os.strerror(number))


def test_any_other_error_is_left_alone() -> None:
    with pytest.raises(FileNotFoundError), writing(Path("/state")):
        Path("/no/such").read_text()


def test_a_tools_own_words_are_understood() -> None:
    assert complaint("cp: error writing 'x': No space left on device\n") == "No space left on device"
    assert complaint("cp: cannot open 'x' for reading: Permission denied\n") is None


def test_a_sandbox_without_a_temporary_folder_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nothing")
    with pytest.raises(SandboxFailed, match="cannot make a temporary folder"), temporary_folder():
        pass


def test_a_temporary_folder_is_gone_afterwards() -> None:
    with temporary_folder() as folder:
        (folder / "below").mkdir()
        (folder / "below/file").touch()
    assert not folder.exists()
