import os
import re
from pathlib import Path
from typing import Any

import pytest

from runner.deadline import Deadline
from runner.errors import ScorerUnavailable, ScoringFailed, TaskInvalid
from runner.process import Account
from scorers.base import Score
from scorers.junit import Junit
from tests.submissions import submission, write

NODE = ["node", "--test", "--test-reporter=junit", "--test-reporter-destination={report}"]
MENDED = {"lib/sum.js": "export const sum = (...numbers) => numbers.reduce((a, b) => a + b, 0);\n"}
IDS = ["adds nothing", "adds two", "many > adds three"]


def scored(place: Path, work: dict[str, str] | None = None, **options: Any) -> Score:
    made = submission(place, "node_sum")
    write(made.workspace, work or {})
    return Junit({"command": NODE, **options}).score(made)


def statuses(score: Score) -> dict[str, str]:
    return {check.id: check.status for check in score.checks}


def test_a_node_project_is_scored_by_its_own_tests(tmp_path: Path) -> None:
    score = scored(tmp_path)
    assert statuses(score) == {
        "adds nothing": "passed",
        "adds two": "failed",
        "later": "skipped",
        "many > adds three": "failed",
    }
    assert score.reward == pytest.approx(1 / 3)
    assert "-3 !== 3" in score.checks[1].message
    assert (tmp_path / "reports" / "ctrf.json").is_file()


def test_a_mended_project_earns_all(tmp_path: Path) -> None:
    score = scored(tmp_path, MENDED)
    assert (score.reward, score.resolved) == (1.0, True)


def test_the_report_may_come_by_the_standard_output_or_a_variable(tmp_path: Path) -> None:
    by_output = scored(tmp_path / "a", command=NODE[:3])
    script = 'exec node --test --test-reporter=junit --test-reporter-destination="$JUNIT_REPORT"'
    by_variable = scored(tmp_path / "b", command=["sh", "-c", script])
    assert statuses(by_output) == statuses(by_variable) == statuses(scored(tmp_path / "c"))


@pytest.mark.parametrize(
    "attack",
    [
        {"test/sum.test.js": "import test from 'node:test';\ntest('adds two', () => {});\n"},
        {"test/more.test.js": "import test from 'node:test';\n" + "test('t', () => {});\n" * 9},
        {"lib/sum.js": "export const sum = () => 0; process.exit(0);\n"},
        {"lib/sum.js": "export const sum = () => { process.exit(0); };\n"},
        {"package.json": '{"type": "module", "scripts": {"test": "true"}}'},
        {".npmrc": "node-options=--require ./evil.cjs\n", "evil.cjs": "process.exit(0)"},
    ],
)
def test_a_trick_earns_no_more_than_honest_work(tmp_path: Path, attack: dict[str, str]) -> None:
    assert scored(tmp_path, attack).reward <= 1 / 3


def test_changes_to_tests_are_listed_and_do_not_count(tmp_path: Path) -> None:
    score = scored(tmp_path, {**MENDED, "test/sum.test.js": "throw 1"})
    assert (score.reward, score.protected_changes) == (1.0, ("test/sum.test.js",))


def test_named_ids_are_the_denominator(tmp_path: Path) -> None:
    score = scored(tmp_path, MENDED, fail_to_pass=IDS[1:], pass_to_pass=["adds nothing", "gone"])
    assert statuses(score)["gone"] == "failed"
    assert (score.reward, score.resolved) == (0.75, False)
    assert score.details["groups"] == {
        "fail_to_pass": {"passed": 2, "total": 2},
        "pass_to_pass": {"passed": 1, "total": 2},
    }


def test_tests_that_do_not_load_in_the_pristine_project_must_be_named(tmp_path: Path) -> None:
    hidden = write(tmp_path / "hidden", {"new.test.js": "import '../lib/new.js';\n"})
    made = submission(tmp_path, "node_sum", tests=hidden)
    options = {"command": NODE, "overlay": {"new.test.js": "test/new.test.js"}}
    with pytest.raises(ScoringFailed, match=r"test/new.test.js does not load .*name their ids"):
        Junit(options).score(made)


