"""The four questions of a page in a few lines, and the labels beside the first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from escalation import schema
from escalation._util.text import toll
from escalation.experiment import label_words
from escalation.models.excitation.exchanges import ExchangeState
from escalation.models.excitation.followed import HARMS, acts_between
from escalation.report.page_data import ReportData
from escalation.report.sections import Line, ranked_lines, shown
from escalation.report.words import long_day, plain, titled
from escalation.scoring.explain import Driver

_NAMED = 3
"""Places, and events, named on top of the page."""


@dataclass(frozen=True)
class OtherLabel:
    """A further label: what it asks, of one side's acts or not, its units and its record."""

    what: str
    of_a_side: bool
    horizon: int
    lines: list[Line]
    drivers: str
    record: str


@dataclass(frozen=True)
class Answers:
    """Where, how likely, what drives it, who moves next; each may be empty."""

    where: list[Line]
    whole: Line | None
    drivers: list[str]
    turns: list[str]


def answers(data: ReportData) -> Answers:
    """What the page says at its top."""
    lines = [line for line in ranked_lines(data) if line.score.probability is not None]
    whole = next((line for line in lines if line.score.unit_key == schema.ALL_UNIT), None)
    places = [line for line in lines if line is not whole]
    first = whole or next(iter(lines), None)
    drivers = [_driver_words(one) for one in first.score.drivers[:_NAMED]] if first else []
    return Answers(places[:_NAMED], first, drivers, turns(data))


def turns(data: ReportData) -> list[str]:
    """Where each pair of sides stands, and what followed moves like the last one."""
    return [
        " ".join(filter(None, [turn_words(one), _like_the_last(data, one)])) for one in data.states
    ]


def turn_words(state: ExchangeState) -> str:
    """A pair of sides in a sentence or two.

    Examples
    --------
    >>> turn_words(ExchangeState("a_b", "c", False, 0, "", 0, 0, 0, None, None))
    'Between a b and c no exchange goes on.'
    """
    pair = f"{plain(state.side)} and {plain(state.other)}"
    if not state.open:
        return f"Between {pair} no exchange goes on."
    due = plain(state.due)
    turn = (
        f"{due} due, {state.days_left} days left to answer"
        if state.days_left
        else f"{due} did not answer in time"
    )
    past = "no earlier exchange came so far"
    if state.lower is not None:
        past = (
            f"{state.went_on} of {state.reached} earlier ones that came so far went on "
            f"({state.lower:.0%} to {state.upper:.0%})"
        )
    return f"Between {pair} an exchange goes on, round {state.round}: {turn}; {past}."


def _like_the_last(data: ReportData, state: ExchangeState) -> str:
    """How often the side that is due has acted after moves as hard as the last one."""
    if not state.open or state.due not in (state.side, state.other):
        return ""
    mover = state.other if state.due == state.side else state.side
    first = data.experiment.data.first_day or data.events[schema.EVENT_DATE].min()
    acts = acts_between(data.events, mover, state.due, first_day=first)
    hardest = next((harm for harm in HARMS if harm in acts.harm[acts.day == acts.day.max()]), "")
    moves = data.moves
    like = moves[
        (moves["mover"] == mover) & (moves["other"] == state.due) & (moves["group"] == hardest)
    ]
    if like.empty or not like["moves"].iloc[-1]:
        return f"No earlier move of {plain(mover)} was like its last one ({hardest})."
    row = like.iloc[-1]
    return (
        f"After earlier moves of {plain(mover)} like its last one ({hardest}), {plain(state.due)} "
        f"acted within {row['within']} days {row['followed']} of {row['moves']} times: "
        f"{row['verdict']}."
    )


def _driver_words(driver: Driver) -> str:
    """An event that carries a number, in a few words.

    Examples
    --------
    >>> _driver_words(Driver("e1", "2020-03-11", "taji", "rocket_attack", "", "", 3, 14, 0.8))
    'rocket attack, Taji, 11 March 2020 (3 killed, 14 wounded)'
    """
    what = ", ".join(filter(None, [plain(driver.event_type), titled(driver.place)]))
    people = toll(driver.killed, driver.wounded)
    return f"{what}, {long_day(driver.date)}" + (f" ({people})" if people else "")


def other_labels(data: ReportData) -> list[OtherLabel]:
    """The labels beside the first."""
    return [_other(one, number) for number, one in enumerate(data.beside, start=2)]


def _other(data: ReportData, number: int) -> OtherLabel:
    lines = [line.named(f"label-{number}-{line.key}") for line in ranked_lines(data)]
    answered = next((line for line in lines if line.score.probability is not None), None)
    drivers = answered.score.drivers[:_NAMED] if answered else ()
    return OtherLabel(
        label_words(data.experiment, data.target),
        len(set(data.target.where.equal.get(schema.ACTOR, ()))) == 1,
        data.target.horizon,
        lines,
        "; ".join(f"{_driver_words(one)} ({one.contribution:+.2f})" for one in drivers),
        record_words(data.own),
    )


def record_words(forecasts: pd.DataFrame) -> str:
    """How many forecasts were made, how many came true, and in how many separate episodes."""
    known = forecasts[forecasts[schema.OUTCOME].notna()]
    if known.empty:
        return "no forecast of it has resolved yet"
    positive = known[known[schema.OUTCOME] == 1]
    apart = episodes(positive)
    times = "one episode" if apart == 1 else f"{apart} separate episodes"
    came = f"{len(positive):,} followed by it, in {times}" if apart else "none followed by it"
    return f"{len(known):,} forecasts so far, {came}"


def episodes(positive: pd.DataFrame) -> int:
    """Runs of days that follow one another, over all units together.

    Examples
    --------
    >>> days = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-02", "2020-01-09"])
    >>> episodes(pd.DataFrame({"day": days}))
    2
    """
    days = np.unique(positive[schema.DAY].to_numpy("datetime64[D]"))
    steps = np.diff(days).astype(np.int64)
    usual = steps.min() if len(steps) else 1
    return int((steps > usual).sum()) + (len(days) > 0)


@dataclass(frozen=True)
class SupposedLine:
    """A unit and label with a number that supposed events move."""

    what: str
    unit: str
    before: float
    after: float
    points: str


def supposed_lines(data: ReportData) -> list[SupposedLine]:
    """Units whose number changes by a point or more, largest first within each label."""
    words = {
        one.scores[0].target: label_words(one.experiment, one.target)
        for one in (data, *data.beside)
    }
    lines = []
    for what in words:
        rows = [row for row in data.supposed if row.target == what and row.probability is not None]
        for row in sorted(rows, key=lambda row: -abs(row.change or 0.0)):
            points = round(100.0 * (row.change or 0.0))
            if points and row.probability is not None:
                before = row.probability - (row.change or 0.0)
                unit = shown(row)
                lines.append(
                    SupposedLine(words[what], unit, before, row.probability, f"{points:+d}")
                )
    return lines
