"""What `run_rollout doctor` says of one thing."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "absent", "warning", "missing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: State
    """`absent`: not needed here; `warning`: a rollout runs, but see the text; `missing`: none can run."""
    text: str
    hint: str = ""
    """What to do about it."""
