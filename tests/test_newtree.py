import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from runner.changes import manifest_of
from runner.newtree import Allowance, NewTree, new_tree
from runner.process import Account
from runner.tree import save, walk
from runner.workspace import Baseline, baseline
from tests.trees import Tree, make, parents, read, tree_pairs


def frozen(path: str) -> bool:
    return "frozen" in path.split("/")


@pytest.fixture
def before(tmp_path: Path) -> Baseline:
    workspace = tmp_path / "workspace"
    (workspace / "frozen").mkdir(parents=True)
    (workspace / "frozen/test.py").write_text("assert True\n")
    (workspace / "src").mkdir()
    (workspace / "src/main.py").write_text("print(1)\n")
    return baseline(workspace, tmp_path / "state")


def rebuilt(before: Baseline, tmp_path: Path, **options: object) -> NewTree:
    return new_tree(before.snapshot, before.workspace, tmp_path / "tree", frozen, **options)  # type: ignore[arg-type]


def expected(before: Tree, after: Tree) -> Tree:
    """Say in dictionaries what the new tree is."""
    tree = {path: node for path, node in before.items() if frozen(path) or after.get(path) == node}
    held = set(tree) | {above for path in tree for above in parents(path)}
    for path, node in after.items():
        in_the_way = path in held or any(above in tree for above in parents(path))
        if node[0] == "file" and not frozen(path) and not in_the_way:
            tree[path] = node
    return tree


