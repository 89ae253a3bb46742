"""How often a move of one side is followed by an act of the other, and whether that is chance.

A move is a violent act (rung 3 and up) of one side against another. It is followed if the other
side acts against the mover within w days from the next day on; acts of one day have no order.
Coincidence is measured in two ways: by acts in the w days before a move, and by the same moves
shifted by up to 30 days. It is called an answer only if both find more than coincidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from escalation import schema
from escalation._util.arrays import Bools, Ints
from escalation.errors import UsageError
from escalation.events.archive import EventArchive, to_day
from escalation.models.excitation.chance import (
    excess_interval,
    exchange_numbers,
    jittered,
    share_interval,
)
from escalation.panel.dense import pair_channel
from escalation.panel.sides import no_pairs

WITHIN = (3, 7, 14)
JITTER = 30
LEAST_EXCHANGES = 6
"""With fewer, a sign test can't fall below 2.5% even if all moves are followed, none preceded."""
NULL_LEVEL = 0.025
"""One-sided level of each of the two tests."""
HARMS = ("killed", "wounded", "nobody hurt")
"""Harm done by a move, the most severe first; the last includes unreported harm."""
ANY_HARM = "any"
TOO_FEW, ANSWER, NOT_SHOWN = "too few to say", "answer", "not shown"
Grouping = Literal["harm", "rung"]


@dataclass(frozen=True)
class Acts:
    """Violent acts of one side against another, sorted by day.

    Parameters
    ----------
    day : ndarray of int64, shape (act,)
        Days since the first.
    rung : ndarray of int64, shape (act,)
    harm : ndarray of str, shape (act,)
        One of ``HARMS``.
    """

    day: Ints
    rung: Ints
    harm: np.ndarray

    def select(self, mask: Bools) -> Acts:
        """Acts of a mask."""
        return Acts(self.day[mask], self.rung[mask], self.harm[mask])


MOVE_COLUMNS: Mapping[str, str] = {
    "mover": "side that moved",
    "other": "side that may answer",
    "group": "severity of the moves; `any` for all",
    "within": "length of the window in days",
    "moves": "moves whose windows before and after lie within the period",
    "exchanges": "runs of moves whose windows overlap",
    "followed": "moves followed by an act of the other side",
    "share": "share followed, including coincidence",
    "lower": "low end of its 95% interval",
    "upper": "high end of that interval",
    "before": "share with an act of the other side in as many days before",
    "jittered": "expected share followed if moves are shifted by up to 30 days",
    "excess": "share followed minus share preceded",
    "excess_lower": "low end of its 95% interval",
    "excess_upper": "high end of that interval",
    "jitter_p": "probability that shifted moves are followed at least as often",
    "median_delay": "median days to the first act of the other side, if any",
    "harder": "first acts on a higher rung than the move, by the highest rung of the day",
    "as_hard": "first acts on the same rung",
    "milder": "first acts on a lower rung",
    "verdict": "`answer`, `not shown` or `too few to say`",
}
"""Columns of :func:`moves_table` in order, each with its meaning."""


def acts_between(events: pd.DataFrame, actor: str, target: str, *, first_day: object) -> Acts:
    """Violent acts of one side against another.

    Parameters
    ----------
    events : DataFrame
        Canonical events, as known on one day.
    actor, target : str
    first_day : date-like
        Day 0; earlier acts are left out.
    """
    days = events[schema.EVENT_DATE].to_numpy("datetime64[D]") - to_day(first_day)
    mask = pair_channel(actor, target).where.mask(events) & (days.astype(np.int64) >= 0)
    acts = events[mask]
    weight = acts[schema.WEIGHT].to_numpy(np.int64)
    killed, wounded = (acts[name].fillna(0).to_numpy() > 0 for name in schema.COUNT_COLUMNS)
    harm = np.where(killed, HARMS[0], np.where(wounded, HARMS[1], HARMS[2]))
    day, rung = days[mask].astype(np.int64), acts[schema.SEVERITY].to_numpy(np.int64)
    order = np.argsort(np.repeat(day, weight), kind="stable")
    return Acts(*(np.repeat(values, weight)[order] for values in (day, rung, harm)))


def moves_table(
    archive: EventArchive,
    pairs: Sequence[tuple[str, str]],
    *,
    first_day: object = None,
    last_day: object = None,
    lag: int = 0,
    within: Sequence[int] = WITHIN,
    by: Grouping = "harm",
) -> pd.DataFrame:
    """How often each side's moves are followed: one row per direction, group and window.

    Parameters
    ----------
    archive : EventArchive
    pairs : sequence of (str, str)
        Each is evaluated in both directions.
    first_day, last_day : date-like, optional
        Period, all as known on its last day; by default the archive's.
    lag : int
        Reporting lag in days: the last ``lag`` days are incomplete and left out.
    within : sequence of int
        Window lengths in days.
    by : {"harm", "rung"}
        How moves are grouped.

    Returns
    -------
    DataFrame
        The columns of :data:`MOVE_COLUMNS`.

    Raises
    ------
    UsageError
        ``E-CONFIG`` without pairs, ``E-USAGE`` for windows below 1 day.
    """
    if not pairs:
        raise no_pairs()
    if not within or min(within) < 1:
        raise UsageError("E-USAGE", "needs windows of at least 1 day", fix="give --within 7")
    first, last = to_day(first_day or archive.first_day), to_day(last_day or archive.covered_to)
    length = int((last - first).astype(np.int64)) + 1 - lag
    events = archive.as_of(last)
    rows = []
    for mover, other in dict.fromkeys(side for a, b in pairs for side in ((a, b), (b, a))):
        moves = acts_between(events, mover, other, first_day=first)
        acts = acts_between(events, other, mover, first_day=first)
        for group, selected in _groups(moves, by):
            for days in sorted(set(within)):
                row = move_row(selected, acts, length=length, within=days)
                rows.append({"mover": mover, "other": other, "group": group, **row})
    return pd.DataFrame(rows, columns=list(MOVE_COLUMNS))


