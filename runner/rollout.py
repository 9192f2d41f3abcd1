"""The rollout itself, as `design.md` draws it: request, task, agent, score, result."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agents.base import AgentRun, Assignment
from runner import proc
from runner.account import find_account, give, hide
from runner.boundary import boundary
from runner.calling import call_agent, call_scorer
from runner.conclusion import agent_report, call_report, disagreement, keep_run, score_changes
from runner.display import Progress
from runner.errors import (
    AgentUnavailable,
    Failure,
    Interrupted,
    OverrideFailed,
    ReplayFailed,
    RunnerFailed,
    TaskInvalid,
)
from runner.evidence import evidence
from runner.interceptor import open_interceptor
from runner.interceptor.base import Interceptor
from runner.interruption import Signalled, unswallowed
from runner.overrides import apply
from runner.process import Account
from runner.prompt import Prompt, render
from runner.report import Report
from runner.request import correlation_id_of
from runner.result import Stage
from runner.setting import Folders, Options, Setting, folders, read_request, understand
from runner.task import Task
from runner.workspace import Baseline, Changes, baseline
from scorers.base import Score, Submission


def run(read: Callable[[], bytes], report: Report, options: Options, progress: Progress) -> Failure | None:
    """Perform a rollout and finish its report, whatever happens; return why it was not measured, if so."""
    failure: Failure
    try:
        with boundary(RunnerFailed, log=report.files / "runner.log"), progress.showing(), unswallowed():
            _perform(read(), report, options, progress)
            return None
    except Failure as met:
        failure = met
    except Signalled as signalled:
        failure = Interrupted(signalled.number)
    report.fail(failure, **evidence(report))
    return failure


@dataclass(frozen=True, slots=True)
class _Scene:
    """All that the phases share."""

    setting: Setting
    folders: Folders
    account: Account | None
    interceptor: Interceptor
    report: Report
    progress: Progress

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Show, and time, one stage."""
        self.progress.enter(stage)
        with self.report.timed(stage):
            yield


def _perform(data: bytes, report: Report, options: Options, progress: Progress) -> None:
    report.note(trace_correlation_id=correlation_id_of(data) or "")
    rollout = read_request(data, options)
    report.note(
        trace_correlation_id=rollout.trace_correlation_id,
        inference_url=rollout.inference_url,
        warnings=list(rollout.warnings),
    )
    report.traced = rollout.container
    setting = understand(rollout, options, os.environ)
    _keep_apart(report, setting.task.workspace)
    report.note(details=setting.details())
    report.warn(*setting.warnings)
    progress.deadline = setting.deadline
    account = find_account()
    with (
        folders(report.files, account) as places,
        open_interceptor(setting.rollout, os.environ, folder=places.files) as interceptor,
    ):
        progress.totals = interceptor.totals
        _measure(_Scene(setting, places, account, interceptor, report, progress))


def _keep_apart(report: Report, workspace: Path) -> None:
    """Refuse a result where the agent works: it would be part of its work."""
    if report.output and report.output.resolve().is_relative_to(workspace.resolve()):
        raise TaskInvalid(
            f"the result {report.output} would lie in the workspace {workspace}",
            hint="name an --output outside of it",
        )


def _measure(scene: _Scene) -> None:
    with scene.stage("preparing"):
        ground = _prepare(scene)
    with scene.stage("agent"):
        agent_run = _work(scene, ground)
    changes = _look(scene, ground, agent_run)
    _require_a_run(agent_run, scene)
    with scene.stage("scoring"):
        score = _score(scene, ground, changes)
    seen = evidence(scene.report, reward=score.reward)
    scene.report.finish(**score_changes(score, scene.report.result), **seen)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What lies ready when the agent starts."""

    prompt: Prompt
    env: Mapping[str, str]
    """Variables of the overrides."""
    before: Baseline


def _prepare(scene: _Scene) -> _Ground:
    """Render the prompt, apply the overrides, then take the snapshot that the agent is measured against."""
    setting, task, state = scene.setting, scene.setting.task, scene.folders.state
    proc.began()  # reckoned once, before the agent: no clock that jumps later makes its files look older
    prompt = render(setting.rollout, task)
    applied = apply(setting, scene.folders.files / "agent", scene.account)
    scene.report.note(override_application_results=applied.statuses)
    if applied.failed:
        raise OverrideFailed(applied.failed)
    if scene.account:
        _separate(task, scene.account, scene.report)
    return _Ground(prompt, applied.env, baseline(task.workspace, state, task.pristine))


def _separate(task: Task, account: Account, report: Report) -> None:
    """Give the workspace to the agent's user, and take the tests and the solution out of its sight."""
    give(task.workspace, account)
    if task.folder and not hide(task.folder, account):
        report.warn(f"the agent can read the tests in {task.folder}: close that folder to it in the image")


