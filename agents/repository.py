"""What a repository says to agents: its instructions and skills, as text and folders, never its settings.

Codex reads AGENTS.md and `.agents/skills` of the workspace by itself. The other two read them only
together with settings that may change routing, keys and permissions, so those are switched off and the
texts are handed over.
"""

from pathlib import Path

_GUIDES = ("AGENTS.md", "CLAUDE.md", ".claude/CLAUDE.md")
_SKILLS = (".agents/skills", ".claude/skills", ".opencode/skills")
MOST = 512 * 1024
"""Bytes read of one file of instructions."""


def guides(workspace: Path) -> list[Path]:
    """Return the workspace's own files of instructions; two names of one file count once.

    A link that leaves the workspace is passed over: the runner may read what the agent may not.
    """
    root, found = workspace.resolve(), dict[Path, None]()
    for name in _GUIDES:
        path = (root / name).resolve()
        if path.is_file() and path.is_relative_to(root):
            found[path] = None
    return list(found)


def guidance(workspace: Path) -> str:
    """Return the text of the workspace's instructions."""
    return "\n\n".join(_text(path) for path in guides(workspace))


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MOST).decode("utf-8", "replace")


def link_skills(workspace: Path, folder: Path) -> None:
    """Link each of the workspace's skills into `folder`; of two with one name, that of the overrides."""
    folder.mkdir(parents=True)
    for skills in (workspace / name for name in _SKILLS):
        for skill in skills.iterdir() if skills.is_dir() else ():
            if not (folder / skill.name).is_symlink():
                (folder / skill.name).symlink_to(skill)
