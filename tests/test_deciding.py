"""What decides a verdict is not the agent's, in whatever language."""

import os
from pathlib import Path

import pytest

from runner.process import Account
from scorers.deciding import PROTECTED, find_tool, replaceable, scripts_of
from scorers.protected import frozen
from tests.judging import submit, write

DECIDING = """test/a.js src/__tests__/a.ts src/a.test.tsx lib/a-test.js test-a.mjs lib/test.js spec/a_spec.rb
    pkg/a_test.go tests.py src/test/java/A.java app/src/androidTest/A.kt Foo.Tests/A.cs lib/__mocks__/fs.js
    src/__snapshots__/a.js.snap run_tests.sh package.json sub/package.json package-lock.json bun.lockb .npmrc
    .yarn/releases/yarn.cjs .pnpmfile.cjs jest.config.ts jest.setup.js vitest.config.ts vitest.workspace.ts
    .mocharc.json babel.config.js .swcrc tsconfig.build.json deno.jsonc node_modules/a/index.js pytest.ini
    conftest.py sitecustomize.py pom.xml build.gradle .gradle/x settings.gradle.kts go.mod go.sum go.work.sum
    Makefile sub/makefile rules.mk CMakeLists.txt Gemfile.lock .bundle/config phpunit.dist.xml mix.exs
    mix.lock global.json Directory.Build.props .tool-versions build/suite
    target/surefire-reports/a.xml a.o lib/A.class .git/config"""
FREE = """src/sum.js src/latest.py lib/contest.js src/Submit.java src/Audit.java index.ts README.md
    docs/testing.md src/build/x.js lib/target/x.rs bin/cli.js dist/x.js src/special.go
    src/configuration.ts app/models/user.rb
    src/attest.rs config/routes.rb"""


def test_tests_and_what_steers_tools_are_protected_and_nothing_else(tmp_path: Path) -> None:
    guarded = frozen(submit(tmp_path, {"a": ""}), PROTECTED)
    assert [path for path in DECIDING.split() if not guarded(path)] == []
    assert [path for path in FREE.split() if guarded(path)] == []


@pytest.mark.parametrize(
    ("command", "scripts"),
    [
        (["./checks", "a.js"], {"checks"}),
        (["sh", "checks", "a.js"], {"checks"}),
        (["/usr/bin/python3.11", "-I", "tools/bench.py", "a.js"], {"tools/bench.py"}),
        (["node", "--test", "{report}"], set()),
        (["bash", "-c", "sh checks"], set()),
        (["diff", "a.js", "checks"], set()),
        (["sh", "-c", "x" * 5000], set()),
        (["/checks"], set()),
    ],
)
def test_the_script_that_a_command_starts_decides(
    tmp_path: Path, command: list[str], scripts: set[str]
) -> None:
    pristine = write(tmp_path, {"checks": "", "tools/bench.py": "", "a.js": ""})
    assert scripts_of(command, pristine) == scripts


def test_a_tool_that_the_agent_could_replace_is_taken_only_where_there_is_no_other(tmp_path: Path) -> None:
    for name in ("agent/both", "agent/one", "image/both"):
        write(tmp_path, {name: ""})
        (tmp_path / name).chmod(0o755)
    uid = 61143
    if os.geteuid() == 0:
        os.chown(tmp_path / "agent", uid, uid)
    else:
        (tmp_path / "agent").chmod(0o777)
    (tmp_path / "image").chmod(0o755)
    account = Account("unused", uid, uid, Path("/nonexistent"))
    env = {"PATH": f".:{tmp_path}/agent:{tmp_path}/image"}
    made = submit(tmp_path, {"a": ""}, env=env, account=account)
    assert find_tool("both", made) == f"{tmp_path}/image/both"
    assert find_tool("one", made) == f"{tmp_path}/agent/one"
    assert find_tool("none", made) is None
    assert replaceable(tmp_path / "agent/one", account)
    assert not replaceable(tmp_path / "image/both", account)
    assert not replaceable(tmp_path / "agent/one", None)