def _work(scene: _Scene, ground: _Ground) -> AgentRun:
    setting, agent, url = scene.setting, scene.setting.agent, scene.setting.rollout.inference_url
    oracle = setting.agent_name == "oracle"
    assignment = Assignment(
        prompt=ground.prompt.text,
        system_prompt=ground.prompt.system,
        workspace=ground.before.workspace,
        home=scene.folders.home,
        logs=scene.folders.files / "agent",
        model=setting.model,
        endpoint=scene.interceptor.endpoint(agent.dialect) if agent.dialect and url else None,
        deadline=setting.agent_deadline,
        stall_s=setting.rollout.limits.stall_s,
        env={**setting.env, **ground.env, **(setting.task.solution_env if oracle else {})},
        account=scene.account,
        options=setting.rollout.params,
        solution=setting.task.solution if oracle else None,
        last_call=scene.interceptor.last_call,
        should_stop=scene.interceptor.stop,
        on_step=scene.progress.step,
    )
    log, spare_s = scene.report.files / "runner.log", setting.scoring_s / 2
    return call_agent(agent, assignment, log, spare_s)


def _look(scene: _Scene, ground: _Ground, agent_run: AgentRun) -> Changes:
    """Seal the calls, keep what the agent did and said, and see what it changed."""
    scene.interceptor.seal()
    totals = scene.interceptor.totals()
    scene.report.note(agent=agent_report(agent_run, scene.setting), calls=call_report(totals))
    scene.report.warn(*scene.interceptor.warnings, *disagreement(agent_run, totals))
    keep_run(agent_run, scene.setting, ground.prompt, scene.folders.files)
    return ground.before.changes(scene.folders.files / "agent.diff")


def _require_a_run(agent_run: AgentRun, scene: _Scene) -> None:
    """Refuse to score silence: the provider's own failure comes before the agent's exit that follows it."""
    provider, completed = scene.interceptor.failure(), agent_run.outcome == "completed"
    if provider and (agent_run.failure or not completed or isinstance(provider, ReplayFailed)):
        raise provider
    if agent_run.failure:
        raise agent_run.failure
    agent = scene.setting.agent
    if completed and agent.dialect and agent.needs_model and scene.interceptor.totals().calls == 0:
        raise AgentUnavailable(f"{agent.name} ended without a single model call", hint="see its output")


def _score(scene: _Scene, ground: _Ground, changes: Changes) -> Score:
    setting, task = scene.setting, scene.setting.task
    scratch = scene.folders.state / "scratch"
    scratch.mkdir()
    submission = Submission(
        workspace=ground.before.workspace,
        snapshot=ground.before.pristine,
        changed=changes.paths,
        diff=changes.text(),
        instruction=task.instruction,
        tests=task.tests,
        scratch=scratch,
        reports=scene.folders.files / "scorer",
        deadline=setting.scoring_deadline,
        env=setting.env,
        account=scene.account,
        protected=task.protected,
        editable=task.editable,
        verifier_env=task.verifier_env,
        verifier_s=task.verifier_s,
        inference_url=scene.interceptor.upstream(),
        inference_key=scene.interceptor.key,
        model=setting.model,
    )
    return call_scorer(setting.scorer, submission, scene.report.files / "runner.log")
