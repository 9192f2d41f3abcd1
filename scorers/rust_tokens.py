"""Cuts Rust source into tokens, where the compiler cuts it: an agent must not hide a brace from either.

What rustc_lexer does and is easily missed: a first line `#!...` is left out, a literal takes a name behind it
as its suffix (`"a"r#"b"#` is a string, a mark, a string, a mark), names go on through combining characters.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["word", "literal", "mark", "doc"]

_SPACE = r"\t-\r \x85\u200e\u200f\u2028\u2029"
_MARKS = rf":-@\[-^`{{-\x7f{_SPACE}"
_NAME = rf"[^\x00-/0-9{_MARKS}][^\x00-/{_MARKS}]*"
"""Outside of text, nothing beyond ASCII compiles but names and these spaces."""
_SUFFIX = re.compile(rf"(?:{_NAME})?")
_TOKEN = re.compile(
    rf"""
    (?P<space>[{_SPACE}]+ | //(?![/!])[^\n]* | ////[^\n]* )
  | (?P<doc>//[/!][^\n]*)
  | (?P<block>/\*)
  | (?P<raw>(?:b|c)?r(?P<hashes>\#*)")
  | (?P<string>(?:b|c)?"(?:\\.|[^"\\])*(?:"(?:{_NAME})?|\\?\Z))
  | (?P<char>b?'(?:\\(?:u\{{[^}}'\n]*\}}|x[0-9a-fA-F]{{2}}|.)|[^\\'])'(?:{_NAME})?)
  | (?P<lifetime>'{_NAME})
  | (?P<word>(?:r\#)?{_NAME})
  | (?P<number>[0-9][^\x00-/{_MARKS}]*(?:\.[0-9][^\x00-/{_MARKS}]*)?)
  | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BEFORE_2021 = re.compile(_TOKEN.pattern.replace("(?:b|c)?", "b?"), _TOKEN.flags)
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


def in_edition(source: str, edition: str) -> str:
    """Return a source that is cut alike in any edition: before 2021 `cr"..."` was a name and a string."""
    if edition >= "2021":
        return source
    at, parts = 0, []
    for token in _from(source, _begin(source), _BEFORE_2021):
        if token.text == "cr":
            parts.append(source[at : token.end])
            at = token.end
    return " ".join([*parts, source[at:]])


def _tokens(source: str) -> Iterator[Token]:
    return _from(source, _begin(source))


def _begin(source: str) -> int:
    """Return where the code begins: behind a byte order mark and a line that is for the shell."""
    at = len(source) - len(source.removeprefix("\ufeff"))
    if not source.startswith("#!", at) or next((t.text for t in _from(source, at + 2)), "") == "[":
        return at
    line = source.find("\n", at)
    return len(source) if line < 0 else line


def _from(source: str, at: int, pattern: re.Pattern[str] = _TOKEN) -> Iterator[Token]:
    while found := pattern.match(source, at):
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
            end = _suffix_end(source, end)
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


def _suffix_end(source: str, at: int) -> int:
    found = _SUFFIX.match(source, at)
    return found.end() if found else at


def groups(stream: Sequence[Token]) -> dict[int, int]:
    """Return, by each bracket's index, that of the token that closes it; the length where none does."""
    found: dict[int, int] = {}
    left: list[int] = []
    for index, token in enumerate(stream):
        if token.kind != "mark":
            continue
        if token.text in _CLOSING:
            found[index] = len(stream)
            left.append(index)
        elif left and token.text == _CLOSING[stream[left[-1]].text]:
            found[left.pop()] = index
    return found
