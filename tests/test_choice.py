import pytest

from runner.choice import choose_agent, choose_model, require_inference_url
from runner.errors import RequestInvalid
from runner.request import Rollout


def rollout(**fields: object) -> Rollout:
    return Rollout.model_validate({"trace_correlation_id": "t", **fields})


@pytest.mark.parametrize(
    ("named", "agent"),
    [
        ("codex", "codex"),
        ("claude-code", "claude_code"),
        ("Claude", "claude_code"),
        ("claude code", "claude_code"),
        ("OpenCode", "opencode"),
        ("./my-Agent.py", "./my-Agent.py"),
        ("pkg.mod:Agent", "pkg.mod:Agent"),
    ],
)
def test_an_agent_is_chosen_by_name(named: str, agent: str) -> None:
    assert choose_agent(rollout(agent=named, model="gpt-5")) == agent


@pytest.mark.parametrize(
    ("model", "provider", "agent"),
    [
        ("claude-sonnet-4-20250514", None, "claude_code"),
        ("anthropic/claude-opus-4", "openrouter", "claude_code"),
        ("gpt-4.1-mini", "openai", "codex"),
        ("o3", None, "codex"),
        ("codex-mini-latest", None, "codex"),
        ("olmo-2", None, "opencode"),
        ("llama-3.3-70b", "groq", "opencode"),
        ("", "anthropic", "claude_code"),
        ("", None, "opencode"),
    ],
)
def test_an_agent_is_chosen_by_its_model(model: str, provider: str | None, agent: str) -> None:
    assert choose_agent(rollout(model=model, provider=provider)) == agent


def test_an_agent_without_a_model_gets_one_that_it_works_with() -> None:
    assert choose_model(rollout(), "claude_code").startswith("claude-")
    assert choose_model(rollout(), "codex").startswith("gpt-")
    assert choose_model(rollout(model="mine"), "codex") == "mine"


@pytest.mark.parametrize("url", [None, "", " "])
def test_a_missing_url_is_named(url: str | None) -> None:
    with pytest.raises(RequestInvalid, match="inference_url: missing, and the agent codex calls a model"):
        require_inference_url(rollout(inference_url=url), "codex")


@pytest.mark.parametrize("url", ["foo", "ftp://x.invalid", "http://", "http://x:99999", "http://[::1"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(RequestInvalid, match="inference_url: expected http"):
        require_inference_url(rollout(inference_url=url), "codex")


@pytest.mark.parametrize("url", ["replay:turns.json", "http://127.0.0.1:1/v1", "https://[::1]:8/v1?cid=x"])
def test_urls_and_replays_pass(url: str) -> None:
    assert require_inference_url(rollout(inference_url=url), "codex") == url
