"""Finds the items of a Rust source that matter to scoring: modules, tests, and what is for tests alone."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scorers.rust_tokens import Token, groups, tokens

_QUALIFIERS = frozenset({"pub", "async", "unsafe", "const", "extern", "default", "safe"})
MACRO = "!"
"""The kind of a macro's definition or call; the name is the macro's, or its path's first word."""
_BLOCKS = frozenset({"fn", "mod", "impl", "trait", "struct", "enum", "union"})
"""Items that end with their braces, or with a semicolon before any; all others end with a semicolon."""
_TEST = re.compile(r"(?:::)?(?:\w+::)*(?:test|rstest|test_case|quickcheck)(?:$|\()")
_CFG_TEST = re.compile(r"cfg\((?:all\()?(?:doc)?test\b")
_CFG_ANY_TEST = re.compile(r"cfg\(any\((?:.*(?<!not)[(,])?test[,)]")
"""Of such an item only its name tells whether it is for tests: `test_helpers` is, `AllocExt` may not be."""
_WORTH_READING = re.compile(r"test|quickcheck|\bmod\b|\binclude\b")
"""Without one of these a source has neither tests nor modules: cutting it into tokens takes its time."""
_CONDITION = re.compile(r"cfg\((?!test\)$)")
_IGNORE = re.compile(r"ignore\b|cfg_attr\b.*\bignore\b")


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a source file."""

    kind: str
    """The word that begins it: `mod`, `fn`, `use`, `impl`, ..."""
    name: str
    path: tuple[str, ...]
    """The modules around it in this file."""
    attributes: tuple[str, ...]
    """Its outer attributes as they stand, without `#[` and `]`."""
    places: tuple[tuple[int, int], ...]
    """Where those are, with `#[` and `]`."""
    start: int
    """Where its first attribute or documentation comment begins."""
    end: int
    """Behind its last brace or semicolon."""
    head: str
    """From its first word to its braces."""
    body: tuple[int, int] | None
    """Inside its braces; null where it has none."""
    children: tuple["Item", ...] = ()
    """The items of a module."""

    @property
    def is_test(self) -> bool:
        """Whether an attribute makes the function a test."""
        return self.kind == "fn" and self._has(_TEST)

    @property
    def for_tests(self) -> bool:
        """Whether it is a test, or exists in test builds alone."""
        return (
            self.is_test
            or self._has(_CFG_TEST)
            or (calls_itself_test(self.name) and self._has(_CFG_ANY_TEST))
        )

    @property
    def ignored(self) -> bool:
        """Whether it is marked to be ignored, or may be."""
        return self._has(_IGNORE)

    @property
    def conditional(self) -> bool:
        """Whether it depends on more than a test build."""
        return self._has(_CONDITION)

    def _has(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.match(re.sub(r"\s", "", attribute)) for attribute in self.attributes)


def calls_itself_test(name: str) -> bool:
    """Say whether a name is that of a helper of tests: `test_utils`, `testing`, not `latest`."""
    return re.search(r"(?:^|[-_])test", name) is not None


@functools.lru_cache(maxsize=1024)
def items(source: str) -> tuple[Item, ...]:
    """Return the items at the top of a source, modules with theirs; functions and macros are not entered.

    None of a source that has neither tests nor modules.
    """
    if not _WORTH_READING.search(source):
        return ()
    stream = tokens(source)
    return tuple(_Reader(source, stream, groups(stream), len(stream)).items())


def walk(found: Sequence[Item]) -> Iterator[Item]:
    """Yield every item, a module before what is in it."""
    for item in found:
        yield item
        yield from walk(item.children)


@dataclass(slots=True)
class _Reader:
    """Reads the items between two tokens."""

    source: str
    stream: Sequence[Token]
    groups: Mapping[int, int]
    """Where each bracket of the stream is closed."""
    end: int
    at: int = 0
    path: tuple[str, ...] = ()

    def items(self) -> Iterator[Item]:
        while self.at < self.end:
            begin, places = self._before()
            if self.at < self.end and (item := self._item(begin, places)):
                yield item

    def _before(self) -> tuple[int, list[tuple[int, int]]]:
        """Pass the attributes and documentation before an item; return its first token and the attributes."""
        begin = self.at
        places: list[tuple[int, int]] = []
        while self.at < self.end and (close := self._attached(self.at)) is not None:
            token = self.stream[self.at]
            if token.text[2:3] == "!" or self._text(self.at + 1) == "!":  # the module's, not the item's
                begin, places = close + 1, []
            elif token.kind != "doc":
                places.append((token.start, self.stream[close].end))
            self.at = close + 1
        return begin, places

    def _attached(self, at: int) -> int | None:
        """Return the last token of the attribute or documentation comment at `at`; null where none is."""
        if self.stream[at].kind == "doc":
            return at
        if self._text(at) != "#":
            return None
        return min(self._closing(at + 1 + (self._text(at + 1) == "!")), self.end - 1)

    def _item(self, begin: int, places: Sequence[tuple[int, int]]) -> Item | None:
        first = self.at
        word = self._qualified(first)
        kind, name = self._text(word), self._text(word + 1)
        stop, brace = self._extent(word, blocks=kind in _BLOCKS)
        self.at = stop + 1
        last = self.stream[min(stop, len(self.stream) - 1)]
        if self.stream[min(word, len(self.stream) - 1)].kind != "word":
            return None
        if name in {"!", ":"}:
            kind, name = MACRO, kind
        opened = self.stream[brace] if brace is not None and kind in _BLOCKS else None
        inside = _Reader(self.source, self.stream, self.groups, stop, (brace or 0) + 1, (*self.path, name))
        return Item(
            kind=kind, name=name, path=self.path, places=tuple(places),
            attributes=tuple(_inside(self.source[start:end]) for start, end in places),
            start=self.stream[begin].start, end=last.end,
            head=self.source[self.stream[first].start : opened.start if opened else last.end],
            body=(opened.end, last.start) if opened else None,
            children=tuple(inside.items()) if opened and kind == "mod" else (),
        )  # fmt: skip

    def _qualified(self, at: int) -> int:
        """Return where the item's own word is, behind `pub(crate)`, `unsafe`, `extern "C"`."""
        while self._text(at) in _QUALIFIERS and self._text(at + 1) != "crate":
            if self._text(at) == "const" and self._text(at + 1) not in {*_QUALIFIERS, "fn"}:
                break
            at += 1
            if self._text(at) == "(":
                at = self._closing(at) + 1
            elif at < self.end and self.stream[at].kind == "literal":
                at += 1
        return at

    def _extent(self, at: int, *, blocks: bool) -> tuple[int, int | None]:
        """Return where an item ends, and where its braces open."""
        braces = blocks or self._text(at) == "{"
        while at < self.end:
            text = self.stream[at].text if self.stream[at].kind == "mark" else ""
            if text == ";":
                return at, None
            if text == "!":
                braces = True
            if text and text in "([{":
                close = self._closing(at)
                if text == "{" and braces:
                    return close, at
                at = close
            at += 1
        return self.end - 1, None

    def _closing(self, at: int) -> int:
        """Return where the first group from `at` on ends."""
        while at < len(self.stream) and at not in self.groups:
            at += 1
        return self.groups.get(at, len(self.stream))

    def _text(self, at: int) -> str:
        return self.stream[at].text if at < len(self.stream) else ""


def _inside(attribute: str) -> str:
    return attribute[attribute.index("[") + 1 : -1]
