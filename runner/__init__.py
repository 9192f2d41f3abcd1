"""The in-sandbox rollout runner: request in, a real agent works, real tests score, result out."""

__version__ = "0.1.0"

DESCRIBED = False
"""Whether models carry the docstrings under their fields; set before they are imported."""
