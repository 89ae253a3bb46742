"""Warnings that point to the caller's line, however deep in the package they are raised."""

from __future__ import annotations

import sys
import warnings


class EscalationWarning(UserWarning):
    """Something was left out or assumed."""


def caution(text: str) -> None:
    """Warn at the line outside the package that called it."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("escalation."):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, EscalationWarning, stacklevel=level)
