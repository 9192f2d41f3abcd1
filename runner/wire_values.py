"""Values as they come over the wire: strict about their type, with the words for a complaint.

Numbers are numbers (no `"600"`, no `true`), as in JSON Schema: `3.0` is a whole number.
"""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, WithJsonSchema

from runner.model import CONFIG

MOST_SECONDS = 30 * 24 * 3600
"""No wait is longer: beyond some years the kernel's own clocks overflow."""

TEXT, TABLE, LIST = "<text>", "<table>", "<list>"
TAGS = frozenset((TEXT, TABLE, LIST))
"""Marks of a union's branches, which are no part of a key's path."""
_BRANCHES: dict[type, str] = {str: TEXT, dict: TABLE, list: LIST}


def _branch(value: Any) -> str | None:  # noqa: ANN401 - whatever JSON holds, or a model made of it
    return TABLE if isinstance(value, BaseModel) else _BRANCHES.get(type(value))


def either(wanted: str) -> Discriminator:
    """Tell the branches of a union apart by their JSON type; `wanted` is the complaint's word for them."""
    return Discriminator(_branch, custom_error_type="wanted", custom_error_message=wanted)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def as_text(value: object) -> object:
    """Write a number or boolean as JSON does; leave all else as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, le=MOST_SECONDS, allow_inf_nan=False)]
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Scalar = Annotated[
    str,
    BeforeValidator(as_text),
    WithJsonSchema({"type": ["string", "number", "boolean"]}, mode="validation"),
]
"""Text, or a number or boolean that is turned into text."""


class Wire(BaseModel):
    """Keys of one object; those it does not know are reported."""

    model_config = ConfigDict(**CONFIG, strict=True, extra="allow")
    free: ClassVar[bool] = False
    """Whether unknown keys are expected here: agents, scorers and tasks have their own."""
