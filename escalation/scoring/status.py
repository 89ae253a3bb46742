"""The statuses of a row of the watch list: everything that qualifies it, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable

OK = "ok"
NO_HISTORY = "no history: no event was known here on the day"
NOT_AT_RISK = "not at risk: the outcome can't occur here today"
IN_SAMPLE = "in sample: the model was trained on days after this one"
NEW_UNIT = "new unit: absent from the model's training, its base rate is that of all units"
UNSEEN_TYPE = "unseen event type: {} (counted as events, but absent from the model's training)"
STALE = "stale data: the newest report is {} days old"
OVER = "over-forecasts: at this level, the outcome has followed less often than forecast"
UNDER = "under-forecasts: at this level, the outcome has followed more often than forecast"
NOT_VERIFIED = "not verified here: {} positives among {} resolved forecasts, too few to judge it"
NO_INFORMATION = "no information: the model's record shows no skill over the base rate"
"""Stated once per list, if the record is long enough to show skill and doesn't."""
JOINT = "; "
"""Separates several statuses in one table cell."""


def kind(status: str) -> str:
    """The words before the colon.

    Examples
    --------
    >>> kind(NEW_UNIT)
    'new unit'
    """
    return status.partition(":")[0]


ORDER = tuple(
    kind(status)
    for status in (
        NO_HISTORY, NOT_AT_RISK, IN_SAMPLE, NEW_UNIT, UNSEEN_TYPE, STALE, OVER, UNDER, NOT_VERIFIED,
    )
)  # fmt: skip
_OF_EVERY_ROW = {kind(status) for status in (IN_SAMPLE, STALE, NOT_VERIFIED)}


def statuses(*candidates: str | None) -> tuple[str, ...]:
    """The statuses that apply, gravest first; ``ok`` if there is none.

    Examples
    --------
    >>> statuses(STALE.format(40), None, NEW_UNIT) == (NEW_UNIT, STALE.format(40))
    True
    >>> statuses(None)
    ('ok',)
    """
    return tuple(sorted(filter(None, candidates), key=lambda s: ORDER.index(kind(s)))) or (OK,)


def calibration_status(probability: float, lower: float, upper: float) -> str | None:
    """The status of a probability outside its interval; None inside it.

    Examples
    --------
    >>> calibration_status(0.2, 0.05, 0.12)
    'over-forecasts: at this level, the outcome has followed less often than forecast'
    >>> calibration_status(0.2, 0.12, 0.29) is None
    True
    """
    if lower <= probability <= upper:
        return None
    return OVER if probability > upper else UNDER


def of_every_row(status: Iterable[str]) -> list[str]:
    """Statuses that concern the day or the model, and so every row alike.

    Examples
    --------
    >>> of_every_row(["new unit: b", "stale data: c", "not verified here: d"])
    ['stale data: c', 'not verified here: d']
    """
    return [text for text in status if kind(text) in _OF_EVERY_ROW]


def of_the_unit(status: Iterable[str]) -> list[str]:
    """Statuses that concern one row only.

    Examples
    --------
    >>> of_the_unit(["new unit: b", "not verified here: c"])
    ['new unit: b']
    """
    return [text for text in status if kind(text) not in _OF_EVERY_ROW]


def in_words(status: Iterable[str]) -> str:
    """All statuses but ``ok`` as one text.

    Examples
    --------
    >>> in_words(["ok"]), in_words(["in sample: a", "new unit: b"])
    ('', 'in sample: a; new unit: b')
    """
    return JOINT.join(text for text in status if text != OK)
