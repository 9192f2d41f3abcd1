"""Claude Code (`claude -p --output-format stream-json`), checked against 2.1.197. It speaks Messages."""

from typing import Any

from agents.base import Assignment, Endpoint
from agents.cli import CliAgent
from agents.events import Event
from agents.journal import Journal
from agents.start import SYSTEM

_MODELS = ("DEFAULT_OPUS", "DEFAULT_SONNET", "DEFAULT_HAIKU", "DEFAULT_FABLE", "SMALL_FAST")
_LIMITS = {"error_max_turns", "error_max_budget_usd"}


class ClaudeCode(CliAgent):
    """Drives Claude Code.

    Of all settings it reads only those of its private home: a workspace's `.claude/settings.json` may set
    ANTHROPIC_BASE_URL over the environment. The workspace's instructions and skills come through that home.
    """

    name = "claude_code"
    dialect = "messages"
    program = "claude"
    memory = ".claude/CLAUDE.md"
    home_skills = ".claude/skills"

    def argv(self, assignment: Assignment) -> list[str]:
        """Run without asking, on the settings of the private home alone."""
        flags = "-p --output-format stream-json --verbose --dangerously-skip-permissions"
        own = "--setting-sources user --strict-mcp-config --no-session-persistence"
        system = ["--append-system-prompt-file", str(assignment.home / SYSTEM)]
        return [*flags.split(), *own.split(), *system, "--model", assignment.model]

    def variables(self, assignment: Assignment, endpoint: Endpoint) -> dict[str, str]:
        """Send every model call to the endpoint, and nothing anywhere else."""
        # Sub-agents and side requests would leave the named model for one of the CLI's own choice.
        models = {f"ANTHROPIC_{name}_MODEL": assignment.model for name in _MODELS}
        return models | {
            "CLAUDE_CONFIG_DIR": str(assignment.home / ".claude"),
            "CLAUDE_CODE_TMPDIR": str(assignment.home / "tmp"),
            "CLAUDE_CODE_SUBAGENT_MODEL": assignment.model,
            "ANTHROPIC_BASE_URL": endpoint.anthropic_base,
            "ANTHROPIC_API_KEY": endpoint.token,
            "IS_SANDBOX": "1",  # else root may not skip permissions
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS": "1",
            "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",  # its nonce defeats prefix caching
            "CLAUDE_CODE_MAX_RETRIES": "1",
            "DISABLE_AUTOUPDATER": "1",
            # Silence is for the interceptor and the stall limit to judge; tool calls are held until whole.
            "API_TIMEOUT_MS": "3600000",
            "CLAUDE_STREAM_IDLE_TIMEOUT_MS": "3600000",
        }

    def read(self, event: Event, journal: Journal) -> None:
        """Tell apart the first event, messages, retries and the result."""
        match event["type"], event.get("subtype"):
            case "system", "init":
                journal.identify(event["session_id"], event.get("claude_code_version"))
            case "system", "api_retry":
                journal.retry(event["error"], event.get("error_status"))
            case "assistant", _ if not event.get("parent_tool_use_id"):
                _answer(event, journal)
            case "user", _ if isinstance(event["message"]["content"], list):
                for block in event["message"]["content"]:
                    _observe(block, journal)
            case "result", subtype:
                _result(event, str(subtype), journal)


def _answer(event: Event, journal: Journal) -> None:
    """Note one part of an answer; a sub-agent's own are in its tool's observation and the log."""
    message = event["message"]
    if message["model"] == "<synthetic>":  # an API error dressed as an answer; the result has it too
        return
    journal.turn(message["id"])
    for block in message["content"]:
        match block["type"]:
            case "text":
                journal.say(block["text"])
            case "thinking":
                journal.think(block["thinking"])
            case "tool_use":
                journal.call(block["id"], block["name"], block["input"])


def _observe(block: dict[str, Any], journal: Journal) -> None:
    if block["type"] == "tool_result":
        content = block["content"]
        parts = content if isinstance(content, list) else [{"text": content}]
        text = "\n".join(part.get("text", f"[{part.get('type')}]") for part in parts)
        journal.observe(block["tool_use_id"], text, ok=not block.get("is_error"))


def _result(event: Event, subtype: str, journal: Journal) -> None:
    """Read totals and the end: the subtype says `success` even where the API failed, `is_error` does not."""
    for model in event.get("modelUsage", {}).values():  # `usage` loses what a stream's fallback spent
        read, wrote = model["cacheReadInputTokens"], model["cacheCreationInputTokens"]
        journal.spend(
            input_tokens=model["inputTokens"] + read + wrote,
            output_tokens=model["outputTokens"],
            cached_tokens=read,
            cache_write_tokens=wrote,
        )
    if event.get("stop_reason") == "refusal":
        journal.stop("refused", "the model refused")
    elif not event["is_error"]:
        journal.finish()
    elif subtype in _LIMITS:
        journal.stop("budget", subtype)
    elif subtype == "success":
        journal.fail(event["result"], event.get("api_error_status"))
    else:
        journal.stop("crashed", "; ".join(event.get("errors", [])) or subtype)
