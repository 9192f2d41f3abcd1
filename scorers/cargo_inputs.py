"""What went into a build, by the compiler's own record: nothing from outside the tree may."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_SPACE = re.compile(r"(?<!\\) ")


def foreign_inputs(artefacts: Iterable[Path], directory: Path, allowed: Iterable[Path]) -> tuple[str, ...]:
    """Return the source files that are in none of the `allowed` folders.

    Beside each artefact lies its dep-info; relative paths in it are from `directory`, where cargo ran.
    """
    homes = [folder.resolve() for folder in allowed]
    found: dict[str, None] = {}
    for dep_info in dict.fromkeys(map(_dep_info, artefacts)):
        for name in _inputs(dep_info):
            path = (directory / name).resolve()
            if not any(path.is_relative_to(home) for home in homes):
                found[str(path)] = None
    return tuple(found)


def _dep_info(artefact: Path) -> Path:
    name = artefact.name.partition(".")[0]
    if artefact.suffix in {".rlib", ".rmeta", ".so", ".a"}:
        name = name.removeprefix("lib")
    return artefact.with_name(f"{name}.d")


def _inputs(dep_info: Path) -> Iterator[str]:
    if not dep_info.is_file():
        return
    for line in dep_info.read_text("utf-8", "replace").splitlines():
        _, colon, inputs = line.partition(": ")
        if colon and not line.startswith("#"):
            yield from (each.replace("\\ ", " ") for each in _SPACE.split(inputs) if each)
