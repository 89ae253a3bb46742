"""What a label asks, in words made from its definition."""

from __future__ import annotations

from escalation.targets.base import Target

_BEGIN = "Outcome 1 when "


def definition(target: Target) -> str:
    """When the outcome is 1, in a sentence.

    Examples
    --------
    >>> from escalation.targets import TARGETS
    >>> definition(TARGETS["any"](horizon=14))
    'Outcome 1 when at least one event that counts happens in the next 14 days.'
    """
    first = (type(target).__doc__ or type(target).__name__).split("\n\n")[0]
    text = " ".join(first.split()).replace(
        "in the days t+1 to t+h", f"in the next {target.horizon} days"
    )
    text = text.replace("h-day", f"{target.horizon}-day").replace(
        "for h days", f"for {target.horizon} days"
    )
    counted = _counted(target)
    return f"{text} Events count with {counted}." if counted else text


def question(target: Target) -> str:
    """What a label asks, for a title.

    Examples
    --------
    >>> from escalation.targets import TARGETS
    >>> question(TARGETS["any"](horizon=14))
    'at least one event that counts happens in the next 14 days'
    """
    asked, _, _ = definition(target).removeprefix(_BEGIN).partition(". Events count with ")
    counted = _counted(target)
    words = asked.removesuffix(".").replace("``", "")
    return f"{words} (events count with {counted})" if counted else words


def _counted(target: Target) -> str:
    words = [f"{name} {' or '.join(v)}" for name, v in target.where.equal.items()]
    if target.where.rung:
        words.append(f"severity {target.where.rung} or more")
    return ", ".join(words)
