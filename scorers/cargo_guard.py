"""The tests of a pristine tree, each with its proof, ready to be laid over what the agent wrote."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.disk import FATAL
from runner.tree import open_file, open_folder
from scorers.cargo_metadata import Target, Workspace
from scorers.rust_docs import Carried, with_docs
from scorers.rust_included import included
from scorers.rust_proof import Proofs, own_macros, with_proofs
from scorers.rust_restore import with_tests_of
from scorers.rust_tests import Declared, Source, declared, decoded, sources
from scorers.rust_tokens import in_edition

PROTECTED = (
    *("tests", "benches", "Cargo.toml", "Cargo.lock", ".cargo", "build.rs", "vendor"),
    *("rust-toolchain", "rust-toolchain.toml", ".config"),
    *("testdata", "test_data", "test-data", "*.snap"),
)
"""Tests with their data, manifests, and whatever decides how cargo builds and runs them."""
MAX_SOURCE_BYTES = 2 * 1024**2
"""A larger file of the agent's does not take the place of one with tests: reading it would take minutes."""
_MOST_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Text:
    """One source file with tests."""

    plain: str
    """As it is."""
    proven: str
    """With the proofs, for the build."""
    documented: str
    """With copies of its documentation, for rustdoc."""
    edition: str = "2021"

    def around(self, code: str) -> "Text":
        """Return these tests in a file whose other code is that of `code`, unless nobody can read that."""
        if code == self.plain or len(code) > MAX_SOURCE_BYTES:
            return self
        versions = (self.plain, self.proven, self.documented)
        try:
            code = in_edition(code, self.edition)
            plain, proven, documented = (with_tests_of(version, code) for version in versions)
        except RecursionError:  # modules in modules in modules: the compiler gives up as well
            return self
        return replace(self, plain=plain, proven=proven, documented=documented)


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
    """Globs of what is for tests alone, or runs while others are compiled, wherever it lies."""
    left_out: list[str] = field(default_factory=list)
    """Files of the agent's that nobody can read, and that stay as they were."""
    _now: dict[str, Text] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)
    _laid: dict[str, tuple[str, int]] = field(default_factory=dict)
    """What was laid for a build, and its time: the same text keeps it, or cargo would build it again."""

    def lay(self) -> None:
        """Write the tests with their proofs; into files that are not pristine, around what they hold."""
        self._now.clear()
        self.left_out.clear()
        for path, text in self.texts.items():
            self._around(path, text)
        for path, text in self._now.items():
            before, stamp = self._laid.get(path, ("", 0))
            stamp = _replace(self.root, path, text.proven, stamp if before == text.proven else None)
            self._laid[path] = (text.proven, stamp)
        self._shown = {path: text.proven for path, text in self._now.items()}

    def _around(self, path: str, text: Text) -> None:
        """Find the file of a text: a module may have moved from `a.rs` to `a/mod.rs`. Else it is missing."""
        for place in (path, _other_place(path)):
            if (code := _read(self.root, place)) is not None:
                self._now[place] = text.around(code)
                if self._now[place] is text and code != text.plain:
                    self.left_out.append(place)
                return

    def unlay(self) -> None:
        """Write the sources without proofs: while the tests run, the secrets are in no file of the tree."""
        self._show(lambda text: text.plain)

    def lay_documentation(self) -> None:
        """Write the copies of the documentation, for rustdoc."""
        self._show(lambda text: text.documented)

    def untouched(self) -> bool:
        """Say whether the sources are still what was written last: code of the agent's may have run since."""
        return all(_read(self.root, path) == text for path, text in self._shown.items())

    def _show(self, version: Callable[[Text], str]) -> None:
        self._shown = {path: version(text) for path, text in self._now.items()}
        for path, text in self._shown.items():
            try:
                _replace(self.root, path, text, self._laid[path][1])
            except OSError as error:  # it is no more where it was: `untouched` tells
                if error.errno in FATAL:
                    raise


def _other_place(path: str) -> str:
    if path.endswith("/mod.rs"):
        return f"{path.removesuffix('/mod.rs')}.rs"
    return f"{path.removesuffix('.rs')}/mod.rs"


