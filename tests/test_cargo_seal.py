"""Files that were replaced."""

import os
from pathlib import Path

from scorers.cargo_seal import seal
from tests.judging import write


def test_only_what_was_replaced_made_or_removed_breaks_a_seal(tmp_path: Path) -> None:
    write(tmp_path, {"same": "a", "replaced": "b", "removed": "c"})
    names = ("same", "replaced", "removed", "made", "missing")
    sealed = seal(tmp_path / name for name in names)
    assert sealed.broken == ()
    before = (tmp_path / "replaced").stat()
    write(tmp_path, {"new": "B", "made": ""})
    (tmp_path / "new").rename(tmp_path / "replaced")
    os.utime(tmp_path / "replaced", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "removed").unlink()
    assert sealed.broken == tuple(str(tmp_path / name) for name in ("replaced", "removed", "made"))
