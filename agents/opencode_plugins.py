"""A repository's own plug-ins, which OpenCode 1.18.33 runs inside itself whatever its flags say.

Neither `--pure` nor OPENCODE_DISABLE_PROJECT_CONFIG keeps it from importing `.opencode/plugin/*.ts` and the
files that an `opencode.json` names (anomalyco/opencode issue 49836, observed here). Such code could reroute
every model call, so the agent is not started. Plug-ins from the npm registry do no harm: it is switched off.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.errors import AgentUnavailable

_DOCUMENTS = ("opencode.json", "opencode.jsonc")
_FOLDERS = (".opencode/plugin", ".opencode/plugins")
_PACKAGE = re.compile(r"@?[\w-]+([/@.][\w.-]+)*")


def refuse_plugins(workspace: Path) -> None:
    """Raise `AgentUnavailable`, naming the file, where OpenCode would run code of the repository's."""
    if found := next(_plugins(workspace.resolve()), None):
        message = f"OpenCode would run the repository's plug-in {found} inside itself, past every flag"
        raise AgentUnavailable(message, hint="remove it from the workspace or choose another agent")


def _plugins(workspace: Path) -> Iterator[Path]:
    """Yield what is imported at start; OpenCode looks in the workspace and in the folders above it."""
    for folder in (workspace, *workspace.parents):
        for name in _FOLDERS:
            yield from (path for path in (folder / name).glob("*.[jt]s") if path.is_file())
        for place in (folder, folder / ".opencode"):
            yield from (path for name in _DOCUMENTS if _names_code(path := place / name))


def _names_code(document: Path) -> bool:
    """Say whether a configuration names a file as a plug-in; one that is no plain JSON might."""
    if not document.is_file():
        return False
    text = document.read_text(errors="replace")
    try:
        told = json.loads(text)
    except ValueError:
        return "plugin" in text or "\\u" in text
    listed = [told.get(key) for key in ("plugin", "plugins")] if isinstance(told, dict) else []
    named = [_name(entry) for entries in listed if isinstance(entries, list) for entry in entries]
    return not all(isinstance(name, str) and _PACKAGE.fullmatch(name) for name in named)


def _name(entry: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the package of a plug-in named by itself, with options, or as an object."""
    if isinstance(entry, list):
        return entry[0] if entry else None
    return entry.get("package") if isinstance(entry, dict) else entry
