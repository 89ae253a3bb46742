"""How many: negative binomial counts on several averages of the past, mixed by their CRPS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from scipy.optimize import nnls

from escalation._util.arrays import Array
from escalation.models.base import columns_of
from escalation.models.ewma_nb import SMALLEST_MEAN, nb_tail
from escalation.models.negbin import negbin_loglike
from escalation.models.pool import AVERAGE_COLUMNS, AVERAGE_DAYS
from escalation.models.tails import DISPERSIONS, evenly_spaced

PLAIN_MEAN = "history_mean"
COMPONENTS = len(AVERAGE_DAYS) + 1
UNTRAINED_DISPERSION = 3.0
EQUAL_SHARES_WORTH = 10.0
"""Independent counts that equal weights are worth."""
MOST_FITTED = 600
"""Rows that weights are chosen from, evenly spread."""
SHRINK_FACTORS = (0.6, 0.8, 1.0)
"""Of these, the factor on every dispersion less one that gives the mixture its lowest CRPS: where
means differ, their mixture spreads further than each count by itself."""
CUTS = 24
"""Counts at which distributions are compared while weights are chosen."""
TAILS = (0.1, 0.9)
"""Ends of the range of 80%."""
NEGLIGIBLE = 1e-12
"""A side of the threshold that is less likely has no shape of its own."""
LARGEST_COUNT = 2**40


@dataclass(frozen=True)
class CountMixture:
    r"""Mixture of negative binomial counts, one for each average of the past.

    .. math:: P(X \ge k) = \sum_j w_j P(X_j \ge k),\quad E X_j = \max(h s_j / K_j,\ 0.02),\quad
              \operatorname{Var} X_j = d_j E X_j

    Each dispersion is the one of a grid under which the counts of the training rows are likeliest,
    and all are then drawn towards one by a common factor, because a mixture adds spread. That and
    the weights, none below zero and pulled to equal ones, give it its lowest CRPS there.

    Parameters
    ----------
    horizon : int
        h, in days.
    dispersion, weight : tuple of float
        d and w, of the averages over 7, 10, 21, 45, 90 and 365 days and of the plain mean.

    Raises
    ------
    ValueError
        For numbers of which there is no such mixture.
    """

    horizon: int
    dispersion: tuple[float, ...] = (UNTRAINED_DISPERSION,) * COMPONENTS
    weight: tuple[float, ...] = (1.0 / COMPONENTS,) * COMPONENTS

    def __post_init__(self) -> None:
        held = np.array([self.dispersion, self.weight], dtype=np.float64)
        usable = held.shape == (2, COMPONENTS) and np.isfinite(held).all() and self.horizon >= 1
        if not usable or (held[0] <= 1.0).any() or (held[1] < 0.0).any():
            raise ValueError(f"expected {COMPONENTS} dispersions above 1 and weights from 0")

    @classmethod
    def fitted(cls, X: Any, count: Array, *, horizon: int) -> Self:
        """Learn from a training table; without a row it is the mixture of equal weights.

        Parameters
        ----------
        X : DataFrame, shape (row, column)
            With the columns ``history_*``.
        count : ndarray, shape (row,)
            What came in the h days ahead.
        horizon : int
            h, in days.
        """
        if not len(count):
            return cls(horizon)
        rows = evenly_spaced(len(count), most=MOST_FITTED)
        means, seen = cls(horizon).means(X)[:, rows], np.asarray(count, np.float64)[rows]
        alone = single_dispersions(means, seen)
        pull = 1.0 / (1.0 + len(count) / (horizon * EQUAL_SHARES_WORTH))
        tried = [tuple(1.0 + spread * (d - 1.0) for d in alone) for spread in SHRINK_FACTORS]
        found = [_lowest_crps(means, dispersion, seen, pull=pull) for dispersion in tried]
        best = min(range(len(tried)), key=lambda k: found[k][1])
        return cls(horizon, tried[best], tuple(found[best][0].tolist()))

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Read back what :meth:`as_dict` gave."""
        return cls(int(told["horizon"]), tuple(told["dispersion"]), tuple(told["weight"]))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a manifest."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    def means(self, X: Any) -> Array:
        """Expected counts in h days by average, shape (7, row)."""
        *sums, plain = columns_of(X, [*AVERAGE_COLUMNS, PLAIN_MEAN])
        own = [s / days * self.horizon for s, days in zip(sums, AVERAGE_DAYS, strict=True)]
        return np.maximum([*own, plain], SMALLEST_MEAN)

    def tail(self, means: Array, least: Array) -> Array:
        """P(X >= ``least``) by row, from the means of :meth:`means`."""
        parts = zip(self.weight, self.dispersion, means, strict=True)
        return sum((w * nb_tail(mean, d, least) for w, d, mean in parts), np.zeros(means.shape[1]))

    def from_on(self, means: Array, least: Array) -> Array:
        r"""E[X; X >= ``least``] by row.

        Weighting a negative binomial by its value gives one of the next shape, moved by one:
        m P(X' >= k - 1), with X' of mean m + d - 1.
        """
        parts = zip(self.weight, self.dispersion, means, strict=True)
        return sum(
            (w * mean * nb_tail(mean + d - 1.0, d, least - 1.0) for w, d, mean in parts),
            np.zeros(means.shape[1]),
        )


