"""No interceptor, for agents that call no model."""

from agents.base import Dialect, Endpoint, Outcome
from runner.errors import Failure, RequestInvalid
from runner.interceptor.base import Totals


class Absent:
    """Stands where an interceptor would; an agent that does ask for a model learns what is missing."""

    key = ""
    warnings: tuple[str, ...] = ()

    def endpoint(self, dialect: Dialect) -> Endpoint:
        """Refuse."""
        raise RequestInvalid(
            f"inference_url: missing, and the agent calls a model ({dialect})",
            hint="give the interceptor's URL, or replay:FILE",
        )

    def upstream(self) -> str:
        """Return nothing."""
        return ""

    def last_call(self) -> float:
        """Return 0.0: there is none."""
        return 0.0

    def totals(self) -> Totals:
        """Return zero calls."""
        return Totals()

    def stop(self) -> Outcome | None:
        """Return nothing: nothing is spent."""
        return None

    def failure(self) -> Failure | None:
        """Return nothing."""
        return None

    def seal(self) -> None:
        """Do nothing."""
