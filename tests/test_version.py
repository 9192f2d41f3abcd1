import json
from pathlib import Path

import pytest

from agents.version import version_of
from tests.driving import assign


def program(root: Path, package: dict[str, str] | None, says: str = "codex-cli 9.9.9") -> Path:
    """Make a package with a program in it."""
    binary = root / "package" / "vendor" / "bin" / "codex"
    binary.parent.mkdir(parents=True)
    binary.write_text(f"#!/bin/sh\necho '{says}'\n")
    binary.chmod(0o755)
    if package:
        (root / "package" / "package.json").write_text(json.dumps(package))
    link = root / "codex"
    link.symlink_to(binary)
    return link


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ({"name": "@openai/codex", "version": "0.169.0-linux-x64"}, "0.169.0"),
        ({"name": "@openai/codex", "version": "0.170.0-alpha.2"}, "0.170.0-alpha.2"),
        ({"name": "the-users-own-project", "version": "1.0.0"}, "9.9.9"),
        (None, "9.9.9"),
    ],
)
def test_the_programs_own_package_is_believed_and_no_other(
    tmp_path: Path, package: dict[str, str] | None, version: str
) -> None:
    link = program(tmp_path, package)
    assert version_of(link, assign(tmp_path), {"PATH": "/usr/bin:/bin"}) == version


def test_a_program_that_names_none_has_none(tmp_path: Path) -> None:
    link = program(tmp_path, None, says="help!")
    assert version_of(link, assign(tmp_path), {"PATH": "/usr/bin:/bin"}) is None
