from tests.driving import transcript, understood


def test_a_turn_that_failed_has_no_outcome_of_its_own_but_the_providers_error() -> None:
    journal = understood("codex", transcript("codex", "rejected"))
    assert journal.outcome is None
    assert "401 Unauthorized: bad key" in (journal.error or "")
    assert not journal.steps


def test_an_error_it_recovered_from_leaves_no_trace() -> None:
    events = transcript("codex", "recovered")
    assert any(event["type"] == "error" for event in events)
    journal = understood("codex", events)
    assert (journal.outcome, journal.error, journal.retrying) == ("completed", None, None)
    assert journal.message == "All done."


def test_a_warning_about_an_unknown_model_is_neither_error_nor_step() -> None:
    warning, *rest = [event for event in transcript("codex", "happy") if "Model metadata" in str(event)]
    assert not rest
    journal = understood("codex", [warning])
    assert (journal.error, journal.steps) == (None, ())


def test_a_patch_is_a_tool_call_with_its_files() -> None:
    first, last = understood("codex", transcript("codex", "patched")).steps
    (call,) = first.tool_calls
    assert (call.name, call.ok) == ("apply_patch", True)
    assert call.arguments == {"changes": [{"path": "/workspace/hello.py", "kind": "add"}]}
    assert last.message == "All done."


def test_a_call_that_begins_when_all_others_are_back_is_a_new_step() -> None:
    item = {"type": "command_execution", "command": "ls", "aggregated_output": "", "status": "completed"}
    begun = [{"type": "item.started", "item": {**item, "id": name, "status": "in_progress"}} for name in "ab"]
    ended = [{"type": "item.completed", "item": {**item, "id": name}} for name in "ab"]
    parallel = understood("codex", [*begun, *ended]).steps
    serial = understood("codex", [begun[0], ended[0], begun[1], ended[1]]).steps
    assert [len(step.tool_calls) for step in parallel] == [2]
    assert [len(step.tool_calls) for step in serial] == [1, 1]


def test_a_command_still_running_when_the_stream_ends_has_no_observation() -> None:
    events = [event for event in transcript("codex", "happy") if event["type"] != "item.completed"]
    calls = [call for step in understood("codex", events).steps for call in step.tool_calls]
    assert [(call.observation, call.ok) for call in calls] == [(None, None), (None, None)]
