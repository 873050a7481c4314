"""The agents that are connected now."""
