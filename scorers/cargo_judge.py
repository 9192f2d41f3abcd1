"""Runs guarded test binaries and says what each test proved."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from scorers.base import Check
from scorers.cargo_metadata import Target
from scorers.cargo_plain import check
from scorers.cargo_run import Binary
from scorers.libtest import Verdict
from scorers.rust_proof import Proofs

MUTANTS = 10
"""Most mutants that run in one binary."""
REPEATS = 3
"""How often a mutant that passed is asked again."""


@dataclass(slots=True)
class Judgement:
    """What the guarded binaries of a build showed."""

    checks: dict[str, Check] = field(default_factory=dict)
    """By id."""
    tampering: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    """Ids of tests without a proof: what their events say is believed."""

    unscored: list[Check] = field(default_factory=list)
    """What nobody can judge."""

    def judge(self, binary: Binary, proofs: Proofs, others: set[str]) -> None:
        """Run the tests with proofs, the canaries, the `others` by their own names, then mutants."""
        label = binary.target.label
        names = [*proofs.tests, *proofs.canaries, *others]
        random.SystemRandom().shuffle(names)
        binary.these(names)
        self._must_fail(binary, (*proofs.tests, *proofs.canaries))
        for wrapper, (name, secret) in proofs.tests.items():
            verdict = proved(binary.verdicts[wrapper], secret)
            self._add(f"{label} {name}", replace(verdict, message=verdict.message.replace(wrapper, name)))
        for name in sorted(others):
            self.unproven.append(f"{label} {name}")
            self._add(f"{label} {name}", _believed(binary, name, proofs.canaries[:1]))
        self._mutants(binary, proofs)
        if binary.replaced:
            self.tampering.append(f"the tests of {label} were replaced while others ran")

    def ignored(self, ids: Iterable[str]) -> None:
        """Skip the tests that the project itself ignores."""
        self.checks |= {id_: Check(id=id_, status="skipped", raw="ignored") for id_ in ids}

    def unjudged(self, target: Target) -> None:
        """Leave out a target without libtest's harness: its exit code is the agent's to choose."""
        self.unscored.append(Check(id=target.label, status="skipped", raw="no harness"))

    def broken(self, target: Target, names: Iterable[str], errors: str) -> None:
        """Fail the tests of a target that does not compile."""
        for id_ in (f"{target.label} {name}" for name in names):
            said = Check(id=id_, status="failed", raw="does not compile", message=errors)
            self.checks.setdefault(id_, said)

    def _mutants(self, binary: Binary, proofs: Proofs) -> None:
        """Run some mutants of tests that passed; one that passes, too, is asked again, beside its test."""
        label = binary.target.label
        wrappers = {name: wrapper for wrapper, (name, _) in proofs.tests.items()}
        passing = {
            mutant: wrappers[name]
            for mutant, (name, _) in proofs.mutants.items()
            if name in wrappers and self.checks[f"{label} {name}"].status == "passed"
        }
        chosen = random.SystemRandom().sample(sorted(passing), min(MUTANTS, len(passing)))
        binary.these(chosen)
        self._must_fail(binary, chosen)
        for mutant in chosen:
            test, secret = proofs.mutants[mutant]
            said = proved(binary.verdicts[mutant], secret).status
            if said == "passed" and self._again(binary, proofs, mutant, passing[mutant]):
                self.tampering.append(f"{label} {test} passed with its last assertion turned round, too")

    def _must_fail(self, binary: Binary, names: Iterable[str]) -> None:
        if any(binary.verdicts[name].status == "passed" for name in names):
            self.tampering.append(f"a test that must fail passed in {binary.target.label}")

    def _again(self, binary: Binary, proofs: Proofs, mutant: str, wrapper: str) -> bool:
        """Say whether a test and its mutant both pass every time: a test that depends on time does not."""
        secrets = {mutant: proofs.mutants[mutant][1], wrapper: proofs.tests[wrapper][1]}
        return all(
            proved(binary.again(name), secret).status == "passed"
            for _ in range(REPEATS)
            for name, secret in secrets.items()
        )

    def _add(self, id_: str, verdict: Verdict) -> None:
        self.checks[id_] = check(id_, verdict)


def _believed(binary: Binary, name: str, canaries: Sequence[str]) -> Verdict:
    """Return the verdict of a test without proof: it passes in a process that ends as libtest ends, or not.

    Where another test took the process down it runs once more, beside a canary.
    """
    verdict = binary.verdicts[name]
    if verdict.status == "passed" and name not in binary.whole_stories:
        verdict = binary.again(name, *canaries)
    if verdict.status == "passed" and name not in binary.whole_stories:
        return Verdict("failed", "no proof", verdict.duration_s)
    return verdict


def proved(verdict: Verdict, secret: int) -> Verdict:
    """Return the verdict of the test behind a wrapper: passed where it failed with its secret."""
    lines = verdict.message.splitlines()
    proof = f"Error: {secret}"
    if verdict.raw == "failed" and proof in lines:
        return Verdict("passed", "ok", verdict.duration_s)
    if verdict.status == "passed":
        return Verdict("failed", "no proof", verdict.duration_s)
    return verdict
