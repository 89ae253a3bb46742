"""What a label asks, in words made from its definition."""

from __future__ import annotations

from escalation.targets.base import Target


def definition(target: Target) -> str:
    """When the outcome is 1, in a sentence.

    Examples
    --------
    >>> from escalation.targets import TARGETS
    >>> definition(TARGETS["any"](horizon=14))
    'Outcome 1 when at least one event that counts happens in the next 14 days.'
    """
    counted = _counted(target)
    return f"{_sentence(target)} Events count with {counted}." if counted else _sentence(target)


def question(target: Target) -> str:
    """What a label asks, for a title.

    Examples
    --------
    >>> from escalation.targets import TARGETS
    >>> question(TARGETS["any"](horizon=14))
    'at least one event that counts happens in the next 14 days'
    """
    asked = _sentence(target).removeprefix("Outcome 1 when ").removesuffix(".").replace("``", "")
    counted = _counted(target)
    return f"{asked} (events count with {counted})" if counted else asked


def _sentence(target: Target) -> str:
    """The first sentence of the class's documentation, with its horizon in days."""
    first = (type(target).__doc__ or type(target).__name__).split("\n\n")[0]
    text, days = " ".join(first.split()), f"{target.horizon} days"
    for said, meant in {
        "in the days t+1 to t+h": f"in the next {days}",
        "h-day": f"{target.horizon}-day",
        "for h days": f"for {days}",
    }.items():
        text = text.replace(said, meant)
    return text


def _counted(target: Target) -> str:
    words = [f"{name} {' or '.join(v)}" for name, v in target.where.equal.items()]
    if target.where.rung:
        words.append(f"severity {target.where.rung} or more")
    return ", ".join(words)
