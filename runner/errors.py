"""Failures: reasons why a rollout was *not measured*.

How an agent ended (`AgentRun.outcome`) is data and is scored; a failure is the absence of a measurement.

    Failure
    ├── RequestInvalid       the request cannot be understood            request   / request
    ├── TaskInvalid          the task folder or workspace is unusable    task      / task
    ├── PluginNotFound       no agent or scorer of that name             request   / request
    ├── OverrideFailed       a context override could not be applied     overrides / request
    ├── AgentUnavailable     the CLI is missing or does not start        agent_start / sandbox
    ├── AgentFailed          an agent plug-in raised                     agent_start / agent
    ├── ModelFailed          the provider did not answer                 model     / model_provider
    │   ├── ModelRejected    the provider said no (key, model, request)  not worth a retry
    │   └── ReplayFailed     the replay script ended or does not fit     model     / request
    ├── ScoringFailed        the scorer gave no verdict                  scoring   / task
    │   ├── ScorerUnavailable  its tool is missing in the image          scoring   / sandbox
    │   └── JudgeFailed      a judge model gave no verdict               scoring   / model_provider
    ├── SandboxFailed        memory, disk or rights of the sandbox       (phase)   / sandbox
    ├── ResultUnwritable     the output path cannot be written           result    / sandbox
    ├── Interrupted          SIGTERM or SIGINT reached the runner        (phase)   / sandbox
    ├── Unfinished           the runner was killed (what a result says until it ends)
    └── RunnerFailed         a defect of the runner itself               (phase)   / runner
"""

from typing import ClassVar, Literal

Phase = Literal["request", "task", "overrides", "agent_start", "model", "scoring", "result"]
Cause = Literal["request", "task", "agent", "model_provider", "sandbox", "runner"]
Status = Literal["success", "failure", "timeout", "network_error", "apply_failed", "runtime_error"]


class Failure(Exception):  # noqa: N818 - the project's word for it
    """A reason why the rollout was not measured.

    `hint` is one sentence that tells the reader what to do. Where class and raiser leave `phase` open,
    the report fills in the phase in which it happened.
    """

    phase: Phase | None = None
    cause: ClassVar[Cause] = "runner"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1
    status: ClassVar[Status] = "runtime_error"

    def __init__(self, message: str, *, hint: str = "", phase: Phase | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if phase is not None:
            self.phase = phase

    def __str__(self) -> str:
        """Return what happened, then what to do."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class RequestInvalid(Failure):
    """The request cannot be understood; the message names the offending key."""

    phase = "request"
    cause: ClassVar[Cause] = "request"
    exit_code = 2
    status = "failure"


class TaskInvalid(Failure):
    """The task folder or the workspace is missing or unusable; the message names the path."""

    phase = "task"
    cause: ClassVar[Cause] = "task"
    exit_code = 2
    status = "failure"


class PluginNotFound(RequestInvalid):
    """No agent or scorer answers to the name; the message lists those there are."""


class OverrideFailed(Failure):
    """A context override could not be applied and the rollout would not mean what was asked."""

    phase = "overrides"
    cause: ClassVar[Cause] = "request"
    status = "apply_failed"


class AgentUnavailable(Failure):
    """The agent's program is missing in this image, or ended before its first event."""

    phase = "agent_start"
    cause: ClassVar[Cause] = "sandbox"


class AgentFailed(Failure):
    """An agent plug-in raised instead of returning an `AgentRun`."""

    phase = "agent_start"
    cause = "agent"


class ModelFailed(Failure):
    """The model provider did not answer usefully; the message is the provider's own."""

    phase = "model"
    cause: ClassVar[Cause] = "model_provider"
    retryable = True
    status: ClassVar[Status] = "network_error"


class ModelRejected(ModelFailed):
    """The provider refuses the key, the model or the request: a retry cannot help."""

    retryable = False


class ReplayFailed(ModelFailed):
    """The replay script ran out of turns, or a request fits none; the message names the turn."""

    cause: ClassVar[Cause] = "request"
    retryable = False


class ScoringFailed(Failure):
    """The scorer gave no verdict."""

    phase = "scoring"
    cause: ClassVar[Cause] = "task"


class ScorerUnavailable(ScoringFailed):
    """The scorer's tool is missing or broken in this image."""

    cause: ClassVar[Cause] = "sandbox"


class JudgeFailed(ScoringFailed):
    """A judge model gave no verdict: silence is never a score."""

    cause: ClassVar[Cause] = "model_provider"
    retryable = True


class SandboxFailed(Failure):
    """The sandbox ran out of memory or disk, or withholds a right that the rollout needs."""

    cause: ClassVar[Cause] = "sandbox"
    retryable = True


class ResultUnwritable(Failure):
    """The output path cannot be written."""

    phase = "result"
    cause: ClassVar[Cause] = "sandbox"
    exit_code = 2


class Interrupted(Failure):
    """A signal ended the runner; the shell's convention gives the exit code, 128 + signal."""

    cause: ClassVar[Cause] = "sandbox"
    retryable = True

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"interrupted by signal {signal_number}", hint="run the rollout again")
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number  # type: ignore[misc] # one class, two signals


class Unfinished(Failure):
    """What a result says until the rollout has ended: all that is left of one that was killed."""

    cause = "sandbox"
    retryable = True


class RunnerFailed(Failure):
    """A defect of the runner; the message holds the exception and the log its traceback."""

    cause = "runner"
