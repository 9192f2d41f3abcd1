from runner.environment import secrets_of, without_keys


def test_no_key_is_passed_on_under_any_name() -> None:
    environ = {
        "PATH": "/usr/bin",
        "SYNTH_API_KEY": "sk-live-1234567",
        "MY_COPY": "Bearer sk-live-1234567",
        "ANTHROPIC_AUTH_TOKEN": "token-abcdef",
        "OPENAI_API_KEY": "",
    }
    assert without_keys(environ) == {"PATH": "/usr/bin"}


def test_short_values_are_no_secrets_worth_blotting_out() -> None:
    assert secrets_of({"OPENAI_API_KEY": "x", "SYNTH_API_KEY": "long-enough"}) == ("long-enough",)