@dataclass(frozen=True)
class CountForecast:
    """What is to be expected in h days, by row, in what the label counts.

    Parameters
    ----------
    expected : ndarray of float64, shape (row,)
    low, high : ndarray of int64, shape (row,)
        The count lies between them, ends included, with a chance of 80% at least.
    """

    expected: Array
    low: Array
    high: Array


def count_forecast(
    mixture: CountMixture, X: Any, *, probability: Array, threshold: Array
) -> CountForecast:
    r"""The mixture, reweighted so that P(X >= threshold) is the issued probability.

    .. math:: P'(X = x) = p\,P(X = x \mid X \ge k) \text{ from } k \text{ on},\quad
              (1 - p)\,P(X = x \mid X < k) \text{ below}

    Parameters
    ----------
    mixture : CountMixture
    X : DataFrame, shape (row, column)
    probability : ndarray, shape (row,)
        p, as issued.
    threshold : ndarray, shape (row,)
        k, a whole number from 1 on.

    Returns
    -------
    CountForecast
    """
    means, least = mixture.means(X), np.asarray(threshold, np.float64)
    above = mixture.tail(means, least)
    below, upper = 1.0 - above, mixture.from_on(means, least)
    lower = np.maximum(mixture.from_on(means, np.zeros(len(least))) - upper, 0.0)
    high = np.where(above > NEGLIGIBLE, upper / np.maximum(above, NEGLIGIBLE), least)
    low = np.where(below > NEGLIGIBLE, lower / np.maximum(below, NEGLIGIBLE), least - 1.0)
    expected = probability * np.maximum(high, least) + (1.0 - probability) * np.minimum(
        low, least - 1.0
    )
    ends = [
        _reweighted_quantile(mixture, means, q, probability=probability, threshold=least)
        for q in TAILS
    ]
    return CountForecast(expected, *ends)


def _reweighted_quantile(
    mixture: CountMixture, means: Array, share: float, *, probability: Array, threshold: Array
) -> Array:
    """The least count that is not exceeded with a chance of ``share``, by row."""
    return _least_where(
        lambda x: (
            reweighted_tail(mixture, means, x + 1.0, probability=probability, threshold=threshold)
            <= 1.0 - share + NEGLIGIBLE
        ),
        len(threshold),
    )


def reweighted_tail(
    mixture: CountMixture, means: Array, least: Array, *, probability: Array, threshold: Array
) -> Array:
    """P'(X >= ``least``) by row, which at the threshold is the issued probability.

    Parameters
    ----------
    mixture : CountMixture
    means : ndarray, shape (7, row)
    least, probability, threshold : ndarray, shape (row,)

    Returns
    -------
    ndarray, shape (row,)
    """
    above, tail = mixture.tail(means, threshold), mixture.tail(means, least)
    return reweighted(tail, above, least, probability=probability, threshold=threshold)


