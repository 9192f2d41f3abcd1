"""What a cargo workspace is made of, as cargo itself sees it."""

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.errors import ScoringFailed
from runner.output import head_tail
from runner.process import run
from scorers.cargo_setup import Setup
from scorers.rust_items import calls_itself_test

LIBRARIES = frozenset({"lib", "rlib", "dylib", "cdylib", "staticlib", "proc-macro"})
_ONE_WORD = {**dict.fromkeys(LIBRARIES, "lib"), "custom-build": "build"}
_LIMIT_S = 60.0
_MAX_METADATA_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Target:
    """One target of one package; package, kind and name say which."""

    package: str
    kind: str
    """`lib` (of any crate type), `bin`, `test`, `example`, `bench` or `build`."""
    name: str
    source: Path = field(compare=False)
    """Its root source file."""
    manifest: Path = field(compare=False)
    """The package's Cargo.toml."""
    harness: bool = field(default=True, compare=False)
    """False: the target has its own `main` and no tests that libtest knows."""
    tested: bool = field(default=True, compare=False)
    """Whether `cargo test` runs it."""
    optional: bool = field(default=False, compare=False)
    """Whether it is built with certain features only."""
    edition: str = field(default="2021", compare=False)
    doctested: bool = field(default=False, compare=False)
    """Whether `cargo test` runs its documentation's examples."""
    runs_in_build: bool = field(default=False, compare=False)
    """Whether it runs while others are compiled: a build script, a procedural macro, a helper of one."""
    for_tests: bool = field(default=False, compare=False)
    """Whether its package helps the tests of others and does nothing else."""

    @property
    def label(self) -> str:
        """How its checks' ids begin: `demo lib`, `demo test integration`."""
        return (
            f"{self.package} {self.kind}" if self.kind == "lib" else f"{self.package} {self.kind} {self.name}"
        )


@dataclass(frozen=True, slots=True)
class Workspace:
    """The packages of a workspace and their targets, in cargo's order."""

    root: Path
    targets: tuple[Target, ...]
    packages: Mapping[str, Mapping[str, Any]]
    """Each member as `cargo metadata` has it, by package id."""

    def target(self, message: Mapping[str, Any]) -> Target | None:
        """Return the member's target that a build message speaks of; null for a dependency's."""
        package = self.packages.get(message.get("package_id", ""))
        if package is None:
            return None
        kind, name = _kind(message["target"]), message["target"]["name"]
        return next(
            (t for t in self.targets if (t.package, t.kind, t.name) == (package["name"], kind, name)), None
        )


def read_workspace(setup: Setup) -> Workspace:
    """Ask cargo for the workspace of `setup.directory`; ScoringFailed with its words where it cannot say."""
    output, directory = setup.log("metadata"), setup.directory
    asked = ["metadata", "--format-version=1", "--no-deps", "--offline"]
    ended = run(setup.bare(asked, output=output), setup.limit.at_most(_LIMIT_S))
    if ended.code:
        said = head_tail(output.with_name("metadata.err"), 2000).strip()
        raise ScoringFailed(
            f"cargo metadata failed in {directory}: {said}",
            hint="the workspace needs a Cargo.toml that cargo accepts",
        )
    with output.with_name("metadata.out").open("rb") as file:
        found = json.loads(file.read(_MAX_METADATA_BYTES))
    members = set(found["workspace_members"])
    packages = {package["id"]: package for package in found["packages"] if package["id"] in members}
    helpers, for_tests = _helpers(packages.values()), _for_tests(packages.values())
    targets = tuple(
        replace(target, for_tests=target.package in for_tests)
        for package in packages.values()
        for target in _targets(package, helper=package["name"] in helpers)
    )
    return Workspace(Path(found["workspace_root"]), targets, packages)


def _helpers(packages: Collection[Mapping[str, Any]]) -> set[str]:
    """Return the members that build scripts and procedural macros are made with."""
    needs = {package["name"]: package["dependencies"] for package in packages}
    found: set[str] = set()
    left = [each["name"] for needed in needs.values() for each in needed if each["kind"] == "build"]
    left += (p["name"] for p in packages if any("proc-macro" in target["kind"] for target in p["targets"]))
    while left:
        name = left.pop()
        if name in needs and name not in found:
            found.add(name)
            left += [each["name"] for each in needs[name] if each["kind"] is None]
    return found


def _for_tests(packages: Collection[Mapping[str, Any]]) -> set[str]:
    """Return the members that call themselves test helpers and that no member uses but for its tests."""
    used = {(each["name"], each["kind"]) for package in packages for each in package["dependencies"]}
    return {
        name
        for name, kind in used
        if kind == "dev" and calls_itself_test(name) and not {(name, None), (name, "build")} & used
    }


def _targets(package: Mapping[str, Any], *, helper: bool) -> Iterator[Target]:
    manifest = Path(package["manifest_path"])
    bare = set(_without_harness(manifest))
    for target in package["targets"]:
        kind = _kind(target)
        yield Target(
            package=package["name"],
            kind=kind,
            name=target["name"],
            source=Path(target["src_path"]),
            manifest=manifest,
            harness=(kind, target["name"]) not in bare and (kind, None) not in bare,
            tested=target["test"],
            optional=bool(target.get("required-features")),
            edition=target["edition"],
            doctested=target["doctest"],
            runs_in_build=kind == "build" or (kind == "lib" and helper),
        )


def _kind(target: Mapping[str, Any]) -> str:
    first = str(target["kind"][0])
    return _ONE_WORD.get(first, first)


def _without_harness(manifest: Path) -> Iterator[tuple[str, str | None]]:
    # `cargo metadata` does not tell.
    table = tomllib.loads(manifest.read_text("utf-8"))
    if table.get("lib", {}).get("harness") is False:
        yield "lib", None
    for kind in ("bin", "test", "example", "bench"):
        for target in table.get(kind, ()):
            if target.get("harness") is False:
                yield kind, target.get("name")
