"""How long a test waits for another process before it counts as hanging."""

PATIENCE = 1200.0
"""In seconds. No result depends on it; even a busy machine never comes near it."""