def reweighted(
    tail: Array, above: Array, least: Array, *, probability: Array, threshold: Array
) -> Array:
    """P'(X >= ``least``) from what a distribution says there and at the threshold.

    Parameters
    ----------
    tail, above : ndarray
        P(X >= ``least``) and P(X >= ``threshold``); these and the rest broadcast.
    least, probability, threshold : ndarray

    Returns
    -------
    ndarray

    Examples
    --------
    >>> half = np.array([0.5])
    >>> reweighted(np.array([0.1]), half, np.array([3.0]), probability=half / 2, threshold=half * 2)
    array([0.05])
    """
    upper = np.where(above > NEGLIGIBLE, tail / np.maximum(above, NEGLIGIBLE), 0.0)
    lower = (tail - above) / np.maximum(1.0 - above, NEGLIGIBLE)
    reached = np.where(
        least > threshold,
        probability * np.minimum(upper, 1.0),
        probability + (1.0 - probability) * np.clip(lower, 0.0, 1.0),
    )
    return np.where(least == threshold, probability, np.where(least <= 0.0, 1.0, reached))


def _least_where(holds: Any, rows: int) -> Array:
    """The least count from which something holds, by bisection."""
    low, high = np.full(rows, -1.0), np.zeros(rows)
    while not (done := holds(high)).all() and high.max() < LARGEST_COUNT:
        low, high = np.where(done, low, high), np.where(done, high, 2.0 * high + 1.0)
    while (open_ := high - low > 1.0).any():
        middle = np.where(open_, np.floor((low + high) / 2.0), high)
        done = holds(middle)
        low, high = np.where(open_ & ~done, middle, low), np.where(open_ & done, middle, high)
    return high.astype(np.int64)


def single_dispersions(means: Array, count: Array) -> list[float]:
    """The dispersion of the grid under which the counts are likeliest, of each average alone.

    Parameters
    ----------
    means : ndarray, shape (average, row)
    count : ndarray, shape (row,)
    """
    return [float(max(DISPERSIONS, key=lambda d: negbin_loglike(count, mean, d))) for mean in means]


def _lowest_crps(
    means: Array, dispersion: tuple[float, ...], count: Array, *, pull: float
) -> tuple[Array, float]:
    """Weights with the lowest sum over rows and counts k of (P(X > k) - [x > k])^2, and that."""
    top = max(float(count.max()), float(means.max()), 1.0) * 2.0
    cuts = np.unique(np.round(np.geomspace(1.0, top + 1.0, CUTS))) - 1.0
    width = np.diff(cuts, append=cuts[-1] + 1.0)
    design = np.stack(
        [
            np.concatenate(
                [
                    np.sqrt(w) * nb_tail(mean, d, np.full(len(mean), k + 1.0))
                    for k, w in zip(cuts, width, strict=True)
                ]
            )
            for mean, d in zip(means, dispersion, strict=True)
        ],
        axis=1,
    )
    reached = np.concatenate([np.sqrt(w) * (count > k) for k, w in zip(cuts, width, strict=True)])
    weight = _simplex(design.T @ design, design.T @ reached, pull=pull)
    return weight, float(((design @ weight - reached) ** 2).sum())


def _simplex(gram: Array, cross: Array, *, pull: float) -> Array:
    """Least squares with weights that are not negative and add up to one, pulled to equal ones."""
    size = len(gram)
    apart = float(np.trace(gram) - gram.mean(axis=1).sum()) / size
    ridge = pull * max(apart, 1e-9) + 1e-9 * float(np.trace(gram))
    root = np.linalg.cholesky(gram + ridge * np.eye(size)).T
    goal = np.linalg.solve(root.T, cross + ridge / size)
    heavy = 1e3 * np.abs(root).max()
    found, _ = nnls(np.vstack([root, np.full(size, heavy)]), np.append(goal, heavy))
    return np.asarray(found / found.sum())
