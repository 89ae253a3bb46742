"""What a row of the watch list has to say for itself, all of it, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable

OK = "ok"
NO_HISTORY = "no history: nothing was known here on the day"
NOT_AT_RISK = "not at risk: the question does not arise here today"
IN_SAMPLE = "in sample: the model was trained on days after this one"
NEW_UNIT = "new unit: not in the model's training, its base rate is that of all units"
UNSEEN_TYPE = "unseen event type: {} (counted as events, but what they mean was not learned)"
STALE = "stale data: the newest news is {} days old"
OVER = "over-forecasts: less came true when it said so"
UNDER = "under-forecasts: more came true when it said so"
NOT_VERIFIED = "not verified here: {} of its {} resolved forecasts came true, too few to judge it"
NO_INFORMATION = "no information: its record shows no skill over how often it happens anyway"
"""Said once of a list, where a record is long enough to show skill and doesn't."""
JOINT = "; "
"""Between several, where a table has one cell for them."""
ORDER = tuple(
    status.partition(":")[0]
    for status in (
        NO_HISTORY, NOT_AT_RISK, IN_SAMPLE, NEW_UNIT, UNSEEN_TYPE, STALE, OVER, UNDER, NOT_VERIFIED,
    )
)  # fmt: skip


_OF_EVERY_ROW = {status.partition(":")[0] for status in (IN_SAMPLE, STALE, NOT_VERIFIED)}


def statuses(*said: str | None) -> tuple[str, ...]:
    """All that qualifies a row, the gravest first; ``ok`` where nothing does.

    Examples
    --------
    >>> statuses(STALE.format(40), None, NEW_UNIT) == (NEW_UNIT, STALE.format(40))
    True
    >>> statuses(None)
    ('ok',)
    """
    every = [status for status in said if status]
    return tuple(sorted(every, key=lambda one: ORDER.index(kind(one)))) or (OK,)


def off_its_record(probability: float, lower: float, upper: float) -> str | None:
    """Said of a probability outside the interval of what came true when it was said.

    Parameters
    ----------
    probability, lower, upper : float

    Examples
    --------
    >>> off_its_record(0.2, 0.05, 0.12)
    'over-forecasts: less came true when it said so'
    >>> off_its_record(0.2, 0.12, 0.29) is None
    True
    """
    if lower <= probability <= upper:
        return None
    return OVER if probability > upper else UNDER


def kind(status: str) -> str:
    """The words before the colon.

    Examples
    --------
    >>> kind(NEW_UNIT)
    'new unit'
    """
    return status.partition(":")[0]


def of_every_row(status: Iterable[str]) -> list[str]:
    """What is said of the day or the model, and so of every row alike.

    Examples
    --------
    >>> of_every_row(["new unit: b", "stale data: c", "not verified here: d"])
    ['stale data: c', 'not verified here: d']
    """
    return [one for one in status if kind(one) in _OF_EVERY_ROW]


def of_the_unit(status: Iterable[str]) -> list[str]:
    """What is said of a row alone.

    Examples
    --------
    >>> of_the_unit(["new unit: b", "not verified here: c"])
    ['new unit: b']
    """
    return [one for one in status if kind(one) not in _OF_EVERY_ROW]


def in_words(status: Iterable[str]) -> str:
    """Every status in one text; nothing where the row is as it should be.

    Examples
    --------
    >>> in_words(["ok"]), in_words(["in sample: a", "new unit: b"])
    ('', 'in sample: a; new unit: b')
    """
    return JOINT.join(one for one in status if one != OK)
