"""Reads a replay script or a recording from a file; every mistake is named by file, line and key."""

import json
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from runner.dialects import complaints
from runner.errors import RequestInvalid
from runner.interceptor.open import JUDGE
from runner.interceptor.records import CALLS
from runner.interceptor.replay.recording import is_record, turns_of
from runner.interceptor.replay.script import Script, Turn

MAX_BYTES = 64 * 1024**2
"""Largest script that is read whole; a recording (`.jsonl`) is read line by line, whatever its size."""
_HINT = f"a turn has {', '.join(Turn.model_fields)}"


class _Entry(NamedTuple):
    """One turn as it stands in the file."""

    line: int
    value: Any


def read_script(path: Path) -> Script:
    """Read a `.toml`, `.json` or `.jsonl` script, or the `calls.jsonl` of an earlier rollout.

    Raises `RequestInvalid`, naming file, line and key.
    """
    try:
        turns = _read(path)
    except OSError as error:
        hint = "" if path.is_absolute() else "a relative path is below the current folder"
        place = f"the replay script {path.absolute()}"
        raise RequestInvalid(f"{place} cannot be read: {error.strerror}", hint=hint) from None
    except UnicodeDecodeError as error:
        raise RequestInvalid(f"the replay script {path} is not UTF-8 (byte {error.start})") from None
    if not turns:
        raise RequestInvalid(f"the replay script {path} has no turns")
    return Script(turns, str(path))


def _read(path: Path) -> tuple[Turn, ...]:
    entries = iter(_entries(path))
    first = next(entries, None)
    if first is None:
        return ()
    if is_record(first.value):
        verdicts = _verdicts(path.with_name(JUDGE)) if path.name == CALLS else ()
        return turns_of(path, chain([first], entries)) + verdicts
    return tuple(_turn(path, entry) for entry in chain([first], entries))


def _verdicts(path: Path) -> tuple[Turn, ...]:
    """Return what a judge answered, which is recorded apart from the agent's calls."""
    return turns_of(path, _lines(path)) if path.exists() else ()


def _entries(path: Path) -> Iterator[_Entry]:
    if path.suffix == ".jsonl":
        return _lines(path)
    if path.stat().st_size > MAX_BYTES:
        raise RequestInvalid(f"the replay script {path} is larger than {MAX_BYTES} bytes")
    text = path.read_text("utf-8")
    return _tables(path, text) if path.suffix == ".toml" else _items(path, text)


def _lines(path: Path) -> Iterator[_Entry]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _Entry(number, _json(path, line, number))


def _items(path: Path, text: str) -> Iterator[_Entry]:
    """Yield the turns of a JSON list, or of `{"turns": [...]}`, each with its line."""
    turns = _turns(path, _json(path, text))
    decoder, at = json.JSONDecoder(), text.index("[")
    for value in turns:
        at = next(i for i in range(at + 1, len(text)) if text[i] not in " \t\r\n,")
        yield _Entry(1 + text.count("\n", 0, at), value)
        at = decoder.raw_decode(text, at)[1] - 1


def _tables(path: Path, text: str) -> Iterator[_Entry]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestInvalid(f"the replay script {path} is not TOML: {error}") from None
    heads = [n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith("[[turns]]")]
    turns = _turns(path, document)
    return (_Entry(heads[n] if n < len(heads) else 1, value) for n, value in enumerate(turns))


def _turns(path: Path, document: object) -> list[Any]:
    turns = document.get("turns") if isinstance(document, dict) else document
    if isinstance(document, dict) and (unknown := set(document) - {"turns"}):
        raise RequestInvalid(
            f"the replay script {path} has an unknown key: {min(unknown)} (it holds `turns`)"
        )
    if not isinstance(turns, list):
        raise RequestInvalid(f"the replay script {path} holds no list of turns")
    return turns


def _json(path: Path, text: str, line: int = 1) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        at = f"{path}:{line + error.lineno - 1}"
        raise RequestInvalid(
            f"the replay script is not JSON, {at}, column {error.colno}: {error.msg}"
        ) from None


def _turn(path: Path, entry: _Entry) -> Turn:
    try:
        return Turn.model_validate(entry.value)
    except ValidationError as invalid:
        raise RequestInvalid(f"{path}:{entry.line}: {next(complaints(invalid))}", hint=_HINT) from None