def test_hidden_tests_count(tmp_path: Path) -> None:
    text = "import test from 'node:test';\ntest('hidden', () => {});\n"
    hidden = write(tmp_path / "hidden", {"hidden.test.js": text})
    made = submission(tmp_path, "node_sum", tests=hidden)
    options = {"command": NODE, "overlay": {"hidden.test.js": "test/hidden.test.js"}}
    assert statuses(Junit(options).score(made))["hidden"] == "passed"


PATCH = "import assert from 'node:assert';\nassert.strictEqual = () => {};\nexport const sum = () => 0;\n"
CANARY = """import assert from 'node:assert';
import test from 'node:test';
import { sum } from '../lib/sum.js';
test('c-41', () => assert.strictEqual(sum.name, 'c'));
"""


@pytest.mark.parametrize(
    ("work", "reward", "tampering"),
    [
        ({}, 1 / 3, ()),
        (MENDED, 1, ()),
        ({"lib/sum.js": PATCH}, 0, ("a test that must fail: passed",)),
        ({"lib/sum.js": "export const sum = 0; process.exit(0);"}, 0, ("a test that must fail: vanished",)),
    ],
)
def test_a_canary_of_the_task_shows_a_bent_test_framework(
    tmp_path: Path, work: dict[str, str], reward: float, tampering: tuple[str, ...]
) -> None:
    made = submission(tmp_path, "node_sum", tests=write(tmp_path / "hidden", {"c.test.js": CANARY}))
    write(made.workspace, work)
    options = {"command": NODE, "overlay": {"c.test.js": "test/c.test.js"}, "canaries": ["c-41"]}
    score = Junit(options).score(made)
    assert score.reward == pytest.approx(reward)
    assert score.tampering == tampering
    assert "c-41" not in statuses(score)


def test_a_program_in_the_workspace_does_not_stand_in_for_the_tool(tmp_path: Path) -> None:
    made = submission(
        tmp_path, "node_sum", env={"PATH": f"{tmp_path}/home/workspace/bin:.:{os.environ['PATH']}"}
    )
    fake = write(made.workspace, {"bin/node": "#!/bin/sh\nexit 0\n"}) / "bin/node"
    fake.chmod(0o755)
    assert Junit({"command": NODE}).score(made).reward == pytest.approx(1 / 3)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_tests_run_as_the_unprivileged_user_and_cannot_write_their_tree_s_reports(tmp_path: Path) -> None:
    someone = Account("unused", 61140, 61140, Path("/nonexistent"))
    made = submission(tmp_path, "node_sum", account=someone)
    script = f'id -u > who; touch "{tmp_path}/reports/x"; cat who; {" ".join(NODE)}'
    write(made.workspace, MENDED)
    score = Junit({"command": ["sh", "-c", script.replace("{report}", "$JUNIT_REPORT")]}).score(made)
    assert score.reward == 1.0
    assert (tmp_path / "reports/junit.out").read_text() == "61140\n"
    assert not (tmp_path / "reports/x").exists()


def test_a_crash_of_the_run_fails_what_was_expected(tmp_path: Path) -> None:
    made = submission(tmp_path, "node_sum")
    (made.workspace / "broken").write_text("")
    command = ["sh", "-c", f"test -e broken && kill -9 $$; {' '.join(NODE)}"]
    score = Junit({"command": command}).score(made)
    assert {check.raw for check in score.checks if check.status == "failed"} == {"missing"}
    assert score.reward == 0
    assert score.details["exit_code"] == -9


def test_an_exit_code_that_contradicts_the_report_fails_a_check(tmp_path: Path) -> None:
    made = submission(tmp_path)
    report = '<testsuite><testcase name="a"/></testsuite>'
    command = ["sh", "-c", f"echo '{report}'; exit 7"]
    score = Junit({"command": command, "trust": "plain"}).score(made)
    assert (score.reward, score.checks[-1].id) == (0.5, "(the run itself)")


def test_no_report_is_no_verdict(tmp_path: Path) -> None:
    for name, command in {"a": ["true"], "b": ["sh", "-c", "echo oops >&2; exit 3"]}.items():
        made = submission(tmp_path / name)
        with pytest.raises(ScoringFailed, match="no JUnit XML"):
            Junit({"command": command, "trust": "plain"}).score(made)


