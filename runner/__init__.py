"""The in-sandbox rollout runner: request in, a real agent works, real tests score, result out."""

__version__ = "0.1.0"
