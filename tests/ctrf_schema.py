"""What the Common Test Report Format asks of a report, written down from its specification (ctrf.io).

Draft 7, as the public schema is; only the parts that we write, each closed to anything else.
"""

from typing import Any

_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}


def _closed(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


_TEST = _closed(
    {
        "name": {"type": "string", "minLength": 1},
        "status": {"enum": ["passed", "failed", "skipped", "pending", "other"]},
        "duration": _COUNT,
    },
    {"rawStatus": _TEXT, "message": _TEXT, "trace": _TEXT, "filePath": _TEXT},
)
_SUMMARY = _closed(
    dict.fromkeys(("tests", "passed", "failed", "skipped", "pending", "other", "start", "stop"), _COUNT)
)
CTRF = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    **_closed(
        {
            "reportFormat": {"const": "CTRF"},
            "specVersion": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
            "results": _closed(
                {
                    "tool": _closed({"name": {"type": "string", "minLength": 1}}, {"version": _TEXT}),
                    "summary": _SUMMARY,
                    "tests": {"type": "array", "items": _TEST},
                }
            ),
        }
    ),
}
