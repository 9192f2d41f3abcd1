"""Turns a test into one that must fail: the same code, its last assertion turned round.

`assert_eq!(add(2, 3), 5)` becomes `assert_eq!(add(2, 3), 87)`, `assert!(even(4))` `assert!(!(even(4)))`.
Where a test passes and its mutant passes too, values equal everything, or assertions are swallowed.
"""

import itertools
import re
import secrets
from collections.abc import Mapping, Sequence

from scorers.rust_tokens import Token, groups, tokens

_NUMBER = re.compile(r"(?P<value>\d[\d_]*)(?P<kind>[iu](?:8|16|32|64|128|size))?")
_ASSERTIONS = {"assert": "assert", "assert_eq": "assert_ne", "assert_ne": "assert_eq"}
_VALUE = frozenset(
    [
        *(
            "Some",
            "None",
            "Ok",
            "Err",
            "vec",
            "String",
            "Box",
            "from",
            "new",
            "to_string",
            "to_owned",
            "into",
        ),
        *("true", "false", *"&-!,.:()[]"),
    ]
)
"""What an expected value may be made of beside literals: nothing of the code under test."""
_HARMLESS = frozenset(
    [
        *("assert", "assert_eq", "assert_ne", "dbg", "debug_assert", "debug_assert_eq", "debug_assert_ne"),
        *("env", "eprintln", "format", "include_bytes", "include_str", "matches", "panic", "print"),
        *("println", "vec", "write"),
    ]
)
"""What may stand before `!`: any other macro may hide a `return`."""


def mutant(body: str) -> str | None:
    """Return a test's body that must fail if the test passes; null where none can be made.

    Only a statement of the body itself is changed: one in a branch or a loop may never be reached.
    """
    stream = tokens(body)
    if _may_end_early(stream):
        return None
    ends = groups(stream)
    last: int | None = None
    at = 0
    while at < len(stream):
        if stream[at].text in _ASSERTIONS and [t.text for t in stream[at + 1 : at + 3]] == ["!", "("]:
            last = at if at == 0 or stream[at - 1].text in {";", "}"} else last
        at = ends.get(at, at) + 1
    return None if last is None else _turned(body, stream, ends, last)


def _turned(body: str, stream: Sequence[Token], ends: Mapping[int, int], at: int) -> str:
    name = stream[at]
    operands = _operands(stream, ends, at + 2)
    if name.text == "assert":
        start, end = operands[0][0].start, operands[0][-1].end
        return f"{body[:start]}!({body[start:end]}){body[end:]}"
    literals = [found for operand in operands[:2] if (found := _literal(operand))]
    if name.text == "assert_eq" and len(literals) == 1:
        return body[: literals[0].start] + _other(literals[0].text) + body[literals[0].end :]
    return body[: name.start] + _ASSERTIONS[name.text] + body[name.end :]


def _may_end_early(stream: Sequence[Token]) -> bool:
    pairs = itertools.pairwise(stream)
    macros = {word.text for word, mark in pairs if mark.text == "!" and word.kind == "word"}
    keywords = {"return", "if", "match", "while", "in"}  # `if !ready()` is no macro
    return any(token.text == "return" for token in stream) or not macros - keywords <= _HARMLESS


def _operands(stream: Sequence[Token], ends: Mapping[int, int], opening: int) -> list[list[Token]]:
    operands: list[list[Token]] = [[]]
    at = opening + 1
    while at < ends[opening]:
        after = ends.get(at, at) + 1
        if stream[at].text == ",":
            operands.append([])
        else:
            operands[-1] += stream[at:after]
        at = after
    return operands


def _literal(operand: Sequence[Token]) -> Token | None:
    """Return what to change in an expected value (`5`, `Some(-5)`, `vec!["a".into()]`); null in a call."""
    if any(token.kind != "literal" and token.text not in _VALUE for token in operand):
        return None
    behind = ["", *(token.text for token in operand)]
    return next(
        (
            token
            for before, token in zip(behind, operand, strict=False)
            if before != "." and _can_change(token)  # `.0` is a field
        ),
        None,
    )


def _can_change(token: Token) -> bool:
    return token.kind in {"literal", "word"} and _other(token.text) != token.text


def _other(text: str) -> str:
    """Return another literal of the same type, not near: a count that varies must not meet it."""
    if number := _NUMBER.fullmatch(text):
        value = int(number["value"].replace("_", ""))
        far = [other for other in range(128) if abs(other - value) > 3]  # noqa: PLR2004 - fits every integer type
        return f"{secrets.choice(far)}{number['kind'] or ''}"
    if text in {"true", "false"}:
        return "false" if text == "true" else "true"
    return f'{text[:-1]}~"' if text.startswith('"') else text
