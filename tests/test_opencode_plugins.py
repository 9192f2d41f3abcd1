import json
import re
from pathlib import Path

import pytest

from agents.opencode import OpenCode
from agents.opencode_plugins import refuse_plugins
from runner.errors import AgentUnavailable
from tests.driving import assign, write


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".opencode/plugin/a.ts", ""),
        (".opencode/plugins/a.js", ""),
        ("opencode.json", '{"plugin": ["./a.ts"]}'),
        ("opencode.json", '{"plugins": [{"package": "file:///tmp/a.ts"}]}'),
        ("opencode.json", '{"plu\\u0067ins": [["../a.ts", {}]]}'),
        ("opencode.jsonc", '{"plugin": ["a"], // a comment\n}'),
        (".opencode/opencode.json", '{"plugin": ["/tmp/a.ts"]}'),
    ],
)
def test_code_of_the_repository_in_the_cli_is_refused_and_the_file_named(
    tmp_path: Path, file: str, text: str
) -> None:
    write(tmp_path / "repository", {file: text, "deeper/a.txt": ""})
    for workspace in (tmp_path / "repository", tmp_path / "repository" / "deeper"):
        with pytest.raises(AgentUnavailable, match=re.escape(f"repository/{file} inside itself")):
            refuse_plugins(workspace)


def test_a_configuration_without_code_is_let_be(tmp_path: Path) -> None:
    plugins = ["some-package", "@scope/package@1.2.3", ["some-package", {"option": 1}]]
    write(tmp_path, {"opencode.json": json.dumps({"plugin": plugins, "model": "a/b"})})
    write(tmp_path, {".opencode/opencode.jsonc": "{ // nothing\n}", ".opencode/plugin/README.md": ""})
    refuse_plugins(tmp_path)


def test_the_agent_does_not_start_beside_such_code(tmp_path: Path) -> None:
    write(tmp_path / "workspace", {".opencode/plugin/a.ts": "throw 1"})
    with pytest.raises(AgentUnavailable, match="past every flag"):
        OpenCode().run(assign(tmp_path, "http://127.0.0.1:9"))
    assert not list((tmp_path / "logs").iterdir())
