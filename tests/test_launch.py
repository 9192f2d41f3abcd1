import os
import signal
from pathlib import Path

import pytest

from runner.deadline import Deadline
from runner.launch import Limits, argv, check
from runner.process import Caps, Command, run


def test_a_report_of_nothing_is_success() -> None:
    read, write = os.pipe()
    os.close(write)
    check(read)


def test_a_report_is_raised_as_it_happened_in_the_child() -> None:
    read, write = os.pipe()
    os.write(write, b"2 some program")
    os.close(write)
    with pytest.raises(FileNotFoundError) as raised:
        check(read)
    assert raised.value.filename == "some program"


def test_the_program_sees_nothing_of_the_launch(tmp_path: Path) -> None:
    """Neither its descriptors nor the signals that Python ignores."""
    show = "ls /proc/self/fd | wc -l; grep SigIgn /proc/self/status"
    texts = []
    for caps in (Caps(), Caps(file_bytes=10**6)):
        out = tmp_path / "out"
        run(
            Command(["sh", "-c", show], tmp_path, {"PATH": os.environ["PATH"]}, out, out, caps=caps),
            Deadline.after(10),
        )
        texts.append(out.read_text())
    assert texts[0] == texts[1]
    assert int(texts[1].split()[-1], 16) & (1 << signal.SIGPIPE - 1) == 0


def test_the_launcher_is_the_bare_interpreter() -> None:
    command = argv(Limits(file_bytes=5), 7, ["program", "argument"])
    assert command[1:3] == ["-I", "-S"]
    assert command[-2:] == ["program", "argument"]
