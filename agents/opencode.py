"""OpenCode (`opencode run --format json`), checked against 1.18.33. It speaks any dialect; we use chat."""

import json
from datetime import UTC, datetime

from agents.base import AgentRun, Assignment, Endpoint
from agents.cli import CliAgent, locate
from agents.events import Event
from agents.journal import Journal
from agents.opencode_plugins import refuse_plugins
from agents.start import SYSTEM

_PROVIDER = "rollout"
_KEY = "ROLLOUT_TOKEN"
_RIPGREP = ".cache/opencode/bin/rg"
"""Where the CLI looks for ripgrep before it fetches it from github.com."""
_NOWHERE = "http://127.0.0.1:9/"
"""Every start asks the npm registry for a plug-in package, and does without where it is refused."""
_SEARCHES = ("grep", "glob")
_OFF = (
    "AUTOUPDATE",
    "MODELS_FETCH",
    "LSP_DOWNLOAD",
    "DEFAULT_PLUGINS",
    "PROJECT_CONFIG",
    "CLAUDE_CODE",
    "EXTERNAL_SKILLS",
)
_PATIENCE_MS = 3_600_000
"""Silence is the interceptor's and the stall limit's to judge."""


class OpenCode(CliAgent):
    """Drives OpenCode, with the workspace's own configuration switched off."""

    name = "opencode"
    dialect = "chat"
    program = "opencode"
    memory = ".config/opencode/AGENTS.md"
    home_skills = ".config/opencode/skills"

    def run(self, assignment: Assignment) -> AgentRun:
        """Run the CLI, unless it would run the repository's code inside itself."""
        refuse_plugins(assignment.workspace)
        if rg := locate("rg"):
            place = assignment.home / _RIPGREP
            place.parent.mkdir(parents=True)
            place.symlink_to(rg)
        return super().run(assignment)

    def argv(self, assignment: Assignment) -> list[str]:
        """Run without plug-ins; a title of our own spares a request for one."""
        flags = "--pure --thinking --format json --title rollout"
        return ["run", *flags.split(), "--model", f"{_PROVIDER}/{assignment.model}"]

    def variables(self, assignment: Assignment, endpoint: Endpoint) -> dict[str, str]:
        """Switch off all that calls foreign hosts or reads the workspace's settings."""
        # DISABLE_FFF is not among them: with it the CLI asks for github.com.
        off = {f"OPENCODE_DISABLE_{what}": "1" for what in _OFF}
        # The environment's registry would win over the one in .npmrc.
        registry = {name: _NOWHERE for name in assignment.env if name.lower() == "npm_config_registry"}
        return {**off, **registry, _KEY: endpoint.token}

    def files(self, assignment: Assignment, endpoint: Endpoint) -> dict[str, str]:
        """Write the configuration; a model must be listed to be asked for."""
        model = assignment.model
        config = {
            "autoupdate": False,
            "share": "disabled",
            "snapshot": False,
            "permission": {"*": "allow", **({} if locate("rg") else dict.fromkeys(_SEARCHES, "deny"))},
            "instructions": [str(assignment.home / SYSTEM)] if assignment.system_prompt else [],
            "small_model": f"{_PROVIDER}/{model}",
            "enabled_providers": [_PROVIDER],
            "provider": {
                _PROVIDER: {
                    "npm": "@ai-sdk/openai-compatible",
                    "options": {
                        "baseURL": endpoint.openai_base,
                        "apiKey": f"{{env:{_KEY}}}",
                        "timeout": _PATIENCE_MS,
                        "headerTimeout": _PATIENCE_MS,
                        "chunkTimeout": _PATIENCE_MS,
                    },
                    "models": {model: {"name": model, "limit": {"context": 200_000, "output": 16_384}}},
                },
            },
        }
        return {
            ".config/opencode/opencode.json": json.dumps(config),
            ".config/opencode/.npmrc": f"registry={_NOWHERE}\n",
        }

    def read(self, event: Event, journal: Journal) -> None:
        """Tell apart steps and what is in them; there is no final event."""
        journal.identify(event["sessionID"])
        part = event.get("part", {})
        match event["type"]:
            case "step_start":
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                journal.turn(part["messageID"], at.isoformat())
            case "text" if not part.get("synthetic"):  # the CLI's own words after a compaction
                journal.say(part["text"])
            case "reasoning":
                journal.think(part["text"])
            case "tool_use":  # comes when the tool has ended
                state = part["state"]
                journal.call(part["callID"], part["tool"], state.get("input", {}))
                observation = state.get("output", state.get("error"))
                exit_code = state.get("metadata", {}).get("exit", 0)
                journal.observe(
                    part["callID"], observation, ok=state["status"] == "completed" and not exit_code
                )
            case "step_finish":
                _finish(part, journal)
            case "error":
                _fail(event["error"], journal)


def _fail(error: Event, journal: Journal) -> None:
    data = error.get("data", {})
    if error["name"] == "ContextOverflowError":
        journal.overflow(data["message"])
    else:
        journal.fail(f"{error['name']}: {data.get('message', '')}", data.get("statusCode"))


def _finish(part: Event, journal: Journal) -> None:
    """Add a step's tokens, which leave out of input what was cached and out of output what was thought."""
    tokens = part["tokens"]
    cache = tokens["cache"]
    journal.spend(
        input_tokens=tokens["input"] + cache["read"] + cache["write"],
        output_tokens=tokens["output"] + tokens["reasoning"],
        cached_tokens=cache["read"],
        cache_write_tokens=cache["write"],
        reasoning_tokens=tokens["reasoning"],
    )
    match part["reason"]:
        case "stop" | "length":
            journal.finish()
        case "content-filter":
            journal.stop("refused", "the provider's content filter ended the answer")
