"""Claims."""
def differences() -> list[str]:
    return []
