from runner.environment import secrets_of, user_environment


def test_no_key_is_passed_on_under_any_name() -> None:
    environ = {
        "PATH": "/usr/bin",
        "SYNTH_API_KEY": "sk-live-1234567",
        "MY_COPY": "Bearer sk-live-1234567",
        "ANTHROPIC_AUTH_TOKEN": "token-abcdef",
        "OPENAI_API_KEY": "",
    }
    assert user_environment(environ) == {"PATH": "/usr/bin"}


def test_short_values_are_no_secrets_worth_blotting_out() -> None:
    assert secrets_of({"OPENAI_API_KEY": "x", "SYNTH_API_KEY": "long-enough"}) == ("long-enough",)


def test_the_folder_in_which_the_runner_was_started_is_not_the_agent_s() -> None:
    assert user_environment({"PWD": "/somewhere/else", "OLDPWD": "/", "LANG": "C"}) == {"LANG": "C"}
