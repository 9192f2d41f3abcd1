import contextlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import RequestInvalid
from runner.request import (
    Rollout,
    choose_agent,
    choose_model,
    correlation_id_of,
    load,
    require_inference_url,
    schema,
)

FLAT: dict[str, Any] = {
    "trace_correlation_id": "trace_abc123",
    "seed": 42,
    "prompt_template": {"sections": [{"role": "user", "pattern": "{task}", "order": 0}]},
    "inference_url": "https://api.usesynth.ai/api/inference/v1/chat/completions?cid=trace_abc123",
    "limits": {"timeout_s": 300},
    "params": {"agent": "codex", "model": "gpt-4.1-mini", "task_dir": "tasks"},
}
CONTAINER: dict[str, Any] = {
    "trace_correlation_id": "my-run-001-s0",
    "env": {"seed": 3, "env_name": "harbor", "config": {"instance_id": "df-010", "level": 2, "hard": True}},
    "policy": {
        "policy_id": None,
        "config": {
            "model": "claude-sonnet-4-20250514",
            "provider": "anthropic",
            "inference_url": "https://interceptor.invalid/v1",
            "timeout": 120,
        },
    },
    "safety": {"max_time_s": 3600},
    "on_done": "reset",
}
WRAPPED: dict[str, Any] = {
    "trace_correlation_id": "outer",
    "inference_url": "https://outer.invalid/v1",
    "task_app_request": CONTAINER,
}


def of(**changes: object) -> Rollout:
    return load(json.dumps({"trace_correlation_id": "t", **changes}))


def refusal(document: object) -> str:
    with pytest.raises(RequestInvalid) as caught:
        load(document if isinstance(document, str | bytes) else json.dumps(document))
    return str(caught.value)


def refused(**changes: object) -> str:
    return refusal({"trace_correlation_id": "t", **changes})


def test_the_flat_dialect_is_read() -> None:
    rollout = load(json.dumps(FLAT))
    assert (rollout.trace_correlation_id, rollout.seed, rollout.agent) == ("trace_abc123", 42, "codex")
    assert (rollout.model, rollout.task_dir, rollout.container) == ("gpt-4.1-mini", Path("tasks"), False)
    assert rollout.sections[0].pattern == "{task}"
    assert rollout.warnings == ()


def test_the_container_shape_is_read() -> None:
    rollout = load(json.dumps(CONTAINER).encode())
    assert (rollout.seed, rollout.task_id, rollout.provider) == (3, "df-010", "anthropic")
    assert rollout.inference_url == "https://interceptor.invalid/v1"
    assert rollout.values == {"instance_id": "df-010", "level": "2", "hard": "true"}
    assert rollout.container
    assert rollout.warnings == ()


def test_in_the_wrapped_dialect_the_outer_keys_win() -> None:
    rollout = load(json.dumps(WRAPPED))
    assert (rollout.trace_correlation_id, rollout.inference_url) == ("outer", "https://outer.invalid/v1")
    assert (rollout.model, rollout.task_id) == ("claude-sonnet-4-20250514", "df-010")
    assert rollout.container


def test_a_null_means_not_given() -> None:
    keys = ("seed", "limits", "params", "env", "policy", "safety", "prompt_template", "context_overrides")
    assert of(**dict.fromkeys(keys)) == of()


def test_the_smallest_time_limit_counts() -> None:
    assert of().limits.timeout_s == 600
    assert load(json.dumps(CONTAINER)).limits.timeout_s == 120
    assert of(limits={"timeout_s": 50}, safety={"max_time_s": 40}).limits.timeout_s == 40


def test_a_model_may_stand_in_three_places() -> None:
    assert of(prompt_template={"model": "a"}).model == "a"
    assert of(policy={"config": {"model": "b"}}, prompt_template={"model": "a"}).model == "b"
    assert of(params={"model": "c"}, policy={"config": {"model": "b"}}).model == "c"


@pytest.mark.parametrize("scorer", ["pytest", {"name": "cargo", "compile_share": 0.3}])
def test_a_scorer_is_a_name_or_a_table(scorer: object) -> None:
    assert of(params={"scorer": scorer}).scorer == scorer
    assert of(params={"scorer": [{"name": "a", "weight": 1}]}).scorer == ({"name": "a", "weight": 1},)


def test_unknown_keys_are_kept_and_reported_once() -> None:
    rollout = of(new_key=1, env={"odd": 2, "config": {"own": 3}}, params={"mine": 4})
    assert rollout.warnings == ("unknown keys, ignored: env.odd, new_key",)
    assert rollout.extra == {"new_key": 1}
    assert rollout.params == {"mine": 4}


def test_a_key_given_twice_is_warned_of() -> None:
    rollout = load('{"trace_correlation_id": "a", "params": {"seed": 1}, "trace_correlation_id": "b"}')
    assert rollout.trace_correlation_id == "b"
    assert rollout.warnings == ("keys given twice, the last counts: trace_correlation_id",)


def test_both_forms_of_file_artifacts_mean_the_same() -> None:
    as_object = of(context_overrides=[{"override_id": "a", "file_artifacts": {"AGENTS.md": "x"}}])
    listed = [{"artifact_type": "agents_md", "content": "x"}]
    as_list = of(context_overrides={"override_id": "a", "file_artifacts": listed})
    assert as_object.overrides == as_list.overrides


