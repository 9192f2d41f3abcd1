"""Makes the agent's work material for a judge: all that is in it can be seen, and no file crowds out another.

Text that a model reads and a person does not see (tag characters, bidi controls, zero widths) and the words
by which chat templates tell roles apart are the known ways to speak to a judge from within a diff.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from runner.changes import write_changes
from runner.output import head_tail
from scorers.base import Submission
from scorers.expected import clip

MOST = 200_000
"""Characters of a diff that a judge is shown."""
_LEAST_OF_A_FILE = 500
_READ = 10 * 1024**2
_NAMED = 200
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_ROLES = re.compile(
    r"<(?=[|\uff5c]|</?SYS>>|/?(?:s|bos|eos|pad|unk|think|tool_call|tool_response|start_of_turn|end_of_turn)>)"
    r"|\[(?=/?(?:INST|TOOL_CALLS|SYSTEM_PROMPT)\])",
    re.IGNORECASE,
)
_CUT = re.compile(r"^\.\.\. \d+ bytes left out \.\.\.$", re.MULTILINE)
_FILE = re.compile(r"^(?=diff --git )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Material:
    """A diff as a judge is shown it."""

    text: str
    left_out: tuple[str, ...]
    """What of it is not shown, a file or a count a line; empty where all is."""


def material_of(submission: Submission) -> Material:
    """Return the agent's work, each file with its fair share where it is too much for a judge."""
    files = [seen(part) for part in _FILE.split(_whole(submission)) if part.strip()]
    if sum(map(len, files)) <= MOST:
        return Material("".join(files), ())
    fitting = MOST // _LEAST_OF_A_FILE
    shown, unseen = files[:fitting], files[fitting:]
    level = max(_LEAST_OF_A_FILE, _level([len(part) for part in shown]))
    left_out = [f"{_head(part)}: all" for part in unseen]
    left_out += [f"{_head(part)}: {len(part) - level} characters" for part in shown if len(part) > level]
    if len(left_out) > _NAMED:
        left_out[_NAMED:] = [f"{len(left_out) - _NAMED} more files"]
    return Material("".join(clip(part, level * 2 // 3, level // 3) for part in shown), tuple(left_out))


def seen(text: str) -> str:
    r"""Return a text with what cannot be seen, and what would end its role, written as `\uXXXX`."""
    return _ROLES.sub(_escaped, _UNSEEN.sub(_escaped, text))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _whole(submission: Submission) -> str:
    """Return the diff, made anew where the one at hand is head and tail: the middle is anybody's to fill."""
    if submission.snapshot is None or not _CUT.search(submission.diff):
        return submission.diff
    diff = submission.scratch / "work.diff"
    write_changes(submission.snapshot, submission.workspace, diff)
    return head_tail(diff, _READ + MOST)


def _level(lengths: Sequence[int]) -> int:
    """Return the length that every part may have so that together they are `MOST` at most."""
    left = MOST
    for number, length in enumerate(sorted(lengths)):
        share = left // (len(lengths) - number)
        if length > share:
            return share
        left -= length
    return left


def _head(part: str) -> str:
    return part.partition("\n")[0][:500]
