"""A probability in words: next to the unit's usual level, and next to the model's record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from escalation._util.text import percent
from escalation.backtest.intervals import TrackRecord
from escalation.scoring.status import NO_INFORMATION, of_every_row
from escalation.scoring.watchlist import Score

UP = 1.5
"""A unit is up from this many times its base rate."""
LEAST_UP = 0.05
"""A unit with a lower probability is never up, however rare the outcome usually is there."""
ABOUT = 1.25
"""A ratio below this, or above its inverse, is "about" the usual."""
EXAMPLE_FORECASTS = (0.05, 0.2, 0.5)
"""Probabilities for which a track record is quoted."""


def ratio(score: Score) -> float | None:
    """Probability over base rate; None if there is no probability."""
    if score.probability is None or not score.base_rate > 0.0:
        return None
    return score.probability / score.base_rate


def is_up(score: Score) -> bool:
    """Whether a unit is well above its usual level, and its whole interval above it.

    Examples
    --------
    >>> from dataclasses import replace
    >>> score = Score("taji", "2020-03-12", 7, "any_7d", 0.27, 0.1, 0.4, 0.09, ("ok",), (), {})
    >>> is_up(score), is_up(replace(score, lower=0.08))
    (True, False)
    >>> is_up(replace(score, probability=0.02, lower=0.008, upper=0.03, base_rate=0.004))
    False
    """
    times_usual = ratio(score)
    if times_usual is None or score.lower is None:
        return False
    likely = (score.probability or 0.0) >= LEAST_UP
    return likely and times_usual >= UP and score.lower > score.base_rate


def up_first(scores: Sequence[Score]) -> tuple[list[Score], list[Score]]:
    """Units above their usual level, and the others; each in the order of the list."""
    up = [score for score in scores if is_up(score)]
    return up, [score for score in scores if not is_up(score)]


def times(value: float) -> str:
    """A ratio in words.

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
    """How a unit's probability compares with its base rate.

    Examples
    --------
    >>> score = Score("taji", "2020-03-12", 7, "any_7d", 0.27, 0.1, 0.4, 0.09, ("ok",), (), {})
    >>> against_usual(score)
    '3 times its usual 9%'
    """
    value = ratio(score)
    usual = percent(score.base_rate)
    return f"usually {usual}" if value is None else f"{times(value)} its usual {usual}"


def how_many(score: Score) -> str:
    """The expected number of events and its 80% range; empty if the label counts no events.

    Examples
    --------
    >>> from dataclasses import replace
    >>> score = Score("taji", "2020-03-12", 7, "any_7d", 0.27, 0.1, 0.4, 0.09, ("ok",), (), {})
    >>> how_many(score), how_many(replace(score, expected=1.34, count_low=0, count_high=3))
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


def track_in_words(record: TrackRecord) -> str:
    """How often the outcome followed forecasts of 5, 20 and 50%, in a sentence.

    Examples
    --------
    >>> from escalation.backtest.intervals import NO_RECORD
    >>> track_in_words(NO_RECORD)[:58]
    'Of forecasts of 5%, <1 to 84% were followed by the outcome'
    """
    lower, upper = record.interval(np.array(EXAMPLE_FORECASTS))
    first, *others = map(span, lower.tolist(), upper.tolist())
    level, *other_levels = map(percent, EXAMPLE_FORECASTS)
    others = [f"of {p}, {share}" for p, share in zip(other_levels, others, strict=True)]
    shares = [f"Of forecasts of {level}, {first} were followed by the outcome", *others]
    return f"{'; '.join(shares)} (95% intervals, {record.resolved:,} resolved forecasts)."


def record_in_words(scores: Sequence[Score]) -> str:
    """What a list's intervals mean, by its first row, and the statuses that all rows share.

    Returns
    -------
    str
        Sentences; empty if no row has a probability.
    """
    for score in scores:
        if score.probability is None or score.lower is None or score.upper is None:
            continue
        notes = [*of_every_row(score.status), *[NO_INFORMATION] * score.no_information]
        sentences = [
            "Observed: how often the outcome followed forecasts at this level, from the model's "
            "own resolved forecasts (95% interval): for "
            f"{percent(score.probability)}, {span(score.lower, score.upper)}.",
            *(f"{note[:1].upper()}{note[1:]}." for note in notes),
        ]
        return " ".join(sentences)
    return ""
