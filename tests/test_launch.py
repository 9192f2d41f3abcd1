import errno
import os
import signal
from pathlib import Path

import pytest

from runner import launch
from runner.deadline import Deadline
from runner.launch import Limits, become, prlimit, reported
from runner.process import Caps, Command, run

CAPPED = Limits(file_bytes=10**6)


@pytest.fixture(params=["prlimit", "become"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take both ways of starting under limits, also where util-linux is there."""
    if request.param == "become":
        monkeypatch.setattr(launch, "_tool", lambda: None)
    elif not prlimit(CAPPED, ["sh"], Path("/"), os.defpath):
        pytest.skip("no prlimit here")
    return str(request.param)


def test_a_report_of_nothing_is_success() -> None:
    with reported():
        pass


def test_a_report_is_raised_as_it_happened_in_the_child() -> None:
    with pytest.raises(FileNotFoundError) as raised, reported() as report:
        os.write(report, b"2 some program")
    assert raised.value.filename == "some program"


@pytest.mark.parametrize(
    ("program", "number"),
    [("no-such-program", errno.ENOENT), ("./missing", errno.ENOENT), ("./plain", errno.EACCES)],
)
def test_a_program_that_cannot_start_is_named(tmp_path: Path, way: str, program: str, number: int) -> None:
    (tmp_path / "plain").touch()
    command = Command(
        [program], tmp_path, dict(os.environ), tmp_path / "out", tmp_path / "out", caps=Caps(10**6)
    )
    with pytest.raises(OSError, match=r"No such file|Permission denied") as raised:
        run(command, Deadline.after(10))
    assert (raised.value.filename, raised.value.errno) == (program, number)


def test_a_program_beside_the_current_folder_is_found(tmp_path: Path, way: str) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\necho $1 $(ulimit -f)\n")
    (tmp_path / "tool").chmod(0o755)
    out = tmp_path / "out"
    run(Command(["./tool", "x"], tmp_path, {}, out, out, caps=Caps(512 * 1000)), Deadline.after(10))
    assert out.read_text() in {"x 1000\n", "x 500\n"}


def test_the_program_sees_nothing_of_the_launch(tmp_path: Path, way: str) -> None:
    """Neither its descriptors nor the signals that Python ignores."""
    show = "ls /proc/self/fd | wc -l; grep SigIgn /proc/self/status"
    texts = []
    for caps in (Caps(), Caps(file_bytes=10**6)):
        out = tmp_path / "out"
        command = Command(["sh", "-c", show], tmp_path, {"PATH": os.environ["PATH"]}, out, out, caps=caps)
        run(command, Deadline.after(10))
        texts.append(out.read_text())
    assert texts[0] == texts[1]
    assert int(texts[1].split()[-1], 16) & (1 << signal.SIGPIPE - 1) == 0


def test_a_network_of_its_own_needs_the_interpreter(tmp_path: Path) -> None:
    assert prlimit(Limits(loopback_only=True), ["true"], tmp_path, os.defpath) is None
    command = become(CAPPED, (1000, 1001), 7, ["program", "argument"])
    assert command[1:3] == ["-I", "-S"]
    assert command[4:] == ["7", "1000000", "-", "0", "1000", "1001", "program", "argument"]
