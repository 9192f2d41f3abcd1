"""Between the agent and the model: routing, records, limits, and the replay model."""

from runner.interceptor.open import open_interceptor

__all__ = ["open_interceptor"]