@settings(max_examples=80, deadline=None)
@given(tree_pairs())
def test_it_is_the_pristine_tree_and_the_agents_regular_files(pair: tuple[Tree, Tree]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        snapshot, workspace = make(Path(folder, "before"), pair[0]), make(Path(folder, "after"), pair[1])
        save(walk(snapshot), manifest_of(snapshot))
        made = new_tree(snapshot, workspace, Path(folder, "tree"), frozen)
        assert read(made.root) == expected(*pair)
        protected = {path for path in pair[0].keys() | pair[1].keys() if frozen(path)}
        changed = {path for path in protected if pair[0].get(path) != pair[1].get(path)}
        assert len(made.protected_changes) == len(changed)


def test_work_counts_and_tampering_does_not(before: Baseline, tmp_path: Path) -> None:
    (before.workspace / "src/main.py").write_text("print(2)\n")
    (before.workspace / "src/more.py").write_text("more\n")
    (before.workspace / "frozen/test.py").write_text("pass\n")
    (before.workspace / "frozen/extra.py").write_text("pass\n")
    made = rebuilt(before, tmp_path)
    assert read(made.root) == {
        "frozen/test.py": ("file", b"assert True\n", False),
        "src/main.py": ("file", b"print(2)\n", False),
        "src/more.py": ("file", b"more\n", False),
    }
    assert made.protected_changes == ["frozen/extra.py", "frozen/test.py"]


def test_links_fifos_and_what_lies_behind_links_stay_out(before: Baseline, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/secret").write_text("secret")
    (before.workspace / "src/link").symlink_to("/etc/passwd")
    (before.workspace / "folder").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(before.workspace / "fifo")
    (before.workspace / "src/main.py").unlink()
    (before.workspace / "src/main.py").symlink_to(tmp_path / "elsewhere/secret")
    made = rebuilt(before, tmp_path)
    assert set(read(made.root)) == {"frozen/test.py"}
    assert sorted(made.left_out) == ["fifo", "folder", "src/link", "src/main.py"]


def test_a_folder_that_became_a_link_brings_nothing_in(before: Baseline, tmp_path: Path) -> None:
    (before.workspace / "frozen").rename(before.workspace / "src/real")
    (before.workspace / "src/real/test.py").write_text("pass\n")
    (before.workspace / "frozen").symlink_to("src/real")
    made = rebuilt(before, tmp_path)
    assert read(made.root)["frozen/test.py"] == ("file", b"assert True\n", False)


def test_what_a_frozen_link_leads_to_is_frozen_too(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    (workspace / "src/real").mkdir(parents=True)
    (workspace / "src/real/test.py").write_text("assert True\n")
    (workspace / "frozen").symlink_to("src/real")
    before = baseline(workspace, tmp_path / "state")
    (workspace / "src/real/test.py").write_text("pass\n")
    made = rebuilt(before, tmp_path)
    assert (made.root / "frozen/test.py").read_text() == "assert True\n"
    assert made.protected_changes == ["src/real/test.py"]


def test_a_link_by_full_path_does_not_lead_back_to_the_agents_tree(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    (workspace / "data").mkdir(parents=True)
    (workspace / "frozen").mkdir()
    (workspace / "data/answer").write_text("42")
    (workspace / "frozen/data").symlink_to(workspace / "data")
    before = baseline(workspace, tmp_path / "state")
    (workspace / "data/answer").write_text("43")
    made = rebuilt(before, tmp_path)
    assert (made.root / "frozen/data/answer").read_text() == "42"
    assert (made.root / "frozen/data").resolve() == (made.root / "data").resolve()


def test_hard_links_in_the_pristine_tree_carry_nothing_over(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    (workspace / "frozen").mkdir(parents=True)
    (workspace / "frozen/test.py").write_text("assert True\n")
    (workspace / "twin.py").hardlink_to(workspace / "frozen/test.py")
    before = baseline(workspace, tmp_path / "state")
    (workspace / "twin.py").write_text("pass\n")
    made = rebuilt(before, tmp_path)
    assert (made.root / "frozen/test.py").read_text() == "assert True\n"
    assert (made.root / "twin.py").read_text() == "pass\n"


def test_a_file_that_the_agent_could_not_read_stays_out(before: Baseline, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "secret").chmod(0o600)
    (before.workspace / "stolen").hardlink_to(tmp_path / "secret")
    account = Account("somebody", os.getuid() + 12345, os.getgid(), tmp_path)
    assert rebuilt(before, tmp_path, account=account).left_out == ["stolen"]


def test_gits_own_folder_is_always_the_pristine_one(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    (workspace / ".git/hooks").mkdir(parents=True)
    (workspace / ".git/config").write_text("[core]\n")
    before = baseline(workspace, tmp_path / "state")
    (workspace / ".git/hooks/post-checkout").write_text("#!/bin/sh\n")
    (workspace / ".git/config").write_text("[core]\nfsmonitor = evil\n")
    (workspace / "sub").mkdir()
    (workspace / "sub/.git").write_text("gitdir: /elsewhere\n")
    made = rebuilt(before, tmp_path)
    assert read(made.root) == {".git/config": ("file", b"[core]\n", False)}


def test_a_removed_package_is_gone_and_its_folder_with_it(before: Baseline, tmp_path: Path) -> None:
    (before.workspace / "src/main.py").unlink()
    (before.workspace / "src").rmdir()
    assert not (rebuilt(before, tmp_path).root / "src").exists()


def test_more_than_the_allowance_stays_out(before: Baseline, tmp_path: Path) -> None:
    with (before.workspace / "huge").open("wb") as file:
        file.truncate(2**40)
    for number in range(5):
        (before.workspace / f"{number}").write_bytes(bytes(400))
    allowance = Allowance(file_bytes=500, total_bytes=10**6, files=3)
    made = rebuilt(before, tmp_path, allowance=allowance)
    assert made.left_out == ["3", "4", "huge"]


def test_only_the_executable_bit_of_a_mode_is_carried(before: Baseline, tmp_path: Path) -> None:
    (before.workspace / "tool").write_text("#!/bin/sh\n")
    (before.workspace / "tool").chmod(0o4777)
    (before.workspace / "src/main.py").write_text("print(2)\n")
    (before.workspace / "src/main.py").chmod(0o606)
    made = rebuilt(before, tmp_path)
    assert (made.root / "tool").stat().st_mode & 0o7777 == 0o755
    assert (made.root / "src/main.py").stat().st_mode & 0o7777 == 0o644
