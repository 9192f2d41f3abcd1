import os
import subprocess
import time

import pytest

from runner.pidfd import ended


@pytest.mark.parametrize("pidfds", [True, False])
def test_an_end_is_seen_at_once_and_the_status_left(*, pidfds: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError(38, "Function not implemented", str(pid))

    if not pidfds:
        monkeypatch.setattr(os, "pidfd_open", refuse)
    with subprocess.Popen(["sh", "-c", "sleep 0.2; exit 5"]) as child:
        assert not ended(child.pid, 0)
        assert not ended(child.pid, 0.05)
        began = time.monotonic()
        assert ended(child.pid, 10)
        assert time.monotonic() - began < 5
        assert ended(child.pid, 0)
        assert child.wait() == 5
