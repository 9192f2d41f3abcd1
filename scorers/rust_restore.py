"""Puts the task's own inline tests back into a source file that the agent may edit.

`#[cfg(test)] mod tests {...}` and `#[test] fn ...` stand in the agent's files. Whatever it made of them, the
pristine ones take their place, or are added where they are gone; the rest of the file stays the agent's.
"""

from collections.abc import Iterator, Sequence

from scorers.rust_items import Item, items

_Key = tuple[tuple[str, ...], str, str]


def with_tests_of(pristine: str, edited: str) -> str:
    """Return the edited source with the pristine source's items for tests.

    A test in a module that the edited source no longer has is lost: it will be missing.
    """
    theirs = items(edited)
    inside = {(*item.path, item.name): item.body[1] for item in _modules(theirs) if item.body}
    mine = list(_for_tests(items(pristine)))
    wanted = {_key(item, pristine): pristine[item.start : item.end] for item in mine}
    edits = [
        (item.start, item.end, text)
        for item in _all(theirs)
        if (text := wanted.pop(_key(item, edited), None)) is not None
    ]
    for (path, *_), text in wanted.items():
        if at := len(edited) if not path else inside.get(path):
            edits.append((at, at, f"\n{text}\n"))
    return _apply(edited, edits)


def _apply(source: str, edits: Sequence[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, text in sorted(edits, key=lambda edit: edit[0]):
        if start >= at:  # what is inside of something replaced is gone with it
            parts += source[at:start], text
            at = end
    return "".join([*parts, source[at:]])


def _key(item: Item, source: str) -> _Key:
    named = item.kind in {"mod", "fn", "struct", "enum", "trait", "const", "static", "type"}
    return item.path, item.kind, item.name if named else "".join(source[item.start : item.end].split())


def _for_tests(found: Sequence[Item]) -> Iterator[Item]:
    """Yield the outermost items that are for tests."""
    for item in found:
        if item.for_tests:
            yield item
        else:
            yield from _for_tests(item.children)


def _all(found: Sequence[Item]) -> Iterator[Item]:
    for item in found:
        yield item
        if not item.for_tests:
            yield from _all(item.children)


def _modules(found: Sequence[Item]) -> Iterator[Item]:
    for item in found:
        if item.kind == "mod":
            yield item
            yield from _modules(item.children)
