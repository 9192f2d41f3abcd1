"""Runs a program that prints no events: its exit code says how it ended, its output is one step."""

from collections.abc import Mapping, Sequence

from agents.base import AgentRun, Assignment
from agents.ending import report
from agents.journal import TEXT, Journal
from agents.start import environment, start
from runner.output import head_tail


def run_program(assignment: Assignment, argv: Sequence[str], variables: Mapping[str, str]) -> AgentRun:
    """Run `argv` in the workspace, the prompt on its stdin."""
    stdout = assignment.logs / "stdout.txt"
    end = start(assignment, argv, environment(assignment, variables), stdout)
    output = head_tail(stdout, TEXT)
    journal = Journal(assignment.on_step)
    journal.call("1", argv[0], {"argv": list(argv[1:])})
    journal.observe("1", output, ok=end.code == 0)
    journal.message = output
    if end.code == 0:
        journal.finish()
    return report(assignment, journal, end)
