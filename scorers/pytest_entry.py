"""Brings a Python into the tree that is scored, then runs `pytest_events.py` there.

Started by the strict pytest scorer as a file, `python -I .../pytest_entry.py`, beside `pytest_events.py` and
`place.json` {tree, workspace, own, empty, since}; in the task's interpreter (Python 3.8 on). The workers of
pytest-xdist start the same way, with `-u -c CODE`.

What an installation points to in the workspace is found in the tree instead. A top-level module comes from
the interpreter's own folders first, unless the pristine project itself brought one of that name (`own`): a
`json.py` or `pytest.py` that an agent adds shadows nothing, wherever pytest puts the tree on the path.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

    import pytest

HERE = Path(__file__).resolve().parent
CONFIGS = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)


class TrustedFirst:
    """Finds top-level modules in the interpreter's own folders first."""

    def __init__(self, trusted: list[str], own: list[str]) -> None:
        self.trusted = trusted
        self.own = frozenset(own)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where the interpreter's own folders have the module, null to look on."""
        del target
        if path is not None or name in self.own:
            return None
        spec = PathFinder.find_spec(name, self.trusted)
        return spec if spec and spec.loader else None


class Isolated:
    """Starts the workers of pytest-xdist as this process was started; in a short session there are none."""

    def __init__(self, *, short: bool) -> None:
        self.short = short

    def pytest_configure(self, config: pytest.Config) -> None:
        """Name the interpreter in each worker's specification, or do without workers and reruns."""
        option = config.option
        if self.short and hasattr(option, "dist"):
            option.dist, option.numprocesses, option.tx = "no", 0, []
        if self.short and hasattr(option, "reruns"):
            option.reruns = 0
        if getattr(option, "tx", None):
            site = " -S" if sys.flags.no_site else ""
            worker = f"popen//python={sys.executable} -I{site} {Path(__file__).resolve()}"
            option.tx = [
                spec.replace("popen", worker) if spec.endswith("popen") else spec for spec in option.tx
            ]


def start_site(since: int, workspace: str) -> None:
    """Do what Python does at its start (this one began with -S), without files changed after a moment.

    Of those only folders of the workspace are taken: what `pip install -e .` leaves.
    """
    import site  # noqa: PLC0415 - only where something changed

    def changed(path: str) -> bool:
        try:
            return os.lstat(path).st_ctime_ns > since
        except OSError:
            return False

    def add(sitedir: str, name: str, known: Any) -> Any:  # noqa: ANN401 - as site has it
        if not changed(os.path.join(sitedir, name)):  # noqa: PTH118
            return addpackage(sitedir, name, known)
        sys.path += [each for each in _named_folders(Path(sitedir, name)) if _inside(each, workspace)]
        return known

    def customize() -> None:
        spec = PathFinder.find_spec("sitecustomize")
        if spec and spec.origin and not changed(spec.origin):
            execsitecustomize()

    hooks: Any = site
    addpackage, execsitecustomize = hooks.addpackage, hooks.execsitecustomize
    hooks.addpackage, hooks.execsitecustomize = add, customize
    site.main()


def _named_folders(pth: Path) -> list[str]:
    try:
        with pth.open(encoding="utf-8", errors="replace") as file:
            lines = file.read(2**16).splitlines()
    except OSError:
        return []
    return [os.path.realpath(pth.parent / line) for line in lines if line and "\0" not in line]


def enter(place: dict[str, Any]) -> None:
    """Make the tree the current folder and the first place of the path; see the module."""
    tree, workspace = place["tree"], place["workspace"]
    os.chdir(tree)
    moved = [_moved(entry, workspace, tree) for entry in sys.path]
    trusted = [entry for entry in moved if entry == "" or _own_folder(entry) or not _inside(entry, tree)]
    installed = [entry for entry in moved if entry not in trusted]
    installed += _move_finders(workspace, tree)
    sys.path[:] = list(dict.fromkeys([tree, *moved, *installed]))
    if installed:
        os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(installed))
    sys.meta_path.insert(0, TrustedFirst(trusted, place["own"]))


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _own_folder(path: str) -> bool:
    return _inside(path, sys.prefix) or _inside(path, sys.base_prefix)


def _moved(path: str, workspace: str, tree: str) -> str:
    real = os.path.realpath(path) if path else path
    if path and _inside(real, workspace) and not _inside(real, tree):
        return str(Path(tree, os.path.relpath(real, workspace)))
    return path


def _move_finders(workspace: str, tree: str) -> list[str]:
    """Return the folders in the tree of what setuptools' editable finders map to the workspace."""
    roots = []
    for name, module in list(sys.modules.items()):
        mapping = getattr(module, "MAPPING", None)
        if name.startswith("__editable__") and isinstance(mapping, dict):
            for package, path in mapping.items():
                mapping[package] = _moved(path, workspace, tree)
                if mapping[package] != path:
                    roots.append(str(Path(mapping[package]).parent))
    return roots


def configuration(place: dict[str, Any]) -> str:
    """Return the file that configures pytest in the tree, as pytest itself would choose it."""
    try:
        from _pytest.config.findpaths import load_config_dict_from_file  # noqa: PLC0415 - pytest's own rule
    except ImportError:  # no pytest: `run` says so
        return str(place["empty"])
    for name in CONFIGS:
        path = Path(place["tree"], name)
        try:
            if path.is_file() and load_config_dict_from_file(path) is not None:
                return str(path)
        except Exception:  # noqa: BLE001 - pytest will say what is wrong with it
            return str(path)
    return str(place["empty"])


def main() -> None:
    """Be a worker of pytest-xdist, or run pytest as the request says."""
    place = json.loads((HERE / "place.json").read_text(encoding="utf-8"))
    if sys.flags.no_site:
        start_site(place["since"], place["workspace"])
    if sys.argv[1:3] == ["-u", "-c"]:
        enter(place)
        code = sys.argv[3]
        sys.argv[:] = ["-c"]
        exec(code, {"__name__": "__main__"})  # noqa: S102 - what `python -c` would have done
        return
    request = json.loads(sys.stdin.buffer.read())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    events: Any = ModuleType("pytest_events")
    SourceFileLoader("pytest_events", str(HERE / "pytest_events.py")).exec_module(events)
    channel = events.Channel(request["key"])
    enter(place)
    sys.argv[:] = ["pytest", *request["args"]]
    fixed = ["-c", configuration(place), "--rootdir", place["tree"], "--confcutdir", place["tree"]]
    request["args"] = [*fixed, *request["args"]]
    sys.exit(events.run(channel, request, [Isolated(short=request["short"])]))


if __name__ == "__main__":
    main()
