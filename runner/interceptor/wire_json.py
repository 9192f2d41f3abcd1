"""Reads JSON off the wire as leniently as the CLIs do.

Software in JavaScript cuts texts in the middle of an emoji: the half that is left, a lone surrogate, can be
named in JSON and not held in UTF-8, and pydantic's reader refuses it.
"""

import json
from typing import Any

from pydantic_core import from_json

from runner.output import sound


def whole(raw: bytes) -> bytes:
    """Return the same JSON with `?` for each half of a character; raises `ValueError` for what is no JSON."""
    try:
        return sound(json.dumps(json.loads(raw), ensure_ascii=False)).encode()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read(raw: bytes) -> Any:  # noqa: ANN401 - whatever JSON says
    """Return what JSON says, `?` for each half of a character; raises `ValueError` for what is none."""
    try:
        return from_json(raw)
    except ValueError:
        return from_json(whole(raw))
