"""`rollout.json` as it comes over the wire: every known key of the three dialects, and nothing decided.

All keys may be null, which means not given. Unknown keys are kept: the server adds some.
"""

from typing import Annotated, Any, ClassVar

from pydantic import Field, Tag

from runner.wire_values import LIST, TABLE, TEXT, Count, Dollars, Scalar, Seconds, Whole, Wire, either


class Section(Wire):
    """One section of the prompt."""

    role: str | None = None
    """`system` goes to the agent's system prompt, all others to the prompt."""
    pattern: str | None = None
    """The text, with placeholders in braces; `content` is the same."""
    content: str | None = None
    order: Whole | None = None
    """Sections are sorted by it."""
    name: str | None = None


class FileArtifact(Wire):
    """A file, or one of the known texts, that an override lays over the task."""

    path: str | None = None
    type: str | None = None
    """`system_prompt`, `architecture_guide`, `reference_snippets`, `hooks_documentation`, `agents_md`."""
    artifact_type: str | None = None
    """The same as `type`."""
    content: str


class Override(Wire):
    """A context override: what an optimiser evolves."""

    override_id: str | None = None
    priority: Whole | None = None
    """Overrides are applied in its order: the highest comes last and wins."""
    file_artifacts: (
        Annotated[
            Annotated[dict[str, str], Tag(TABLE)] | Annotated[list[FileArtifact], Tag(LIST)],
            either("an object of path and content, or a list"),
        ]
        | None
    ) = None
    preflight_script: str | None = None
    env_vars: dict[str, Scalar] | None = None
    system_prompt: str | None = None
    architecture_guide: str | None = None
    reference_snippets: str | None = None
    hooks_documentation: str | None = None


Overrides = Annotated[
    Annotated[list[Override], Tag(LIST)] | Annotated[Override, Tag(TABLE)],
    either("a list of overrides, or one"),
]


class PromptTemplate(Wire):
    """What the agent is told."""

    free: ClassVar[bool] = True
    sections: list[Section] | None = None
    messages: list[Section] | None = None
    wildcards: dict[str, Scalar] | None = None
    """Values of placeholders; `"REQUIRED"` means that the task or the request must give one."""
    model: str | None = None
    context_overrides: Overrides | None = None
    context_override: Override | None = None
    system_prompt: str | None = None
    architecture_guide: str | None = None
    reference_snippets: str | None = None
    hooks_documentation: str | None = None


class Limits(Wire):
    """What the rollout may spend."""

    timeout_s: Seconds | None = None
    """Seconds for the whole rollout; 600 when nothing says otherwise."""
    scoring_s: Seconds | None = None
    """Seconds of them kept back for scoring."""
    stall_s: Seconds | None = None
    """Seconds without output, model call or CPU after which the agent counts as stalled."""
    max_requests: Count | None = None
    max_input_tokens: Count | None = None
    max_output_tokens: Count | None = None
    max_total_tokens: Count | None = None
    max_cost_usd: Dollars | None = None
    cpu_cores: Any = None
    memory_mb: Any = None
    disk_mb: Any = None


class ScorerTable(Wire):
    """One scorer, with options of its own."""

    free: ClassVar[bool] = True
    name: str
    """A name, an entry point, `module:Class` or the path of a `.py` file."""


Scorers = Annotated[
    Annotated[str, Tag(TEXT)]
    | Annotated[ScorerTable, Tag(TABLE)]
    | Annotated[list[ScorerTable], Field(min_length=1), Tag(LIST)],
    either("a scorer's name, a table or a list of tables"),
]


class Settings(Wire):
    """`params` and `policy.config`: settings of the agent, each with keys of its own."""

    free: ClassVar[bool] = True
    agent: str | None = None
    """As a scorer's name; `agent_type` is the same."""
    agent_type: str | None = None
    model: str | None = None
    provider: str | None = None
    inference_url: str | None = None
    timeout: Seconds | None = None
    """Seconds for the whole rollout, as in `limits.timeout_s`; the smallest given counts."""
    task_dir: str | None = None
    """A task folder, or a folder of them."""
    scorer: Scorers | None = None
    """A name, a `[scorer]` table, or several with weights."""
    trace_correlation_id: str | None = None
    context_overrides: Overrides | None = None
    context_override: Override | None = None


class Policy(Wire):
    """Who works, in the container shape."""

    policy_id: str | None = None
    policy_name: str | None = None
    config: Settings | None = None
    output_mode: Any = None
    context_overrides: Overrides | None = None
    context_override: Override | None = None


class EnvConfig(Wire):
    """The task's own settings; every scalar is a placeholder."""

    free: ClassVar[bool] = True
    instance_id: Scalar | None = None
    """Names a task and wins over the seed."""
    task_id: Scalar | None = None
    """The same as `instance_id`."""
    seed: Whole | None = None


class Env(Wire):
    """Which task, in the container shape."""

    env_id: Any = None
    env_name: str | None = None
    seed: Whole | None = None
    config: EnvConfig | None = None


class Safety(Wire):
    """The container shape's limits."""

    max_time_s: Seconds | None = None


class Request(Wire):
    """A request in any of the three dialects: flat, container shape, or one wrapped in the other."""

    trace_correlation_id: str | None = None
    """The caller's id, echoed in the result; never blank."""
    inference_url: str | None = None
    """Where model calls go, or `replay:FILE`."""
    seed: Whole | None = None
    """Picks the task where no id names one."""
    task_id: Scalar | None = None
    instance_id: Scalar | None = None
    prompt_template: PromptTemplate | None = None
    messages: list[Section] | None = None
    wildcards: dict[str, Scalar] | None = None
    limits: Limits | None = None
    params: Settings | None = None
    env: Env | None = None
    policy: Policy | None = None
    policy_config: Settings | None = None
    safety: Safety | None = None
    context_overrides: Overrides | None = None
    context_override: Override | None = None
    task_app_request: "Request | None" = None
    """The container shape inside the wrapped dialect; keys beside it win over those in it."""
    override_bundle_id: Any = None
    training_session_id: Any = None
    deployment_id: Any = None
    on_done: Any = None
    metadata: Any = None
    mode: Any = None
    ops: Any = None
    pool_id: Any = None
    record: Any = None
    task_contract: Any = None


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a request, all three dialects in one."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Request.model_json_schema()}
