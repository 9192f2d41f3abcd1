"""Gives a program a terminal and answers what it asks: `python -I -m agents.terminal SPEC.json`.

It runs as a child of the runner, so that the program it drives is watched and ended like every other.
The transcript goes to standard output.
"""

import json
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pexpect

_WINDOW = 16_384
"""Bytes of output, colours and cursor moves taken out, in which a question is looked for."""
_CONTROL = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")


@dataclass
class Answer:
    """What to type where a pattern appears."""

    pattern: re.Pattern[bytes]
    reply: bytes
    times: float
    """How often it is still typed."""


def main(spec: Path) -> int:
    """Run `{"argv": [...], "answers": [[pattern, reply, times?], ...]}`; return the program's exit code."""
    told = json.loads(spec.read_bytes())
    answers = [
        Answer(re.compile(pattern.encode()), reply.encode(), times[0] if times else math.inf)
        for pattern, reply, *times in told["answers"]
    ]
    program, *arguments = told["argv"]
    child: pexpect.spawn[bytes] = pexpect.spawn(
        program, arguments, dimensions=(50, 200), timeout=None, encoding=None
    )
    seen = b""
    while chunk := _read(child):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        seen = _answer(child, _CONTROL.sub(b"", seen + chunk)[-_WINDOW:], answers)
    child.close()
    return child.exitstatus if child.exitstatus is not None else 128 + (child.signalstatus or 0)


def _read(child: "pexpect.spawn[bytes]") -> bytes:
    """Return what the program wrote next, nothing at its end."""
    try:
        return child.read_nonblocking(65_536, timeout=None)
    except pexpect.EOF:
        return b""


def _answer(child: "pexpect.spawn[bytes]", seen: bytes, answers: list[Answer]) -> bytes:
    """Type the first answer that fits; return what came after its question."""
    for answer in answers:
        if answer.times > 0 and (found := answer.pattern.search(seen)):
            child.send(answer.reply)
            answer.times -= 1
            return seen[found.end() :]
    return seen


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
