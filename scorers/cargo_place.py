"""Where strict scoring builds: its own tree and cargo home, and what the image built before the agent."""

import contextlib
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorers.base import Submission
from scorers.cargo_home import make_cargo_home, share_config, user_cargo_home
from scorers.cargo_metadata import Workspace
from scorers.cargo_setup import Setup, features
from scorers.conditions import Conditions
from scorers.toolchain import find_toolchain

_OBEYED = ("/.cargo/config.toml", "/.cargo/config", "/etc/ld.so.preload")
"""What cargo, or every program, obeys wherever it is started."""


@dataclass(slots=True)
class Place:
    """The folders of one scoring."""

    submission: Submission
    options: Mapping[str, Any]
    conditions: Conditions
    bad_packages: tuple[str, ...] = ()
    """Downloaded packages that are not what the lock file names."""

    @property
    def snapshot(self) -> Path:
        """The project before the agent."""
        return self.submission.snapshot or self.submission.workspace

    @property
    def target(self) -> Path:
        """Cargo's target folder."""
        return self.conditions.room / "target"

    @property
    def home(self) -> Path:
        """The CARGO_HOME."""
        return self.conditions.room / "cargo"

    @property
    def inputs(self) -> tuple[Path, ...]:
        """Where everything that is built in must come from."""
        return self.conditions.tree, self.target, self.home

    @property
    def _began_ns(self) -> int:
        """When the agent started, at the latest: what was changed later is not the image's own."""
        return self.snapshot.stat().st_ctime_ns if self.submission.snapshot else time.time_ns()

    def take_target(self) -> None:
        """Move the image's own build output out of the snapshot, so that no tree copies it."""
        built = self.snapshot / "target"
        if self.submission.snapshot and (built / "CACHEDIR.TAG").is_file() and not built.is_symlink():
            with contextlib.suppress(OSError):  # another file system: it is copied with the tree
                built.rename(self.target)

    def setup(self, root: Path) -> Setup:
        """Make the cargo home and say how cargo is started for the tree at `root`."""
        toolchain = find_toolchain(root, self.submission.env)
        self.bring_packages(root)
        share_config(self.home, user_cargo_home(self.submission.env), before_ns=self._began_ns)
        self.target.mkdir(exist_ok=True)
        for folder in (root, self.target):
            self.conditions.own(folder)
        return Setup(
            toolchain,
            self.conditions.with_path(toolchain.bin),
            root,
            self.submission.scratch,
            Path("/"),
            ("--offline", *features(self.options)),
            {
                "CARGO_HOME": str(self.home),
                "CARGO_TARGET_DIR": str(self.target),
                "CARGO_INCREMENTAL": "0",
                "CARGO_TERM_COLOR": "never",
            },
        )

    def bring_packages(self, root: Path) -> None:
        """Bring the packages that the tree's Cargo.lock names: there are no others to choose from."""
        user = user_cargo_home(self.submission.env)
        self.bad_packages += make_cargo_home(self.home, root / "Cargo.lock", user, before_ns=self._began_ns)
        self.conditions.own(self.home)

    def forget_own_artefacts(self, workspace: Workspace) -> None:
        """Let cargo build the members anew: what the image made of them knows the workspace by path."""
        for package in workspace.packages.values():
            for fingerprint in self.target.glob(f"**/.fingerprint/{package['name']}-*"):
                shutil.rmtree(fingerprint)

    def bent(self, setup: Setup, workspace: Workspace) -> tuple[str, ...]:
        """Say what outside of the workspace would bend the build."""
        linker = shutil.which("cc", path=setup.conditions.env["PATH"])
        obeyed = _changed((*_OBEYED, *([linker] if linker else [])), self._began_ns)
        changed = (*setup.toolchain.changed_since(self._began_ns), *obeyed)
        told = [f"{path} was changed while the agent worked" for path in changed[:5]]
        if not workspace.root.resolve().is_relative_to(self.conditions.tree.resolve()):
            told.append(f"{workspace.root}/Cargo.toml makes the project its member")
        return tuple(told)

    def obeyed(self, setup: Setup, workspace: Workspace) -> tuple[Path, ...]:
        """Return the files that decide how cargo works on the tree."""
        configs = (self.home, setup.directory / ".cargo")
        manifests = {Path(package["manifest_path"]) for package in workspace.packages.values()}
        return (
            *(folder / name for folder in configs for name in ("config.toml", "config")),
            *sorted({*manifests, setup.manifest}),
            setup.directory / "Cargo.lock",
        )


def _changed(paths: Iterable[str], moment_ns: int) -> tuple[str, ...]:
    files = (Path(path) for path in paths)
    return tuple(str(path) for path in files if path.is_file() and path.stat().st_ctime_ns > moment_ns)
