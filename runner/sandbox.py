"""What of the sandbox itself matters to a rollout: user, disk, memory, keys that lie about."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from runner.account import NAME, missing_rights
from runner.cgroup import memory_limit
from runner.environment import FORBIDDEN_KEYS
from runner.finding import Finding, State
from runner.process import Account

LEAST_DISK = 256 * 1024**2
"""Bytes in the temporary folder that a snapshot and an agent's home can do with."""
LEAST_MEMORY = 1024**3
"""Bytes of memory; OpenCode alone needs 630 MB."""


def user(account: Account | None) -> Finding:
    """Say as whom the agent and the tests run."""
    if account:
        text = f"the agent and the tests run as {account.name} (uid {account.uid})"
        return Finding("user", "ok", text)
    if os.geteuid() != 0:
        text = f"the agent runs as the runner's own uid {os.geteuid()}, and could read what the runner can"
        return Finding("user", "warning", text, "run as root, and the agent will have a user of its own")
    if lacking := missing_rights():
        text = f"root here lacks {', '.join(lacking)}: the agent runs as root too"
        return Finding("user", "warning", text, "grant these capabilities")
    return Finding(
        "user", "warning", f"there is no user {NAME}: the agent runs as root", "RUN /opt/rollout/setup"
    )


def disk() -> Finding:
    """Look at the folder in which the runner keeps the snapshot and the agent its home."""
    folder = os.environ.get("TMPDIR", "/tmp")  # noqa: S108 - where the runner's folders will be
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("disk", "missing", f"{folder}: {error.strerror}", "mount a writable /tmp")
    if not os.access(folder, os.W_OK):
        return Finding("disk", "missing", f"{folder} cannot be written", "mount a writable /tmp")
    state: State = "ok" if free >= LEAST_DISK else "warning"
    hint = "" if state == "ok" else f"{_size(LEAST_DISK)} and the size of the workspace will do"
    return Finding("disk", state, f"{_size(free)} free in {folder}", hint)


def memory() -> Finding:
    """Look at the control group's limit."""
    limit = memory_limit()
    if limit is None:
        return Finding("memory", "ok", "the sandbox sets no limit")
    state: State = "ok" if limit >= LEAST_MEMORY else "warning"
    return Finding(
        "memory", state, f"{_size(limit)} at most", "" if state == "ok" else "OpenCode needs 630 MB"
    )


def keys(environ: Mapping[str, str], workspace: Path | None) -> Iterator[Finding]:
    """Keys in files are baked in for certain; keys in the environment may be this run's own."""
    baked = [found for path in _files(workspace) if (found := _key_in(path))]
    for found in baked:
        yield Finding("keys", "missing", found, "remove it: whoever has the image has the key")
    present = [name for name in FORBIDDEN_KEYS if environ.get(name)]
    if present:
        text = f"{', '.join(present)} in the environment: right if given to this run, wrong if baked in"
        yield Finding("keys", "warning", text, "docker image inspect shows an image's own environment")
    elif not baked:
        yield Finding("keys", "ok", "none in the environment or in the usual files")


def _files(workspace: Path | None) -> list[Path]:
    usual = [Path("/etc/environment"), *Path("/etc/profile.d").glob("*.sh"), Path.home() / ".bashrc"]
    return [*usual, *(workspace.glob(".env*") if workspace else [])]


def _key_in(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(100_000)
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.strip().removeprefix("export ").partition("=")
        if name.strip() in FORBIDDEN_KEYS and value.strip(" '\""):
            return f"{path} sets {name.strip()}"
    return None


def _size(count: int) -> str:
    return f"{count / 1024**3:.1f} GB" if count >= 1024**3 else f"{count / 1024**2:.0f} MB"
