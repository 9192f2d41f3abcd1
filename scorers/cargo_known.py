"""Which tests a project has, told by its pristine tree with the hidden tests, before the agent's files."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from scorers.cargo_build import build
from scorers.cargo_guard import Guard
from scorers.cargo_metadata import Target, Workspace
from scorers.cargo_run import binaries
from scorers.cargo_setup import Setup
from scorers.expected import Expected
from scorers.rust_proof import Proofs


@dataclass(slots=True)
class Known:
    """The tests of a project."""

    names: dict[Target, tuple[str, ...]] = field(default_factory=dict)
    """By target, those it does not ignore."""
    ignored: set[str] = field(default_factory=set)
    """Ids that the project itself ignores."""
    examples: tuple[str, ...] = ()
    """Ids of its documentation's examples; they may be ignored: what runs is the pristine text."""

    @property
    def expected(self) -> Expected:
        """The denominator."""
        return Expected((*self._ids(), *self.examples), named=False)

    def without_proof(self, target: Target, proofs: Proofs) -> set[str]:
        """Return the names of a target's tests that stand for themselves."""
        return set(self.names[target]) - {name for name, _ in proofs.tests.values()}

    def _ids(self) -> Iterable[str]:
        return (f"{target.label} {name}" for target, names in self.names.items() for name in names)


def read_names(tests: Guard) -> Known:
    """Return the tests that the sources of the pristine tree show."""
    return Known({target: found.names for target, found in tests.declared.items()})


def collect(setup: Setup, workspace: Workspace, tests: Guard) -> Known:
    """Read the tests of the pristine tree where reading is enough; else build it and ask its binaries.

    A target that does not compile without the agent's work is read in any case. What is built here is built
    again for the agent's tree only where a file differs.
    """
    known = read_names(tests)
    tests.lay()
    if all(found.complete for found in tests.declared.values()):
        return known
    built = build(setup, workspace)
    for binary in binaries(setup, workspace, built):
        if binary.target not in tests.proofs:
            continue
        proofs = tests.proofs[binary.target]
        ours = {*proofs.tests, *proofs.canaries, *proofs.mutants}
        listed = binary.names()
        ignored = {name for name, is_ignored in listed.items() if is_ignored}
        known.names[binary.target] = tuple(name for name in listed if name not in ours | ignored)
        known.ignored |= {f"{binary.target.label} {name}" for name in ignored}
    return known


def named_ids(named: Expected, known: Known) -> Expected:
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