def _groups(moves: Acts, by: Grouping) -> Iterator[tuple[str, Acts]]:
    if by == "harm":
        for harm in HARMS:
            yield harm, moves.select(moves.harm == harm)
    else:
        for rung in np.unique(moves.rung)[::-1]:
            yield f"rung {rung}", moves.select(moves.rung == rung)
    yield ANY_HARM, moves


def move_row(moves: Acts, acts: Acts, *, length: int, within: int) -> dict[str, object]:
    """A row of :func:`moves_table`, without sides and group.

    Parameters
    ----------
    moves, acts : Acts
        Of one side, and of the other.
    length : int
        Length of the period in days.
    within : int
        Window length in days.
    """
    inside = (moves.day >= within) & (moves.day < length - within)
    moves, acts = moves.select(inside), acts.select(acts.day < length)
    count = len(moves.day)
    exchange = exchange_numbers(moves.day, within=within)
    exchanges = int(exchange[-1]) + 1 if count else 0
    after = acts_within(acts.day, length=length, within=within)
    hit = after[moves.day]
    preceded = acts_within(length - 1 - acts.day, length=length, within=within)[::-1][moves.day]
    delay, step = _first_answers(moves.select(hit), acts)
    chance = dict.fromkeys(_CHANCE, np.nan)
    if count:
        chance = _chance(moves.day, exchange, hit, preceded, after, within)
    return {
        "within": within,
        "moves": count,
        "exchanges": exchanges,
        "followed": int(hit.sum()),
        **chance,
        "median_delay": float(np.median(delay)) if len(delay) else np.nan,
        "harder": int((step > 0).sum()),
        "as_hard": int((step == 0).sum()),
        "milder": int((step < 0).sum()),
        "verdict": _verdict(exchanges, chance),
    }


_CHANCE = (
    *("share", "lower", "upper", "before", "jittered"),
    *("excess", "excess_lower", "excess_upper", "jitter_p"),
)


def _chance(
    days: Ints, exchange: Ints, hit: Bools, preceded: Bools, after: Bools, within: int
) -> dict[str, float]:
    """Share, both comparisons and the excess, for at least one move."""
    excess = hit.astype(np.float64) - preceded
    several = bool(exchange[-1] > 0)
    mean, chance = jittered(days, exchange, after, jitter=JITTER, within=within)
    numbers = (
        float(hit.mean()),
        *share_interval(hit, exchange),
        float(preceded.mean()),
        mean,
        float(excess.mean()),
        *(excess_interval(excess, exchange) if several else (np.nan, np.nan)),
        chance,
    )
    return dict(zip(_CHANCE, numbers, strict=True))


def acts_within(days: Ints, *, length: int, within: int) -> Bools:
    """For each day, whether an act follows within the next days, shape (day,).

    Examples
    --------
    >>> acts_within(np.array([3]), length=5, within=2).tolist()
    [False, True, True, False, False]
    """
    counts = np.append(np.bincount(days, minlength=length), np.zeros(within, np.int64))
    sums = np.append(0, np.cumsum(counts))
    start = np.arange(length) + 1
    return sums[start + within] > sums[start]


def _first_answers(moves: Acts, acts: Acts) -> tuple[Ints, Ints]:
    """Days to the other side's first act, and that day's highest rung minus the move's."""
    if not len(moves.day):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    days, code = np.unique(acts.day, return_inverse=True)
    highest = np.zeros(len(days), np.int64)
    np.maximum.at(highest, code, acts.rung)
    first = np.searchsorted(days, moves.day, side="right")
    return days[first] - moves.day, highest[first] - moves.rung


def _verdict(exchanges: int, chance: Mapping[str, float]) -> str:
    if exchanges < LEAST_EXCHANGES:
        return TOO_FEW
    significant = chance["excess_lower"] > 0.0 and chance["jitter_p"] <= NULL_LEVEL
    return ANSWER if significant else NOT_SHOWN


def moves_caption(moves: pd.DataFrame) -> str:
    """Caption of a table of moves: how to read it, and its limits."""
    tested = int((moves["verdict"] != TOO_FEW).sum())
    return (
        "A move is a violent act; it is followed if the other side acts against the mover, from "
        "the next day on. Before: the same for the days before a move. Jittered: the moves shifted "
        f"by up to {JITTER} days. It is an answer only if both comparisons are significant at "
        f"{NULL_LEVEL:.1%}; {tested} rows were tested. Moves whose windows overlap are one "
        f"exchange, and fewer than {LEAST_EXCHANGES} exchanges are too few to say. After: the "
        "median delay, if followed. This describes the past and is no law."
    )
