"""The units on a page, as plain records that the template writes down."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from escalation import schema
from escalation._util.text import percent
from escalation.models.excitation.followed import ANSWER
from escalation.panel.membership import unit_keys_of
from escalation.report.charts import Axis, Map, band, dot_map, steps
from escalation.report.page_data import ReportData
from escalation.report.words import long_day, plain, titled, what_happened
from escalation.scoring.status import in_words, of_the_unit
from escalation.scoring.usual import against_usual, how_many, is_up
from escalation.scoring.watchlist import Score

YEAR = pd.Timedelta(364, "D")
LATEST = 5
"""Events listed in words for each unit."""
SMALLEST_FAMILY = 0.05
"""In log-odds; what groups of features add below it is not listed."""


@dataclass(frozen=True)
class Line:
    """A unit in the ranked list: its score, an anchor to link to, and its name as it is shown."""

    key: str
    unit: str
    score: Score
    families: list[tuple[str, float]]
    further: str

    def named(self, key: str) -> Line:
        """The same line under another anchor."""
        return replace(self, key=key)

    @property
    def status(self) -> str:
        """All that qualifies this score alone; nothing where nothing does."""
        return in_words(of_the_unit(self.score.status))

    @property
    def usual(self) -> str:
        """How it compares with how often it happened there."""
        return against_usual(self.score)

    @property
    def how_many(self) -> str:
        """Expected events and their 80% range; nothing where not even one is in the range."""
        return how_many(self.score) if self.score.count_high else ""

    @property
    def up(self) -> bool:
        """Whether it is up against its own usual level."""
        return is_up(self.score)

    @property
    def change(self) -> str:
        """Since the answer before, in percentage points; nothing for less than one."""
        if self.score.change is None:
            return ""
        points = round(100.0 * self.score.change)
        if points == 0:
            return ""
        return f"{'▲' if points > 0 else '▼'} {abs(points)} point{'s' * (abs(points) != 1)}"


@dataclass(frozen=True)
class EventMark:
    """An event on a unit's timeline."""

    x: float
    rung: int
    radius: float
    text: str


@dataclass(frozen=True)
class UnitSection:
    """A unit with its timeline."""

    line: Line
    ticks: list[tuple[float, str]]
    band: str
    curve: str
    recent_band: str
    recent: str
    today: float
    base: float
    marks: list[EventMark]
    latest: list[tuple[str, str]]
    description: str


def ranked_lines(data: ReportData) -> list[Line]:
    """Every unit, likeliest first, those without a probability last."""
    return [
        Line(f"unit-{i}", shown(score), score, _families(score), _further(score))
        for i, score in enumerate(data.scores, start=1)
    ]


def shown(score: Score) -> str:
    """The name of a unit as it is read: ``Green Zone`` for ``green_zone``."""
    return "All together" if score.unit_key == schema.ALL_UNIT else titled(score.unit)


def _families(score: Score) -> list[tuple[str, float]]:
    """What groups of features add, largest first; those that add nothing left out."""
    large = [(plain(n), v) for n, v in score.families.items() if abs(v) >= SMALLEST_FAMILY]
    return sorted(large, key=lambda item: -abs(item[1]))


def _further(score: Score) -> str:
    """What would lift a unit over the alert line."""
    line = score.alert_line
    if line is None or score.probability is None or score.probability >= line:
        return ""
    over = f"the alert line of {percent(line)}"
    if score.events_to_alert is None:
        return f"No number of further events like its last one, up to ten, lifts it over {over}."
    events = (
        "One more event" if score.events_to_alert == 1 else f"{score.events_to_alert} more events"
    )
    return f"{events} like its last one, today, would lift it over {over}."


def _events_of(data: ReportData, unit_key: str) -> pd.DataFrame:
    """The events that belong to a unit; all of them to the unit of all."""
    events = data.events
    held = np.zeros(len(events), dtype=bool)
    for kind in data.experiment.panel.units:
        held |= (unit_keys_of(events, kind) == unit_key).to_numpy(dtype=bool)
    return events[held]


def unit_sections(data: ReportData, *, most: int) -> list[UnitSection]:
    """A timeline for each of the likeliest units, over the year before the day.

    Parameters
    ----------
    data : ReportData
    most : int
        Units, the likeliest first.
    """
    ahead = pd.Timedelta(data.scores[0].horizon, "D")
    axis = Axis(data.day - YEAR, data.day + ahead)
    lines = ranked_lines(data)
    return [
        _section(data, axis, score, line)
        for score, line in zip(data.scores[:most], lines[:most], strict=True)
    ]


