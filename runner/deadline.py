"""One deadline for the whole rollout, shared out to its phases, on the monotonic clock."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, which no change of the wall clock moves."""

    at: float
    """Seconds on `time.monotonic`."""

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline `seconds` from now."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether nothing is left."""
        return self.remaining == 0.0

    def keeping_back(self, seconds: float) -> "Deadline":
        """Return an earlier deadline that leaves `seconds` of this one for what follows."""
        return Deadline(self.at - seconds)

    def at_most(self, seconds: float) -> "Deadline":
        """Return this deadline or the one `seconds` from now, whichever comes first."""
        return Deadline(min(self.at, time.monotonic() + seconds))
