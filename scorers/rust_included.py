"""What tests alone include: expected output that lies beside the code is theirs as well."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from scorers.rust_items import Item, items
from scorers.rust_tests import Source

_INCLUDE = re.compile(
    r"""\binclude(?:_str|_bytes)?\s*!\s*[(\[{]\s*
    (?P<package>concat\s*!\s*\(\s*env\s*!\s*\(\s*"CARGO_MANIFEST_DIR"\s*\)\s*,\s*)?"(?P<path>[^"\\]+)"
    """,
    re.VERBOSE,
)


def included(source: Source, package: Path) -> tuple[set[Path], set[Path]]:
    """Return the files that a source includes for tests, and those that it includes for anything else."""
    text = source.text
    spans = [(0, len(text))] if source.for_tests else list(_test_spans(items(text)))
    found: tuple[set[Path], set[Path]] = (set(), set())
    for match in _INCLUDE.finditer(text):
        folder = package if match["package"] else source.file.parent
        other = not any(start <= match.start() < end for start, end in spans)
        found[other].add((folder / match["path"].lstrip("/" if match["package"] else "")).resolve())
    return found


def _test_spans(found: Collection[Item]) -> Iterator[tuple[int, int]]:
    for item in found:
        if item.for_tests:
            yield item.start, item.end
        else:
            yield from _test_spans(item.children)
