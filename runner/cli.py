"""The command line: commands, signals, exit codes, and the only place that prints.

Exit codes: 0 measured, whatever the reward; 1 not measured, result written; 2 bad input, result written
where an output path is known; 130 and 143 interrupted, result written.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import runner
from runner.arguments import parser

if TYPE_CHECKING:
    from runner.claim import Claim
    from runner.display import Progress
    from runner.errors import Failure
    from runner.report import Report
    from runner.setting import Options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _require_streams()
    arguments = parser().parse_args(argv)
    command = _COMMANDS.get(arguments.command, _run)
    try:
        return command(arguments)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1


def _require_streams() -> None:
    """Give back a stream that was closed before the start (`2>&-`): its number must not become a log's.

    What the locale cannot show is printed escaped.
    """
    for number, name in ((0, "stdin"), (1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _options(arguments: argparse.Namespace) -> "Options":
    from runner.setting import Options

    given = {"agent": arguments.agent, "model": arguments.model}
    changes = {name: value for name, value in given.items() if value is not None}
    return Options(tasks=arguments.tasks, workspace=arguments.workspace, changes=changes)


def _run(arguments: argparse.Namespace) -> int:
    """Roll; from here on a signal ends in a result."""
    from runner.claim import claim, first_result
    from runner.errors import ResultUnwritable
    from runner.interruption import Signalled, end_at_once_on_signals, raise_on_signals, unswallowed
    from runner.seclusion import seclude

    raise_on_signals()
    seclude()
    answers = _answers(arguments)
    output = arguments.output or (None if arguments.stdio else Path("/tmp/result.json"))  # noqa: S108
    place = None
    try:
        place = claim(output) if output else None
        with unswallowed():
            report, failure = _roll(arguments, place)
    except ResultUnwritable as unwritable:
        return _complain(unwritable)
    except Signalled as signalled:  # while the runner was still loading
        early = first_result("Interrupted", f"interrupted by signal {signalled.number}")
        if place:
            place.output.write_bytes(early)
        else:
            answers.write(early)
        return 128 + signalled.number
    end_at_once_on_signals()
    _show(arguments, report, answers)
    return _complain(failure) if failure else 0


def _roll(arguments: argparse.Namespace, place: "Claim | None") -> "tuple[Report, Failure | None]":
    from runner.environment import secrets_of
    from runner.report import Report
    from runner.rollout import run

    report = Report(place, secrets=secrets_of(_environ()))
    return report, run(lambda: _read(arguments), report, _options(arguments), _progress(arguments))


def _answers(arguments: argparse.Namespace) -> BinaryIO:
    """Return where results are printed; with `--stdio` or `--json` nothing else can print there."""
    if not (arguments.stdio or arguments.json):
        return sys.stdout.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _show(arguments: argparse.Namespace, report: "Report", answers: BinaryIO) -> None:
    """Print the result, or what a person wants of it; a reader that has gone changes no exit code."""
    from runner.summary import summary

    try:
        if arguments.stdio or arguments.json:
            report.send(answers)
        elif not arguments.quiet:
            print(summary(report), flush=True)
    except OSError as error:
        print(f"run_rollout: the result could not be printed: {error.strerror}", file=sys.stderr, flush=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _read(arguments: argparse.Namespace) -> bytes:
    from runner.errors import RequestInvalid

    if arguments.stdio:
        return sys.stdin.buffer.read()
    try:
        content: bytes = arguments.input.read_bytes()
    except OSError as error:
        raise RequestInvalid(
            f"cannot read the request {arguments.input}: {error.strerror}", hint="name one with --input"
        ) from error
    return content


def _progress(arguments: argparse.Namespace) -> "Progress":
    from runner.display import Live, Plain, Progress

    if arguments.quiet:
        return Progress()
    return Live(sys.stderr) if sys.stderr.isatty() else Plain(sys.stderr)


def _validate(arguments: argparse.Namespace) -> int:
    from runner.errors import Failure
    from runner.plan import plan

    try:
        arguments.stdio, arguments.input = False, arguments.file
        described = plan(_read(arguments), _options(arguments), _environ())
    except Failure as failure:
        return _complain(failure)
    if arguments.json:
        print(json.dumps(described, indent=2))
    else:
        width = max(map(len, described))
        for name, value in described.items():
            print(f"{name:<{width}}  {value if isinstance(value, str) else json.dumps(value)}")
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    runner.DESCRIBED = True
    from runner.plan import schemas

    both = schemas()
    print(json.dumps(both[arguments.which] if arguments.which else both, indent=2))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from runner.doctor import examine

    findings = examine(_options(arguments), _environ(), arguments.inference_url)
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            hint = f" ({finding.hint})" if finding.hint else ""
            print(f"{finding.state:<8} {finding.what:<{width}}  {finding.text}{hint}")
    return int(any(finding.state == "missing" for finding in findings))


def _collect(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from runner.collection import collect
    from runner.errors import Failure
    from runner.interruption import Signalled, raise_on_signals

    raise_on_signals()
    answers, listings = _answers(arguments), []
    try:
        for listing in collect(_options(arguments), _environ()):
            listings.append(listing)
            if not arguments.json:
                print(f"{listing.task}  {listing.summary}", flush=True)
    except Failure as failure:
        return _complain(failure)
    except Signalled as signalled:
        return 128 + signalled.number
    if arguments.json:
        answers.write(json.dumps([asdict(listing) for listing in listings], indent=2).encode() + b"\n")
        answers.flush()
    return int(any(listing.failure for listing in listings))


_COMMANDS = {"validate": _validate, "schema": _schema, "doctor": _doctor, "collect": _collect}


def _environ() -> dict[str, str]:
    return dict(os.environ)


def _complain(failure: "Failure") -> int:
    print(f"run_rollout: {failure.phase}: {failure}", file=sys.stderr, flush=True)
    return failure.exit_code
