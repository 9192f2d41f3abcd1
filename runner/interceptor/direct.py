"""No interceptor (`params.interceptor: "off"`): the agent calls upstream itself, nothing is seen."""

from collections.abc import Callable
from dataclasses import dataclass

from agents.base import Dialect, Endpoint, Outcome
from runner.errors import Failure
from runner.interceptor.base import Totals
from runner.interceptor.routing import Route


@dataclass(frozen=True, slots=True)
class Direct:
    """Hands out the routed bases with the real key; knows nothing of the calls."""

    route: Route
    key: str
    """The upstream's own key: the agent holds it."""
    warnings: tuple[str, ...] = ()
    replayed: Callable[[], Failure | None] = lambda: None
    """Asks the replay model, where that is the upstream."""

    def endpoint(self, dialect: Dialect) -> Endpoint:
        """Return the routed bases, the correlation id in their path."""
        del dialect
        return self.route.direct(self.key)

    def upstream(self) -> str:
        """Return where the runner's own calls go."""
        return self.route.direct(self.key).openai_base

    def last_call(self) -> float:
        """Return 0.0: no call is seen."""
        return 0.0

    def totals(self) -> Totals:
        """Return nothing known."""
        return Totals(calls=None)

    def stop(self) -> Outcome | None:
        """Return null: nothing is counted, so nothing is limited."""
        return None

    def failure(self) -> Failure | None:
        """Return the replay model's failure; no other is seen."""
        return self.replayed()

    def seal(self) -> None:
        """Do nothing."""
