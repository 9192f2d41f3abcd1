import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import RequestInvalid
from runner.interceptor.routing import PATHS, disagreement, key_for, parse_url

TRIAL = "https://api.usesynth.ai/api/interceptor/v1/trial_7"
words = st.text(string.ascii_lowercase + string.digits + "_-", min_size=1, max_size=12)
ids = st.one_of(words, words.map("trace_{}".format))


@pytest.mark.parametrize(
    ("url", "openai_base", "anthropic_base"),
    [
        (f"{TRIAL}/chat/completions?cid=trace_x", f"{TRIAL}/trace_x", f"{TRIAL}/trace_x"),
        (f"{TRIAL}/responses?cid=trace_x", f"{TRIAL}/trace_x", f"{TRIAL}/trace_x"),
        (f"{TRIAL}/trace_x/chat/completions", f"{TRIAL}/trace_x", f"{TRIAL}/trace_x"),
        (f"{TRIAL}/chat/completions/", TRIAL, TRIAL),
        ("https://h.invalid/v1/messages", "https://h.invalid/v1", "https://h.invalid"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1", "https://api.openai.com"),
        ("https://api.anthropic.com", "https://api.anthropic.com/v1", "https://api.anthropic.com"),
        (
            "http://127.0.0.1:8000/v1?cid=a%2Fb",
            "http://127.0.0.1:8000/v1/a%2Fb",
            "http://127.0.0.1:8000/v1/a%2Fb",
        ),
    ],
)
def test_an_agent_that_goes_direct_gets_the_base_its_client_wants(
    url: str, openai_base: str, anthropic_base: str
) -> None:
    endpoint = parse_url(url).direct("key")
    assert (endpoint.openai_base, endpoint.anthropic_base) == (openai_base, anthropic_base)
    assert endpoint.token == "key"


@pytest.mark.parametrize(
    ("url", "chat", "messages"),
    [
        (
            f"{TRIAL}/chat/completions?cid=x",
            f"{TRIAL}/chat/completions?cid=x",
            f"{TRIAL}/v1/messages?cid=x",
        ),
        (
            "https://h.invalid/p/messages",
            "https://h.invalid/p/chat/completions",
            "https://h.invalid/p/messages",
        ),
        ("https://h.invalid", "https://h.invalid/v1/chat/completions", "https://h.invalid/v1/messages"),
        ("https://h.invalid/v1/", "https://h.invalid/v1/chat/completions", "https://h.invalid/v1/messages"),
    ],
)
def test_the_server_calls_the_url_exactly_as_given(url: str, chat: str, messages: str) -> None:
    route = parse_url(url)
    assert (route.url("chat"), route.url("messages")) == (chat, messages)


@pytest.mark.parametrize(
    ("path", "repaired"),
    [
        (
            "/api/interceptor/v1/t?cid=trace_x/v1/chat/completions",
            "/api/interceptor/v1/t/chat/completions?cid=trace_x",
        ),
        ("/v1?cid=trace_x/chat/completions", "/v1/chat/completions?cid=trace_x"),
        ("/base?cid=trace_x/v1/responses&a=b", "/base/v1/responses?cid=trace_x&a=b"),
        ("/v1/chat/completions?cid=trace_x/v1/chat/completions", "/v1/chat/completions?cid=trace_x"),
    ],
)
def test_a_path_that_leaked_into_the_query_is_repaired_and_said(path: str, repaired: str) -> None:
    route = parse_url("https://h.invalid" + path)
    assert route.ending is not None
    assert route.url(route.ending) == "https://h.invalid" + repaired
    assert route.correlation_id == "trace_x"
    assert "out of its query" in route.warnings[0]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h.invalid/trace_a/cid_b/v1?cid=c", "cid_b"),
        ("https://h.invalid/v1?trace=a&trace_correlation_id=b", "b"),
        ("https://h.invalid/v1?trace=a", "a"),
        ("https://h.invalid/v1?cid=", None),
        ("https://h.invalid/v1", None),
    ],
)
def test_the_correlation_id_is_found_in_the_contracts_order(url: str, expected: str | None) -> None:
    assert parse_url(url).correlation_id == expected


def test_an_id_other_than_the_bodys_is_said() -> None:
    route = parse_url(f"{TRIAL}/responses?cid=trace_x")
    assert disagreement(route, "trace_x") is None
    assert "'trace_y'" in (disagreement(route, "trace_y") or "")
    assert disagreement(parse_url(TRIAL), "trace_y") is None


@pytest.mark.parametrize(
    "url", ["", "ftp://h/v1", "h.invalid/v1", "https://", "http://h:99999/", "http://u:p@h/v1"]
)
def test_a_url_that_is_none_is_an_error_naming_the_key(url: str) -> None:
    with pytest.raises(RequestInvalid, match="inference_url"):
        parse_url(url)


def test_the_interceptors_key_goes_before_the_providers() -> None:
    environ = {
        "SYNTH_API_KEY": "s",
        "INTERCEPTOR_API_KEY": "i",
        "OPENAI_API_KEY": "o",
        "ANTHROPIC_API_KEY": "a",
    }
    plain = parse_url("https://h.invalid/v1")
    assert key_for(plain, environ) == "s"
    assert key_for(plain, {**environ, "SYNTH_API_KEY": ""}) == "i"
    assert key_for(plain, {"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a"}) == "o"
    assert (
        key_for(parse_url("https://h.invalid/v1/messages"), {"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a"})
        == "a"
    )
    assert key_for(parse_url("https://api.anthropic.com"), environ) == "a"
    assert key_for(parse_url("https://api.openai.com/v1"), {"SYNTH_API_KEY": "s"}) == ""


@given(st.lists(words, max_size=4), st.sampled_from([*PATHS.values(), ""]), st.one_of(st.none(), ids))
def test_the_given_url_is_what_is_called_and_the_id_survives(
    segments: list[str], ending: str, cid: str | None
) -> None:
    base = "https://h.invalid" + "".join(f"/{segment}" for segment in segments)
    query = f"?cid={cid}" if cid else ""
    route = parse_url(base + ending + query)
    if ending:
        assert route.ending is not None
        assert route.url(route.ending) == base + ending + query
    endpoint = route.direct("t")
    if route.correlation_id:
        assert route.correlation_id in endpoint.openai_base.split("/")
    for made in (endpoint.openai_base, endpoint.anthropic_base):
        assert "?" not in made
        assert not made.endswith(("/", *PATHS.values())) or made.endswith(f"/{cid}")
    assert not endpoint.anthropic_base.endswith("/v1") or segments[-2:-1] == ["v1"] or cid == "v1"


@given(st.text(max_size=60))
def test_any_text_is_either_routed_or_refused_by_name(text: str) -> None:
    try:
        route = parse_url(text)
    except RequestInvalid as refused:
        assert "inference_url" in refused.message  # noqa: PT017 - both ways are right
    else:
        assert parse_url(route.url("chat")).url("chat") == route.url("chat")
