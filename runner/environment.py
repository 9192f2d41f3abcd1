"""The user's environment: what the agent and the tests may see of it, and the key they may not."""

from collections.abc import Mapping

FORBIDDEN_KEYS = (
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "GOOGLE_API_KEY",
    "COHERE_API_KEY",
    "HUGGINGFACE_API_KEY",
    "SYNTH_API_KEY",
)
"""Names that must never be baked into an image (the hosted service refuses such images)."""

_SECRETS = {*FORBIDDEN_KEYS, "INTERCEPTOR_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CODEX_API_KEY"}
_SHELL = {"PWD", "OLDPWD", "SHLVL", "_"}
"""What the shell that started the runner says of itself. OpenCode works in `PWD`, wherever it was started."""


def user_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without keys, under their own or any other name, and without the shell's own."""
    values = {environ[name] for name in _SECRETS if environ.get(name)}
    return {
        name: value
        for name, value in environ.items()
        if name not in _SECRETS | _SHELL and not any(secret in value for secret in values)
    }


def secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values that no output may show; very short ones would blot out ordinary text."""
    shortest = 8
    return tuple({environ[name] for name in _SECRETS if len(environ.get(name, "")) >= shortest})