def test_legacy_texts_are_found_in_every_place() -> None:
    texts = {"system_prompt": "a", "architecture_guide": "b"}
    expected = (("system_prompt", "a"), ("architecture_guide", "b"))
    artifacts = [{"type": kind, "content": text} for kind, text in texts.items()]
    for request in (
        {"prompt_template": texts},
        {"prompt_template": {"context_override": texts}},
        {"policy": {"config": {"context_override": texts}}},
        {"context_overrides": [{"file_artifacts": artifacts}]},
    ):
        assert of(**request).overrides[0].texts == expected


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"limits": {"timeout_s": "ten"}}, 'limits.timeout_s: expected a number, got "ten"'),
        ({"limits": {"timeout_s": True}}, "limits.timeout_s: expected a number, got true"),
        ({"limits": {"timeout_s": 0}}, "limits.timeout_s: expected more than 0, got 0"),
        ({"limits": {"timeout_s": 1e9}}, "limits.timeout_s: expected at most 2592000, got 1000000000.0"),
        ({"safety": {"max_time_s": -1}}, "safety.max_time_s: expected more than 0, got -1"),
        ({"seed": "1"}, 'seed: expected a whole number, got "1"'),
        ({"seed": 1.5}, "seed: expected a whole number, got 1.5"),
        ({"params": []}, "params: expected an object, got []"),
        ({"policy": {"config": {"model": 5}}}, "policy.config.model: expected text, got 5"),
        ({"prompt_template": {"sections": {}}}, "prompt_template.sections: expected a list, got {}"),
        (
            {"prompt_template": {"sections": [{}]}},
            "prompt_template.sections[0]: needs a pattern or a content",
        ),
        (
            {"context_overrides": [{"file_artifacts": {"a.md": 1}}]},
            "context_overrides[0].file_artifacts.a.md: ",
        ),
        ({"context_overrides": [{"file_artifacts": [{"path": "a"}]}]}, "file_artifacts[0].content: missing"),
        ({"context_overrides": [{"file_artifacts": [{"content": ""}]}]}, "needs a path or a known type"),
        ({"task_app_request": {"env": {"seed": "x"}}}, "task_app_request.env.seed: expected a whole number"),
        (
            {"params": {"scorer": 5}},
            "params.scorer: expected a scorer's name, a table or a list of tables, got 5",
        ),
        ({"params": {"scorer": {"command": ["true"]}}}, "params.scorer.name: missing"),
        ({"params": {"scorer": []}}, "params.scorer: expected a list of at least 1, got []"),
        ({"params": {"scorer": [{"name": 3}]}}, "params.scorer[0].name: expected text, got 3"),
        ({"trace_correlation_id": " "}, "trace_correlation_id: must not be blank"),
        ({"trace_correlation_id": None}, "trace_correlation_id: missing"),
        ({"trace_correlation_id": 5}, "trace_correlation_id: expected text, got 5"),
        ({"params": {"deep": [1e999]}}, "params.deep[0]: expected a finite number, got inf"),
        ({"metadata": {"a": "\ud800"}}, "metadata.a: half a surrogate pair is no text"),
    ],
)
def test_a_refusal_names_the_key(request_: dict[str, Any], message: str) -> None:
    assert message in refused(**request_)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('{\n "a": ', "not JSON: Expecting value at line 2, column 7"),
        ("", "the request is empty"),
        (" \n", "the request is empty"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        (b"\xff{}", "not UTF-8: bad byte at offset 0"),
        ("[" * 100_000, "nested too deeply"),
        ('{"seed": ' + "9" * 5000 + "}", "not usable JSON"),
        ('{"limits": {"timeout_s": NaN}}', "limits.timeout_s: expected a finite number, got nan"),
    ],
)
def test_what_is_no_request_is_refused_in_a_sentence(document: str | bytes, message: str) -> None:
    assert message in refusal(document)


def test_the_id_of_a_broken_request_is_found() -> None:
    assert correlation_id_of('{"trace_correlation_id": "tr\\u00e4ce", "seed": ') == "träce"
    assert correlation_id_of(b'\xff{"task_app_request": {"trace_correlation_id" : "b"}}') == "b"
    assert correlation_id_of('{"trace_correlation_id": "\\ud800"}') is None
    assert correlation_id_of('{"trace_correlation_id": " "}') is None
    assert correlation_id_of("") is None


@pytest.mark.parametrize("document", [FLAT, CONTAINER, WRAPPED])
def test_the_published_schema_accepts_every_dialect(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(document, schema())


def test_the_published_schema_refuses_what_is_refused() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"trace_correlation_id": "t", "limits": {"timeout_s": "ten"}}, schema())


PUBLISHED = jsonschema.Draft202012Validator(schema())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ["seed", "limits", "params", "env", "policy", "messages", "context_overrides", "wildcards", "safety"]
)


@given(st.dictionaries(KEYS, JSON, max_size=4))
def test_no_json_is_met_by_anything_but_a_rollout_or_a_refusal(document: dict[str, Any]) -> None:
    with contextlib.suppress(RequestInvalid):
        rollout = load(json.dumps({"trace_correlation_id": "t", **document}))
        assert rollout.model_dump_json()
        PUBLISHED.validate(document)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_bytes_are_met_by_a_traceback(data: bytes | str) -> None:
    correlation_id_of(data)
    with pytest.raises(RequestInvalid):
        load(data)


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
        ("NOP", "nop"),
        (" Oracle ", "oracle"),
        ("Command", "command"),
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
    with pytest.raises(RequestInvalid, match="inference_url: missing, and the agent opencode calls a model"):
        require_inference_url(rollout(inference_url=url))


@pytest.mark.parametrize("url", ["foo", "ftp://x.invalid", "http://", "http://x:99999", "http://[::1"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(RequestInvalid, match="inference_url: expected http"):
        require_inference_url(rollout(inference_url=url))


@pytest.mark.parametrize("url", ["replay:turns.json", "http://127.0.0.1:1/v1", "https://[::1]:8/v1?cid=x"])
def test_urls_and_replays_pass(url: str) -> None:
    assert require_inference_url(rollout(inference_url=url)) == url
