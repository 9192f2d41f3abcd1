"""How cargo and the tests it built are started: one place for their environment, plain or strict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runner.deadline import Deadline
from runner.errors import TaskInvalid
from runner.process import Command
from scorers.conditions import Conditions
from scorers.toolchain import Toolchain

_SWITCHES = ("all_features", "no_default_features", "release")
OPTIONS = frozenset(("features", *_SWITCHES))


@dataclass(frozen=True, slots=True)
class Setup:
    """A toolchain, the conditions of the run, and the task's choice of features."""

    toolchain: Toolchain
    conditions: Conditions
    directory: Path
    """The tree or workspace that is scored."""
    logs: Path
    """Where the streams of all that runs are kept."""
    cwd: Path
    """Where cargo is started: it obeys `.cargo/config.toml` there and in every folder above."""
    flags: tuple[str, ...] = ()
    """For every cargo call: `--locked`, `--offline`, features."""
    env: Mapping[str, str] = field(default_factory=dict)
    """For cargo alone, laid over the environment that the tests have."""

    @property
    def limit(self) -> Deadline:
        """The deadline of a run that starts now."""
        return self.conditions.limit

    @property
    def manifest(self) -> Path:
        """The project's Cargo.toml."""
        return self.directory / "Cargo.toml"

    @property
    def config(self) -> tuple[str, ...]:
        """Cargo's flags for the project's own configuration, where cargo does not find it by itself."""
        if self.cwd == self.directory:
            return ()
        named = (self.directory / ".cargo" / name for name in ("config.toml", "config"))
        return tuple(f"--config={path}" for path in named if path.is_file())[:1]

    def log(self, name: str) -> Path:
        """Return where the streams of one run go, without their suffix."""
        return self.logs / name

    def bare(self, arguments: Sequence[str], *, output: Path) -> Command:
        """Return a call of cargo without the flags."""
        verb, *others = arguments
        argv = [str(self.toolchain.cargo), *self.config, verb, "--manifest-path", str(self.manifest), *others]
        return self.conditions.command(argv, cwd=self.cwd, output=output, env=self.env)

    def cargo(self, arguments: Sequence[str], *, output: Path, rest: Sequence[str] = ()) -> Command:
        """Return a call of cargo; `rest` goes behind `--`."""
        return self.bare([*arguments, *self.flags, *(["--", *rest] if rest else [])], output=output)

    def named(self, folder: str) -> "Setup":
        """Return this setup with its streams in a folder of their own."""
        logs = self.logs / folder
        logs.mkdir(exist_ok=True)
        return replace(self, logs=logs)


def features(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return cargo's flags for `[scorer] features`, `all_features`, `no_default_features` and `release`."""
    named = options.get("features", [])
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise TaskInvalid("[scorer] features is no list of names", hint='write features = ["serde"]')
    return (
        *([f"--features={','.join(named)}"] if named else []),
        *(f"--{name.replace('_', '-')}" for name in _SWITCHES if options.get(name) is True),
    )
