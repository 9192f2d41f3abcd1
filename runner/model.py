"""The base of every pydantic model: frozen, documented, built when first used."""

from pydantic import BaseModel, ConfigDict

import runner

CONFIG = ConfigDict(
    frozen=True,
    defer_build=True,
    # Reading the docstrings under fields takes 80 ms of a rollout's start, and only schemas show them.
    use_attribute_docstrings=runner.DESCRIBED,
)


class Model(BaseModel):
    """A model with nothing in it that it does not name."""

    model_config = ConfigDict(**CONFIG, extra="forbid")
