"""Finds the toolchain's real cargo: rustup's proxy obeys files that an agent can leave behind."""

import itertools
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.errors import ScorerUnavailable
from runner.process import capture

OLDEST = (1, 74)
"""The oldest cargo whose options are all used: `build --keep-going` is stable since 1.74."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """One Rust toolchain, by absolute path."""

    cargo: Path
    version: str
    """As `cargo --version` has it: `cargo 1.82.0 (8f40fc59f 2024-08-21)`."""

    @property
    def bin(self) -> Path:
        """The folder of cargo, rustc and rustdoc."""
        return self.cargo.parent

    @property
    def library_path(self) -> str:
        """Where the toolchain's own shared libraries are: unit tests of procedural macros need them."""
        root = self.bin.parent
        found = (folder.parent for folder in sorted(root.glob("lib/rustlib/*/lib/libtest-*.rlib")))
        return ":".join(dict.fromkeys([*map(str, found), str(root / "lib")]))

    def changed_since(self, moment_ns: int) -> tuple[str, ...]:
        """Return its programs and libraries that were changed after a moment: by the agent, if it could."""
        root = self.bin.parent
        programs = (self.bin / name for name in ("cargo", "rustc", "rustdoc"))
        libraries = itertools.chain(root.glob("lib/*.so"), root.glob("lib/rustlib/*/lib/*"))
        files = (path for path in (*programs, *libraries) if path.is_file())
        # Nobody can set a change time, but for whoever sets the clock.
        return tuple(str(path) for path in files if path.stat().st_ctime_ns > moment_ns)


def find_toolchain(directory: Path, env: Mapping[str, str]) -> Toolchain:
    """Return the toolchain that `directory` asks for (rust-toolchain.toml), else rustup's, else PATH's.

    Raises ScorerUnavailable where there is no cargo, it does not start, or is older than `OLDEST`.
    """
    path = env.get("PATH", "")
    cargo = _of_rustup(directory, env, path) or shutil.which("cargo", path=path)
    if cargo is None:
        raise ScorerUnavailable(
            "cargo is not on PATH", hint="install Rust in the image, or put cargo on its PATH"
        )
    real = Path(cargo).absolute()
    code, said = capture([str(real), "--version"], cwd=directory, env=env)
    number = re.match(r"cargo (\d+)\.(\d+)", said)
    if code or number is None:
        raise ScorerUnavailable(
            f"{real} --version failed: {said.strip()[:300]}", hint="repair the Rust toolchain"
        )
    if (int(number[1]), int(number[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise ScorerUnavailable(
            f"{said.strip()} is too old", hint=f"the cargo scorer needs {oldest} or newer"
        )
    return Toolchain(real, said.strip())


def _of_rustup(directory: Path, env: Mapping[str, str], path: str) -> str | None:
    rustup = shutil.which("rustup", path=path)
    if rustup is None:
        return None
    code, said = capture([rustup, "which", "cargo"], cwd=directory, env=env)
    if code:
        raise ScorerUnavailable(
            f"rustup has no toolchain for {directory}: {said.strip()[:300]}",
            hint="install the toolchain that the project names in the image",
        )
    return said.strip().splitlines()[-1]
