"""The tests that a target's source declares, without compiling it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scorers.rust_items import Item, items, walk

_MAX_FILES = 2000
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
        """What it says."""
        return self.file.read_text("utf-8", "replace")


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


def declared_tests(root: Path) -> tuple[str, ...]:
    """Return the names of the tests in a target's root file and its modules, as libtest would name them.

    Tests that are ignored are left out, tests that macros make are not seen.
    """
    names = (
        "::".join((*source.prefix, *item.path, item.name))
        for source in sources(root)
        for item in walk(items(source.text))
        if item.is_test and not item.ignored
    )
    return tuple(dict.fromkeys(names))


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
    return Source(file, own, (*source.prefix, *module.path, module.name), for_tests)
