"""Context overrides as a request gives them: what an optimiser evolves, in all places and forms."""

from collections.abc import Iterator
from typing import Any

from runner import wire
from runner.errors import RequestInvalid
from runner.model import Model

TEXT_KINDS = ("system_prompt", "architecture_guide", "reference_snippets", "hooks_documentation")
"""Texts that an override may hold instead of a file; they join the system prompt."""
_KNOWN_PATHS = {"agents_md": "AGENTS.md"}


class ContextOverride(Model):
    """Files, texts, a pre-flight script and variables laid over the task."""

    override_id: str
    files: tuple[tuple[str, str], ...] = ()
    """Path and content, both forms of `file_artifacts` brought to one."""
    texts: tuple[tuple[str, str], ...] = ()
    """Kind and content of what joins the system prompt."""
    preflight_script: str | None = None
    env_vars: dict[str, str] = {}
    priority: int = 0
    """Overrides are applied in its order: the highest comes last and wins."""


def read(request: wire.Request) -> Iterator[ContextOverride]:
    """Yield the overrides of all places of a request, in its order."""
    template = request.prompt_template or wire.PromptTemplate()
    policy = request.policy or wire.Policy()
    places: tuple[Any, ...] = (
        request,
        template,
        policy,
        policy.config,
        request.policy_config,
        request.params,
    )
    found: list[wire.Override] = []
    for place in filter(None, places):
        listed = place.context_overrides or []
        found += listed if isinstance(listed, list) else [listed]
        found += [place.context_override] if place.context_override else []
    direct = {kind: getattr(template, kind) for kind in TEXT_KINDS if getattr(template, kind)}
    found += [wire.Override(override_id="prompt_template", **direct)] if direct else []
    for index, override in enumerate(found):
        yield _override(override, override.override_id or f"override_{index}")


def _override(override: wire.Override, name: str) -> ContextOverride:
    artifacts = override.file_artifacts or []
    if isinstance(artifacts, dict):
        artifacts = [wire.FileArtifact(path=path, content=content) for path, content in artifacts.items()]
    named = [(*_target(artifact, name), artifact.content) for artifact in artifacts]
    direct = [(kind, text) for kind in TEXT_KINDS if (text := getattr(override, kind))]
    return ContextOverride(
        override_id=name,
        files=tuple((target, content) for is_text, target, content in named if not is_text),
        texts=(*((target, content) for is_text, target, content in named if is_text), *direct),
        preflight_script=override.preflight_script,
        env_vars=override.env_vars or {},
        priority=override.priority or 0,
    )


def _target(artifact: wire.FileArtifact, name: str) -> tuple[bool, str]:
    """Say whether an artifact is a text, and its kind or path."""
    kind = (artifact.type or artifact.artifact_type or "").strip()
    if kind in TEXT_KINDS:
        return True, kind
    path = artifact.path or _KNOWN_PATHS.get(kind.lower()) or (kind if "." in kind or "/" in kind else "")
    if not path:
        raise RequestInvalid(f"context override {name}: a file artifact needs a path or a known type")
    return False, path
