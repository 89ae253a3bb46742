"""A probability beside its unit's own usual level, and beside what came true when it was said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from escalation._util.text import percent
from escalation.backtest.intervals import TrackRecord
from escalation.scoring.status import NO_INFORMATION, of_every_row
from escalation.scoring.watchlist import Score

UP = 1.5
"""From so many times its base rate on, a unit is up against its own usual level."""
LEAST_UP = 0.05
"""What is less likely than that is not put first, however rare it usually is."""
ABOUT = 1.25
"""Less than so many times it, up or down, is about the usual."""


def ratio(score: Score) -> float | None:
    """Probability over base rate; None where there is no probability."""
    if score.probability is None or not score.base_rate > 0.0:
        return None
    return score.probability / score.base_rate


def is_up(score: Score) -> bool:
    """Whether a unit is up against its own usual level, with its whole interval above it.

    Examples
    --------
    >>> from dataclasses import replace
    >>> one = Score("taji", "2020-03-12", 7, "any_7d", 0.27, 0.1, 0.4, 0.09, ("ok",), (), {})
    >>> is_up(one), is_up(replace(one, lower=0.08))
    (True, False)
    >>> is_up(replace(one, probability=0.02, lower=0.008, upper=0.03, base_rate=0.004))
    False
    """
    times = ratio(score)
    if times is None or score.lower is None:
        return False
    likely = (score.probability or 0.0) >= LEAST_UP
    return likely and times >= UP and score.lower > score.base_rate


def up_first(scores: Sequence[Score]) -> tuple[list[Score], list[Score]]:
    """Units that are up against their own usual level, and the others; each in their order."""
    up = [score for score in scores if is_up(score)]
    return up, [score for score in scores if not is_up(score)]


def times(value: float) -> str:
    """A ratio as it is said.

    Examples
    --------
    >>> [times(value) for value in (0.04, 0.43, 1.1, 1.6, 2.96, 14.2)]
    ['a tenth or less of', '0.4 times', 'about', '1.6 times', '3 times', '14 times']
    """
    if value <= 0.1:
        return "a tenth or less of"
    if 1.0 / ABOUT < value < ABOUT:
        return "about"
    return f"{round(value, 1) if value < 10.0 else round(value):g} times"


def against_usual(score: Score) -> str:
    """How a unit's probability compares with how often it happened there.

    Examples
    --------
    >>> one = Score("taji", "2020-03-12", 7, "any_7d", 0.27, 0.1, 0.4, 0.09, ("ok",), (), {})
    >>> against_usual(one)
    '3 times its usual 9%'
    """
    value = ratio(score)
    usual = percent(score.base_rate)
    return f"usually {usual}" if value is None else f"{times(value)} its usual {usual}"


def how_many(score: Score) -> str:
    """The expected number of events that count and its 80% range; nothing where there is none.

    Examples
    --------
    >>> from dataclasses import replace
    >>> one = Score("taji", "2020-03-12", 7, "any_7d", 0.27, 0.1, 0.4, 0.09, ("ok",), (), {})
    >>> how_many(one), how_many(replace(one, expected=1.34, count_low=0, count_high=3))
    ('', '1.3 (0 to 3)')
    """
    if score.expected is None:
        return ""
    digits = 0 if score.expected >= 10.0 else 1
    return f"{score.expected:.{digits}f} ({score.count_low} to {score.count_high})"


def span(lower: float, upper: float) -> str:
    """Both ends of an interval, in percent.

    Examples
    --------
    >>> span(0.12, 0.29), span(0.001, 0.029), span(0.2, 0.2)
    ('12 to 29%', '<1 to 3%', '20%')
    """
    low, high = percent(lower), percent(upper)
    return high if low == high else f"{low.rstrip('%')} to {high}"


def came_true(probability: float, lower: float, upper: float) -> str:
    """What an interval says, as a sentence says it.

    Examples
    --------
    >>> came_true(0.2, 0.12, 0.29)
    'when it says 20%, 12 to 29% came true'
    """
    return f"when it says {percent(probability)}, {span(lower, upper)} came true"


SAID = (0.05, 0.2, 0.5)
"""Probabilities for which a record is told."""


def track_in_words(record: TrackRecord) -> str:
    """What came true when a model said 5, 20 and 50%, in a sentence.

    Examples
    --------
    >>> from escalation.backtest.intervals import NO_RECORD
    >>> track_in_words(NO_RECORD)[:52]
    'When it says 5%, <1 to 84% came true; when it says 2'
    """
    ends = zip(SAID, *record.interval(np.array(SAID)), strict=True)
    told = "; ".join(came_true(said, float(low), float(high)) for said, low, high in ends)
    return f"{told[:1].upper()}{told[1:]} (95% intervals, {record.resolved:,} resolved forecasts)."


def record_in_words(scores: Sequence[Score]) -> str:
    """What a list's intervals mean, by its first row, and what the model's record doesn't show.

    Returns
    -------
    str
        Sentences; empty where no row has a probability.
    """
    for first in scores:
        if first.probability is None or first.lower is None or first.upper is None:
            continue
        notes = [*of_every_row(first.status), *[NO_INFORMATION] * first.no_information]
        sentences = [
            "Came true: how often it happened when the model said so, by its own resolved "
            f"forecasts (95% interval): {came_true(first.probability, first.lower, first.upper)}.",
            *(f"{note[:1].upper()}{note[1:]}." for note in notes),
        ]
        return " ".join(sentences)
    return ""
