"""Dense unit-by-day arrays, and features as they were known on each day."""
