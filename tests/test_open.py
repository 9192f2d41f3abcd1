from pathlib import Path
from typing import Any

import pytest

from agents.base import Endpoint
from runner.errors import RequestInvalid, SandboxFailed
from runner.interceptor import open_interceptor
from runner.interceptor.base import Totals
from runner.interceptor.records import CALLS, is_complete
from runner.interceptor.settings import read_settings
from tests.relaying import ID, rollout

URL = f"https://api.usesynth.ai/api/interceptor/v1/trial_7/chat/completions?cid={ID}"


def test_off_means_the_routed_base_and_the_real_key(tmp_path: Path) -> None:
    with open_interceptor(rollout(URL, interceptor="off"), {"SYNTH_API_KEY": "k"}, folder=tmp_path) as found:
        base = f"https://api.usesynth.ai/api/interceptor/v1/trial_7/{ID}"
        assert found.endpoint("chat") == Endpoint(base, base, "k")
        assert (found.totals(), found.stop(), found.failure()) == (Totals(calls=None), None, None)
        found.seal()
    assert list(tmp_path.iterdir()) == []


def test_an_agent_gets_this_machine_and_a_token_of_its_own(tmp_path: Path) -> None:
    tokens = set()
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        with open_interceptor(rollout(URL), {"SYNTH_API_KEY": "k"}, folder=folder) as found:
            endpoint = found.endpoint("messages")
            assert endpoint.openai_base.startswith("http://127.0.0.1:")
            assert endpoint.openai_base.endswith(f"/{ID}/v1")
            assert endpoint.anthropic_base.endswith(f"/{ID}")
            tokens.add(endpoint.token)
    assert len(tokens) == 2
    assert "k" not in tokens


def test_an_interceptor_that_nobody_called_closes_a_complete_capture(tmp_path: Path) -> None:
    with open_interceptor(rollout(URL), {}, folder=tmp_path) as found:
        found.seal()
        assert is_complete(tmp_path / CALLS)
    assert [path.name for path in tmp_path.iterdir()] == [CALLS]


def test_warnings_say_what_was_repaired_and_what_disagrees(tmp_path: Path) -> None:
    url = "https://h.invalid/api/v1/t?cid=trace_other/v1/chat/completions"
    with open_interceptor(rollout(url), {}, folder=tmp_path) as found:
        repaired, other = found.warnings
    assert "out of its query" in repaired
    assert "'trace_other'" in other


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ({"interceptor": "maybe"}, "params.interceptor"),
        ({"upstream_dialect": "latin"}, "params.upstream_dialect"),
        ({"upstream_attempts": 0}, "params.upstream_attempts"),
        ({"silence_s": -1}, "params.silence_s"),
        ({"capture": "all"}, "params.capture"),
        ({"allow_provider_tools": "web_search"}, "params.allow_provider_tools"),
    ],
)
def test_a_parameter_that_is_none_of_ours_is_named(params: dict[str, Any], key: str) -> None:
    with pytest.raises(RequestInvalid, match=key):
        read_settings(params)


def test_a_folder_that_cannot_be_written_is_the_sandboxs_failure(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with (
        pytest.raises(SandboxFailed, match=r"calls\.jsonl cannot be written: No such file"),
        open_interceptor(rollout(URL), {}, folder=missing),
    ):
        pass
