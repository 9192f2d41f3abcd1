"""The tests that a target's source declares, without compiling it."""

from collections.abc import Iterator
from pathlib import Path

from scorers.rust_items import Item, items, walk

_MAX_FILES = 2000


def declared_tests(root: Path) -> tuple[str, ...]:
    """Return the names of the tests in a target's root file and its modules, as libtest would name them.

    Tests that macros make are not seen.
    """
    return tuple(dict.fromkeys(name for _, prefix, found in sources(root) for name in _names(prefix, found)))


def sources(root: Path) -> Iterator[tuple[Path, tuple[str, ...], tuple[Item, ...]]]:
    """Yield each file of a target with its module path and its items, following `mod name;`."""
    left: list[tuple[Path, Path, tuple[str, ...]]] = [(root, root.parent, ())]
    seen: set[Path] = set()
    while left and len(seen) < _MAX_FILES:
        file, folder, prefix = left.pop()
        if file in seen or not file.is_file():
            continue
        seen.add(file)
        found = items(file.read_text("utf-8", "replace"))
        yield file, prefix, found
        left += [
            _file_of(item, folder, prefix) for item in walk(found) if item.kind == "mod" and item.body is None
        ]


def _file_of(module: Item, folder: Path, prefix: tuple[str, ...]) -> tuple[Path, Path, tuple[str, ...]]:
    inside = folder.joinpath(*module.path)
    flat, own = inside / f"{module.name}.rs", inside / module.name
    file = flat if flat.is_file() else own / "mod.rs"
    return file, own, (*prefix, *module.path, module.name)


def _names(prefix: tuple[str, ...], found: tuple[Item, ...]) -> Iterator[str]:
    for item in walk(found):
        if item.is_test:
            yield "::".join((*prefix, *item.path, item.name))
