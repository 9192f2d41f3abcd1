"""Does nothing: what the tests say of an untouched workspace."""

from agents.base import Agent, AgentRun, Assignment


class Nop(Agent):
    """Ends at once."""

    name = "nop"

    def run(self, assignment: Assignment) -> AgentRun:
        """Leave the workspace as it is."""
        del assignment
        return AgentRun(outcome="completed")
