"""Which variables of the environment a request may set for the agent."""

import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFUSED = re.compile(
    r"""PATH | HOME | SHELL | USER | LOGNAME | TMPDIR | IFS | ENV | PS4 | PROMPT_COMMAND
    | (?:LD|DYLD|BASH|GIT|XDG|GCONV|GLIBC|ROLLOUT)_.* | (?:SHELL|BASH)OPTS
    | PYTHON(?:PATH|HOME|STARTUP|INSPECT|BREAKPOINT|USERBASE) | PERL5?(?:OPT|LIB|DB) | RUBY(?:OPT|LIB)
    | NODE_.* | JAVA_TOOL_OPTIONS | (?:RUSTC|CARGO)_.*WRAPPER
    | (?:https?|all|no|ftp)_proxy | (?:SSL_CERT|REQUESTS_CA|CURL_CA)_.*
    | (?:OPENAI|ANTHROPIC|CLAUDE|CODEX|OPENCODE|AZURE|GOOGLE|COHERE|HUGGINGFACE|SYNTH|INTERCEPTOR)_.*""",
    re.VERBOSE | re.IGNORECASE,
)


def is_valid(name: str, value: str) -> bool:
    """Say whether an environment can hold this variable."""
    return bool(_NAME.fullmatch(name)) and "\0" not in value


def is_refused(name: str) -> bool:
    """Say whether a variable decides what runs, whom it trusts or where model calls go."""
    return bool(_REFUSED.fullmatch(name))
