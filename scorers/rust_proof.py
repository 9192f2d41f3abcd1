"""Makes every test prove that it ran to its end: code under test can write an event or an exit code too.

Beside each `#[test] fn adds() {...}` of the task stands a wrapper under a random name, which calls `adds` and
then fails with a secret number: `fn t0f3c() -> Result<(), u64> { adds(); Err(8317) }`. Only a wrapper that
fails with its own secret has passed. An early exit, a forged event, a constructor or a `main` that answers
for the binary does not know the secret; a test framework bent so that nothing fails shows itself.
Canaries, which fail by the very assertions that the tests use, and mutants (a test of the task with another
expected literal) must fail; one that passes means that assertions are swallowed or values equal everything.
A mutant looks as a wrapper does, and calls a function of its test's name. The standard library's macros are
imported by name: what the agent's crate calls `assert_eq` is not what the tests mean.
"""

import itertools
import random
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scorers.canary import canary_values
from scorers.rust_items import Item, items, walk
from scorers.rust_mutant import mutant

MARK = secrets.randbits(31)
"""The upper half of every secret in a source: by it a binary's are found, and changed."""
MUTANTS = 10
"""Most mutants in one file."""
_ASSERTIONS = (
    *("assert", "assert_eq", "assert_ne"),
    *("debug_assert", "debug_assert_eq", "debug_assert_ne", "matches"),
)
_PANICS = ("panic", "todo", "unimplemented", "unreachable")
"""The same in core and std since edition 2021."""
_ALLOW = "#[allow(warnings, unused, unused_qualifications)]"
_HEAD = re.compile(
    r"(?:pub(?:\([^)]*\))?\s+)?(?:async\s+)?fn\s+\w+\s*\(\s*\)\s*(?:->\s*(?P<returns>.+?)\s*)?", re.DOTALL
)
_KNOWN = re.compile(
    r"(?:(?:\w+::)*test|should_panic|cfg|cfg_attr|allow|warn|expect|inline|doc|serial|serial_test::serial)(?:\(.*|=.*)?",
    re.DOTALL,
)
_RESULT = re.compile(r"(?:::)?(?:\w+::)*\w*Result\b.*", re.DOTALL)
_EXPECTED = re.compile(r"should_panic\s*(?:\(\s*expected\s*=\s*|=\s*)(?P<text>.+?)\s*,?\s*\)?\s*", re.DOTALL)


@dataclass(slots=True)
class Proofs:
    """What the wrappers of one file stand for."""

    tests: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By wrapper: the test it stands for, and its secret."""
    canaries: list[str] = field(default_factory=list)
    """Must fail."""
    mutants: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By mutant: the test it was made of, and the secret that it must not tell."""

    def of(self, names: Collection[str]) -> "Proofs":
        """Return those of the named tests alone, and the canaries."""
        wanted = set(names)
        return Proofs(
            {wrapper: proof for wrapper, proof in self.tests.items() if proof[0] in wanted},
            self.canaries,
            {mutant: proof for mutant, proof in self.mutants.items() if proof[0] in wanted},
        )

    def take(self, other: "Proofs", prefix: tuple[str, ...]) -> None:
        """Add those of a file that is the module `prefix` here."""

        def full(name: str) -> str:
            return "::".join((*prefix, name))

        self.tests |= {full(name): (full(test), secret) for name, (test, secret) in other.tests.items()}
        self.canaries += map(full, other.canaries)
        self.mutants |= {full(name): (full(test), secret) for name, (test, secret) in other.mutants.items()}


def with_proofs(
    source: str, *, root: bool, edition: str = "2021", own: Collection[str] = ()
) -> tuple[str, Proofs]:
    """Return a source with a wrapper for each test at the end of the test's own module.

    No line moves but those behind a module of tests. Canaries stand with the tests. Tests of an unknown
    kind (with arguments, made by macros, marked with attributes that are not known to be harmless) are left
    alone: they have no proof. `own` are the project's own macros.
    """
    found = items(source)
    library = "::std" if edition == "2015" else "::core"
    macros = [name for name in (*_ASSERTIONS, *(_PANICS if edition >= "2021" else ())) if name not in own]
    writer = _Writer(source, library, _sample(source, found), macros)
    edits = [
        (mod.body[1], mod.body[1], writer.beside(mod))
        for mod in walk(found)
        if mod.kind == "mod" and mod.body
    ]
    last = writer.wrappers(found, (), root=root)
    edits += [(len(source), len(source), f"\n{last}\n")] if last else []
    for start, end, text in sorted([*edits, *writer.hidden], reverse=True):
        source = source[:start] + text + source[end:]
    return source, writer.proofs


def own_macros(sources: Iterable[str]) -> set[str]:
    """Return names of the standard library's macros that a project uses otherwise than to call one."""
    names = "|".join((*_ASSERTIONS, *_PANICS))
    used = re.compile(rf"//[^\n]*|\b({names})\b(?!\s*!)")
    return {name for source in sources for name in used.findall(source) if name}