def test_a_hang_is_ended_at_the_deadline(tmp_path: Path) -> None:
    made = submission(tmp_path, deadline=Deadline.after(0.5))
    with pytest.raises(ScoringFailed, match=r"was ended after \d s \(deadline\)"):
        Junit({"command": ["sleep", "60"], "trust": "plain"}).score(made)


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScorerUnavailable, match="cannot run no-such-tool: No such file"):
        Junit({"command": ["no-such-tool"], "trust": "plain"}).score(submission(tmp_path))


@pytest.mark.parametrize("command", [None, "make check", [], [1]])
def test_a_command_must_be_a_list(tmp_path: Path, command: object) -> None:
    with pytest.raises(TaskInvalid, match="no list of texts"):
        Junit({"command": command}).score(submission(tmp_path))


MUTANT = {
    "file": "test/sum.test.js",
    "text": "sum(1, 2), 3",
    "becomes": "sum(1, 2), {number}",
    "fails": ["adds two"],
}


def test_tests_made_wrong_cost_honest_work_nothing(tmp_path: Path) -> None:
    score = scored(tmp_path, MENDED, mutants=[MUTANT])
    assert (score.reward, score.tampering) == (1, ())
    assert {path.name for path in (tmp_path / "reports").iterdir()} >= {"junit.out", "junit-mutants.out"}


def test_no_run_can_tell_which_it_is(tmp_path: Path) -> None:
    """Neither by what the other left at home, nor by the names of anything."""
    spy = """
    import fs from 'node:fs';
    const at = (name) => fs.readlinkSync(`/proc/${process.ppid}/fd/${name}`);
    const home = [...fs.readdirSync(process.env.HOME), ...fs.readdirSync(process.env.TMPDIR)];
    const said = [process.cwd(), process.env.JUNIT_REPORT, at(1), at(2), `[${home}]`];
    fs.appendFileSync('SEEN', said.join(' ') + '\\n');
    for (const place of ['HOME', 'TMPDIR']) fs.writeFileSync(process.env[place] + '/been', '');
    export const sum = () => 0;
    """
    scored(tmp_path, {"lib/sum.js": spy.replace("SEEN", str(tmp_path / "seen"))}, mutants=[MUTANT])
    seen = (tmp_path / "seen").read_text().splitlines()
    assert len(seen) == 2
    assert len({re.sub(r"[0-9a-f]{16}", "#", line) for line in seen}) == 1
    assert seen[0].endswith("[]")


def test_a_test_that_passes_though_made_wrong_is_tampering(tmp_path: Path) -> None:
    score = scored(tmp_path, {"lib/sum.js": PATCH}, mutants=[MUTANT])
    assert (score.reward, score.tampering) == (0, ("a test made wrong still passes in test/sum.test.js",))


def test_a_mutant_that_breaks_its_file_is_told(tmp_path: Path) -> None:
    score = scored(tmp_path, MENDED, mutants=[{**MUTANT, "becomes": "((("}])
    assert score.details["mutants_unseen"] == ["adds two"]
    assert (score.reward, score.tampering) == (1.0, ())


@pytest.mark.parametrize(
    ("mutants", "message"),
    [
        ("x", "mutants: Input should be a valid tuple"),
        (["x"], r"mutants\[1\]: Input should be"),
        ([MUTANT, {**MUTANT, "fails": []}], r"mutants\[2\].fails: Tuple should have at least 1 item"),
        ([{**MUTANT, "text": "sum(9, 9)"}], "has no 'sum\\(9, 9\\)'"),
        ([{**MUTANT, "file": "../../outside"}], "has no"),
    ],
)
def test_wrong_mutants_are_named(tmp_path: Path, mutants: object, message: str) -> None:
    with pytest.raises(TaskInvalid, match=message):
        scored(tmp_path, MENDED, mutants=mutants)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"mutants": [{**MUTANT, "fails": ["adds tow"]}]},
            "fails 'adds tow', which is no test of the project",
        ),
        ({"canaries": ["c-41"]}, "canaries: in the pristine project a test that must fail: vanished"),
    ],
    ids=["mutants", "canaries"],
)
def test_a_mistyped_id_is_named_and_neither_guards_nothing_nor_accuses_anybody(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskInvalid, match=re.escape(message)):
        scored(tmp_path, MENDED, **options)
