import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.base import Check
from scorers.junit_xml import read_junit
from scorers.untrusted import UnusableFileError


def read(folder: Path, text: str | bytes) -> dict[str, Check]:
    path = folder / "junit.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {check.id: check for check in read_junit(path, Path("/tree"))}


def refused(folder: Path, text: str | bytes) -> str:
    with pytest.raises(UnusableFileError) as caught:
        read(folder, text)
    return str(caught.value)


def test_ids_hold_suites_class_and_name(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """<testsuites>
        <testsuite name="com.x.FooTest"><testcase classname="com.x.FooTest" name="bar"/></testsuite>
        <testsuite name="pytest"><testcase classname="tests.test_a" name="test_b[1]"/></testsuite>
        <testcase classname="test" name="/tree/test/a.test.js"/></testsuites>""",
    )
    assert list(found) == ["com.x.FooTest > bar", "pytest > tests.test_a > test_b[1]", "test/a.test.js"]


def test_statuses_durations_and_messages_are_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """<testsuite><testcase name="ok" time="1,000.5"/><testcase name="bad" time="x">
        <failure message="why">trace</failure></testcase><testcase name="error"><error>boom</error></testcase>
        <testcase name="skip"><skipped message="not now"/></testcase>
        <testcase name="todo"><skipped/><failure/></testcase><system-out>noise</system-out></testsuite>""",
    )
    assert [check.status for check in found.values()] == ["passed", "failed", "failed", "skipped", "skipped"]
    assert (found["ok"].duration_s, found["bad"].duration_s) == (1000.5, None)
    assert (found["bad"].message, found["error"].raw, found["skip"].message) == (
        "why\ntrace",
        "error",
        "not now",
    )


def test_of_two_with_one_id_the_worst_counts(tmp_path: Path) -> None:
    case, failing = '<testcase name="a"/>', '<testcase name="a"><failure/></testcase>'
    for order in (case + failing, failing + case):
        assert read(tmp_path, f"<testsuite>{order}</testsuite>")["a"].status == "failed"


BOMB = """<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<testsuite><testcase name="&b;"/></testsuite>"""
FILE = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&f;"/></testsuite>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no element found"),
        ("PASS 3 tests", "syntax error"),
        ("<html/>", "its root is <html>"),
        ("<testsuite><testcase name='a'/>", "no element found"),
        (BOMB, "a document type is not allowed"),
        (FILE, "a document type is not allowed"),
        ("<testsuite>" + "<a>" * 1000, "nested too deeply"),
        ('<?xml version="1.0" encoding="no-such"?><testsuite/>', "unknown encoding"),
        (f"<testsuite name='{'a' * 2**20}'>" + "<testcase/>" * 100, "the names of its tests are too long"),
    ],
)
def test_what_is_no_honest_report_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert message in refused(tmp_path, text)


def test_links_and_pipes_are_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("<testsuite><testcase name='a'/></testsuite>")
    link, pipe = tmp_path / "link.xml", tmp_path / "pipe.xml"
    link.symlink_to(secret)
    os.mkfifo(pipe)
    for path in (link, pipe, tmp_path):
        with pytest.raises(UnusableFileError):
            read_junit(path, tmp_path)
    with pytest.raises(FileNotFoundError):
        read_junit(tmp_path / "none.xml", tmp_path)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"<testsuite>{text}".encode()))
def test_no_bytes_are_met_by_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / f"any-{os.getpid()}.xml"
    path.write_bytes(data)
    try:
        read_junit(path, Path("/tree"))
    except UnusableFileError as error:
        assert str(error)  # noqa: PT017 - either is fine


@pytest.mark.parametrize(
    "printed",
    [
        b"\x1b[31m",
        b"\0",
        b"\xff\xfe",
        b"&#27;",
        b"&#x0;",
        b"&#x1B;",
        b"]]>",
        b"\xef\xbf\xbe",
        "\u00e9".encode("latin-1"),
    ],
)
def test_what_a_test_printed_costs_no_verdict(tmp_path: Path, printed: bytes) -> None:
    report = b"<testsuite><testcase name='a'><failure>%b</failure></testcase><testcase name='b'/></testsuite>"
    for declared in (b"", b"<?xml version='1.0' encoding='UTF-8'?>"):
        found = read(tmp_path, declared + report % printed)
        assert [check.status for check in found.values()] == ["failed", "passed"]


def test_declared_encodings_are_kept(tmp_path: Path) -> None:
    text = "<?xml version='1.0' encoding='{}'?><testsuite><testcase name='\u00e9&#9;'/></testsuite>"
    for encoding in ("utf-16", "iso-8859-1"):
        assert list(read(tmp_path, text.format(encoding).encode(encoding))) == ["\u00e9\t"]


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ('status="run" result="completed"', "passed"),
        ('status="notrun" result="suppressed"', "skipped"),
        ('status="run" result="skipped"', "skipped"),
        ('status="disabled"', "skipped"),
        ('status="failed"', "failed"),
    ],
)
def test_a_verdict_that_stands_in_an_attribute_is_read(tmp_path: Path, attributes: str, status: str) -> None:
    assert read(tmp_path, f"<testsuite><testcase name='a' {attributes}/></testsuite>")["a"].status == status


@pytest.mark.parametrize(("text", "seconds"), [("1,234.5", 1234.5), ("0,25", 0.25), ("3", 3), ("inf", None)])
def test_times_are_read_in_any_locale(tmp_path: Path, text: str, seconds: float | None) -> None:
    assert (
        read(tmp_path, f"<testsuite><testcase name='a' time='{text}'/></testsuite>")["a"].duration_s
        == seconds
    )