def _sample(source: str, found: Sequence[Item]) -> dict[int, str]:
    """Return the bodies of some mutants, by where their test begins: each costs the compiler a function."""
    tests = [item for item in walk(found) if _plain(item) and item.body]
    random.SystemRandom().shuffle(tests)
    mutants = ((item.start, _turned(source, item)) for item in tests)
    return dict(itertools.islice(((start, body) for start, body in mutants if body), MUTANTS))


def _turned(source: str, item: Item) -> str | None:
    special = "->" in item.head or "async" in item.head or _panics(item) is not None
    return None if special or item.body is None else mutant(source[slice(*item.body)])


@dataclass(slots=True)
class _Writer:
    """Writes what stands beside the tests of one file."""

    source: str
    library: str
    """Where the prelude is: `::core` does not exist in edition 2015, `::std` not without std."""
    mutants: Mapping[int, str]
    """The bodies of mutants, by where their test begins."""
    macros: Sequence[str]
    """The standard library's that tests mean when they name them."""
    proofs: Proofs = field(default_factory=Proofs)
    hidden: list[tuple[int, int, str]] = field(default_factory=list)
    """Edits that make functions of tests."""

    @property
    def test(self) -> str:
        """The attributes, whatever the file itself calls `test`, and denies its own code."""
        return f"#[{self.library}::prelude::v1::test] {_ALLOW}"

    def beside(self, module: Item) -> str:
        """Return what stands beside the tests of a module."""
        return self.wrappers(module.children, (*module.path, module.name))

    def wrappers(self, found: Sequence[Item], path: tuple[str, ...], *, root: bool = False) -> str:
        """Return what stands beside the tests of one module: in its own scope, whatever is shadowed there."""
        mine = "".join(self._wrapper(item) + self._mutant(item) for item in found if _plain(item))
        if not mine:
            return self._canaries(path) if root else ""
        names = ", ".join(self.macros)
        macros = f" #[cfg(test)] {_ALLOW} use {self.library}::{{{names}}};"
        return mine + macros + self._canaries(path)

    def _canaries(self, path: tuple[str, ...]) -> str:
        first, second = canary_values()
        falsehoods = (
            f"assert_eq!({first}, {second})",
            f"assert!({first} == {second})",
            f"assert_ne!({first}, {first})",
        )
        names = [_name() for _ in falsehoods]
        self.proofs.canaries += ["::".join((*path, name)) for name in names]
        pairs = zip(names, falsehoods, strict=True)
        return "".join(f" {self.test} fn {name}() {{ {falsehood}; }}" for name, falsehood in pairs)

    def _wrapper(self, item: Item) -> str:
        self._hide(item)
        return self._proving(item, "".join(_runs(item)), self.proofs.tests)

    def _mutant(self, item: Item) -> str:
        body = self.mutants.get(item.start)
        if body is None:
            return ""
        return self._proving(item, f"fn {item.name}() {{ {body} }} {item.name}();", self.proofs.mutants)

    def _proving(self, item: Item, code: str, proofs: dict[str, tuple[str, int]]) -> str:
        """Return a test that runs `code`, then fails with a secret."""
        name, secret = _name(), MARK << 32 | secrets.randbits(32)
        proofs["::".join((*item.path, name))] = ("::".join((*item.path, item.name)), secret)
        result = f"{self.library}::result::Result"
        proof = f"static S: u64 = {secret}; {result}::Err(*{self.library}::hint::black_box(&S))"
        return f" {_conditions(item)}{self.test} fn {name}() -> {result}<(), u64> {{ {code} {proof} }}"

    def _hide(self, item: Item) -> None:
        """Let a test be a plain function: its wrapper is the test, and the compiler has no more of them.

        Not in a file that starts its own binary again: it may ask for a test by its name.
        """
        if "current_exe" not in self.source and _panics(item) is None:
            marks = zip(item.attributes, item.places, strict=True)
            self.hidden += [(*place, "#[cfg(test)]") for text, place in marks if text.strip() == "test"]


def _plain(item: Item) -> bool:
    head = _HEAD.fullmatch(item.head)
    if not item.is_test or item.ignored or not head or item.body is None:
        return False
    returns = head["returns"]
    return (not returns or bool(_RESULT.fullmatch(returns))) and all(map(_KNOWN.fullmatch, item.attributes))


def _runs(item: Item) -> Iterator[str]:
    panics = _panics(item)
    if panics is None:
        yield f"{item.name}().unwrap();" if "->" in item.head else f"{item.name}();"
        return
    yield f"let p = ::std::panic::catch_unwind(|| {{ let _ = {item.name}(); }})"
    yield '.expect_err("the test did not panic as expected");'
    if expected := _EXPECTED.fullmatch(panics):
        yield "let m = p.downcast_ref::<&str>().copied().or_else(|| p.downcast_ref::<::std::string::String>()"
        yield '.map(|s| s.as_str())).unwrap_or("");'
        yield f'assert!(m.contains({expected["text"]}), "it panicked otherwise");'


def _panics(item: Item) -> str | None:
    return next((each for each in item.attributes if each.lstrip().startswith("should_panic")), None)


def _conditions(item: Item) -> str:
    return "".join(f"#[{each}] " for each in item.attributes if re.match(r"\s*cfg\s*\(", each))


def _name() -> str:
    return f"t{secrets.token_hex(8)}"
