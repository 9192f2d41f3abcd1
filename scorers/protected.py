"""Which paths an agent's changes do not count in: a scorer's globs, plus and minus the task's.

A glob without a slash matches a name at any depth; one with a slash is relative to the workspace, `**` spans
folders. What matches a folder covers all below it. The task's `editable` wins over every protected glob.
"""

import re
from collections.abc import Callable, Collection, Iterable

from scorers.base import Submission

EVERYWHERE = (".git", ".gitattributes", ".gitmodules", ".github")
"""Protected whatever the language."""


def frozen(
    submission: Submission, globs: Iterable[str], paths: Collection[str] = ()
) -> Callable[[str], bool]:
    """Return what says whether a path (relative to the workspace) is protected, for `new_tree`.

    `paths` are protected as well, each by itself.
    """
    protected = _matcher((*EVERYWHERE, *globs, *submission.protected))
    editable = _matcher(submission.editable)
    return lambda path: (path in paths or protected(path)) and not editable(path)


def _matcher(globs: Iterable[str]) -> Callable[[str], bool]:
    patterns = [_regex(glob) for glob in globs]
    if not patterns:
        return lambda _path: False
    every = re.compile("|".join(patterns), re.IGNORECASE)
    return lambda path: every.fullmatch(path) is not None


def _regex(glob: str) -> str:
    anchored = "/" in glob.rstrip("/")
    body = "".join(_part(part) for part in re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?|\[[^]]+\])", glob.strip("/")))
    start = "" if anchored else "(?:.*/)?"
    return f"{start}{body}(?:/.*)?"


def _part(part: str) -> str:
    fixed = {"**/": "(?:.*/)?", "/**": "(?:/.*)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if part in fixed:
        return fixed[part]
    if part.startswith("[") and part.endswith("]"):
        return "[" + part[1:-1].replace("\\", "\\\\").replace("!", "^", 1) + "]"
    return re.escape(part)
