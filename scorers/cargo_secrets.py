"""Gives a built binary other secrets than its source had.

Code under test can read its own source while it is compiled: `include_str!("lib.rs")`, or a procedural macro.
What it finds there is worth nothing once the numbers in the finished binary are others.
"""

import mmap
import secrets
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from scorers.rust_proof import MARK, Proofs

_HIGH = struct.pack("<I", MARK)


def renewed(executable: Path, proofs: Proofs) -> Proofs:
    """Put new secrets into a binary and return the proofs with them; one that is not found stays as it is."""
    fresh: dict[int, int] = {}
    wanted = {secret for _, secret in (*proofs.tests.values(), *proofs.mutants.values())}
    with executable.open("r+b") as file, mmap.mmap(file.fileno(), 0) as image:
        at = image.find(_HIGH)
        while at >= 0:
            if at >= 4 and (old := struct.unpack_from("<Q", image, at - 4)[0]) in wanted:  # noqa: PLR2004
                new = fresh.setdefault(old, secrets.randbits(63))
                struct.pack_into("<Q", image, at - 4, new)
            at = image.find(_HIGH, at + 4)
    return replace(proofs, tests=_with(fresh, proofs.tests), mutants=_with(fresh, proofs.mutants))


def _with(fresh: Mapping[int, int], proofs: Mapping[str, tuple[str, int]]) -> dict[str, tuple[str, int]]:
    return {name: (test, fresh.get(secret, secret)) for name, (test, secret) in proofs.items()}
