"""Exchanges: runs of move and answer between two sides, and how far the present one has come.

Both sides' violent acts against each other stand in order of days. A round is a run of acts of one
side. The other side's act within w days of the last one answers it and opens the next round; later,
it opens a new exchange. More than q days without an act end it.

On simulated histories whose answers are known, a link from round to round is right more often than
one to the nearest act of the other side within the same days, and fewer of the true ones are found:
``tests/benchmarks/moves.py`` counts both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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
"""First and last day are ISO days, ``days`` their distance; ``over`` where it was quiet since."""


@dataclass(frozen=True)
class ExchangeState:
    """Where two sides stand on a day.

    Parameters
    ----------
    side, other : str
    open : bool
        Whether an exchange goes on: fewer than q quiet days so far.
    round : int
        That it has come to; 0 where none goes on.
    due : str
        Side whose turn it is; both, joined by ``" and "``, where they acted last on one day.
    days_left : int
        For an answer; 0 where the time is over.
    reached, went_on : int
        Earlier exchanges that came to this round, and those that went on to the next.
    lower, upper : float
        95% interval of the share that went on; None where none came so far.
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

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def rounds_of(
    day: Ints, by_other: Bools, *, within: int = ANSWER_WITHIN, quiet: int = ENDS_AFTER
) -> tuple[Ints, Ints]:
    """Exchange and round of each act, from 0 and from 1 up.

    Parameters
    ----------
    day : ndarray of int64, shape (act,)
        In rising order.
    by_other : ndarray of bool, shape (act,)
        By which of the two sides; acts of one day are taken side by side, the last one's first.
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
    """Every exchange of each pair, and where each pair stands on the last day.

    Parameters
    ----------
    archive : EventArchive
    pairs : sequence of (str, str)
    first_day, last_day : date-like, optional
        Ends of the days looked at, all as known on the last; by default the archive's.
    lag : int
        Reporting lag in days: the last ``lag`` days are incomplete and left out.
    within, quiet : int
        w and q, in days.

    Returns
    -------
    tuple of DataFrame and list of ExchangeState
        Columns as in :data:`EXCHANGE_COLUMNS`, in order of days.

    Raises
    ------
    UsageError
        ``E-USAGE`` for w below 1, or q below w.
    """
    if not 1 <= within <= quiet:
        raise UsageError("E-USAGE", "needs an answer within 1 day or more, and no fewer quiet days")
    first, last = to_day(first_day or archive.first_day), to_day(last_day or archive.covered_to)
    events, end = archive.as_of(last), int((last - first).astype(np.int64)) - lag
    rows, states = [], []
    for side, other in pairs:
        both = [
            acts_between(events, *two, first_day=first) for two in ((side, other), (other, side))
        ]
        day, by_other, rung = _in_turn(both, end)
        exchange, number = rounds_of(day, by_other, within=within, quiet=quiet)
        names = np.where(by_other, other, side)
        going_on, rounds = False, []
        for acts in np.split(np.arange(len(day)), np.flatnonzero(np.diff(exchange)) + 1):
            if not len(acts):
                continue
            start, stop = int(day[acts[0]]), int(day[acts[-1]])
            going_on = acts[-1] == len(day) - 1 and end - stop <= quiet
            rounds.append(int(number[acts[-1]]))
            rows.append((
                side, other, str(first + start), str(first + stop), stop - start, len(acts),
                rounds[-1], str(names[acts[0]]), str(names[acts[-1]]), int(rung[acts].max()),
                not going_on,
            ))  # fmt: skip
        state = ExchangeState(side, other, False, 0, "", 0, 0, 0, None, None)
        if going_on:
            movers = np.unique(by_other[day == day[-1]])
            due = " and ".join(side if turn else other for turn in movers)
            left = max(within - (end - int(day[-1])), 0)
            state = replace(state, open=True, due=due, days_left=left, **_progress(rounds))
        states.append(state)
    return pd.DataFrame(rows, columns=list(EXCHANGE_COLUMNS)), states


def _in_turn(both: list[Acts], end: int) -> tuple[Ints, Bools, Ints]:
    """Acts of both sides by day; on one day, those of the side that acted last come first."""
    day = np.concatenate([acts.day for acts in both])
    by_other = np.repeat([False, True], [len(acts.day) for acts in both])
    rung = np.concatenate([acts.rung for acts in both])
    seen = day <= end
    day, by_other, rung = day[seen], by_other[seen], rung[seen]
    order, before = [], False
    for when in np.unique(day):
        own = np.flatnonzero(day == when)
        order += sorted(own.tolist(), key=lambda i: by_other[i] != before)
        before = bool(by_other[order[-1]])
    return day[order], by_other[order], rung[order]


def _progress(rounds: list[int]) -> dict[str, Any]:
    """Round that the last exchange has come to, and what came of earlier ones that got there."""
    now = rounds[-1]
    went_on = np.array([last > now for last in rounds[:-1] if last >= now], dtype=bool)
    reached = len(went_on)
    span = share_interval(went_on, np.arange(reached)) if reached else (None, None)
    numbers = {"round": now, "reached": reached, "went_on": int(went_on.sum())}
    return {**numbers, "lower": span[0], "upper": span[1]}


def state_in_words(state: ExchangeState) -> str:
    """Where two sides stand, as a sentence."""
    pair = f"{state.side} and {state.other}"
    if not state.open:
        return f"{pair}: in no exchange today."
    text = f"{pair}: in an exchange, round {state.round}; {state.due} due"
    text += f", {state.days_left} days left to answer." if state.days_left else ", answer overdue."
    if state.lower is None:
        return f"{text} No earlier one came so far."
    return (
        f"{text} Of {state.reached} earlier ones that came so far, {state.went_on} went on "
        f"({state.lower:.0%} to {state.upper:.0%})."
    )
