"""The tests that a target's source declares, without compiling it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scorers.rust_items import MACRO, Item, items

_MAX_FILES = 2000
_NO_TESTS = frozenset({"thread_local", "lazy_static"})
_MAKES_TESTS = re.compile(r"#\s*\[\s*[\w: ]*test\b|\b(?:mod|include)\b")
_PLAIN = re.compile(
    r"\s*(?:(?:\w+\s*::\s*)*test\s*(?:\(|$)|should_panic|ignore|cfg|allow|warn|expect|inline|doc|path|must_use|"
    r"track_caller|serial|serial_test\s*::|deny|cold)"
)
"""Attributes that leave one test one test."""
_PATH = re.compile(r'\s*path\s*=\s*"(?P<path>[^"]+)"\s*')


@dataclass(frozen=True, slots=True)
class Source:
    """One file of a target."""

    file: Path
    folder: Path
    """Where the files of its modules are."""
    prefix: tuple[str, ...]
    """The module that it is."""
    for_tests: bool
    """Whether it is compiled for tests alone."""

    @property
    def text(self) -> str:
        """What it says, as the compiler reads it."""
        return decoded(self.file.read_bytes())


def decoded(content: bytes) -> str:
    """Return a source's text; a lone carriage return ends no line."""
    return content.decode("utf-8", "replace").replace("\r\n", "\n")


def sources(root: Path, *, for_tests: bool = False) -> Iterator[Source]:
    """Yield each file of a target, following `mod name;`."""
    left = [Source(root, root.parent, (), for_tests)]
    seen: set[Path] = set()
    while left and len(seen) < _MAX_FILES:
        source = left.pop()
        if source.file not in seen and source.file.is_file():
            seen.add(source.file)
            yield source
            left += _modules(source, items(source.text), for_tests=source.for_tests)


@dataclass(frozen=True, slots=True)
class Declared:
    """The tests that a target's source shows."""

    names: tuple[str, ...]
    """As libtest would name them, without those that exist under a condition."""
    ignored: tuple[str, ...]
    """Those that are ignored."""
    complete: bool
    """Whether these are all: false where macros, attributes or conditions may make more, or fewer."""


def declared(root: Path) -> Declared:
    """Read the tests of a target's root file and its modules."""
    names: list[str] = []
    ignored: list[str] = []
    complete = True
    for source in sources(root):
        for item, for_tests in _flat(items(source.text), for_tests=source.for_tests):
            if item.is_test and not item.conditional:
                (ignored if item.ignored else names).append(
                    "::".join((*source.prefix, *item.path, item.name))
                )
            complete = complete and _is_plain(item, source.text, for_tests=for_tests)
    return Declared(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(ignored)), complete)


def _flat(found: tuple[Item, ...], *, for_tests: bool) -> Iterator[tuple[Item, bool]]:
    for item in found:
        inside = for_tests or item.for_tests
        yield item, inside
        if not item.conditional:
            yield from _flat(item.children, for_tests=inside)


def _is_plain(item: Item, text: str, *, for_tests: bool) -> bool:
    """Say whether an item can neither make nor hide a test beyond what it shows."""
    if item.kind == MACRO and (for_tests or item.name in {"macro_rules", "include"}):
        said = text[item.start : item.end]
        return item.name in _NO_TESTS or (item.name == "macro_rules" and not _MAKES_TESTS.search(said))
    if item.kind == "mod" or item.is_test:
        return not item.conditional and all(map(_PLAIN.match, item.attributes))
    return not for_tests or item.kind != "fn" or all(map(_PLAIN.match, item.attributes))


def _modules(source: Source, found: tuple[Item, ...], *, for_tests: bool) -> Iterator[Source]:
    for item in found:
        if item.kind != "mod":
            continue
        tests = for_tests or item.for_tests
        if item.body is None:
            yield _file_of(item, source, for_tests=tests)
        else:
            yield from _modules(source, item.children, for_tests=tests)


def _file_of(module: Item, source: Source, *, for_tests: bool) -> Source:
    inside = source.folder.joinpath(*module.path)
    flat, own = inside / f"{module.name}.rs", inside / module.name
    named = next(filter(None, map(_PATH.fullmatch, module.attributes)), None)
    file = source.file.parent / named["path"] if named else flat if flat.is_file() else own / "mod.rs"
    return Source(Path(os.path.normpath(file)), own, (*source.prefix, *module.path, module.name), for_tests)
