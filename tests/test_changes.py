import os
from pathlib import Path

import pytest

from runner import changes
from runner.changes import Change
from runner.workspace import Baseline, baseline


@pytest.fixture
def before(tmp_path: Path) -> Baseline:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "kept.py").write_text("kept\n")
    (workspace / "edited.py").write_text("one\n")
    (workspace / "removed.py").write_text("gone\n")
    (workspace / "link").symlink_to("kept.py")
    return baseline(workspace, tmp_path / "state")


def test_added_edited_and_removed_files_are_told_apart(before: Baseline, tmp_path: Path) -> None:
    (before.workspace / "edited.py").write_text("two\n")
    (before.workspace / "removed.py").unlink()
    (before.workspace / "new").mkdir()
    (before.workspace / "new/added.py").write_text("new\n")
    found = before.changes(tmp_path / "diff")
    assert found.listed == (
        Change("edited.py", "modified"),
        Change("new/added.py", "added"),
        Change("removed.py", "removed"),
    )
    assert found.paths == ("edited.py", "new/added.py", "removed.py")
    assert "-one\n+two\n" in found.text()


def test_nothing_done_is_nothing_changed(before: Baseline, tmp_path: Path) -> None:
    (before.workspace / "kept.py").touch()
    (before.workspace / "empty").mkdir()
    found = before.changes(tmp_path / "diff")
    assert (found.listed, found.total, found.text()) == ((), 0, "")


def test_a_forged_modification_time_hides_nothing(before: Baseline, tmp_path: Path) -> None:
    file = before.workspace / "edited.py"
    times = file.stat()
    file.write_text("two\n")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert before.changes(tmp_path / "diff").paths == ("edited.py",)


def test_swapped_folders_are_seen(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    for name in ("a", "b"):
        (workspace / name).mkdir(parents=True)
        (workspace / name / "file").write_text(name)
    before = baseline(workspace, tmp_path / "state")
    (workspace / "a").rename(workspace / "c")
    (workspace / "b").rename(workspace / "a")
    (workspace / "c").rename(workspace / "b")
    assert before.changes(tmp_path / "diff").paths == ("a/file", "b/file")


def test_links_modes_and_special_files_are_changes_too(before: Baseline, tmp_path: Path) -> None:
    (before.workspace / "link").unlink()
    (before.workspace / "link").symlink_to("/etc/passwd")
    (before.workspace / "kept.py").chmod(0o755)
    (before.workspace / "removed.py").unlink()
    os.mkfifo(before.workspace / "removed.py")
    found = before.changes(tmp_path / "diff")
    assert {change.path: change.kind for change in found.listed} == {
        "kept.py": "modified",
        "link": "modified",
        "removed.py": "modified",
    }
    assert "old mode 100644\nnew mode 100755\n" in found.text()
    assert "+/etc/passwd\n" in found.text()


def test_names_come_out_as_valid_unicode(before: Baseline, tmp_path: Path) -> None:
    (before.workspace / "\udcff\n.py").write_text("x\n")
    found = before.changes(tmp_path / "diff")
    assert found.paths == ("\\xff\n.py",)
    found.paths[0].encode()
    found.text().encode()


def test_a_huge_file_is_named_without_being_read(before: Baseline, tmp_path: Path) -> None:
    with (before.workspace / "huge").open("wb") as file:
        file.truncate(2**40)
    found = before.changes(tmp_path / "diff")
    assert found.paths == ("huge",)
    assert "Binary files /dev/null and b/huge differ\n" in found.text()


def test_lists_and_diffs_have_caps(before: Baseline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MAX_LISTED", 5)
    monkeypatch.setattr(changes, "MAX_DIFF_BYTES", 1000)
    for number in range(50):
        (before.workspace / f"{number:02}").write_text("text\n" * 10)
    found = before.changes(tmp_path / "diff")
    assert (len(found.listed), found.total) == (5, 50)
    assert found.text().endswith("more files are not shown\n")
    assert (tmp_path / "diff").stat().st_size < 2000


def test_a_file_that_may_not_be_read_is_named_only(before: Baseline, tmp_path: Path) -> None:
    (before.snapshot / "edited.py").unlink()
    (before.workspace / "edited.py").write_text("two\n")
    found = before.changes(tmp_path / "diff")
    assert found.paths == ("edited.py",)
    assert "Binary files a/edited.py and b/edited.py differ\n" in found.text()


@pytest.mark.parametrize("put", ["nothing", "link", "file"])
def test_a_workspace_that_is_gone_is_all_removed(before: Baseline, tmp_path: Path, put: str) -> None:
    before.workspace.rename(tmp_path / "elsewhere")
    if put == "link":
        before.workspace.symlink_to("elsewhere")
    elif put == "file":
        before.workspace.touch()
    found = before.changes(tmp_path / "diff")
    assert {change.kind for change in found.listed} == {"removed"}
    assert len(found.listed) == 4


def test_without_the_list_of_stamps_contents_are_compared(before: Baseline, tmp_path: Path) -> None:
    changes.manifest_of(before.snapshot).unlink()
    (before.workspace / "edited.py").write_text("two\n")
    assert before.changes(tmp_path / "diff").paths == ("edited.py",)
