"""Says what a sandbox has and lacks for a rollout, without running one."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from runner import __version__, sandbox
from runner.account import find_account, reaches
from runner.errors import Failure
from runner.finding import Finding
from runner.plugins import known, load_agent, load_scorer
from runner.process import Account
from runner.reach import certificates, reach
from runner.request import Rollout
from runner.scoring import scorer_for
from runner.setting import Options
from runner.task import Task, find_task


def examine(options: Options, environ: Mapping[str, str], inference_url: str | None = None) -> list[Finding]:
    """Return a finding for each thing that a rollout needs; it can run where none is `missing`."""
    account = find_account()
    task = _task(options, environ)
    return [
        Finding("program", "ok", f"run_rollout {__version__} at {sys.prefix}"),
        *_agents(options.changes.get("agent")),
        *([task] if isinstance(task, Finding) else _places(task, account, environ)),
        *_helpers(environ),
        sandbox.user(account),
        sandbox.disk(),
        sandbox.memory(),
        certificates(),
        *([reach(inference_url)] if inference_url else []),
        *sandbox.keys(environ, None if isinstance(task, Finding) else task.workspace),
    ]


def _agents(asked: str | None) -> Iterator[Finding]:
    """Look at the agents; the one asked for must be there, else any that is a program."""
    named = [asked] if asked else known("agent")
    findings = [finding for name in named if (finding := _agent(name, always=bool(asked)))]
    nowhere = not any(finding.state == "ok" for finding in findings)
    yield from (replace(each, state="missing") if nowhere else each for each in findings)


def _agent(name: str, *, always: bool) -> Finding | None:
    try:
        tool = load_agent(name).tool()
        return Finding(name, "ok", tool or "needs no program") if tool or always else None
    except Failure as failure:
        return Finding(name, "absent", failure.message, failure.hint)


def _task(options: Options, environ: Mapping[str, str]) -> Task | Finding:
    try:
        first = Rollout(trace_correlation_id="doctor")
        return find_task(first, options.tasks, environ, workspace=options.workspace)
    except Failure as failure:
        return Finding("task", "missing", failure.message, failure.hint)


def _places(task: Task, account: Account | None, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the first task: its folders, and the tools of its scorer."""
    writable = os.access(task.workspace, os.W_OK)
    yield Finding(
        "workspace",
        "ok" if writable else "missing",
        str(task.workspace) if writable else f"{task.workspace} cannot be written by uid {os.geteuid()}",
        "" if writable else "chown it in the image, or run as its owner",
    )
    folder = task.folder
    if folder is None:
        yield Finding(
            "tasks", "absent", "no task folder: the workspace is the task, the request says the rest"
        )
    elif account and reaches(account, folder) and not os.access(folder, os.W_OK):
        hint = f"close it: chmod 700 {folder}"
        yield Finding("tasks", "warning", f"the agent can read {folder}, hidden tests included", hint)
    else:
        yield Finding("tasks", "ok", f"{folder}, the first that a seed picks")
    yield from _scorers(task, environ)


def _scorers(task: Task, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the tools of each scorer; only the task's own must have them."""
    try:
        own = scorer_for(Rollout(trace_correlation_id="doctor"), task)
    except Failure as failure:
        yield Finding("scorer", "warning", failure.message, failure.hint)
        own = None
    for name in known("scorer"):
        needed = own is not None and name == own.name
        try:
            scorer = own if own is not None and needed else load_scorer(name)({})
            tool = scorer.tool(task.workspace, environ)
        except Failure as failure:
            yield Finding(name, "missing" if needed else "absent", failure.message, failure.hint)
        else:
            if tool or needed:
                role = "the scorer here" if needed else "not the scorer here"
                yield Finding(name, "ok", f"{tool or 'needs no program'} ({role})")


def _helpers(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name, use in (("git", "agents look at changes with it"), ("rg", "OpenCode searches with it")):
        own = Path(sys.prefix, "clis", name)
        found = str(own) if own.exists() else shutil.which(name, path=environ.get("PATH", ""))
        if found:
            yield Finding(name, "ok", found)
        else:
            yield Finding(name, "warning", f"not on PATH: {use}", f"install {name} in the image")
