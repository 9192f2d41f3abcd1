"""Between the agent and the model: routing, records, limits, and the replay model."""
