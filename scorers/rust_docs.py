"""Takes a file's documentation examples along: copies under random names, out of the agent's reach.

Each block of documentation with an example is written again at the end of its file, on an item that exists
only for rustdoc. A `twin` of some examples must fail: it aborts unless the code under test ends the process
before. Documentation that macros or `#[doc = ...]` make is not seen.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from scorers.rust_tokens import Token, tokens

_FENCE = re.compile(r"^\s*(?:```|~~~)(?P<words>[^`]*)$")
_MAY_HOLD_EXAMPLES = re.compile(r"//[/!] *(?:```|~~~|    )")
_INDENTED = " " * 5
_ABORT = "# struct __E; impl Drop for __E { fn drop(&mut self) { ::std::process::abort() } } let __e = __E;"


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines of documentation."""

    line: int
    """The first one's number, from 1."""
    lines: tuple[str, ...]
    """Without `///`."""

    @property
    def has_example(self) -> bool:
        """Whether rustdoc may find code in it: a fence, or lines indented by four."""
        return any(_FENCE.match(line) or line.startswith(_INDENTED) for line in self.lines)


@dataclass(slots=True)
class Carried:
    """The copies in one file."""

    module: str = field(default_factory=lambda: f"t{secrets.token_hex(8)}")
    blocks: dict[str, Block] = field(default_factory=dict)
    """By the name of the item that carries the copy."""
    twins: list[str] = field(default_factory=list)
    """Items whose examples must fail."""


def blocks(source: str) -> Iterator[Block]:
    """Yield the blocks of `///` and `//!` lines that may hold examples."""
    if not _MAY_HOLD_EXAMPLES.search(source):
        return
    run: list[Token] = []
    for token in [*tokens(source), Token("mark", "", len(source), len(source))]:
        if run and (token.kind != "doc" or token.text[:3] != run[-1].text[:3]):
            block = Block(source.count("\n", 0, run[0].start) + 1, tuple(each.text[3:] for each in run))
            if block.has_example:
                yield block
            run = []
        if token.kind == "doc" and token.text.startswith("//"):
            run.append(token)


def with_docs(source: str) -> tuple[str, Carried]:
    """Return a source with the copies at its end."""
    carried = Carried()
    items = []
    for block in blocks(source):
        name, twin = _name(), _twin(block)
        carried.blocks[name] = block
        items.append(_item(name, block.lines))
        if twin:
            carried.twins.append(_name())
            items.append(_item(carried.twins[-1], twin))
    if not items:
        return source, carried
    return f"{source}\n#[cfg(doctest)] mod {carried.module} {{\n{''.join(items)}}}\n", carried


def _item(name: str, lines: tuple[str, ...]) -> str:
    return "".join(f"///{line}\n" for line in lines) + f"struct {name};\n"


def _twin(block: Block) -> tuple[str, ...]:
    """Return a block whose examples must fail when they end; empty where they are not plain ones."""
    text = "\n".join(block.lines)
    if "fn main" in text or "#![" in text:
        return ()
    lines: list[str] = []
    inside = False
    for line in block.lines:
        fence = _FENCE.match(line)
        lines.append(line)
        if fence and not inside:
            if fence["words"].strip() not in {"", "rust"}:
                return ()
            lines.append(f" {_ABORT}")
        elif not fence and not inside and line.startswith(_INDENTED):
            return ()
        inside = not inside if fence else inside
    return tuple(lines)


def _name() -> str:
    return f"T{secrets.token_hex(8)}"
