"""What decides a verdict in any language, and is therefore not the agent's.

Test files, the files that steer a tool, the script that the task's command names, and the tool itself.
"""

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.process import Account
from scorers.base import Submission

_TESTS = """test tests __tests__ __mocks__ __fixtures__ __snapshots__ spec specs e2e testdata *.tests
    **/src/*Test test.* tests.* spec.* test_* test-* *_test.* *-test.* *.test.* *_tests.* *-tests.* *_spec.*
    *-spec.* *.spec.* *Test.java *Tests.java *Test.kt *Tests.cs *Test.php *Tests.swift run_test* run-test*
    runtests* *.snap *.bats *.t"""
_JAVASCRIPT = """package.json package-lock.json npm-shrinkwrap.json yarn.lock .yarn .yarnrc* .pnp.* pnpm-*
    .pnpmfile.* .npmrc node_modules .mocharc* jest.* jest-* vitest.* vite.config.* ava.config.* karma.conf.*
    playwright.config.* cypress.* web-test-runner.* babel.config.* .babelrc* .swcrc .taprc .nycrc* .c8rc*
    tsconfig*.json jsconfig.json setupTests.* import_map.json deno.json* bunfig.toml bun.lock*"""
_PYTHON = """pyproject.toml setup.cfg setup.py tox.ini pytest.ini .pytest.ini pytest.toml noxfile.py
    conftest.py sitecustomize.py usercustomize.py *.pth"""
_OTHERS = """pom.xml .mvn mvnw *.gradle *.gradle.kts gradle gradle.properties gradlew *.sbt go.mod go.sum
    go.work go.work.sum vendor Gemfile* *.gemspec .bundle Rakefile .rspec* composer.json phpunit.* .phpunit.*
    mix.exs rebar.config *.csproj *.sln Directory.* global.json nuget.config CMakeLists.txt CMakePresets.json
    *.cmake Makefile Makefile.* GNUmakefile *.mk configure configure.ac *.am SConstruct wscript justfile
    Taskfile* meson.build *.bazel .bazelrc build.zig* Package.swift Package.resolved pubspec.* *.cabal
    stack.yaml dune-project Cargo.toml .cargo build.rs *.lock rust-toolchain* .tool-versions .mise.toml
    mise.toml .nvmrc .node-version .python-version .ruby-version .java-version"""
_BUILT = """/build /_build /cmake-build-* /obj /target
    *.o *.obj *.a *.so *.so.* *.dylib *.dll *.exe *.class *.jar *.pyc"""
PROTECTED = tuple(f"{_TESTS} {_JAVASCRIPT} {_PYTHON} {_OTHERS} {_BUILT}".split())
"""Tests, manifests, lock files and configuration of the common languages; and what a build makes, which a
tool that goes by times would take for its own."""

_INTERPRETERS = (
    "sh",
    "bash",
    "dash",
    "ksh",
    "zsh",
    "python",
    "node",
    "deno",
    "bun",
    "ruby",
    "perl",
    "php",
    "lua",
)


def scripts_of(argv: Sequence[str], pristine: Path) -> frozenset[str]:
    """Return what of the pristine tree a command starts: its program, or what an interpreter is given."""
    program = Path(argv[0]).name.rstrip("0123456789.")
    words = [word for word in argv[1:] if not word.startswith("-")][:1] if program in _INTERPRETERS else []
    named = (os.path.normpath(word) for word in (argv[0], *words) if "\0" not in word)
    return frozenset(name for name in named if not name.startswith("/") and _is_file(pristine / name))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a whole program in one word is too long for a name
        return False


def find_tool(name: str, submission: Submission) -> str | None:
    """Return a program's path, from the user's PATH without what lies in the workspace.

    One that the agent's user could have replaced is taken only where there is no other. Null where there is
    none, and for a path in the tree.
    """
    if "/" in name:
        return name if name.startswith("/") else None
    workspace = submission.workspace.resolve()
    whole = [each for each in _folders(submission.env) if not Path(each).resolve().is_relative_to(workspace)]
    found = [program for each in whole if (program := shutil.which(name, path=each))]
    ours = (program for program in found if not replaceable(Path(program), submission.account))
    return next(ours, found[0] if found else None)


def replaceable(program: Path, account: Account | None) -> bool:
    """Say whether the account could write a file or a folder on the way to it; false without an account."""
    if account is None:
        return False
    real = program.resolve()
    return any(_may_replace(account, way) for way in {program, *program.parents, real, *real.parents})


def _may_replace(account: Account, path: Path) -> bool:
    status = path.stat()
    sticky = status.st_mode & stat.S_ISVTX and status.st_uid != account.uid
    return not sticky and may_add(account, path)


def may_add(account: Account, path: Path) -> bool:
    """Say whether the account may write a file, or make a new one in a folder."""
    status = path.stat()
    group = status.st_gid == account.gid and status.st_mode & stat.S_IWGRP
    return status.st_uid == account.uid or bool(group or status.st_mode & stat.S_IWOTH)


def _folders(env: Mapping[str, str]) -> list[str]:
    return [each for each in env.get("PATH", os.defpath).split(":") if each.startswith("/")]
