"""``prior``: a regression learnt once on other conflicts; it learns nothing from yours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from escalation._util.arrays import Array
from escalation.models.base import Column, EventModel, columns_of, weighted_sum
from escalation.models.ewma_nb import EwmaNB, nb_tail
from escalation.models.penalised import log_odds
from escalation.models.pool import AVERAGE_COLUMNS, AVERAGE_DAYS

COEFFICIENT_FILE = Path(__file__).with_name("prior.json")
KNOTS = (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90)
"""Horizons, in days, between which log-odds are a straight line in the logarithm of the horizon."""
SAME_AT_ANY_HORIZON = ("any", "onset")
"""Labels whose threshold doesn't depend on the horizon: their probability can't fall with it."""
DISPERSION = 2.0
LEAST_RATE = 0.005
"""Events a day that are added to every average."""
LONGEST = 360.0
LARGEST_ODDS = 8.0
"""Log-odds of the tails are held within."""
TERMS = (
    *(f"tail_{days}d" for days in AVERAGE_DAYS),
    "tail_mean",
    "since",
    "since_of_age",
    "age",
    "horizon",
    "total",
    "threshold",
    "middle_squared",
    "fast_less_slow_squared",
    "horizon_middle",
    "horizon_since",
    "horizon_fast_less_slow",
    "horizon_threshold",
    "age_middle",
    "since_middle",
)
"""Inputs of the regression, in the order of its coefficients."""


@cache
def learnt() -> dict[str, list[float]]:
    """Coefficients by label, the intercept first, as they come with the package."""
    numbers: dict[str, list[float]] = json.loads(COEFFICIENT_FILE.read_text("utf-8"))[
        "coefficients"
    ]
    return numbers


def inputs_of(
    sums: Array, since: Array, year: Array, mean: Array, threshold: Array, *, horizon: int, at: int
) -> Array:
    """What the regression sees, in no unit of events: shape (row, input).

    Parameters
    ----------
    sums : ndarray, shape (6, row)
        Decayed sums over 7, 10, 21, 45, 90 and 365 days.
    since, year, mean, threshold : ndarray, shape (row,)
        Days since the last event, sum of 360 days, and unchanged expectation in ``horizon`` days.
    horizon : int
        Of ``mean``, in days.
    at : int
        Horizon that is asked about, in days.
    """
    age = np.where(mean > 0.0, year * horizon / np.where(mean > 0.0, mean, 1.0), LONGEST)
    age = np.clip(age, 1.0, LONGEST)
    days = np.array(AVERAGE_DAYS, dtype=np.float64)[:, None]
    held = np.where(days < LONGEST, -np.expm1(-age / days), 1.0)
    rates = np.concatenate([np.maximum(sums, 0.0) / days / held, (year / age)[None]])
    tails = nb_tail((rates + LEAST_RATE) * at, DISPERSION, threshold[None])
    odds = np.clip(log_odds(tails), -LARGEST_ODDS, LARGEST_ODDS)
    middle, gap = odds[2], odds[0] - odds[4]
    quiet, length = np.log1p(np.clip(since, 0.0, LONGEST)), np.log(at / 7.0)
    bar, old = np.log(np.maximum(threshold, 1.0)), np.log(age / LONGEST)
    return np.column_stack(
        [
            *odds,
            quiet,
            np.minimum(np.maximum(since, 0.0) / age, 1.0),
            old,
            np.full(len(age), length),
            np.log1p(np.maximum(year, 0.0)),
            bar,
            middle**2 / 10.0,
            gap**2 / 10.0,
            length * middle,
            length * quiet,
            length * gap,
            length * bar,
            old * middle,
            quiet * middle,
        ]
    )


class Prior(EventModel):
    r"""Logistic regression learnt on other conflicts, shipped as a table of numbers.

    .. math:: \operatorname{logit} P = \beta_0 + \sum_j \beta_j z_j

    with z the log-odds of negative binomial tails on seven averages of the unit's own past,
    normalised for a young one, how long ago its last event was, its age, the horizon, and a few
    products. The numbers come from conflicts before 2020, by ``experiments/prior.py``; nothing is
    learnt from the training rows. A label that was not learnt there gets the baseline's
    probability. For ``any`` and ``onset`` probabilities don't fall with the horizon.

    Parameters
    ----------
    horizon : int
        h, in days.
    label : str
        Registered name of the label.
    levels : sequence of str or int
        Columns of the decayed sums over 7, 10, 21, 45, 90 and 365 days.
    since, past, year, mean, threshold : str or int
        Columns of the days since the last event, of the plain sums of 28 and 360 days, of the
        unchanged expectation, and of the threshold.

    Attributes
    ----------
    stands_back_ : bool
        The label was not learnt: probabilities are those of ``ewma_nb``.
    coefficients_ : ndarray, shape (1 + input,)
        Empty where it stands back.
    baseline_ : EwmaNB
    """

    free_form: ClassVar[bool] = False

    def __init__(
        self,
        *,
        horizon: int = 7,
        label: str = "any",
        levels: Sequence[Column] = AVERAGE_COLUMNS,
        since: Column = "history_days_since",
        past: Column = "history_sum_28d",
        year: Column = "history_sum_360d",
        mean: Column = "history_mean",
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.label = label
        self.levels = levels
        self.since = since
        self.past = past
        self.year = year
        self.mean = mean
        self.threshold = threshold

    @property
    def answers(self) -> bool:
        """Whether its label was learnt, so that it need not stand back."""
        return self.label in learnt()

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        """Look the numbers up; only the baseline, for a label without any, is fitted."""
        self.coefficients_ = np.array(learnt().get(self.label, ()), dtype=np.float64)
        self.stands_back_ = not len(self.coefficients_)
        self.baseline_ = EwmaNB(
            horizon=self.horizon,
            decayed=self.levels[2],
            past=self.past,
            threshold=self.threshold,
        ).fit(X, y, count=count)

    def _probability(self, X: Any) -> Array:
        if self.stands_back_:
            return self.baseline_.predict_proba(X)[:, 1]
        if self.label not in SAME_AT_ANY_HORIZON:
            return expit(self._log_odds(X, self.horizon))
        return expit(self._rising(X))

    def _log_odds(self, X: Any, at: int) -> Array:
        """As the regression says for a horizon."""
        own = columns_of(X, [self.since, self.year, self.mean, self.threshold])
        sums = np.stack(columns_of(X, self.levels))
        inputs = inputs_of(sums, *own, horizon=self.horizon, at=at)
        return self.coefficients_[0] + weighted_sum(inputs, self.coefficients_[1:])

    def _rising(self, X: Any) -> Array:
        """The highest of the shorter horizons at least, and a straight line between two knots."""
        upper = int(np.searchsorted(KNOTS, min(self.horizon, KNOTS[-1])))
        before, here = self._log_odds(X, KNOTS[0]), self._log_odds(X, KNOTS[0])
        for at in KNOTS[1 : upper + 1]:
            before, here = here, np.maximum(here, self._log_odds(X, at))
        lower = KNOTS[max(upper - 1, 0)]
        if upper == 0 or self.horizon >= KNOTS[upper]:
            return here
        share = np.log(self.horizon / lower) / np.log(KNOTS[upper] / lower)
        return before + share * (here - before)
