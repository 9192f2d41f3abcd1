from tests.driving import transcript, understood


def test_a_step_ends_with_its_tokens_and_the_last_one_with_the_run() -> None:
    journal = understood("opencode", transcript("opencode", "happy"))
    assert journal.outcome == "completed"
    usage = journal.usage
    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) == (2200, 70, 10)


def test_the_reasoning_of_a_step_is_kept() -> None:
    first, last = understood("opencode", transcript("opencode", "happy")).steps
    assert (first.message, first.reasoning) == ("I look.", "Let me think.")
    assert sorted(str(call.ok) for call in first.tool_calls) == ["False", "True"]
    assert (first.at or "") < (last.at or "")


def test_without_its_last_event_a_run_says_nothing_of_its_end() -> None:
    journal = understood("opencode", transcript("opencode", "happy")[:-1])
    assert (journal.outcome, journal.error, journal.message) == (None, None, "All done.")


def test_a_context_too_long_three_times_without_any_work_is_hopeless() -> None:
    events = transcript("opencode", "too_long")
    journal = understood("opencode", events)
    assert (journal.hopeless, journal.outcome) == ("context_length", "context_length")
    overflow = next(event for event in events if event["type"] == "error")
    work = [event for event in transcript("opencode", "happy") if event["type"] == "tool_use"][:1]
    assert understood("opencode", [overflow, overflow, *work, overflow, overflow]).hopeless is None


def test_words_of_its_own_after_a_compaction_are_no_message() -> None:
    events = transcript("opencode", "too_long")
    assert any(event.get("part", {}).get("synthetic") for event in events)
    assert "Continue if you have next steps" not in str(understood("opencode", events).steps)


def test_an_error_of_the_provider_carries_its_status() -> None:
    journal = understood("opencode", transcript("opencode", "rejected"))
    assert (journal.error, journal.status) == ("APIError: bad key", 401)


def test_a_filtered_answer_is_refused() -> None:
    journal = understood("opencode", transcript("opencode", "refused"))
    assert "ContentFilterError" in (journal.error or "")
