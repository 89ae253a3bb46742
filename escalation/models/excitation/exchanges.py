"""Exchanges: runs of move and answer between two sides, and the state of the current one.

Both sides' violent acts against each other are sorted by day. A round is a run of acts of one side.
An act of the other side within w days of the last one answers it and opens the next round; a later
one opens a new exchange. More than q days without an act end an exchange.

On simulated histories with known answers, links from round to round have a higher precision and a
lower recall than links to the nearest act of the other side: see ``tests/benchmarks/moves.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from escalation._util.arrays import Bools, Ints
from escalation.errors import UsageError
from escalation.events.archive import EventArchive, to_day
from escalation.models.excitation.chance import share_interval
from escalation.models.excitation.followed import Acts, acts_between

ANSWER_WITHIN = 14
ENDS_AFTER = 30
EXCHANGE_RULE = (
    f"The other side's act within {ANSWER_WITHIN} days opens a new round, a later one a new "
    f"exchange; more than {ENDS_AFTER} quiet days end one."
)
EXCHANGE_COLUMNS = (
    "side", "other", "first", "last", "days", "acts", "rounds", "opened", "closed", "highest_rung",
    "over",
)  # fmt: skip
"""``first`` and ``last`` are ISO days, ``days`` their distance, ``over`` whether it has ended."""


@dataclass(frozen=True)
class ExchangeState:
    """State of the exchange between two sides on a day.

    Parameters
    ----------
    side, other : str
    open : bool
        Whether an exchange is under way: at most q quiet days so far.
    round : int
        Its current round; 0 without one.
    due : str
        Side whose turn it is; both, joined by ``" and "``, if both acted on the last day.
    days_left : int
        Days left for an answer.
    reached, went_on : int
        Earlier exchanges that reached this round, and those that reached the next.
    lower, upper : float
        95% interval of the share that reached the next; None without an earlier one.
    """

    side: str
    other: str
    open: bool
    round: int
    due: str
    days_left: int
    reached: int
    went_on: int
    lower: float | None
    upper: float | None


def rounds_of(
    day: Ints, by_other: Bools, *, within: int = ANSWER_WITHIN, quiet: int = ENDS_AFTER
) -> tuple[Ints, Ints]:
    """Exchange of each act, numbered from 0, and its round, numbered from 1.

    Parameters
    ----------
    day : ndarray of int64, shape (act,)
        In ascending order.
    by_other : ndarray of bool, shape (act,)
        Whether the other side acted. Acts of one day are grouped by side, the last to act first.
    within, quiet : int
        w and q, in days.

    Examples
    --------
    >>> exchange, number = rounds_of(np.array([1, 2, 9, 60]), np.array([0, 0, 1, 0], bool))
    >>> exchange.tolist(), number.tolist()
    ([0, 0, 0, 1], [1, 1, 2, 1])
    """
    exchange, number = np.zeros(len(day), np.int64), np.ones(len(day), np.int64)
    for i in range(1, len(day)):
        gap, turn = day[i] - day[i - 1], by_other[i] != by_other[i - 1]
        new = gap > (within if turn else quiet)
        exchange[i] = exchange[i - 1] + new
        number[i] = 1 if new else number[i - 1] + turn
    return exchange, number


def exchanges_of(
    archive: EventArchive,
    pairs: Sequence[tuple[str, str]],
    *,
    first_day: object = None,
    last_day: object = None,
    lag: int = 0,
    within: int = ANSWER_WITHIN,
    quiet: int = ENDS_AFTER,
) -> tuple[pd.DataFrame, list[ExchangeState]]:
    """Every exchange of each pair, and the state of each pair on the last day.

    Parameters
    ----------
    archive : EventArchive
    pairs : sequence of (str, str)
    first_day, last_day : date-like, optional
        Period, all as known on its last day; by default the archive's.
    lag : int
        Reporting lag in days: the last ``lag`` days are incomplete and left out.
    within, quiet : int
        w and q, in days.

    Returns
    -------
    tuple of DataFrame and list of ExchangeState
        Columns of :data:`EXCHANGE_COLUMNS`, by pair and day.

    Raises
    ------
    UsageError
        ``E-USAGE`` for w below 1, or q below w.
    """
    if not 1 <= within <= quiet:
        raise UsageError("E-USAGE", "needs 1 day or more for an answer, and no fewer quiet days")
    first, last = to_day(first_day or archive.first_day), to_day(last_day or archive.covered_to)
    events, end = archive.as_of(last), int((last - first).astype(np.int64)) - lag
    rows, states = [], []
    for side, other in pairs:
        acts_of_both = [
            acts_between(events, *pair, first_day=first) for pair in ((side, other), (other, side))
        ]
        day, by_other, rung = _in_turn(acts_of_both, end)
        exchange, number = rounds_of(day, by_other, within=within, quiet=quiet)
        names = np.where(by_other, other, side)
        is_open, rounds = False, []
        for acts in np.split(np.arange(len(day)), np.flatnonzero(np.diff(exchange)) + 1):
            if not len(acts):
                continue
            start, stop = int(day[acts[0]]), int(day[acts[-1]])
            is_open = acts[-1] == len(day) - 1 and end - stop <= quiet
            rounds.append(int(number[acts[-1]]))
            rows.append((
                side, other, str(first + start), str(first + stop), stop - start, len(acts),
                rounds[-1], str(names[acts[0]]), str(names[acts[-1]]), int(rung[acts].max()),
                not is_open,
            ))  # fmt: skip
        state = ExchangeState(side, other, False, 0, "", 0, 0, 0, None, None)
        if is_open:
            movers = np.unique(by_other[day == day[-1]])
            due = " and ".join(side if is_other else other for is_other in movers)
            days_left = max(within - (end - int(day[-1])), 0)
            state = replace(state, open=True, due=due, days_left=days_left, **_progress(rounds))
        states.append(state)
    return pd.DataFrame(rows, columns=list(EXCHANGE_COLUMNS)), states


def _in_turn(acts_of_both: list[Acts], end: int) -> tuple[Ints, Bools, Ints]:
    """Day, side and rung of all acts by day; within a day, the side that acted last comes first."""
    day = np.concatenate([acts.day for acts in acts_of_both])
    by_other = np.repeat([False, True], [len(acts.day) for acts in acts_of_both])
    rung = np.concatenate([acts.rung for acts in acts_of_both])
    reported = day <= end
    day, by_other, rung = day[reported], by_other[reported], rung[reported]
    order, last_side = [], False
    for date in np.unique(day):
        same_day = np.flatnonzero(day == date)
        order += sorted(same_day.tolist(), key=lambda i: by_other[i] != last_side)
        last_side = bool(by_other[order[-1]])
    return day[order], by_other[order], rung[order]


def _progress(rounds: list[int]) -> dict[str, Any]:
    """Round of the last exchange, and how many earlier ones got there and beyond."""
    current = rounds[-1]
    went_on = np.array([last > current for last in rounds[:-1] if last >= current], dtype=bool)
    reached = len(went_on)
    lower, upper = share_interval(went_on, np.arange(reached)) if reached else (None, None)
    return {
        "round": current,
        "reached": reached,
        "went_on": int(went_on.sum()),
        "lower": lower,
        "upper": upper,
    }


def state_in_words(state: ExchangeState) -> str:
    """Describe the state of two sides in words."""
    pair = f"{state.side} and {state.other}"
    if not state.open:
        return f"{pair}: no exchange under way."
    text = f"{pair}: round {state.round} of an exchange; {state.due} to answer"
    text += (
        f" within {state.days_left} day{'s' * (state.days_left > 1)}."
        if state.days_left
        else ", overdue."
    )
    if state.lower is None:
        return f"{text} No earlier exchange got this far."
    return (
        f"{text} Of {state.reached} earlier exchanges that got this far, {state.went_on} continued "
        f"({state.lower:.0%} to {state.upper:.0%})."
    )
