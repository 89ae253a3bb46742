"""The ranked list, charts, moves and map of a page, as plain values for the template."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from escalation import schema
from escalation._util.text import percent
from escalation.models.excitation.followed import ANSWER
from escalation.panel.membership import unit_keys_of
from escalation.report.charts import Axis, Map, band, dot_map, steps
from escalation.report.page_data import ReportData
from escalation.report.words import long_day, plain, titled, what_happened
from escalation.scoring.explain import MOST_FURTHER
from escalation.scoring.status import in_words, of_the_unit
from escalation.scoring.usual import against_usual, how_many, is_up
from escalation.scoring.watchlist import Score

YEAR = pd.Timedelta(364, "D")
LATEST = 5
"""Events listed in words for each unit."""
SMALLEST_FAMILY = 0.05
"""In log-odds; feature families with a smaller contribution are not listed."""


class Line(NamedTuple):
    """A unit in the ranked list. ``key`` is its anchor; texts are empty if there is nothing to say.

    ``expected`` is empty if the 80% range is 0 to 0, ``change`` if less than a percentage point.
    """

    key: str
    unit: str
    score: Score
    families: list[tuple[str, float]]
    further: str
    status: str
    usual: str
    expected: str
    up: bool
    change: str


def ranked_lines(data: ReportData) -> list[Line]:
    """Every unit, highest probability first, units without a probability last."""
    return [
        Line(
            key=f"unit-{i}",
            unit=shown(score),
            score=score,
            families=_families(score),
            further=_further(score),
            status=in_words(of_the_unit(score.status)),
            usual=against_usual(score),
            expected=how_many(score) if score.count_high else "",
            up=is_up(score),
            change=_change(score),
        )
        for i, score in enumerate(data.scores, start=1)
    ]


def shown(score: Score) -> str:
    """A unit's display name: ``Green Zone`` for ``green_zone``."""
    return "Overall" if score.unit_key == schema.ALL_UNIT else titled(score.unit)


def _families(score: Score) -> list[tuple[str, float]]:
    """Contributions of feature families, largest first."""
    large = [(plain(n), v) for n, v in score.families.items() if abs(v) >= SMALLEST_FAMILY]
    return sorted(large, key=lambda item: -abs(item[1]))


def _further(score: Score) -> str:
    """How many more events would lift a unit to the alert line."""
    line = score.alert_line
    if line is None or score.probability is None or score.probability >= line:
        return ""
    count = score.events_to_alert
    if count is None:
        return (
            f"Even {MOST_FURTHER} more events like its last one, today, would not lift it to the "
            f"alert line of {percent(line)}."
        )
    events = "One more event" if count == 1 else f"{count} more events"
    return f"{events} like its last one, today, would lift it to the alert line of {percent(line)}."


def _change(score: Score) -> str:
    points = round(100.0 * (score.change or 0.0))
    if points == 0:
        return ""
    return f"{'▲' if points > 0 else '▼'} {abs(points)} point{'s' * (abs(points) != 1)}"


def _events_of(data: ReportData, unit_key: str) -> pd.DataFrame:
    """The events that belong to a unit; every event belongs to the unit of all."""
    belongs = np.zeros(len(data.events), dtype=bool)
    for kind in data.experiment.panel.units:
        belongs |= (unit_keys_of(data.events, kind) == unit_key).to_numpy(dtype=bool)
    return data.events[belongs]


def unit_sections(data: ReportData, *, most: int) -> list[dict[str, Any]]:
    """A chart of the year before the day for each of the highest units.

    Parameters
    ----------
    data : ReportData
    most : int
        Number of units.
    """
    axis = Axis(data.day - YEAR, data.day + pd.Timedelta(data.scores[0].horizon, "D"))
    return [_section(data, axis, line) for line in ranked_lines(data)[:most]]


def _section(data: ReportData, axis: Axis, line: Line) -> dict[str, Any]:
    unit_key = line.score.unit_key
    past, recent = (
        _within(frame[frame[schema.UNIT_KEY] == unit_key], axis)
        for frame in (data.model_forecasts, data.recent)
    )
    events = _events_of(data, unit_key)
    drawn_events = events[events[schema.EVENT_DATE].between(axis.first, axis.last)]
    today = axis.at(data.day)
    joint = axis.at(recent[schema.DAY].iloc[0]) if len(recent) else today
    return {
        "line": line,
        "ticks": axis.ticks(),
        **_curve(past, axis, joint),
        **{f"recent_{name}": path for name, path in _curve(recent, axis, today).items()},
        "today": today,
        "base": round(100.0 - 100.0 * line.score.base_rate, 1),
        "marks": [_mark(axis, event) for _, event in drawn_events.iterrows()],
        "latest": [
            (long_day(event[schema.EVENT_DATE]), what_happened(event))
            for _, event in events.tail(LATEST).iterrows()
        ],
        "description": _description(past, drawn_events, line),
    }


