"""Rolling origins: what would have been forecast, and what it was worth."""