def _section(data: ReportData, axis: Axis, score: Score, line: Line) -> UnitSection:
    past, recent = (
        _within(frame[frame[schema.UNIT_KEY] == score.unit_key], axis)
        for frame in (data.own, data.recent)
    )
    events = _events_of(data, score.unit_key)
    shown_events = events[events[schema.EVENT_DATE].between(axis.first, axis.last)]
    today = axis.at(data.day)
    joint = axis.at(recent[schema.DAY].iloc[0]) if len(recent) else today
    marks = [_mark(axis, event) for _, event in shown_events.iterrows()]
    newest = [
        (long_day(event[schema.EVENT_DATE]), what_happened(event))
        for _, event in events.tail(LATEST).iterrows()
    ]
    return UnitSection(
        line,
        axis.ticks(),
        *_drawn(past, axis, joint),
        *_drawn(recent, axis, today),
        today,
        round(100.0 - 100.0 * score.base_rate, 1),
        marks,
        newest,
        _in_words(past, shown_events, line),
    )


def _within(frame: pd.DataFrame, axis: Axis) -> pd.DataFrame:
    days = pd.to_datetime(frame[schema.DAY])
    return frame.assign(day=days)[days >= axis.first].sort_values(schema.DAY)


def _drawn(frame: pd.DataFrame, axis: Axis, end: float) -> tuple[str, str]:
    x = np.array([axis.at(day) for day in frame[schema.DAY]])
    low, high, probability = (
        frame[name].to_numpy(dtype=np.float64) for name in ("lower", "upper", "probability")
    )
    return band(x, low, high, end=end), steps(x, probability, end=end)


def _mark(axis: Axis, event: pd.Series) -> EventMark:
    dead = event[schema.KILLED]
    killed = 0.0 if pd.isna(dead) else float(dead)
    return EventMark(
        axis.at(event[schema.EVENT_DATE]),
        int(event[schema.SEVERITY]),
        round(3.2 + 0.6 * min(np.sqrt(killed), 7.0), 1),
        f"{long_day(event[schema.EVENT_DATE])}: {what_happened(event)}",
    )


def _in_words(past: pd.DataFrame, events: pd.DataFrame, line: Line) -> str:
    """What a chart shows, for those who can't see it."""
    known = past["probability"].dropna().astype(float)
    if known.empty:
        moved = "No earlier forecast is stored."
    else:
        peak = past.loc[known.idxmax()]
        moved = (
            f"In the past year its risk ranged from {known.min():.0%} to {known.max():.0%}, "
            f"highest on {long_day(peak[schema.DAY])}."
        )
    violent = int((events[schema.SEVERITY] >= 3).sum())
    return f"{line.unit}: {moved} {len(events)} events, {violent} of them violent."


def ladder() -> list[tuple[int, str]]:
    """The rungs that are drawn, highest first, and their words."""
    return [(rung, schema.RUNG_WORDS[rung]) for rung in range(schema.HIGHEST_RUNG, 0, -1)]


@dataclass(frozen=True)
class MoveLine:
    """Moves of one kind, in words: what followed them within each window."""

    kind: str
    followed: list[str]
    chance: str
    delay: str
    verdict: str


def move_lines(data: ReportData) -> dict[str, list[MoveLine]]:
    """By direction, what followed a side's moves; kinds of which there were none are left out."""
    if data.moves.empty:
        return {}
    some = data.moves[data.moves["moves"] > 0]
    lines: dict[str, list[MoveLine]] = {}
    for (mover, other, kind), rows in some.groupby(["mover", "other", "group"], sort=False):
        who = f"{plain(mover)} moved; then {plain(other)} acted"
        lines.setdefault(who, []).append(_move_line(str(kind), rows))
    return lines


def _move_line(kind: str, rows: pd.DataFrame) -> MoveLine:
    """The last row is that of the longest window."""
    last = rows.iloc[-1]
    verdicts = dict(zip(rows["verdict"], rows["within"], strict=True))
    within = f" within {verdicts[ANSWER]} days" if ANSWER in verdicts and len(verdicts) > 1 else ""
    return MoveLine(
        kind,
        [f"{row.followed} of {row.moves}" for row in rows.itertuples()],
        f"{last['before']:.0%}, {last['jittered']:.0%}",
        f"{last['median_delay']:g} days" if last["followed"] else "-",
        (ANSWER if ANSWER in verdicts else str(last["verdict"])) + within,
    )


def where(data: ReportData) -> Map | None:
    """Units on a map, by the middle of their events' places."""
    names, places, chances = [], [], []
    for score in data.scores:
        if score.unit_key == schema.ALL_UNIT:
            continue
        place = _events_of(data, score.unit_key)[[schema.LATITUDE, schema.LONGITUDE]].median()
        names.append(shown(score))
        places.append(place.to_numpy(dtype=np.float64, na_value=np.nan))
        chances.append(np.nan if score.probability is None else score.probability)
    if not names:
        return None
    latitude, longitude = np.array(places).T
    return dot_map(names, latitude, longitude, np.array(chances))
