"""Reads JUnit XML, which every test tool writes a little differently, without trusting the file.

It was written beside the agent's code, so: no document type, hence no entities; capped in size, depth,
number of tests and length of their names. What a test printed may make it no XML, for few tools escape
control characters: those are replaced.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from xml.parsers import expat

from scorers.base import Check, Status
from scorers.expected import clip
from scorers.untrusted import UnusableFileError, read_regular

MOST_BYTES = 64 * 1024**2
MOST_TESTS = 100_000
_MOST_DEPTH = 100
_MOST_TEXT = 100_000
_GENERIC = ("", "test")
"""Class names that say nothing: node's runner gives every test `test`."""
_STATUSES: Mapping[str, Status] = {"failure": "failed", "error": "failed", "skipped": "skipped"}
_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("notrun", "disabled", "suppressed", "skipped"), "skipped"),
    **dict.fromkeys(("fail", "failed", "failure", "error"), "failure"),
}
"""What a test case may say of itself in `status` or `result` and nowhere else: googletest, CTest."""
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\r")
_WITHOUT_CONTROLS = bytes.maketrans(_CONTROLS, b"?" * len(_CONTROLS))
_FORBIDDEN = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]));|\xef\xbf[\xbe\xbf]"
)
"""References to control characters, and the two that are no characters."""
_WIDE = (b"\xff\xfe", b"\xfe\xff")
"""How UTF-16 begins, in which NUL bytes are at home."""
_WORSE = {"skipped": 0, "passed": 1, "failed": 2}


def read_junit(path: Path, root: Path) -> tuple[Check, ...]:
    """Return one check for each test; of several with one id the worst verdict counts.

    An id is the names of the suites around the test, its class name where that is another word, and its own
    name, joined by ` > `; names of files below `root` are relative to it. Raises `UnusableFileError` for what
    is no JUnit XML, and FileNotFoundError.
    """
    content = read_regular(path, MOST_BYTES)
    reader = _Reader(f"{root}/")
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(_mended(content), True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # LookupError: an unknown encoding
        raise UnusableFileError(f"{path.name} is no JUnit XML: {error}") from None
    return tuple(reader.checks.values())


def _mended(content: bytes) -> bytes:
    """Return the content without what XML cannot hold: no test's output may cost all the verdicts."""
    if content.startswith(_WIDE):
        return content
    content = _FORBIDDEN.sub(b"?", content.translate(_WITHOUT_CONTROLS))
    if b"<![CDATA[" not in content:
        content = content.replace(b"]]>", b"]]&gt;")
    declared = content[: content.find(b"?>")].lower() if content.startswith(b"<?xml") else b""
    if b"encoding" not in declared or b"utf-8" in declared:
        content = content.decode(errors="replace").encode()
    return content


class _Reader:
    """Listens to the parser."""

    def __init__(self, prefix: str) -> None:
        self.checks: dict[str, Check] = {}
        self._prefix = prefix
        self._suites: list[str] = []
        self._depth = 0
        self._case: dict[str, str] | None = None
        self._raw = ""
        self._said: list[str] = []
        self._length = 0
        self._names = 0

    def doctype(self, *_: object) -> None:
        raise ValueError("a document type is not allowed")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise ValueError("nested too deeply")
        if self._depth == 1 and tag not in {"testsuites", "testsuite"}:
            raise ValueError(f"its root is <{tag}>")
        if tag == "testsuite":
            self._suites.append(attributes.get("name", ""))
        elif tag == "testcase":
            self._case, self._said, self._length = attributes, [], 0
            said = (_WORDS.get(attributes.get(name, "").lower(), "") for name in ("status", "result"))
            self._raw = next(filter(None, said), "")
        elif self._case is not None and tag in _STATUSES:
            self._raw = tag if self._raw != "skipped" else self._raw  # node's todo: skipped and failed
            self.text(attributes.get("message", "") + "\n")

    def text(self, data: str) -> None:
        if self._raw and self._length < _MOST_TEXT:
            self._said.append(data[:_MOST_TEXT])
            self._length += len(data)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if tag == "testsuite":
            self._suites.pop()
        elif tag == "testcase" and self._case is not None:
            self._keep(self._case)
            self._case, self._raw = None, ""

    def _keep(self, case: Mapping[str, str]) -> None:
        status = _STATUSES.get(self._raw, "passed")
        check = Check(
            id=self._id(case),
            status=status,
            raw=self._raw if self._raw in {"error", "skipped"} else "",
            duration_s=_seconds(case.get("time", "")),
            message=clip("".join(self._said).strip()),
        )
        self._names += len(check.id)
        if self._names > MOST_BYTES:  # each repeats its suites' names, which may be long
            raise ValueError("the names of its tests are too long")
        before = self.checks.get(check.id)
        if before is None or _WORSE[status] > _WORSE[before.status]:
            self.checks[check.id] = check
        if len(self.checks) > MOST_TESTS:
            raise ValueError(f"more than {MOST_TESTS} tests")

    def _id(self, case: Mapping[str, str]) -> str:
        names = [name for name in self._suites if name]
        group = case.get("classname", "")
        if group not in (*_GENERIC, *names):
            names.append(group)
        names.append(case.get("name", ""))
        return " > ".join(name.removeprefix(self._prefix) for name in names)


def _seconds(text: str) -> float | None:
    """Return a time: surefire groups thousands by commas, a tool in another locale has one for the point."""
    try:
        seconds = float(text.replace(",", "" if "." in text else "."))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None
