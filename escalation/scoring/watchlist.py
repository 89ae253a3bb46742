"""Rows of the watch list, and their rank, change and alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from escalation import schema
from escalation.scoring.explain import Driver

ALERT_LINE = 0.5
"""The probability from which a unit stands out where no budget says how many may."""


@dataclass(frozen=True)
class Score:
    """One unit's answer on one day; :data:`escalation.schema.SCORE_COLUMNS` says what each means.

    Examples
    --------
    >>> one = Score("taji", "2020-03-10", 7, "any_7d", 0.03, 0.01, 0.11, 0.07, ("ok",), (), {})
    >>> tuple(one.as_dict()) == tuple(schema.SCORE_COLUMNS)
    True
    """

    unit: str
    day: str
    horizon: int
    target: str
    probability: float | None
    lower: float | None
    upper: float | None
    base_rate: float
    status: tuple[str, ...]
    drivers: tuple[Driver, ...]
    provenance: Mapping[str, Any]
    rank: int | None = None
    alert: bool = False
    no_information: bool = False
    change: float | None = None
    changed_since: str | None = None
    families: Mapping[str, float] = field(default_factory=dict)
    alert_line: float | None = None
    events_to_alert: int | None = None
    expected: float | None = None
    count_low: int | None = None
    count_high: int | None = None
    unit_key: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**vars(self), "drivers": tuple(vars(driver).copy() for driver in self.drivers)}

    def as_issued(self) -> dict[str, Any]:
        """The forecast and its provenance, without what explains or compares it."""
        return {name: getattr(self, name) for name in schema.ISSUED_COLUMNS}


def ranked(rows: Sequence[Score]) -> list[Score]:
    """Highest probability first, then by key; at the end, without a rank, those with no answer."""
    silent = sorted((row for row in rows if row.probability is None), key=lambda row: row.unit_key)
    answers = [(-row.probability, row.unit_key, row) for row in rows if row.probability is not None]
    places = sorted(answers, key=lambda one: one[:2])
    return [replace(row, rank=i) for i, (_, _, row) in enumerate(places, 1)] + silent


def compared(rows: Sequence[Score], before: Mapping[str, tuple[str, float]]) -> list[Score]:
    """What has changed in each row since the probability of an earlier day.

    Parameters
    ----------
    rows : sequence of Score
    before : mapping of str to (str, float)
        Earlier day and probability by the key of the unit.
    """
    rows_with_change = []
    for row in rows:
        if row.probability is not None and row.unit_key in before:
            since, then = before[row.unit_key]
            row = replace(row, change=row.probability - then, changed_since=since)
        rows_with_change.append(row)
    return rows_with_change


def alerted(rows: Sequence[Score], budget: int | None) -> list[Score]:
    """The first k places raise an alert; the line is the last one's probability.

    Parameters
    ----------
    rows : sequence of Score
        Ranked.
    budget : int or None
        k, units that may raise an alert.
    """
    if budget is None:
        return [replace(row, alert_line=ALERT_LINE) for row in rows]
    answered = [row for row in rows if row.probability is not None]
    places = [row for row in answered if row.unit_key != schema.ALL_UNIT] or answered
    chosen = {row.unit_key for row in places[:budget]}
    line = places[budget - 1].probability if 0 < budget <= len(places) else None
    return [replace(row, alert=row.unit_key in chosen, alert_line=line) for row in rows]
