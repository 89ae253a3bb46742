"""What a label lacks before it can be learnt, told at once and the right way round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, Literal

from escalation._util.cautions import caution
from escalation.errors import GateError

LEAST: Final = 2
"""Outcomes of either class that a model needs."""
_PERIODS: Final = {1: "day", 7: "week", 28: "month", 30: "month", 31: "month", 365: "year"}


@dataclass(frozen=True)
class Outcomes:
    """How many outcomes of a label had resolved by a day, by class.

    Parameters
    ----------
    label : str
    horizon : int
        In days.
    positives, negatives : int
    first, last : str
        Days between which they were asked for, ISO; of the history where there is none.
    on : str
        The day, ISO.
    plain : bool
        One event that counts makes a positive.
    least : int
        Of either class that are needed; where none are, one row of any class is.
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
        """Classes of which there are too few."""
        if not self.positives + self.negatives:
            return "positive", "negative"
        counts = {"positive": self.positives, "negative": self.negatives}
        return tuple(name for name, count in counts.items() if count < self.least)  # type: ignore[misc]


class Shortage(GateError):
    """A label that can't be learnt: ``E-INSUFFICIENT`` with counts, dates and the class.

    Parameters
    ----------
    label : str
    message, fix : str
    outcomes : Outcomes, optional
        What there was, where that is what is short.
    parts : tuple of Shortage
        Itself, or those of several labels that it tells of.
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
        """For scripts: the message, and the counts where they are what is short."""
        counts = None if self.outcomes is None else asdict(self.outcomes)
        short = None if self.outcomes is None else list(self.outcomes.short)
        told = {"code": self.code, "message": self.message, "fix": self.fix}
        return {
            "target": self.label,
            "model": None,
            "error": told,
            "short": short,
            "counts": counts,
        }


def all_of(shortages: Sequence[Shortage]) -> Shortage:
    """One refusal that names every label and what it lacks."""
    if len(shortages) == 1:
        return shortages[0]
    lines = "; ".join(f"{one.label}: {one.message}" for one in shortages)
    fixes = dict.fromkeys(one.fix for one in shortages if one.fix)
    message = f"no label can be learnt: {lines}"
    return Shortage("", message, fix=", or ".join(fixes), parts=tuple(shortages))


def days_needed(horizon: int, *, lag: int) -> int:
    """Days of history until one forecast has resolved that was made once another was over.

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
    """The longest horizon for which so many days are enough, by :func:`days_needed`.

    Parameters
    ----------
    days : int
        Of history.
    lag : int
        Reporting lag, in days.

    Returns
    -------
    int
        In days; 0 where there is none.

    Examples
    --------
    >>> [longest_resolved(days, lag=0) for days in (2, 3, 14, 15)], longest_resolved(15, lag=2)
    ([0, 1, 6, 7], 5)
    """
    return max((days - 1) // 2 - lag, 0)


OnShortage = Callable[[Shortage], None]
"""Told of each label that can't be learnt, as soon as that is known."""


def warn(shortage: Shortage) -> None:
    """A warning with what to do."""
    caution(f"{shortage.label} is left out: {shortage.message}; fix: {shortage.fix}")


def warn_answered_by_prior(shortage: Shortage) -> None:
    """A warning that a label is answered from other conflicts alone."""
    caution(
        f"{shortage.label} is answered by `prior` alone, learnt on other conflicts and not "
        f"verified here yet: {shortage.message}"
    )


def shortage_of(outcomes: Outcomes) -> Shortage | None:
    """Why a label can't be learnt from these outcomes; none if it can.

    Examples
    --------
    >>> war = Outcomes("any_30d", 30, 480, 0, "2023-01-01", "2024-04-24", "2024-05-24")
    >>> shortage_of(war).message
    'too few negative outcomes: 480 positive among 480 resolved rows (2023-01-01 to 2024-04-24, as \
known on 2024-05-24), needs 2 of either class; no quiet month: every month had an event that counts'
    >>> shortage_of(Outcomes("any_7d", 7, 50, 50, "2023-01-01", "2023-04-10", "2023-04-20"))
    """
    if not outcomes.short:
        return None
    classes = " and ".join(outcomes.short)
    return Shortage(
        outcomes.label,
        f"too few {classes} outcomes: {outcomes.positives} positive among "
        f"{outcomes.positives + outcomes.negatives} resolved rows ({outcomes.first} to "
        f"{outcomes.last}, as known on {outcomes.on}), needs {LEAST} of either class; "
        f"{_cause(outcomes)}",
        fix=_fix(outcomes),
        outcomes=outcomes,
    )


def _cause(outcomes: Outcomes) -> str:
    if len(outcomes.short) == 2 and not outcomes.positives + outcomes.negatives:
        return "no day whose outcome is known yet and that was at risk"
    period = _PERIODS.get(outcomes.horizon, f"stretch of {outcomes.horizon} days")
    if "negative" in outcomes.short and "positive" not in outcomes.short:
        if outcomes.negatives:
            return f"only {outcomes.negatives} quiet {period}"
        happened = "had an event that counts" if outcomes.plain else "reached the threshold"
        return f"no quiet {period}: every {period} {happened}"
    what = "event that counts" if outcomes.plain else f"{period} reached the threshold"
    if outcomes.positives == 0:
        return f"no {what}"
    return f"only {outcomes.positives} positive"


def _fix(outcomes: Outcomes) -> str:
    if outcomes.short == ("negative",):
        return (
            "shorten the horizon, count fewer events in `where`, raise the threshold, or add "
            "units or quieter history"
        )
    if outcomes.short == ("positive",):
        return "add history, lengthen the horizon, or count more events in `where`"
    return "add history, or shorten the horizon or the lag"
