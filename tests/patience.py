"""How long a test waits for another process before it is sure that something hangs."""

PATIENCE = 1200.0
"""Seconds. No result depends on it: a busy machine never comes near it."""
