"""Scorers: one module each, found by name through the entry points `rollout_runner.scorers`."""
