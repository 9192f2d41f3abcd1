"""Reports beside the result: `ctrf.json`, `junit.xml`, each test's own output. Written, never read back."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.output import sound
from scorers.base import Check
from scorers.expected import clip

CTRF_VERSION = "0.0.0"
OUTPUT_CHARACTERS = 64 * 1024
"""Most of one test's output that is kept: head and tail."""
_OUTPUTS = 2000
"""Most tests whose output is kept."""
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run of tests has to say."""

    tool: str
    """`pytest`, `cargo`, ..."""
    checks: Sequence[Check]
    started: float
    """Seconds since the epoch."""
    stopped: float
    version: str = ""
    """The tool's own version, where known."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """What each test printed, by id."""


def write_reports(folder: Path, report: RunReport) -> None:
    """Write `ctrf.json`, `junit.xml` and `output/` into `folder`."""
    text = sound(json.dumps(ctrf(report), indent=1, ensure_ascii=False))
    (folder / "ctrf.json").write_text(text, encoding="utf-8")
    ET.ElementTree(junit(report)).write(folder / "junit.xml", encoding="utf-8", xml_declaration=True)
    _write_outputs(folder / "output", report)


def ctrf(report: RunReport) -> dict[str, Any]:
    """Return the report in the Common Test Report Format (ctrf.io); times in milliseconds."""
    counts = {
        status: sum(check.status == status for check in report.checks)
        for status in ("passed", "failed", "skipped")
    }
    return {
        "reportFormat": "CTRF",
        "specVersion": CTRF_VERSION,
        "results": {
            "tool": {"name": report.tool, **({"version": report.version} if report.version else {})},
            "summary": {
                "tests": len(report.checks),
                **counts,
                "pending": 0,
                "other": 0,
                "start": int(report.started * 1000),
                "stop": int(report.stopped * 1000),
            },
            "tests": [_ctrf_test(check) for check in report.checks],
        },
    }


def _ctrf_test(check: Check) -> dict[str, Any]:
    return {
        "name": check.id,
        "status": check.status,
        "duration": round((check.duration_s or 0.0) * 1000),
        **({"rawStatus": check.raw} if check.raw else {}),
        **({"message": check.message} if check.message else {}),
    }


def junit(report: RunReport) -> ET.Element:
    """Return the report as JUnit XML: an export for CI; the id is the test case's name, whole."""
    failed = sum(check.status == "failed" for check in report.checks)
    skipped = sum(check.status == "skipped" for check in report.checks)
    suite = ET.Element(
        "testsuite",
        name=report.tool,
        tests=str(len(report.checks)),
        failures=str(failed),
        errors="0",
        skipped=str(skipped),
        time=f"{report.stopped - report.started:.3f}",
    )
    for check in report.checks:
        _junit_case(suite, check, report.outputs.get(check.id, ""))
    suites = ET.Element("testsuites")
    suites.append(suite)
    return suites


def _junit_case(suite: ET.Element, check: Check, output: str) -> None:
    time = f"{check.duration_s or 0.0:.6f}"
    case = ET.SubElement(suite, "testcase", classname=suite.get("name", ""), name=_legal(check.id), time=time)
    if check.status == "failed":
        failure = ET.SubElement(case, "failure", message=_legal(check.raw or "failed"))
        failure.text = _legal(check.message)
    if check.status == "skipped":
        ET.SubElement(case, "skipped", message=_legal(check.message))
    if output:
        ET.SubElement(case, "system-out").text = _legal(clip(output, 2000, 6000))


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)


def _write_outputs(folder: Path, report: RunReport) -> None:
    # libtest and most JUnit writers tell what a test printed only where it failed, in its message.
    said = ((check.id, report.outputs.get(check.id) or check.message) for check in report.checks)
    kept = [(id_, text) for id_, text in said if text]
    if not kept:
        return
    folder.mkdir(exist_ok=True)
    for number, (id_, text) in enumerate(kept[:_OUTPUTS], 1):
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", id_)[-80:]
        body = f"{id_}\n\n{clip(text, OUTPUT_CHARACTERS // 4, OUTPUT_CHARACTERS * 3 // 4)}"
        (folder / f"{number:04d}-{name}.txt").write_text(body, encoding="utf-8", errors="replace")
