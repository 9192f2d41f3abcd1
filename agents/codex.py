"""Codex CLI (`codex exec --json`), checked against 0.169.0. It speaks the Responses dialect only."""

import json

import tomli_w

from agents.base import Assignment, Endpoint
from agents.cli import CliAgent
from agents.events import Event
from agents.journal import Journal

_PROVIDER = "rollout"
_KEY = "ROLLOUT_TOKEN"
_TOOLS = {"command_execution": "exec_command", "file_change": "apply_patch"}
_RESULTS = ("aggregated_output", "result", "error")
_OFF = ("plugins", "apps", "goals", "unbounded_connection_retries")


class Codex(CliAgent):
    """Drives Codex. It reads AGENTS.md and `.agents/skills` of the workspace by itself."""

    name = "codex"
    dialect = "responses"
    program = "codex"

    def argv(self, assignment: Assignment) -> list[str]:
        """Run without asking: the sandbox is the rollout's."""
        flags = "--json --strict-config --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox"
        return ["exec", *flags.split(), "--model", assignment.model, "-"]

    def variables(self, assignment: Assignment, endpoint: Endpoint) -> dict[str, str]:
        """Name the home and the key."""
        return {"CODEX_HOME": str(assignment.home / ".codex"), _KEY: endpoint.token}

    def files(self, assignment: Assignment, endpoint: Endpoint) -> dict[str, str]:
        """Write the configuration.

        A provider of our own, since the built-in one ignores OPENAI_BASE_URL, and not named OpenAI,
        which would switch on remote compaction. The features left on would call foreign hosts.
        """
        config = {
            "model_provider": _PROVIDER,
            "check_for_update_on_startup": False,
            "web_search": "disabled",
            "developer_instructions": assignment.system_prompt,
            "project_doc_fallback_filenames": ["CLAUDE.md"],
            "analytics": {"enabled": False},
            "agents": {"enabled": False},
            "features": dict.fromkeys(_OFF, False),
            "model_providers": {
                _PROVIDER: {
                    "name": _PROVIDER,
                    "base_url": endpoint.openai_base,
                    "wire_api": "responses",
                    "env_key": _KEY,
                    "request_max_retries": 1,
                    "stream_max_retries": 1,
                    # Silence is the interceptor's and the stall limit's to judge.
                    "stream_idle_timeout_ms": 3_600_000,
                },
            },
        }
        return {".codex/config.toml": tomli_w.dumps(config)}

    def read(self, event: Event, journal: Journal) -> None:
        """Tell apart the end of a turn, a retry, and the items in between."""
        match event["type"]:
            case "thread.started":
                journal.identify(event["thread_id"])
            case "item.started":
                _begin(event["item"], journal)
            case "item.completed":
                _complete(event["item"], journal)
            case "error":  # "Reconnecting... 1/5 (unexpected status 500 ...)"; `turn.failed` is the end
                journal.retry(event["message"])
            case "turn.failed":
                journal.fail(event["error"]["message"])
            case "turn.completed":
                journal.finish()
                spent = event["usage"]
                journal.spend(
                    input_tokens=spent["input_tokens"],
                    output_tokens=spent["output_tokens"],
                    cached_tokens=spent.get("cached_input_tokens"),
                    cache_write_tokens=spent.get("cache_write_input_tokens"),
                    reasoning_tokens=spent.get("reasoning_output_tokens"),
                )


def _begin(item: Event, journal: Journal) -> None:
    """Note a call; one that begins after all others came back belongs to a new turn of the model."""
    if item["type"] in {"agent_message", "reasoning", "error"}:
        return
    if journal.acted and not journal.waiting:
        journal.turn()
    known = {"id", "type", "status", "exit_code", *_RESULTS}
    arguments = {key: value for key, value in item.items() if key not in known}
    name = item.get("tool") or _TOOLS.get(item["type"], item["type"])
    journal.call(item["id"], str(name), arguments)


def _complete(item: Event, journal: Journal) -> None:
    kind = item["type"]
    if kind in {"agent_message", "reasoning"} and journal.acted:
        journal.turn()
    if kind == "agent_message":
        journal.say(item["text"])
    elif kind == "reasoning":
        journal.think(item["text"])
    elif kind != "error":  # an item of type error is a warning, such as unknown model metadata
        if not journal.knows(item["id"]):
            _begin(item, journal)
        told = next((item[key] for key in _RESULTS if item.get(key) is not None), None)
        text = told if isinstance(told, str | None) else json.dumps(told)
        journal.observe(item["id"], text, ok=item.get("status", "completed") == "completed")
