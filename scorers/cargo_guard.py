"""The tests of a pristine tree, each with its proof, ready to be laid over what the agent wrote."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from scorers.cargo_metadata import Target, Workspace
from scorers.rust_docs import Carried, with_docs
from scorers.rust_proof import Proofs, with_proofs
from scorers.rust_restore import with_tests_of
from scorers.rust_tests import Declared, Source, declared, sources

PROTECTED = (
    *("tests", "benches", "Cargo.toml", "Cargo.lock", ".cargo", "build.rs", "vendor"),
    *("rust-toolchain", "rust-toolchain.toml", ".config"),
)
"""Tests, manifests, and whatever decides how cargo builds and runs them."""


@dataclass(frozen=True, slots=True)
class Text:
    """One source file with tests."""

    plain: str
    """As it is."""
    proven: str
    """With the proofs, for the build."""
    documented: str
    """With copies of its documentation, for rustdoc."""

    def around(self, code: str) -> "Text":
        """Return these tests in a file whose other code is that of `code`."""
        if code == self.plain:
            return self
        versions = (self.plain, self.proven, self.documented)
        return Text(*(with_tests_of(version, code) for version in versions))


@dataclass(slots=True)
class Guard:
    """What the pristine tree says about its tests."""

    root: Path
    texts: dict[str, Text] = field(default_factory=dict)
    """Each source with tests, by path relative to the tree."""
    proofs: dict[Target, Proofs] = field(default_factory=dict)
    """What to run, by target."""
    declared: dict[Target, Declared] = field(default_factory=dict)
    """The tests that a target's sources show."""
    carried: dict[Target, dict[str, Carried]] = field(default_factory=dict)
    """Copies of documentation, by library and file."""
    test_files: set[str] = field(default_factory=set)
    """Sources that are compiled for tests alone, or decide how to build, wherever they lie."""
    _now: dict[str, Text] = field(default_factory=dict)
    _laid: dict[str, tuple[str, int]] = field(default_factory=dict)

    def lay(self) -> None:
        """Write the tests with their proofs; into files that are not pristine, around what they hold."""
        self._now.clear()
        for path, text in self.texts.items():
            file = self.root / path
            if file.is_file():  # else its tests will be missing
                self._now[path] = text.around(file.read_text("utf-8", "replace"))
                self._write(path, self._now[path].proven)

    def unlay(self) -> None:
        """Write the sources without proofs: while the tests run, the secrets are in no file of the tree."""
        for path, text in self._now.items():
            self._rewrite(path, text.plain)

    def lay_documentation(self) -> None:
        """Write the copies of the documentation, for rustdoc."""
        for path, text in self._now.items():
            self._rewrite(path, text.documented)

    def _rewrite(self, path: str, text: str) -> None:
        file = self.root / path
        stamp = file.stat().st_mtime_ns
        file.write_text(text, "utf-8")
        os.utime(file, ns=(stamp, stamp))  # or cargo would build it again

    def untouched(self) -> bool:
        """Say whether the sources are still what was laid: a build script or a macro runs while they are."""
        return all(
            (self.root / path).is_file()
            and (self.root / path).read_text("utf-8", "replace") == self._laid[path][0]
            for path in self._now
        )

    def _write(self, path: str, text: str) -> None:
        """Write a file; the same text as before keeps its time, so that cargo does not build it again."""
        file = self.root / path
        file.write_text(text, "utf-8")
        before, stamp = self._laid.get(path, ("", 0))
        if before == text:
            os.utime(file, ns=(stamp, stamp))
        self._laid[path] = (text, file.stat().st_mtime_ns)


def guard(workspace: Workspace, root: Path) -> Guard:
    """Read the tests of a pristine tree."""
    found = Guard(root)
    reader = _Reader(found, {target.source for target in workspace.targets})
    for target in workspace.targets:
        if target.kind == "build":
            found.test_files |= {os.path.relpath(source.file, root) for source in sources(target.source)}
        elif target.harness and (target.tested or target.doctested):
            reader.read(target)
    return found


@dataclass(slots=True)
class _Reader:
    found: Guard
    roots: set[Path]
    """Root files of targets, which get canaries in any case."""
    known: dict[Path, tuple[Proofs, Carried]] = field(default_factory=dict)

    def read(self, target: Target) -> None:
        proofs = Proofs()
        files = sources(target.source, for_tests=target.kind in {"test", "bench"})
        for source in (each for each in files if each.file.is_relative_to(self.found.root)):
            mine, carried = self.known.get(source.file) or self._read(source, target)
            proofs.take(mine, source.prefix)
            if target.doctested and carried.blocks and not source.for_tests:
                self.found.carried.setdefault(target, {})[self._path(source)] = carried
        if target.tested:
            self.found.declared[target] = declared(target.source)
            self.found.proofs[target] = proofs

    def _read(self, source: Source, target: Target) -> tuple[Proofs, Carried]:
        text, path = source.text, self._path(source)
        proven, proofs = with_proofs(text, root=source.file in self.roots, edition=target.edition)
        documented, carried = with_docs(text) if target.doctested else (text, Carried())
        if proven != text or documented != text:
            self.found.texts[path] = Text(text, proven, documented)
        if source.for_tests:
            self.found.test_files.add(path)
        self.known[source.file] = proofs, carried
        return proofs, carried

    def _path(self, source: Source) -> str:
        return str(source.file.relative_to(self.found.root))
