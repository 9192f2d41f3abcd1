"""A fresh CARGO_HOME for scoring, with the registry's packages and nothing else of the user's.

Sources that cargo has unpacked are not used: an agent that could write there could have changed them, and
cargo does not look again. Packages are copied as they were downloaded, checked against the pristine
Cargo.lock, and unpacked by cargo anew.
"""

import hashlib
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a Cargo.lock that comes from a registry."""

    name: str
    version: str
    checksum: str
    """SHA-256 of its `.crate` file."""


def user_cargo_home(env: Mapping[str, str]) -> Path:
    """Return the CARGO_HOME that the image filled."""
    return Path(env.get("CARGO_HOME") or Path(env.get("HOME", "/root")) / ".cargo")


def locked_packages(lock: Path) -> tuple[Locked, ...]:
    """Return the registry packages that a Cargo.lock pins; none where there is no such file."""
    if not lock.is_file():
        return ()
    found: dict[str, Any] = tomllib.loads(lock.read_text("utf-8"))
    older = {key: value for key, value in found.get("metadata", {}).items() if key.startswith("checksum ")}
    return tuple(
        Locked(name, version, checksum)
        for name, version, checksum in (
            *((each["name"], each["version"], each.get("checksum")) for each in found.get("package", ())),
            *((*key.split(" ")[1:3], value) for key, value in older.items()),  # lock files before version 2
        )
        if checksum
    )


def make_cargo_home(home: Path, lock: Path, user: Path, *, before_ns: int) -> tuple[str, ...]:
    """Fill `home`, again for another lock; return the packages that are not what the lock names.

    Such a package is left out, and cargo then says that it is missing. Without a lock every package comes
    that was there before the agent.
    """
    home.mkdir(exist_ok=True)
    if not lock.is_file():
        _bring_all(home, user, before_ns)
    packages = locked_packages(lock)
    _share_git(home, user)
    bad = [_bring(package, cache, home, user) for cache in _caches(user) for package in packages]
    for index in sorted((user / "registry" / "index").glob("*")):
        _bring_index(index, home / "registry" / "index" / index.name, packages)
    return tuple(dict.fromkeys(filter(None, bad)))


def share_config(home: Path, user: Path, *, before_ns: int) -> None:
    """Copy the image's own configuration of cargo (a mirror, a linker), unless it was changed since."""
    for name in ("config.toml", "config"):
        file = user / name
        if file.is_file() and not file.is_symlink() and file.stat().st_ctime_ns < before_ns:
            shutil.copy(file, home / name)
            return


def source_folders(root: Path) -> tuple[str, ...]:
    """Return the folders, relative to a project, that its configuration takes packages from."""
    for file in (root / ".cargo" / "config.toml", root / ".cargo" / "config"):
        if file.is_file():
            tables = tomllib.loads(file.read_text("utf-8")).get("source", {}).values()
            named = (table.get(key) for table in tables for key in ("directory", "local-registry"))
            return tuple(os.path.normpath(each) for each in named if each)
    return ()


def _caches(user: Path) -> Iterator[Path]:
    yield from sorted((user / "registry" / "cache").glob("*"))


def _bring(package: Locked, cache: Path, home: Path, user: Path) -> str:
    file = cache / f"{package.name}-{package.version}.crate"
    if not file.is_file():
        return ""
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != package.checksum:
        return file.name
    target = home / file.relative_to(user)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return ""


def _bring_all(home: Path, user: Path, before_ns: int) -> None:
    for folder in ("cache", "index"):
        for file in (user / "registry" / folder).rglob("*"):
            if file.is_file() and not file.is_symlink() and file.stat().st_ctime_ns < before_ns:
                target = home / file.relative_to(user)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)


def _bring_index(index: Path, target: Path, packages: tuple[Locked, ...]) -> None:
    """Copy the entries of the packages that are locked, or a git index whole."""
    if (index / ".git").is_dir():
        shutil.copytree(index, target, symlinks=True, dirs_exist_ok=True)
        return
    if not (index / "config.json").is_file():
        return
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(index / "config.json", target)
    for name in {package.name for package in packages}:
        entry = Path(".cache", *_shards(name.lower()))
        if (index / entry).is_file():
            (target / entry).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(index / entry, target / entry)


def _shards(name: str) -> tuple[str, ...]:
    # doc.rust-lang.org/cargo/reference/registry-index.html#index-files
    if len(name) <= 2:  # noqa: PLR2004
        return str(len(name)), name
    return ("3", name[0], name) if len(name) == 3 else (name[:2], name[2:4], name)  # noqa: PLR2004


def _share_git(home: Path, user: Path) -> None:
    """Share packages from git: objects are named by their content, the checkouts are made anew."""
    if (user / "git" / "db").is_dir() and not (home / "git").is_dir():
        (home / "git").mkdir()
        (home / "git" / "db").symlink_to(user / "git" / "db")
