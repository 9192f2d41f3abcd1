"""Runs the examples in documentation comments: rustdoc compiles each and starts it as a process of its own.

Read from rustdoc's text: its JSON would need RUSTC_BOOTSTRAP in cargo's environment, and that makes build
scripts of dependencies choose other code. What an example prints stands below `failures:` only.
"""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from runner.process import Watch, run
from scorers.base import Status
from scorers.cargo_metadata import Target, Workspace
from scorers.cargo_setup import Setup
from scorers.expected import clip
from scorers.libtest import Verdict

MAX_OUTPUT_BYTES = 64 * 1024**2
_HEAD_BYTES = 2**20
_BEGUN = re.compile(r"^running \d+ tests?$", re.MULTILINE)
_LINE = re.compile(r"^test (?P<name>.+ \(line \d+\))(?: - [a-z ]+)? \.\.\. (?P<word>ok|FAILED|ignored)\b")
_SECTION = re.compile(r"^---- (.+ \(line \d+\)) stdout ----$", re.MULTILINE)
_STATUS: Mapping[str, Status] = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}


def documented(workspace: Workspace) -> list[Target]:
    """Return the libraries whose documentation `cargo test` runs."""
    return [target for target in workspace.targets if target.kind == "lib" and target.doctested]


def run_examples(
    setup: Setup,
    workspace: Workspace,
    target: Target,
    only: Collection[str] = (),
    begun: Callable[[], None] = lambda: None,
) -> dict[str, Verdict]:
    """Run the examples of one library, or `only` those whose names hold one of these texts.

    The names are rustdoc's: `src/lib.rs - add (line 5)`. `begun` is called when it has read the sources.
    """
    return parse(_ask(setup, workspace, target, only, begun))


def list_examples(setup: Setup, workspace: Workspace, target: Target) -> tuple[str, ...]:
    """Return the names of one library's examples; none where it does not compile."""
    lines = _ask(setup, workspace, target, ["--list"]).splitlines()
    return tuple(line.removesuffix(": test") for line in lines if line.endswith(": test"))


def _ask(
    setup: Setup,
    workspace: Workspace,
    target: Target,
    rest: Collection[str],
    begun: Callable[[], None] = lambda: None,
) -> str:
    package = next(id_ for id_, p in workspace.packages.items() if p["name"] == target.package)
    command = setup.cargo(
        ["test", "--doc", "--no-fail-fast", "--package", package],
        output=setup.log(f"{target.package}-doc"),
        rest=tuple(rest),
    )
    run(command, setup.limit, Watch(on_tick=_once(begun, command.stdout)))
    return _text(command.stdout)


def _once(begun: Callable[[], None], output: Path) -> Callable[[], None]:
    left = [begun]

    def look() -> None:
        if left and _BEGUN.search(_text(output, _HEAD_BYTES)):
            left.pop()()

    return look


def parse(text: str) -> dict[str, Verdict]:
    """Return the verdicts in rustdoc's text."""
    verdicts: dict[str, Verdict] = {}
    for run_text in _BEGUN.split(text)[1:]:
        results, _, said = run_text.partition("\nfailures:\n")
        messages = _messages(said.partition("\nfailures:\n")[0])  # what follows is a list of names
        for found in filter(None, map(_LINE.match, results.splitlines())):
            name, word = found["name"], found["word"]
            if name in verdicts:
                verdicts[name] = Verdict("failed", "two results")
            else:
                verdicts[name] = Verdict(_STATUS[word], word.lower(), message=messages.get(name, ""))
    return verdicts


def _messages(said: str) -> dict[str, str]:
    parts = _SECTION.split(said)[1:]
    return {name: clip(text.strip()) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _text(path: Path, most: int = MAX_OUTPUT_BYTES) -> str:
    with path.open("rb") as file:
        return file.read(most).decode("utf-8", "replace")
