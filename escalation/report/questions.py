"""The answers on top of a page: how likely, where, what drives it, who moves next, what if."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from escalation import schema
from escalation._util.text import toll
from escalation.experiment import label_question
from escalation.models.excitation.exchanges import ExchangeState
from escalation.models.excitation.followed import HARMS, acts_between
from escalation.report.page_data import ReportData
from escalation.report.sections import Line, ranked_lines, shown
from escalation.report.words import long_day, plain, titled
from escalation.scoring.explain import Driver

_NAMED = 3
"""Places, and events, named on top of the page."""


class OtherLabel(NamedTuple):
    """A label after the first; ``of_a_side`` if it counts the acts of a single actor."""

    question: str
    of_a_side: bool
    horizon: int
    lines: list[Line]
    drivers: str
    record: str


class SupposedLine(NamedTuple):
    """A probability that hypothetical events change."""

    question: str
    unit: str
    before: float
    after: float
    points: str


def answers(data: ReportData) -> dict[str, Any]:
    """The overall line (or else the highest), the likeliest places, and the drivers of the line."""
    lines = [line for line in ranked_lines(data) if line.score.probability is not None]
    whole = next((line for line in lines if line.score.unit_key == schema.ALL_UNIT), None)
    places = [line for line in lines if line is not whole]
    first = whole or next(iter(lines), None)
    drivers = first.score.drivers[:_NAMED] if first else ()
    return {
        "whole": first,
        "places": places[:_NAMED],
        "drivers": [_driver_words(driver) for driver in drivers],
    }


def turns(data: ReportData) -> list[str]:
    """The state of each pair's exchange, and what followed moves like the latest one."""
    return [
        " ".join(filter(None, [turn_words(state), _after_similar(data, state)]))
        for state in data.states
    ]


def turn_words(state: ExchangeState) -> str:
    """The state of an exchange in a sentence.

    Examples
    --------
    >>> turn_words(ExchangeState("a_b", "c", False, 0, "", 0, 0, 0, None, None))
    'No exchange is under way between a b and c.'
    """
    pair = f"{plain(state.side)} and {plain(state.other)}"
    if not state.open:
        return f"No exchange is under way between {pair}."
    due, days = plain(state.due), f"{state.days_left} day{'s' * (state.days_left != 1)}"
    turn = f"{due} to answer within {days}" if state.days_left else f"no answer from {due} in time"
    past = "no earlier exchange got this far"
    if state.lower is not None:
        past = (
            f"{state.went_on} of {state.reached} earlier exchanges that got this far continued "
            f"({state.lower:.0%} to {state.upper:.0%})"
        )
    return f"The exchange between {pair} is in round {state.round}: {turn}; {past}."


def _after_similar(data: ReportData, state: ExchangeState) -> str:
    """How often the side that is due has acted after moves as harmful as the latest one."""
    if not state.open or state.due not in (state.side, state.other):
        return ""
    mover = state.other if state.due == state.side else state.side
    first = data.experiment.data.first_day or data.events[schema.EVENT_DATE].min()
    acts = acts_between(data.events, mover, state.due, first_day=first)
    harm = next((harm for harm in HARMS if harm in acts.harm[acts.day == acts.day.max()]), "")
    moves = data.moves
    similar = moves[
        (moves["mover"] == mover) & (moves["other"] == state.due) & (moves["group"] == harm)
    ]
    if similar.empty or not similar["moves"].iloc[-1]:
        return f"No earlier move by {plain(mover)} was like its latest one ({harm})."
    row = similar.iloc[-1]
    return (
        f"After earlier moves by {plain(mover)} like its latest one ({harm}), {plain(state.due)} "
        f"acted within {row['within']} days {row['followed']} of {row['moves']} times: "
        f"{row['verdict']}."
    )


def _driver_words(driver: Driver) -> str:
    """A driver in a few words.

    Examples
    --------
    >>> _driver_words(Driver("e1", "2020-03-11", "taji", "rocket_attack", "", "", 3, 14, 0.8))
    'rocket attack, Taji, 11 March 2020 (3 killed, 14 wounded)'
    """
    event = ", ".join(filter(None, [plain(driver.event_type), titled(driver.place)]))
    people = toll(driver.killed, driver.wounded)
    return f"{event}, {long_day(driver.date)}" + (f" ({people})" if people else "")


def other_labels(data: ReportData) -> list[OtherLabel]:
    """The labels after the first."""
    return [_other_label(page) for page in data.others]


def _other_label(page: ReportData) -> OtherLabel:
    lines = ranked_lines(page)
    first = next((line for line in lines if line.score.probability is not None), None)
    drivers = first.score.drivers[:_NAMED] if first else ()
    return OtherLabel(
        label_question(page.experiment, page.target),
        len(set(page.target.where.equal.get(schema.ACTOR, ()))) == 1,
        page.target.horizon,
        lines,
        "; ".join(f"{_driver_words(driver)} ({driver.contribution:+.2f})" for driver in drivers),
        record_words(page.model_forecasts),
    )


def record_words(forecasts: pd.DataFrame) -> str:
    """How many forecasts have resolved, how many were positive, and in how many episodes."""
    known = forecasts[forecasts[schema.OUTCOME].notna()]
    if known.empty:
        return "no forecast has resolved yet"
    positive = known[known[schema.OUTCOME] == 1]
    count = episodes(positive)
    if not count:
        return f"{len(known):,} forecasts so far, none followed by the outcome"
    times = "one episode" if count == 1 else f"{count} separate episodes"
    return f"{len(known):,} forecasts so far, {len(positive):,} followed by the outcome, in {times}"


def episodes(positive: pd.DataFrame) -> int:
    """Number of runs of consecutive forecast days, over all units together.

    Examples
    --------
    >>> days = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-02", "2020-01-09"])
    >>> episodes(pd.DataFrame({"day": days}))
    2
    """
    days = np.unique(positive[schema.DAY].to_numpy("datetime64[D]"))
    gaps = np.diff(days).astype(np.int64)
    longer = int((gaps > gaps.min()).sum()) if len(gaps) else 0
    return longer + (len(days) > 0)


def supposed_lines(data: ReportData) -> list[SupposedLine]:
    """Probabilities that change by a point or more, largest change first within each label."""
    lines = []
    for page in (data, *data.others):
        question = label_question(page.experiment, page.target)
        rows = [row for row in data.supposed if row.target == page.scores[0].target]
        for row in sorted(rows, key=lambda row: -abs(row.change or 0.0)):
            change = row.change or 0.0
            points = round(100.0 * change)
            if points and row.probability is not None:
                after = row.probability
                line = SupposedLine(question, shown(row), after - change, after, f"{points:+d}")
                lines.append(line)
    return lines