def _read(root: Path, path: str) -> str | None:
    """Return a source's text; null where it is no regular file, or the way to it leads over a link."""
    try:
        with open_file(root, path) as file:
            return decoded(file.read(_MOST_BYTES))
    except OSError:
        return None


def _replace(root: Path, path: str, text: str, stamp: int | None) -> int:
    """Put a new file in a source's place and return its time; never through a link that tests made."""
    with open_folder(root, path) as (folder, name):
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        os.unlink(name, dir_fd=folder)
        made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode & 0o777, dir_fd=folder)
    with os.fdopen(made, "wb") as file:
        file.write(text.encode())
        file.flush()
        if stamp is not None:
            os.utime(made, ns=(stamp, stamp))
        return os.fstat(made).st_mtime_ns


def guard(workspace: Workspace, root: Path) -> Guard:
    """Read the tests of a pristine tree."""
    found = Guard(root)
    files = {target: list(_sources(target, root)) for target in workspace.targets}
    own = own_macros(source.text for each in files.values() for source in each)
    reader = _Reader(found, {target.source for target in workspace.targets}, own)
    for target in workspace.targets:
        if target.for_tests:
            found.test_files.add(f"{target.manifest.parent.relative_to(root)}/**")
        if target.runs_in_build:
            found.test_files |= set(_in_build(target, files[target], root))
        if target.kind != "build" and target.harness and (target.tested or target.doctested):
            reader.read(target, files[target])
    found.test_files |= _includes(files, root)
    return found


def _sources(target: Target, root: Path) -> Iterator[Source]:
    """Yield the files of a target that lie in the tree, each by its real path."""
    for source in sources(target.source, for_tests=target.kind in {"test", "bench"}):
        file = Path(os.path.realpath(source.file))
        if file.is_relative_to(root):
            yield replace(source, file=file)


def _in_build(target: Target, files: list[Source], root: Path) -> Iterator[str]:
    yield from (str(source.file.relative_to(root)) for source in files)
    folder = target.source.parent
    if target.kind == "lib" and folder != target.manifest.parent and folder.is_relative_to(root):
        yield f"{folder.relative_to(root)}/**"


def _includes(files: Mapping[Target, list[Source]], root: Path) -> set[str]:
    """Return what tests include, and nothing else does."""
    found = [included(source, target.manifest.parent) for target, each in files.items() for source in each]
    alone = set().union(*(mine for mine, _ in found)) - set().union(*(others for _, others in found))
    return {str(path.relative_to(root)) for path in alone if path.is_relative_to(root)}


@dataclass(slots=True)
class _Reader:
    found: Guard
    roots: set[Path]
    """Root files of targets, which get canaries in any case."""
    own: Collection[str]
    """Macros that the project names as the standard library does."""
    known: dict[Path, tuple[Proofs, Carried]] = field(default_factory=dict)

    def read(self, target: Target, files: list[Source]) -> None:
        proofs = Proofs()
        for source in files:
            mine, carried = self.known.get(source.file) or self._read(source, target)
            proofs.take(mine, source.prefix)
            if target.doctested and carried.blocks and not source.for_tests:
                self.found.carried.setdefault(target, {})[self._path(source)] = carried
        if target.tested:
            self.found.declared[target] = declared(target.source)
            self.found.proofs[target] = proofs

    def _read(self, source: Source, target: Target) -> tuple[Proofs, Carried]:
        text, path = source.text, self._path(source)
        proven, proofs = with_proofs(
            text, root=source.file in self.roots, edition=target.edition, own=self.own
        )
        documented, carried = with_docs(text) if target.doctested else (text, Carried())
        if proven != text or documented != text:
            self.found.texts[path] = Text(text, proven, documented, target.edition)
        if source.for_tests:
            self.found.test_files.add(path)
        self.known[source.file] = proofs, carried
        return proofs, carried

    def _path(self, source: Source) -> str:
        return str(source.file.relative_to(self.found.root))