def _within(frame: pd.DataFrame, axis: Axis) -> pd.DataFrame:
    days = pd.to_datetime(frame[schema.DAY])
    return frame.assign(day=days)[days >= axis.first].sort_values(schema.DAY)


def _curve(frame: pd.DataFrame, axis: Axis, end: float) -> dict[str, str]:
    x = np.array([axis.at(day) for day in frame[schema.DAY]])
    low, high, probability = (
        frame[name].to_numpy(dtype=np.float64) for name in ("lower", "upper", "probability")
    )
    return {"band": band(x, low, high, end=end), "curve": steps(x, probability, end=end)}


def _mark(axis: Axis, event: pd.Series) -> dict[str, Any]:
    killed = 0.0 if pd.isna(event[schema.KILLED]) else float(event[schema.KILLED])
    return {
        "x": axis.at(event[schema.EVENT_DATE]),
        "rung": int(event[schema.SEVERITY]),
        "radius": round(3.2 + 0.6 * min(np.sqrt(killed), 7.0), 1),
        "text": f"{long_day(event[schema.EVENT_DATE])}: {what_happened(event)}",
    }


def _description(past: pd.DataFrame, events: pd.DataFrame, line: Line) -> str:
    """A chart in words, for screen readers."""
    known = past["probability"].dropna().astype(float)
    if known.empty:
        history = "No earlier forecast is stored."
    else:
        peak = past.loc[known.idxmax()]
        history = (
            f"Over the past year its probability ranged from {known.min():.0%} to "
            f"{known.max():.0%}, highest on {long_day(peak[schema.DAY])}."
        )
    violent = int((events[schema.SEVERITY] >= 3).sum())
    return f"{line.unit}: {history} {len(events)} events, {violent} of them violent."


def ladder() -> list[tuple[int, str]]:
    """Rungs and their words, highest first; rung 0 is not drawn."""
    return [(rung, schema.RUNG_WORDS[rung]) for rung in range(schema.HIGHEST_RUNG, 0, -1)]


def move_lines(data: ReportData) -> dict[str, list[dict[str, Any]]]:
    """By direction, what followed each kind of move; kinds without a move are left out."""
    if data.moves.empty:
        return {}
    moves = data.moves[data.moves["moves"] > 0]
    lines: dict[str, list[dict[str, Any]]] = {}
    for (mover, other, kind), rows in moves.groupby(["mover", "other", "group"], sort=False):
        direction = f"{plain(mover)} moved; then {plain(other)} acted"
        lines.setdefault(direction, []).append(_move_line(str(kind), rows))
    return lines


def _move_line(kind: str, rows: pd.DataFrame) -> dict[str, Any]:
    longest = rows.iloc[-1]
    windows = dict(zip(rows["verdict"], rows["within"], strict=True))
    verdict = ANSWER if ANSWER in windows else str(longest["verdict"])
    if ANSWER in windows and len(windows) > 1:
        verdict += f" within {windows[ANSWER]} days"
    return {
        "kind": kind,
        "followed": [f"{row.followed} of {row.moves}" for row in rows.itertuples()],
        "chance": f"{longest['before']:.0%}, {longest['jittered']:.0%}",
        "delay": f"{longest['median_delay']:g} days" if longest["followed"] else "-",
        "verdict": verdict,
    }


def unit_map(data: ReportData) -> Map | None:
    """Units on a map, each at the median location of its events."""
    scores = [score for score in data.scores if score.unit_key != schema.ALL_UNIT]
    if not scores:
        return None
    columns = [schema.LATITUDE, schema.LONGITUDE]
    locations = [
        _events_of(data, score.unit_key)[columns].median().to_numpy(np.float64, na_value=np.nan)
        for score in scores
    ]
    latitude, longitude = np.array(locations).T
    probability = [np.nan if s.probability is None else s.probability for s in scores]
    return dot_map([shown(s) for s in scores], latitude, longitude, np.array(probability))
