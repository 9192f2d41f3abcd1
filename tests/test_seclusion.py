import os
import subprocess
from pathlib import Path

import pytest

from runner import seclusion

PYTHON = Path("/usr/bin/python3")
PROGRAM = """
import subprocess, sys
seclude()
peek = "import os; print(open(f'/proc/{os.getppid()}/environ').read().count('sk-dummy'))"
sys.exit(subprocess.run([sys.executable, "-c", peek]).returncode)
"""


@pytest.mark.skipif(os.geteuid() != 0 or not PYTHON.exists(), reason="needs root and a Python for everyone")
def test_an_agent_of_the_same_user_cannot_read_the_key_in_the_runner_s_environment() -> None:
    ran = subprocess.run(
        [PYTHON, "-c", Path(seclusion.__file__).read_text() + PROGRAM],
        env={"SYNTH_API_KEY": "sk-dummy"},
        cwd="/",
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert "PermissionError" in ran.stderr
