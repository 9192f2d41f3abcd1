from tests.driving import transcript, understood


def test_a_result_that_says_success_and_is_an_error_is_the_providers() -> None:
    events = transcript("claude_code", "rejected")
    assert events[-1]["subtype"] == "success"
    journal = understood("claude_code", events)
    assert (journal.outcome, journal.status) == (None, 401)
    assert "bad key" in (journal.error or "")
    assert not journal.steps  # the error dressed as an answer is no step


def test_a_retry_that_helped_leaves_no_trace() -> None:
    events = transcript("claude_code", "recovered")
    assert any(event.get("subtype") == "api_retry" for event in events)
    journal = understood("claude_code", events)
    assert (journal.outcome, journal.retrying, journal.message) == ("completed", None, "All done.")


def test_what_the_provider_said_is_known_while_it_is_tried_again() -> None:
    events = transcript("claude_code", "failed")
    retry = next(index for index, event in enumerate(events) if event.get("subtype") == "api_retry")
    journal = understood("claude_code", events[: retry + 1])
    assert (journal.retrying, journal.status) == ("server_error", 500)


def test_the_parts_of_one_answer_are_one_step() -> None:
    first, last = understood("claude_code", transcript("claude_code", "happy")).steps
    assert (first.message, first.reasoning) == ("I look.", "Let me think.")
    assert [(call.name, call.ok) for call in first.tool_calls] == [("Bash", False), ("Bash", True)]
    assert last.message == "All done."


def test_a_refusal_is_an_outcome() -> None:
    assert understood("claude_code", transcript("claude_code", "refused")).outcome == "refused"


def test_a_helpers_work_is_one_observation_and_its_tokens_count() -> None:
    journal = understood("claude_code", transcript("claude_code", "delegated"))
    assert [step.message for step in journal.steps] == ["I delegate.", "All done."]
    assert "The helper saw it." in (journal.steps[0].tool_calls[0].observation or "")
    assert journal.usage.input_tokens == 4000


def test_a_limit_of_turns_is_a_budget_and_any_other_error_of_its_own_a_crash() -> None:
    end = {"type": "result", "is_error": True}
    limit = understood("claude_code", [{**end, "subtype": "error_max_turns"}])
    crash = understood("claude_code", [{**end, "subtype": "error_during_execution", "errors": ["it broke"]}])
    assert (limit.outcome, crash.outcome, crash.error) == ("budget", "crashed", "it broke")
