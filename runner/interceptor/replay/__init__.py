"""The replay model: plays a script of turns to any client of the three dialects, on loopback."""

from runner.interceptor.replay.model import ReplayModel, replay
from runner.interceptor.replay.received import Received
from runner.interceptor.replay.script import Call, Fault, Script, Turn
from runner.interceptor.replay.script_file import read_script

__all__ = ["Call", "Fault", "Received", "ReplayModel", "Script", "Turn", "read_script", "replay"]
