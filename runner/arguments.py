"""What the command line understands."""

import argparse
from pathlib import Path
from typing import Any

import runner


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="run_rollout",
        description="Let a coding agent work on a task, score what it left behind, write result.json.",
        epilog="exit codes: 0 measured, 1 not measured, 2 bad input, 130 / 143 interrupted",
    )
    whole.add_argument("--version", action="version", version=f"run_rollout {runner.__version__}")
    whole.add_argument("-i", "--input", type=Path, default=Path("/tmp/rollout.json"), help=_HELP["input"])  # noqa: S108
    whole.add_argument("-o", "--output", type=Path, help=_HELP["output"])
    whole.add_argument("--stdio", action="store_true", help=_HELP["stdio"])
    _add_places(whole)
    _add_choices(whole)
    voice = whole.add_mutually_exclusive_group()
    voice.add_argument("--quiet", action="store_true", help="print nothing but errors")
    voice.add_argument("--json", action="store_true", help="print the result as JSON at the end")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND")
    validate = commands.add_parser("validate", help="say what a request would do, without running it")
    validate.add_argument("file", type=Path, help="the request")
    schema = commands.add_parser("schema", help="print the JSON Schemas of request and result")
    schema.add_argument("which", nargs="?", choices=["request", "result"], help="just this one")
    doctor = commands.add_parser("doctor", help="say what this image has and lacks for a rollout")
    doctor.add_argument("--inference-url", help="also try whether this URL is reached")
    collect = commands.add_parser("collect", help="list the tests of tasks, and keep the lists in the image")
    for command in (validate, doctor, collect):
        command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
        _add_places(command, argparse.SUPPRESS)  # what stands before the command counts too
    for command in (validate, doctor):
        _add_choices(command, argparse.SUPPRESS)
    return whole


_HELP = {
    "input": "the request (default: /tmp/rollout.json)",
    "output": "the result (default: /tmp/result.json); everything whole goes to OUTPUT.d/",
    "stdio": "request on stdin, and only the result on stdout",
}


def _add_places(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    folder: dict[str, Any] = {"type": Path, "metavar": "DIR", "default": default}
    parser.add_argument("--tasks", help="a task folder, or a folder of them", **folder)
    parser.add_argument("--workspace", help="where the agent works", **folder)


def _add_choices(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    parser.add_argument("--agent", default=default, help="this agent, whatever the request says")
    parser.add_argument("--model", default=default, help="this model, whatever the request says")
