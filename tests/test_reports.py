"""Reports say what the checks say, whatever the tests printed."""

import json
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from scorers.base import Check
from scorers.reports import OUTPUT_CHARACTERS, RunReport, ctrf, write_reports

SCHEMA = Path(__file__).parent.parent / "node_modules" / "ctrf" / "dist" / "ctrf-schema-0.0.json"
"""The public JSON Schema of CTRF, as its own package brings it."""
CTRF = jsonschema.Draft7Validator(
    json.loads(SCHEMA.read_text("utf-8")), format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
)

_character = st.characters(exclude_categories=())  # halves of characters too
_text = st.text(_character, max_size=20)
_checks = st.lists(
    st.builds(
        Check,
        id=st.text(_character, min_size=1, max_size=20),
        status=st.sampled_from(["passed", "failed", "skipped"]),
        raw=_text,
        duration_s=st.none() | st.floats(0, 1e6),
        message=_text,
    ),
    max_size=6,
    unique_by=lambda check: check.id,
)


def _report(checks: list[Check], outputs: dict[str, str] | None = None) -> RunReport:
    return RunReport("pytest", checks, 1.5e9, 1.5e9 + 2, "9.0", outputs or {})


@given(_checks)
def test_ctrf_is_as_its_public_schema_asks(checks: list[Check]) -> None:
    said = json.loads(json.dumps(ctrf(_report(checks))))
    CTRF.validate(said)
    summary = said["results"]["summary"]
    assert summary["tests"] == sum(summary[status] for status in ("passed", "failed", "skipped"))


@given(_checks, _text)
def test_junit_is_whole_xml_whatever_was_printed(checks: list[Check], output: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_reports(Path(folder), _report(checks, {check.id: output for check in checks}))
        suite = ET.parse(Path(folder, "junit.xml")).getroot()[0]  # noqa: S314 - we wrote it
    assert len(suite) == len(checks)
    assert suite.get("failures") == str(sum(check.status == "failed" for check in checks))
    assert len(suite.findall("*/skipped")) == sum(check.status == "skipped" for check in checks)


def test_each_output_is_kept_under_a_name_that_can_be_read_and_within_its_cap(tmp_path: Path) -> None:
    checks = [
        Check(id="tests/test_a.py::test_b[../../x]", status="failed"),
        Check(id="quiet", status="passed"),
    ]
    write_reports(tmp_path, _report(checks, {checks[0].id: "y" * (3 * OUTPUT_CHARACTERS)}))
    (kept,) = (tmp_path / "output").iterdir()
    assert kept.name == "0001-tests-test_a.py-test_b-..-..-x-.txt"
    assert len(kept.read_text()) < OUTPUT_CHARACTERS + 200


def test_what_a_failing_test_said_is_kept_where_the_tool_tells_no_more(tmp_path: Path) -> None:
    checks = [
        Check(id="demo lib tests::adds", status="failed", message="left: 1, right: 2"),
        Check(id="demo lib tests::works", status="passed"),
    ]
    write_reports(tmp_path, RunReport("cargo", checks, 0.0, 1.0))
    assert [path.name for path in (tmp_path / "output").iterdir()] == ["0001-demo-lib-tests-adds.txt"]
    assert "left: 1, right: 2" in next((tmp_path / "output").iterdir()).read_text()
