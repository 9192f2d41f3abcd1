"""Cuts Rust source into tokens: enough to find items without being led astray by strings and comments."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["word", "literal", "mark", "doc"]

_TOKEN = re.compile(
    r"""
    (?P<space>\s+ | //(?![/!])[^\n]* | ////[^\n]* )
  | (?P<doc>//[/!][^\n]*)
  | (?P<block>/\*)
  | (?P<raw>(?:b|c)?r(?P<hashes>\#*)")
  | (?P<string>(?:b|c)?"(?:\\.|[^"\\])*")
  | (?P<char>b?'(?:\\(?:u\{[^}]*\}|x[0-9a-fA-F]{2}|.)|[^\\'])')
  | (?P<lifetime>'[^\W\d]\w*)
  | (?P<word>(?:r\#)?[^\W\d]\w*)
  | (?P<number>\d[\w]*(?:\.\d[\w]*)?)
  | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token and where it stands."""

    kind: Kind
    text: str
    start: int
    end: int


def tokens(source: str) -> list[Token]:
    """Return the tokens of a source; comments are left out, documentation comments are kept as `doc`."""
    return list(_tokens(source))


def _tokens(source: str) -> Iterator[Token]:
    at = 0
    while found := _TOKEN.match(source, at):
        group, end = found.lastgroup or "mark", found.end()
        if found["block"]:
            end = _block_end(source, at)
            group = (
                "doc"
                if source[at : at + 3] in {"/**", "/*!"} and source[at : at + 4] not in {"/**/", "/***"}
                else "space"
            )
        elif found["raw"] is not None:
            group, end = "literal", _raw_end(source, end, found["hashes"])
        if group != "space":
            yield Token(_kind(group), source[at:end], at, end)
        at = end


def _kind(group: str) -> Kind:
    if group in {"string", "char", "number", "literal"}:
        return "literal"
    return "doc" if group == "doc" else "mark" if group == "mark" else "word"


def _block_end(source: str, at: int) -> int:
    depth = 0
    for found in re.compile(r"/\*|\*/").finditer(source, at):
        depth += 1 if found[0] == "/*" else -1
        if not depth:
            return found.end()
    return len(source)


def _raw_end(source: str, at: int, hashes: str) -> int:
    found = source.find('"' + hashes, at)
    return len(source) if found < 0 else found + 1 + len(hashes)


def closing(stream: Sequence[Token], at: int) -> int:
    """Return the index of the token that closes the group opened at `at`; the length where none does."""
    wanted: list[str] = []
    for index in range(at, len(stream)):
        token = stream[index]
        if token.kind != "mark":
            continue
        if token.text in _CLOSING:
            wanted.append(_CLOSING[token.text])
        elif wanted and token.text == wanted[-1]:
            wanted.pop()
            if not wanted:
                return index
    return len(stream)
