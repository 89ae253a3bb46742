"""Rows of the watch list, and their rank, change and alert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from escalation import schema
from escalation.scoring.explain import Driver

ALERT_LINE = 0.5
"""The alert line if no budget limits the alerts."""


@dataclass(frozen=True)
class Score:
    """One unit's forecast on one day; :data:`escalation.schema.SCORE_COLUMNS` documents the fields.

    Examples
    --------
    >>> score = Score("taji", "2020-03-10", 7, "any_7d", 0.03, 0.01, 0.11, 0.07, ("ok",), (), {})
    >>> tuple(score.as_dict()) == tuple(schema.SCORE_COLUMNS)
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
        """What the ledger stores: the forecast and its provenance, without explanations."""
        return {name: getattr(self, name) for name in schema.ISSUED_COLUMNS}


def ranked(rows: Sequence[Score]) -> list[Score]:
    """Highest probability first, then by key; rows without a probability last and unranked."""
    by_key = sorted(rows, key=lambda row: row.unit_key)
    unranked = [row for row in by_key if row.probability is None]
    with_rank = [row for row in by_key if row.probability is not None]
    with_rank.sort(key=lambda row: -(row.probability or 0.0))
    return [replace(row, rank=i) for i, row in enumerate(with_rank, 1)] + unranked


def compared(rows: Sequence[Score], before: Mapping[str, tuple[str, float]]) -> list[Score]:
    """Rows with the change of their probability since an earlier day.

    Parameters
    ----------
    rows : sequence of Score
    before : mapping of str to (str, float)
        Earlier day and probability by unit key.
    """
    rows_with_change = []
    for row in rows:
        if row.probability is not None and row.unit_key in before:
            since, earlier = before[row.unit_key]
            row = replace(row, change=row.probability - earlier, changed_since=since)
        rows_with_change.append(row)
    return rows_with_change


def alerted(rows: Sequence[Score], budget: int | None) -> list[Score]:
    """The k highest rows raise an alert; the alert line is the last one's probability.

    The unit of all events raises none if there are others.

    Parameters
    ----------
    rows : sequence of Score
        Ranked.
    budget : int or None
        k; with None, no row raises an alert and the line is :data:`ALERT_LINE`.
    """
    if budget is None:
        return [replace(row, alert_line=ALERT_LINE) for row in rows]
    scored = [row for row in rows if row.probability is not None]
    places = [row for row in scored if row.unit_key != schema.ALL_UNIT] or scored
    alerts = {row.unit_key for row in places[:budget]}
    line = places[budget - 1].probability if 0 < budget <= len(places) else None
    return [replace(row, alert=row.unit_key in alerts, alert_line=line) for row in rows]
