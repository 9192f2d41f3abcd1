"""Agents: one module each, found by name through the entry points `rollout_runner.agents`."""
