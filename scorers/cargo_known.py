"""Which tests a project has, told by its pristine tree with the hidden tests, before the agent's files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from runner.errors import ScoringFailed
from scorers.cargo_build import Build, build
from scorers.cargo_guard import Guard
from scorers.cargo_metadata import Target, Workspace
from scorers.cargo_run import binaries
from scorers.cargo_setup import Setup
from scorers.expected import Expected
from scorers.image_cache import Entry
from scorers.rust_proof import Proofs


@dataclass(slots=True)
class Known:
    """The tests of a project."""

    names: dict[Target, tuple[str, ...]] = field(default_factory=dict)
    """By target, those it does not ignore."""
    ignored: list[str] = field(default_factory=list)
    """Ids that the project itself ignores."""
    examples: tuple[str, ...] = ()
    """Ids of its documentation's examples; they may be ignored: what runs is the pristine text."""
    kept: bool = False
    """It was asked before, and kept in the image."""

    @property
    def expected(self) -> Expected:
        """The denominator, and what the project ignores."""
        ids = (f"{target.label} {name}" for target, names in self.names.items() for name in names)
        return Expected((*ids, *self.ignored, *self.examples), source="kept" if self.kept else "collected")

    @property
    def excused(self) -> frozenset[str]:
        """Ids that may be skipped."""
        return frozenset((*self.ignored, *self.examples))

    def add(self, target: Target, names: Iterable[str], ignored: Iterable[str]) -> None:
        """Take the tests of one target."""
        self.names[target] = tuple(names)
        self.ignored += (f"{target.label} {name}" for name in ignored)

    def without_proof(self, target: Target, proofs: Proofs) -> set[str]:
        """Return the names of a target's tests that stand for themselves."""
        return set(self.names[target]) - {name for name, _ in proofs.tests.values()}


def read_names(tests: Guard) -> Known:
    """Return the tests that the sources of the pristine tree show."""
    known = Known()
    for target, found in tests.declared.items():
        known.add(target, found.names, found.ignored)
    return known


def collect(setup: Setup, workspace: Workspace, tests: Guard, entry: Entry, *, anew: bool = False) -> Known:
    """Read the tests of the pristine tree where reading is enough; else build it and ask its binaries.

    Their lists are kept in `entry`, and taken from there unless `anew`. What is built here is built again
    for the agent's tree only where a file differs.
    """
    tests.lay()
    if all(found.complete and not target.optional for target, found in tests.declared.items()):
        return read_names(tests)
    kept = None if anew else entry.recall()
    lists = kept or _fresh(setup, workspace, tests, entry, anew=anew)
    known = Known(kept=kept is not None)
    for target in tests.declared:
        if target.label in lists:
            known.add(target, *lists[target.label])
    return known


def _fresh(
    setup: Setup, workspace: Workspace, tests: Guard, entry: Entry, *, anew: bool
) -> dict[str, list[list[str]]]:
    """Build and ask; keep what was said by a build that ended by itself."""
    built = build(setup, workspace)
    whole = built.ended == "exited"
    if anew and not whole:
        what = f"cargo did not list the tests: the build was ended ({built.ended})"
        raise ScoringFailed(what, hint="raise [verifier] timeout_sec")
    lists = _ask(setup, workspace, tests, built)
    if whole and not built.failure and (anew or entry.apart):
        entry.keep(lists)
    return lists


def _ask(setup: Setup, workspace: Workspace, tests: Guard, built: Build) -> dict[str, list[list[str]]]:
    """Return the names of each target's tests, and those that it ignores, by the target's label.

    A target that does not compile without the agent's work is read.
    """
    asked = {binary.target: binary for binary in binaries(setup, workspace, built)}
    lists: dict[str, list[list[str]]] = {}
    for target, found in tests.declared.items():
        if target in asked:
            listed = _real_names(asked[target].names(), tests.proofs[target])
            ignored = [name for name, is_ignored in listed.items() if is_ignored]
            lists[target.label] = [[name for name in listed if name not in ignored], ignored]
        elif not target.optional or target in built.errors:
            lists[target.label] = [list(found.names), list(found.ignored)]
    return lists


def _real_names(listed: Mapping[str, bool], proofs: Proofs) -> dict[str, bool]:
    """Return what a binary lists, with tests in place of their wrappers, and without canaries and mutants."""
    behind = {wrapper: name for wrapper, (name, _) in proofs.tests.items()}
    ours = {*proofs.canaries, *proofs.mutants}
    return {behind.get(name, name): ignored for name, ignored in listed.items() if name not in ours}


def in_full(expected: Expected, known: Known) -> Expected:
    """Return the ids that the task names, in full, and add those to the known that no source shows."""
    full = _full_ids(expected, known)
    for target, names in known.names.items():
        own = [id_.removeprefix(f"{target.label} ") for id_ in full.ids if id_.startswith(f"{target.label} ")]
        known.names[target] = tuple(dict.fromkeys((*names, *own)))
    return full


def _full_ids(named: Expected, known: Known) -> Expected:
    """Return the ids that the task names, where it names tests without their target, in full.

    `tests::works` is `demo lib tests::works` if one target has a test of that name.
    """
    by_name: dict[str, list[str]] = {}
    for target, names in known.names.items():
        for name in names:
            by_name.setdefault(name, []).append(f"{target.label} {name}")

    def full(id_: str) -> str:
        found = by_name.get(id_, [])
        return found[0] if len(found) == 1 else id_

    return replace(
        named,
        ids=tuple(map(full, named.ids)),
        fail_to_pass=frozenset(map(full, named.fail_to_pass)),
        pass_to_pass=frozenset(map(full, named.pass_to_pass)),
    )
