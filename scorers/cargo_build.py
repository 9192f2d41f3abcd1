"""Builds every test target of a cargo workspace; one that does not compile leaves the others alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.process import Exit, run
from scorers.cargo_metadata import Target, Workspace
from scorers.cargo_setup import Setup
from scorers.expected import clip

MAX_MESSAGES_BYTES = 256 * 1024**2
"""More build messages than this are not read."""


@dataclass(slots=True)
class Build:
    """What came of a build."""

    executables: dict[Target, Path] = field(default_factory=dict)
    """The test binary of each target that compiled."""
    made: set[Target] = field(default_factory=set)
    """Targets whose own artefact, not the one for tests, came."""
    errors: dict[Target, str] = field(default_factory=dict)
    """The compiler's errors, by target."""
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    """What a package's build script sets for its tests, by package."""
    library_paths: list[str] = field(default_factory=list)
    """Where build scripts put shared libraries."""
    artefacts: list[Path] = field(default_factory=list)
    """Every file that was made of the workspace's own targets."""
    others: list[Path] = field(default_factory=list)
    """Every file that was made of its dependencies."""
    failure: str = ""
    """Cargo's own words, where it built nothing at all."""
    ended: str = "exited"
    """How cargo ended: a build that was ended by the clock says less than there is."""

    def compiled(self, workspace: Workspace) -> bool:
        """Say whether each package's library came, or, where it has none, each of its programs."""
        own = [each for each in workspace.targets if each.kind in {"lib", "bin"} and not each.optional]
        libraries = {target.package for target in own if target.kind == "lib"}
        wanted = {target for target in own if target.kind == "lib" or target.package not in libraries}
        return bool(self.made | set(self.executables)) and wanted <= self.made


def build(setup: Setup, workspace: Workspace) -> Build:
    """Build all that `cargo test` would run, and the libraries and programs themselves."""
    output = setup.log("build")
    kinds = {target.kind for target in workspace.targets}
    own = [f"--{kind}{'s' * (kind == 'bin')}" for kind in ("lib", "bin") if kind in kinds]
    asked = ["build", "--workspace", "--tests", *own, "--keep-going", "--message-format=json"]
    ended = run(setup.cargo(asked, output=output), setup.limit)
    built = Build(ended=ended.ending)
    for message in _messages(output.with_name("build.out")):
        _take(message, workspace, built)
    if not built.executables and not built.errors:
        built.failure = _why(ended, output.with_name("build.err"))
    return built


def _take(message: Mapping[str, Any], workspace: Workspace, built: Build) -> None:
    reason = message.get("reason")
    if reason == "build-script-executed":
        built.library_paths += [path.partition("=")[2] or path for path in message["linked_paths"]]
        package = workspace.packages.get(message["package_id"])
        if package:
            built.environments[package["name"]] = {**dict(message["env"]), "OUT_DIR": message["out_dir"]}
        return
    target = workspace.target(message) if reason in {"compiler-artifact", "compiler-message"} else None
    if target is None:
        built.others += map(Path, message.get("filenames", ()))
        return
    built.artefacts += map(Path, message.get("filenames", ()))
    if reason == "compiler-message":
        _error(message["message"], target, built)
    elif message["profile"]["test"] and message["executable"]:
        built.executables[target] = Path(message["executable"])
    elif not message["profile"]["test"]:
        built.made.add(target)


def _error(message: Mapping[str, Any], target: Target, built: Build) -> None:
    if message["level"] == "error":
        said = message.get("rendered") or message["message"]
        built.errors[target] = clip(built.errors.get(target, "") + said)


def _messages(path: Path) -> Iterator[dict[str, Any]]:
    # What a procedural macro prints while it compiles may stand between cargo's messages.
    with path.open("rb") as file:
        for line in file.read(MAX_MESSAGES_BYTES).splitlines():
            if line.startswith(b'{"reason":'):
                try:
                    yield json.loads(line)
                except ValueError:
                    continue


def _why(ended: Exit, errors: Path) -> str:
    said = clip(errors.read_text("utf-8", "replace")) if errors.stat().st_size < MAX_MESSAGES_BYTES else ""
    return said if ended.ending == "exited" else f"the build was ended ({ended.ending})\n{said}"
