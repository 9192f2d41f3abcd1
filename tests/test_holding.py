"""While the tests run, their user may add to the tree, but not touch what decides."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.process import Account
from scorers.holding import TRUSTING_GIT, hold
from tests.judging import write

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
USER = Account("unused", 61142, 61142, Path("/nonexistent"))
FILES = {
    "src/sum.js": "own",
    "test/sum.test.js": "held",
    "test/data.json": "own",
    "test/deep/er/a.test.js": "held",
    "node_modules/pkg/index.js": "held",
    "node_modules/.bin/tool": "held",
    "node_modules/.cache/x.js": "own",
    "package.json": "held",
}


def _decides(path: str) -> bool:
    return path.startswith(("test/", "node_modules/", "package.json"))


@pytest.fixture
def tree() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        made = write(Path(folder) / "tree", FILES)
        (made / "test/sum.test.js").chmod(0o666)
        (made / "node_modules/.bin/tool").chmod(0o700)
        for path in (made, *made.rglob("*")):
            os.chown(path, USER.uid, USER.gid)
        hold(made, _decides, USER)
        yield made


def _done(tree: Path, script: str) -> bool:
    user = {"user": USER.uid, "group": USER.gid, "extra_groups": ()}
    done = subprocess.run(["sh", "-euc", script], cwd=tree, capture_output=True, check=False, **user)  # type: ignore[call-overload]
    return bool(done.returncode == 0)


@pytest.mark.parametrize("path", [path for path, whose in FILES.items() if whose == "held"])
@pytest.mark.parametrize(
    "deed", ["echo x > {}", "rm -f {}", "mv {} {}.old", "chmod 777 {}", "cp src/sum.js {}"]
)
def test_what_decides_cannot_be_changed(tree: Path, path: str, deed: str) -> None:
    assert not _done(tree, deed.format(path, path))
    assert (tree / path).read_text() == "held"


@pytest.mark.parametrize("folder", ["test", "test/deep", "node_modules", "node_modules/pkg"])
def test_no_folder_with_it_can_be_put_aside(tree: Path, folder: str) -> None:
    assert not _done(tree, f"mv {folder} {folder}.old")


@pytest.mark.parametrize(
    "deed",
    [
        "echo x > src/sum.js && mv src/sum.js src/other.js && rm -r src",
        "echo x > test/data.json && rm test/data.json",
        "mkdir test/__snapshots__ && echo x > test/__snapshots__/a && rm -r test/__snapshots__",
        "echo x > node_modules/.cache/x.js && mkdir node_modules/.vite && mkdir coverage",
    ],
)
def test_all_else_can_be(tree: Path, deed: str) -> None:
    assert _done(tree, deed)


def test_what_is_held_can_be_read_and_started(tree: Path) -> None:
    assert _done(
        tree, "cat test/*.js package.json; test -x node_modules/.bin/tool; cat node_modules/.bin/tool"
    )


def test_git_works_in_a_held_tree(tree: Path) -> None:
    assert _done(tree, "git init -q")
    settings = " ".join(f"{name}='{value}'" for name, value in TRUSTING_GIT.items())
    assert _done(tree, f"{settings} HOME=/nonexistent git status")


def test_without_an_account_nothing_is_held(tmp_path: Path) -> None:
    made = write(tmp_path / "tree", FILES)
    before = [path.stat() for path in sorted(made.rglob("*"))]
    hold(made, _decides, None)
    assert [path.stat() for path in sorted(made.rglob("*"))] == before
