"""Attacks as data: what an agent may leave behind, in `tests/attacks/SCORER/*.toml`."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ATTACKS = Path(__file__).with_name("attacks")


def attacks(scorer: str) -> Iterator[Any]:
    """Yield each attack on a scorer as a parameter, with its file's name as its `kind`."""
    for file in sorted((ATTACKS / scorer).glob("*.toml")):
        for name, attack in tomllib.loads(file.read_text(encoding="utf-8")).items():
            mark = pytest.mark.skipif(attack.get("account", False) and os.geteuid() != 0, reason="needs root")
            yield pytest.param({"kind": file.stem, **attack}, id=f"{file.stem}-{name}", marks=mark)
