"""Shortages: why a label can't be learnt yet, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, Literal

from escalation._util.cautions import caution
from escalation.errors import GateError

LEAST: Final = 2
"""Outcomes of each class that a model needs."""
_PERIODS: Final = {1: "day", 7: "week", 28: "month", 30: "month", 31: "month", 365: "year"}


@dataclass(frozen=True)
class Outcomes:
    """Number of outcomes of a label that had resolved by a day, by class.

    Parameters
    ----------
    label : str
    horizon : int
        In days.
    positives, negatives : int
    first, last : str
        First and last day of these outcomes, ISO; those of the history without any.
    on : str
        Day as of which they are counted, ISO.
    plain : bool
        Whether a single event makes a positive.
    least : int
        Outcomes needed of each class; with 0, one row of any class is enough.
    """

    label: str
    horizon: int
    positives: int
    negatives: int
    first: str
    last: str
    on: str
    plain: bool = True
    least: int = LEAST

    @property
    def short(self) -> tuple[Literal["positive", "negative"], ...]:
        """Classes with too few outcomes."""
        if not self.positives + self.negatives:
            return "positive", "negative"
        counts = {"positive": self.positives, "negative": self.negatives}
        return tuple(name for name, count in counts.items() if count < self.least)  # type: ignore[misc]


class Shortage(GateError):
    """Error ``E-INSUFFICIENT`` for a label that can't be learnt.

    Parameters
    ----------
    label : str
    message, fix : str
    outcomes : Outcomes, optional
        The outcomes, if there are too few.
    parts : tuple of Shortage
        Itself, or those of the labels that it covers.
    """

    def __init__(
        self,
        label: str,
        message: str,
        *,
        fix: str = "",
        outcomes: Outcomes | None = None,
        parts: tuple[Shortage, ...] = (),
    ) -> None:
        super().__init__("E-INSUFFICIENT", message, fix=fix, where=label)
        self.label, self.outcomes = label, outcomes
        self.parts = parts or (self,)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = () if self.parts == (self,) else self.parts
        options: dict[str, Any] = {"fix": self.fix, "outcomes": self.outcomes, "parts": parts}
        return partial(Shortage, **options), (self.label, self.message)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON: the message, and the counts if there are too few outcomes."""
        counts = None if self.outcomes is None else asdict(self.outcomes)
        short = None if self.outcomes is None else list(self.outcomes.short)
        return {
            "target": self.label,
            "model": None,
            "error": {"code": self.code, "message": self.message, "fix": self.fix},
            "short": short,
            "counts": counts,
        }


def all_of(shortages: Sequence[Shortage]) -> Shortage:
    """Combine shortages into one error that names every label."""
    if len(shortages) == 1:
        return shortages[0]
    reasons = "; ".join(f"{shortage.label}: {shortage.message}" for shortage in shortages)
    fixes = dict.fromkeys(shortage.fix for shortage in shortages if shortage.fix)
    message = f"no label can be learnt: {reasons}"
    return Shortage("", message, fix=", or ".join(fixes), parts=tuple(shortages))


def days_needed(horizon: int, *, lag: int) -> int:
    """Days of history until a forecast has resolved that had a resolved label to learn from.

    Parameters
    ----------
    horizon, lag : int
        In days.

    Examples
    --------
    >>> days_needed(7, lag=0), days_needed(1, lag=2)
    (15, 7)
    """
    return 2 * (horizon + lag) + 1


def longest_resolved(days: int, *, lag: int) -> int:
    """Longest horizon for which a history is long enough, by :func:`days_needed`.

    Parameters
    ----------
    days : int
        Length of the history.
    lag : int
        Reporting lag, in days.

    Returns
    -------
    int
        In days; 0 if there is none.

    Examples
    --------
    >>> [longest_resolved(days, lag=0) for days in (2, 3, 14, 15)], longest_resolved(15, lag=2)
    ([0, 1, 6, 7], 5)
    """
    return max((days - 1) // 2 - lag, 0)


OnShortage = Callable[[Shortage], None]
"""Called with the shortage of each label that can't be learnt."""


def warn(shortage: Shortage) -> None:
    """Warn that a label is left out, with the reason and the fix."""
    caution(f"{shortage.label} is left out: {shortage.message}; fix: {shortage.fix}")


def warn_prior_only(shortage: Shortage) -> None:
    """Warn that a label is forecast by ``prior`` alone."""
    caution(
        f"{shortage.label} is forecast by `prior` alone, learnt on other conflicts and not "
        f"verified here yet: {shortage.message}"
    )


def shortage_of(outcomes: Outcomes) -> Shortage | None:
    """Return why a label can't be learnt from these outcomes; None if it can.

    Examples
    --------
    >>> war = Outcomes("any_30d", 30, 480, 0, "2023-01-01", "2024-04-24", "2024-05-24")
    >>> shortage_of(war).message
    'too few negative outcomes: 480 positive among 480 resolved rows (2023-01-01 to 2024-04-24, as \
known on 2024-05-24), needs 2 of each class; no quiet month: every month had an event that counts'
    >>> shortage_of(Outcomes("any_7d", 7, 50, 50, "2023-01-01", "2023-04-10", "2023-04-20"))
    """
    if not outcomes.short:
        return None
    classes = " and ".join(outcomes.short)
    return Shortage(
        outcomes.label,
        f"too few {classes} outcomes: {outcomes.positives} positive among "
        f"{outcomes.positives + outcomes.negatives} resolved rows ({outcomes.first} to "
        f"{outcomes.last}, as known on {outcomes.on}), needs {LEAST} of each class; "
        f"{_cause(outcomes)}",
        fix=_fix(outcomes),
        outcomes=outcomes,
    )


def _cause(outcomes: Outcomes) -> str:
    if len(outcomes.short) == 2 and not outcomes.positives + outcomes.negatives:
        return "no day at risk has a known outcome yet"
    period = _PERIODS.get(outcomes.horizon, f"stretch of {outcomes.horizon} days")
    if "negative" in outcomes.short and "positive" not in outcomes.short:
        if outcomes.negatives:
            return f"only {outcomes.negatives} quiet {period}"
        happened = "had an event that counts" if outcomes.plain else "reached the threshold"
        return f"no quiet {period}: every {period} {happened}"
    if outcomes.positives:
        return f"only {outcomes.positives} positive"
    return "no event that counts" if outcomes.plain else f"no {period} reached the threshold"


def _fix(outcomes: Outcomes) -> str:
    if outcomes.short == ("negative",):
        return (
            "shorten the horizon, count fewer events in `where`, raise the threshold, or add "
            "units or quieter history"
        )
    if outcomes.short == ("positive",):
        return "add history, lengthen the horizon, or count more events in `where`"
    return "add history, or shorten the horizon or the lag"
