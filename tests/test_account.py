import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.account import find_account, give, hide, reaches
from runner.errors import SandboxFailed
from runner.process import Account

AGENT = Account("agent", 12345, 12346, Path("/nonexistent"))

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody can reach: pytest closes its own to others, and any run of it does so again."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def folder(place: Path) -> Path:
    folder = place / "workspace"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "a.py").write_text("pass\n")
    return folder


def test_without_the_user_or_the_rights_there_is_no_account() -> None:
    account = find_account()
    assert account is None or (os.geteuid() == 0 and account.name == "agent" and account.uid != 0)


@as_root
def test_a_given_folder_belongs_to_the_account_with_all_in_it(folder: Path) -> None:
    give(folder, AGENT)
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in (folder, *folder.rglob("*"))}
    assert owners == {(AGENT.uid, AGENT.gid)}


@as_root
def test_what_a_link_points_at_is_not_given_away(folder: Path, place: Path) -> None:
    outside = place / "outside"
    outside.write_text("ours")
    (folder / "link").symlink_to(outside)
    give(folder, AGENT)
    assert outside.stat().st_uid == 0
    assert (folder / "link").lstat().st_uid == AGENT.uid


@as_root
def test_a_workspace_below_a_closed_folder_is_refused_and_the_folder_named(folder: Path, place: Path) -> None:
    place.chmod(0o700)
    with pytest.raises(SandboxFailed, match=f"cannot reach .*: {place} is closed"):
        give(folder, AGENT)


@as_root
def test_a_hidden_folder_is_out_of_reach_and_keeps_its_modes_below(folder: Path) -> None:
    assert reaches(AGENT, folder)
    assert hide(folder, AGENT)
    assert not reaches(AGENT, folder / "src")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "src").stat().st_mode) & 0o055


@as_root
def test_the_accounts_own_folder_cannot_be_hidden_from_it(folder: Path) -> None:
    give(folder, AGENT)
    assert not hide(folder, AGENT)
