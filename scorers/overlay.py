"""Hidden tests, laid over the tree only when the agent is gone.

Without a word of the task, its `tests/` folder lands on the tree's `tests/`. The `[scorer] overlay` table
maps other paths, each a file or folder below the task's `tests/`; `append` adds to a source file's end:

    [scorer.overlay]
    "unit" = "src/pkg/tests"
    "card_tests.rs" = { append = "src/cards/dragon.rs" }
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import TaskInvalid

_NOT_TESTS = {"test.sh", "Dockerfile", "docker-compose.yaml"}
"""What a Harbor `tests/` folder holds beside tests: the harbor scorer's business."""


@dataclass(frozen=True, slots=True)
class _Layer:
    source: Path
    target: str
    append: bool = False


def lay_tests(tests: Path | None, tree: Path, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Lay the hidden tests over `tree`; return the paths written, relative to it."""
    if tests is None or not tests.is_dir():
        if options.get("overlay"):
            raise TaskInvalid(
                "[scorer] overlay without a tests/ folder", hint="add tests/ to the task folder"
            )
        return ()
    written: list[str] = []
    for layer in _layers(tests, options.get("overlay")):
        written += _lay(layer, tree)
    return tuple(dict.fromkeys(written))


def _layers(tests: Path, overlay: Any) -> list[_Layer]:  # noqa: ANN401 - a TOML value
    if overlay is None:
        return [
            _Layer(path, f"tests/{path.name}")
            for path in sorted(tests.iterdir())
            if path.name not in _NOT_TESTS
        ]
    if not isinstance(overlay, Mapping):
        raise TaskInvalid("[scorer] overlay is no table", hint='write [scorer.overlay] "a.py" = "tests/a.py"')
    return [_layer(tests, str(name), target) for name, target in overlay.items()]


def _layer(tests: Path, name: str, target: Any) -> _Layer:  # noqa: ANN401 - a TOML value
    append = isinstance(target, Mapping)
    goal = target.get("append") if append else target
    if not isinstance(goal, str):
        raise TaskInvalid(f"[scorer.overlay] {name!r} names no path", hint='a path, or { append = "PATH" }')
    source = tests / name
    if not source.exists():
        raise TaskInvalid(
            f"[scorer.overlay] {name!r} is not in {tests}", hint="name a file or folder in tests/"
        )
    return _Layer(source, goal, append)


def _lay(layer: _Layer, tree: Path) -> list[str]:
    if layer.source.is_dir():
        files = sorted(
            path for path in layer.source.rglob("*") if path.is_file() and "__pycache__" not in path.parts
        )
        return [
            _write(path, tree, f"{layer.target}/{path.relative_to(layer.source)}", layer) for path in files
        ]
    return [_write(layer.source, tree, layer.target, layer)]


def _write(source: Path, tree: Path, target: str, layer: _Layer) -> str:
    path = tree / target
    if not path.resolve().is_relative_to(tree.resolve()):
        raise TaskInvalid(
            f"overlay target {target!r} leads out of the workspace", hint="use a path inside it"
        )
    _clear(path, tree)
    path.parent.mkdir(parents=True, exist_ok=True)
    if layer.append and path.exists():
        with path.open("ab") as file:
            file.write(b"\n" + source.read_bytes())
        return target
    if path.is_symlink():
        path.unlink()
    shutil.copy(source, path)
    return target


def _clear(path: Path, tree: Path) -> None:
    """Remove what the agent put in a test's way: a folder of its name, a file in place of a folder above."""
    for above in path.relative_to(tree).parents:
        in_the_way = tree / above
        if in_the_way.is_symlink() or in_the_way.exists():
            if not in_the_way.is_dir():
                in_the_way.unlink()
            break
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
