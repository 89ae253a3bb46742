"""Definitions and questions of labels in words."""

from __future__ import annotations

from escalation.targets.base import Target


def definition(target: Target) -> str:
    """A sentence that says when the outcome is 1.

    Examples
    --------
    >>> from escalation.targets import TARGETS
    >>> definition(TARGETS["any"](horizon=14))
    'Outcome 1 when at least one event that counts happens in the next 14 days.'
    """
    counted = _counted(target)
    return f"{_sentence(target)} Events count with {counted}." if counted else _sentence(target)


def question(target: Target) -> str:
    """The definition as a title.

    Examples
    --------
    >>> from escalation.targets import TARGETS
    >>> question(TARGETS["any"](horizon=14))
    'at least one event that counts happens in the next 14 days'
    """
    text = _sentence(target).removeprefix("Outcome 1 when ").removesuffix(".").replace("``", "")
    counted = _counted(target)
    return f"{text} (events count with {counted})" if counted else text


def _sentence(target: Target) -> str:
    """The first sentence of the class's documentation, with its horizon in days."""
    first = (type(target).__doc__ or type(target).__name__).split("\n\n")[0]
    text, days = " ".join(first.split()), f"{target.horizon} days"
    text = text.replace("in the days t+1 to t+h", f"in the next {days}")
    return text.replace("h-day", f"{target.horizon}-day").replace("for h days", f"for {days}")


def _counted(target: Target) -> str:
    """The filter of the events that count."""
    words = [f"{name} {' or '.join(values)}" for name, values in target.where.equal.items()]
    if target.where.rung:
        words.append(f"severity {target.where.rung} or more")
    return ", ".join(words)
