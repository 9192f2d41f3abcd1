"""A signal ends the rollout in order, whatever code it meets on its way."""

import subprocess
import sys

SWALLOWED = """
import os, signal
from runner.interruption import Signalled, raise_on_signals, unswallowed
raise_on_signals()
try:
    with unswallowed():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except BaseException:
            raise ImportError("failed to import the datetime C API")  # as compiled modules do
except Signalled as signalled:
    print("signalled", signalled.number)
"""


def test_a_signal_that_a_compiled_module_made_an_error_of_is_given_back() -> None:
    said = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True, check=True)
    assert said.stdout == "signalled 15\n"


def test_without_a_signal_an_error_stays_what_it_is() -> None:
    quiet = SWALLOWED.replace("os.kill(os.getpid(), signal.SIGTERM)", "raise KeyError")
    said = subprocess.run([sys.executable, "-c", quiet], capture_output=True, text=True, check=False)
    assert "ImportError: failed to import the datetime C API" in said.stderr
