"""Finds an agent or a scorer: by entry point, by `module:Class`, or by the path of a `.py` file.

Only the one asked for is imported. The program runs isolated (`python -I`), so a module is found where
the program is installed, never in the current folder: give a path for that.
"""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from agents.base import Agent
from runner.boundary import boundary
from runner.errors import PluginNotFound
from scorers.base import Scorer


def load_agent(name: str) -> type[Agent]:
    """Return an agent's class; raise `PluginNotFound` saying what is wrong with the name or the plug-in."""
    return _load("agent", name, Agent)


def load_scorer(name: str) -> type[Scorer]:
    """Return a scorer's class; raise `PluginNotFound` saying what is wrong with the name or the plug-in."""
    return _load("scorer", name, Scorer)


def known(word: str) -> list[str]:
    """Return the names of all agents or scorers there are an entry point for."""
    return sorted(entry_points(group=f"rollout_runner.{word}s").names)


def _load(word: str, name: str, base: type[Any]) -> type[Any]:
    file, _, chosen = name.partition(".py:") if ".py:" in name else (name.removesuffix(".py"), "", "")
    if ".py:" in name or name.endswith(".py"):
        found = _from_file(Path(f"{file}.py").expanduser(), chosen, f"{word} {name!r}", base)
    elif ":" in name:
        found = _from_module(name, f"{word} {name!r}")
    else:
        found = _from_entry_point(word, name)
    return _checked(found, f"{word} {name!r}", base)


def _from_entry_point(word: str, name: str) -> object:
    points = entry_points(group=f"rollout_runner.{word}s", name=name)
    for point in points:
        with _importing(f"{word} {name!r}"):
            return point.load()
    names = known(word)
    closest = get_close_matches(name, names, n=1)
    hint = f"did you mean {closest[0]}?" if closest else "module:Class or the path of a .py file will do too"
    raise PluginNotFound(f"no {word} is called {name!r}; there are {', '.join(names)}", hint=hint)


def _from_module(name: str, what: str) -> object:
    module, _, chosen = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), chosen)):
        raise PluginNotFound(f"{what} names no module and class", hint="write module:Class")
    with _importing(what):
        try:
            loaded = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise
            hint = "install it beside the program, or give the path of its .py file"
            raise PluginNotFound(f"{what}: no module {error.name!r} is installed", hint=hint) from None
    return _attribute(loaded, chosen, what)


def _from_file(path: Path, chosen: str, what: str, base: type[Any]) -> object:
    if not path.is_file():
        hint = "" if path.is_absolute() else "a relative path is below the current folder"
        raise PluginNotFound(f"{what}: there is no file {path.absolute()}", hint=hint)
    name = f"rollout_plugin_{path.stem}"
    with _importing(what):
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise PluginNotFound(f"{what}: {path} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
    return _attribute(module, chosen, what) if chosen else _only(module, what, base)


def _attribute(module: ModuleType, chosen: str, what: str) -> object:
    if not hasattr(module, chosen):
        raise PluginNotFound(f"{what}: {module.__name__} has no {chosen!r}")
    return getattr(module, chosen)


def _only(module: ModuleType, what: str, base: type[Any]) -> object:
    here = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, base) and each.__module__ == module.__name__
    ]
    if len(here) == 1:
        return here[0]
    if not here:
        raise PluginNotFound(f"{what}: the file defines no subclass of {base.__module__}.{base.__name__}")
    names = ", ".join(each.__name__ for each in here)
    raise PluginNotFound(f"{what}: the file defines several ({names})", hint="name one: PATH.py:CLASS")


def _checked(found: object, what: str, base: type[Any]) -> type[Any]:
    if not inspect.isclass(found) or not issubclass(found, base):
        raise PluginNotFound(f"{what} is no subclass of {base.__module__}.{base.__name__}")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        raise PluginNotFound(f"{what} lacks the method {missing}")
    return found


@contextmanager
def _importing(what: str) -> Iterator[None]:
    """Report what a plug-in raises at import as its own."""
    try:
        with boundary(PluginNotFound):
            yield
    except PluginNotFound as error:
        cause = error.__cause__
        if cause is None:  # one of ours
            raise
        said = f"raised at import: {error.message}"
        if isinstance(cause, SystemExit):
            said = f"ends the program at import (exit {cause.code})"
        raise PluginNotFound(f"{what} {said}", hint=_place(cause)) from cause


def _place(error: BaseException) -> str:
    """Return file and line of what was raised; what cannot be compiled is in no trace."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}, line {last.lineno}"
