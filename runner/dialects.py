"""From the bytes of `rollout.json` to one `wire.Request`, with an error that names the place."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from runner.errors import RequestInvalid
from runner.wire import Request
from runner.wire_values import TAGS, Wire

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "dict_type": "an object",
    "model_type": "an object",
    "list_type": "a list",
    "finite_number": "a finite number",
    "greater_than": "more than {gt:.10g}",
    "greater_than_equal": "at least {ge:.10g}",
    "less_than_equal": "at most {le:.10g}",
    "too_short": "a list of at least {min_length}",
    "tuple_type": "a list",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "literal_error": "{expected}",
}
_PLAIN = {"missing": "missing", "extra_forbidden": "unknown key"}
_MOST_ERRORS = 5
_ID = re.compile(r'"trace_correlation_id"\s*:\s*("(?:[^"\\]|\\.)*")')


def parse(data: bytes | str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the JSON object in `data`, and the keys that an object in it gives more than once.

    Raises `RequestInvalid` with line and column, or the key.
    """
    repeated: dict[str, None] = {}

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        kept = dict(pairs)
        if len(kept) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            repeated.update(dict.fromkeys(key for key in kept if counts[key] > 1))
        return kept

    try:
        document = json.loads(_decoded(data), object_pairs_hook=keep)
        if not isinstance(document, dict):
            raise RequestInvalid(f"the request is no JSON object but {_shown(document)}")
        _refuse_unwritable(document, "")
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RequestInvalid(f"the request is not JSON: {error.msg} at {where}") from None
    except RecursionError:
        raise RequestInvalid("the request is nested too deeply") from None
    except ValueError as error:  # a number of more than 4300 digits
        raise RequestInvalid(f"the request is not usable JSON: {error}") from None
    return document, tuple(repeated)


def read(document: dict[str, Any]) -> Request:
    """Check every known key; unwrap the wrapped dialect, whose outer keys win."""
    try:
        request = Request.model_validate(document)
    except ValidationError as error:
        raise RequestInvalid("; ".join(complaints(error))) from None
    inner = request.task_app_request
    if inner is None:
        return request
    if inner.task_app_request is not None:
        raise RequestInvalid("task_app_request.task_app_request: one wrapping is enough")
    given = {key: value for key, value in dict(request).items() if value is not None}
    del given["task_app_request"]
    return inner.model_copy(update=given)


def unknown_keys(request: Wire, path: str = "") -> Iterator[str]:
    """Yield the paths of all keys that no dialect knows."""
    if not request.free:
        yield from (f"{path}{key}" for key in request.model_extra or ())
    for key in type(request).model_fields:
        value = getattr(request, key)
        if isinstance(value, Wire):
            yield from unknown_keys(value, f"{path}{key}.")
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, Wire):
                    yield from unknown_keys(item, f"{path}{key}[{index}].")


def find_correlation_id(data: bytes | str) -> str | None:
    """Return the correlation id of even a broken request, for the result that says it is broken."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    for found in _ID.finditer(text):
        try:
            value = json.loads(found[1], strict=False)
            value.encode()
        except ValueError:
            continue
        if value.strip():
            return str(value)
    return None


def _decoded(data: bytes | str) -> str:
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestInvalid(f"the request is not UTF-8: bad byte at offset {error.start}") from None
    if not text.strip():
        raise RequestInvalid("the request is empty", hint="write a JSON object to it")
    return text


def _refuse_unwritable(value: object, path: str) -> None:
    """Refuse what JSON can be read from but not written to: it could never be echoed in a result."""
    if isinstance(value, float) and not math.isfinite(value):
        raise RequestInvalid(f"{path}: expected a finite number, got {value}")
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise RequestInvalid(f"{path}: half a surrogate pair is no text") from None
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_unwritable(key, f"{path} (a key)")
            _refuse_unwritable(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_unwritable(item, f"{path}[{index}]")


def complaints(error: ValidationError) -> Iterator[str]:
    """Yield one sentence for each of the first errors: the key, what was expected, what was there."""
    errors = error.errors(include_url=False)
    for one in errors[:_MOST_ERRORS]:
        key = _path(one["loc"]) or "the whole"
        if plain := _PLAIN.get(one["type"]):
            yield f"{key}: {plain}"
            continue
        wanted = _WANTED.get(one["type"], one["msg"]).format(**one.get("ctx", {}))
        yield f"{key}: expected {wanted}, got {_shown(one['input'])}"
    if len(errors) > _MOST_ERRORS:
        yield f"and {len(errors) - _MOST_ERRORS} more"


def _path(location: Sequence[str | int]) -> str:
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part not in TAGS:
            text += f".{part}" if text else part
    return text


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - half a line
