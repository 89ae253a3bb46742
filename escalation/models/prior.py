"""``prior``: a regression fitted once on other conflicts, not on yours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from escalation import schema
from escalation._util.arrays import Array
from escalation.models.base import Column, EventModel, columns_of, weighted_sum
from escalation.models.ewma_nb import EwmaNB, nb_tail
from escalation.models.penalised import log_odds
from escalation.models.pool import AVERAGE_COLUMNS, AVERAGE_DAYS
from escalation.models.prior_numbers import LabelNumbers, checked_numbers, packaged_numbers

KNOTS = (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90)
"""Horizons, in days, between which log-odds are linear in the logarithm of the horizon."""
SAME_AT_ANY_HORIZON = ("any", "onset")
"""Labels whose threshold doesn't depend on the horizon: their probability can't fall with it."""
DISPERSION = 2.0
LEAST_RATE = 0.005
"""Events a day added to every average."""
SHORTEST, LONGEST = 28.0, 360.0
"""Range to which ages are clipped, in days."""
LARGEST_ODDS = 8.0
"""Log-odds of the tails are clipped to this."""
ACTIVE_COLUMNS: tuple[Column, ...] = tuple(f"{schema.ACTIVE}{days}d" for days in (28, 90, 360))
INPUT_COLUMNS: tuple[Column, ...] = (
    *AVERAGE_COLUMNS,
    *ACTIVE_COLUMNS,
    f"{schema.HISTORY}days_since",
    f"{schema.HISTORY}sum_360d",
    f"{schema.HISTORY}mean",
    schema.DAYS_OBSERVED,
    schema.THRESHOLD,
)
"""Columns that :func:`inputs_of` takes, in order."""


def inputs_of(values: Array, *, horizon: int, at: int) -> Array:
    """Inputs of the regression, independent of the unit of events, shape (row, input).

    Parameters
    ----------
    values : ndarray, shape (14, row)
        Decayed sums over 7, 10, 21, 45, 90 and 365 days; days with an event among the last 28, 90
        and 360; days since the last event; sum of 360 days; expectation at an unchanged rate in
        ``horizon`` days; days observed; threshold.
    horizon : int
        Of the unchanged expectation, in days.
    at : int
        Horizon of the forecast, in days.
    """
    sums, active = np.maximum(values[:6], 0.0), np.maximum(values[6:9], 0.0)
    since, year, mean, observed, threshold = values[9:]
    age = _age(year, mean, horizon)
    odds = _tails(sums, year / age, age, threshold, at)
    middle, gap = odds[2], odds[0] - odds[4]
    quiet, length = np.log1p(np.clip(since, 0.0, LONGEST)), np.log(at / 7.0)
    bar, old = np.log(np.maximum(threshold, 1.0)), np.log(age / LONGEST)
    month, quarter = active[0] / SHORTEST, active[1] / np.minimum(age, 90.0)
    a_day = np.log(np.maximum(year / np.maximum(active[2], 1.0), 1.0))
    coverage = np.log(np.clip(observed, SHORTEST, LONGEST) / LONGEST)
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
            month,
            quarter,
            a_day,
            coverage,
            length * month,
            length * quarter,
            length * a_day,
            coverage * middle,
            a_day * middle,
            coverage * old,
        ]
    )


def _age(year: Array, mean: Array, horizon: int) -> Array:
    """Days behind the unchanged expectation; a unit without events counts as old."""
    age = np.where(mean > 0.0, year * horizon / np.where(mean > 0.0, mean, 1.0), LONGEST)
    return np.clip(age, 1.0, LONGEST)


def _tails(sums: Array, plain: Array, age: Array, threshold: Array, at: int) -> Array:
    """Log-odds of reaching the threshold, for six decayed averages and the plain one."""
    days = np.array(AVERAGE_DAYS, dtype=np.float64)[:, None]
    observed = np.where(days < LONGEST, -np.expm1(-age / days), 1.0)
    rates = np.concatenate([sums / days / observed, plain[None]])
    tails = nb_tail((rates + LEAST_RATE) * at, DISPERSION, threshold[None])
    return np.clip(log_odds(tails), -LARGEST_ODDS, LARGEST_ODDS)


class Prior(EventModel):
    r"""Logistic regression fitted on other conflicts, shipped as a table of numbers.

    .. math:: \operatorname{logit} P = \beta_0 + \sum_j \beta_j z_j

    with z the log-odds of negative binomial tails on seven averages of the unit's past, normalised
    for its age, the days with an event, the time since the last one, the age of unit and archive,
    the horizon, and a few products. The coefficients come from conflicts before 2020, by
    ``experiments/prior.py``, or from your own by ``escalation prior``; the training rows have no
    influence. Other labels get the baseline's probability. For ``any`` and ``onset`` probabilities
    don't fall with the horizon.

    Parameters
    ----------
    horizon : int
        h, in days.
    label : str
        Registered name of the label.
    numbers : mapping, optional
        Output of ``escalation prior`` (in an experiment, the name of its file); by default the
        numbers of the package.
    levels : sequence of str or int
        Columns of the decayed sums over 7, 10, 21, 45, 90 and 365 days.
    active : sequence of str or int
        Columns of the days with an event among the last 28, 90 and 360.
    since, past, year, mean, observed, threshold : str or int
        Columns of the days since the last event, of the plain sums of 28 and 360 days, of the
        unchanged expectation, of the days observed, and of the threshold.

    Attributes
    ----------
    stands_back_ : bool
        Whether the label was not learnt, so that probabilities are those of ``ewma_nb``.
    start_ : float
        Share of the prior in the pool with ``ewma_nb`` that ``blend`` starts from, or 0.
    coefficients_ : ndarray, shape (1 + input,)
        Empty if the label was not learnt.
    baseline_ : EwmaNB
    """

    def __init__(
        self,
        *,
        horizon: int = 7,
        label: str = "any",
        numbers: Mapping[str, Any] | None = None,
        levels: Sequence[Column] = AVERAGE_COLUMNS,
        active: Sequence[Column] = ACTIVE_COLUMNS,
        since: Column = "history_days_since",
        past: Column = "history_sum_28d",
        year: Column = "history_sum_360d",
        mean: Column = "history_mean",
        observed: Column = schema.DAYS_OBSERVED,
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.label = label
        self.numbers = numbers
        self.levels = levels
        self.active = active
        self.since = since
        self.past = past
        self.year = year
        self.mean = mean
        self.observed = observed
        self.threshold = threshold

    @property
    def covers_label(self) -> bool:
        """Whether its label was learnt."""
        return self.label in self._numbers()

    def _numbers(self) -> Mapping[str, LabelNumbers]:
        return packaged_numbers() if self.numbers is None else checked_numbers(self.numbers)

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        """Look up the numbers; only the baseline is fitted, for a label without numbers."""
        numbers = self._numbers().get(self.label, LabelNumbers((), 0.0))
        self.coefficients_ = np.array(numbers.coefficients, dtype=np.float64)
        self.stands_back_, self.start_ = not len(self.coefficients_), numbers.start
        self.baseline_ = EwmaNB(
            horizon=self.horizon,
            decayed=self.levels[2],
            past=self.past,
            threshold=self.threshold,
        ).fit(X, y, count=count)

    def _probability(self, X: Any) -> Array:
        if self.stands_back_:
            return self.baseline_.predict_proba(X)[:, 1]
        plain = (self.since, self.year, self.mean, self.observed, self.threshold)
        values = np.stack(columns_of(X, [*self.levels, *self.active, *plain]))
        if self.label not in SAME_AT_ANY_HORIZON:
            return expit(self._log_odds(values, self.horizon))
        return expit(self._monotone_log_odds(values))

    def _log_odds(self, values: Array, at: int) -> Array:
        """Log-odds of the regression at one horizon."""
        inputs = inputs_of(values, horizon=self.horizon, at=at)
        return self.coefficients_[0] + weighted_sum(inputs, self.coefficients_[1:])

    def _monotone_log_odds(self, values: Array) -> Array:
        """Running maximum over the knots up to the horizon, interpolated between two knots."""
        upper = int(np.searchsorted(KNOTS, min(self.horizon, KNOTS[-1])))
        previous = current = self._log_odds(values, KNOTS[0])
        for knot in KNOTS[1 : upper + 1]:
            previous, current = current, np.maximum(current, self._log_odds(values, knot))
        lower = KNOTS[max(upper - 1, 0)]
        if upper == 0 or self.horizon >= KNOTS[upper]:
            return current
        share = np.log(self.horizon / lower) / np.log(KNOTS[upper] / lower)
        return previous + share * (current - previous)
