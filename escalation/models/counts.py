"""Expected counts: a mixture of negative binomials on averages of the past, fitted by CRPS."""

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
"""Weight of the prior on equal weights, in independent counts."""
MOST_FITTED = 600
"""Evenly spaced rows that weights are fitted on."""
SHRINK_FACTORS = (0.6, 0.8, 1.0)
"""Candidate factors on every dispersion less one: a mixture of different means is wider than each
component, so the factor with the lowest CRPS is used."""
CUTS = 24
"""Counts at which distributions are compared while fitting weights."""
TAILS = (0.1, 0.9)
"""Ends of the 80% range."""
NEGLIGIBLE = 1e-12
"""A side of the threshold that is less likely than this is not reweighted."""
LARGEST_COUNT = 2**40


@dataclass(frozen=True)
class CountMixture:
    r"""Mixture of negative binomial counts, one per average of the past.

    .. math:: P(X \ge k) = \sum_j w_j P(X_j \ge k),\quad E X_j = \max(h s_j / K_j,\ 0.02),\quad
              \operatorname{Var} X_j = d_j E X_j

    Each dispersion is the likeliest of a grid on the training rows; a common factor shrinks all
    towards one, because mixing widens the distribution. That factor and the weights, non-negative
    and shrunk to equal ones, minimise the CRPS of the training rows.

    Parameters
    ----------
    horizon : int
        h, in days.
    dispersion, weight : tuple of float
        d and w, of the averages over 7, 10, 21, 45, 90 and 365 days and of the plain mean.

    Raises
    ------
    ValueError
        For dispersions or weights out of range.
    """

    horizon: int
    dispersion: tuple[float, ...] = (UNTRAINED_DISPERSION,) * COMPONENTS
    weight: tuple[float, ...] = (1.0 / COMPONENTS,) * COMPONENTS

    def __post_init__(self) -> None:
        values = np.array([self.dispersion, self.weight], dtype=np.float64)
        valid = values.shape == (2, COMPONENTS) and np.isfinite(values).all() and self.horizon >= 1
        if not valid or (values[0] <= 1.0).any() or (values[1] < 0.0).any():
            raise ValueError(f"expected {COMPONENTS} dispersions above 1 and weights of 0 or more")

    @classmethod
    def fitted(cls, X: Any, count: Array, *, horizon: int) -> Self:
        """Learn from a training table; without rows, all weights are equal.

        Parameters
        ----------
        X : DataFrame, shape (row, column)
            With the columns ``history_*``.
        count : ndarray, shape (row,)
            Events in the h days ahead.
        horizon : int
            h, in days.
        """
        if not len(count):
            return cls(horizon)
        rows = evenly_spaced(len(count), most=MOST_FITTED)
        means, counts = cls(horizon).means(X)[:, rows], np.asarray(count, np.float64)[rows]
        single = single_dispersions(means, counts)
        shrinkage = 1.0 / (1.0 + len(count) / (horizon * EQUAL_SHARES_WORTH))
        candidates = []
        for factor in SHRINK_FACTORS:
            dispersion = tuple(1.0 + factor * (d - 1.0) for d in single)
            weight, crps = _lowest_crps(means, dispersion, counts, shrinkage=shrinkage)
            candidates.append((crps, dispersion, weight))
        _, dispersion, weight = min(candidates, key=lambda candidate: candidate[0])
        return cls(horizon, dispersion, tuple(weight.tolist()))

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Restore from :meth:`as_dict`."""
        return cls(int(data["horizon"]), tuple(data["dispersion"]), tuple(data["weight"]))

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a manifest."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    def means(self, X: Any) -> Array:
        """Expected counts in h days by average, shape (7, row)."""
        *sums, plain = columns_of(X, [*AVERAGE_COLUMNS, PLAIN_MEAN])
        decayed = [s / days * self.horizon for s, days in zip(sums, AVERAGE_DAYS, strict=True)]
        return np.maximum([*decayed, plain], SMALLEST_MEAN)

    def tail(self, means: Array, least: Array) -> Array:
        """P(X >= ``least``) by row, from the means of :meth:`means`."""
        components = zip(self.weight, self.dispersion, means, strict=True)
        tails = (w * nb_tail(mean, d, least) for w, d, mean in components)
        return sum(tails, np.zeros(means.shape[1]))

    def from_on(self, means: Array, least: Array) -> Array:
        r"""E[X; X >= ``least``] by row.

        A negative binomial weighted by its value is one of the next shape, shifted by one:
        m P(X' >= k - 1), with X' of mean m + d - 1.
        """
        components = zip(self.weight, self.dispersion, means, strict=True)
        sums = (w * mean * nb_tail(mean + d - 1.0, d, least - 1.0) for w, d, mean in components)
        return sum(sums, np.zeros(means.shape[1]))


@dataclass(frozen=True)
class CountForecast:
    """Expected count in h days, by row, in the label's events.

    Parameters
    ----------
    expected : ndarray of float64, shape (row,)
    low, high : ndarray of int64, shape (row,)
        Ends, inclusive, of a range that holds the count with a probability of at least 80%.
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
        k, a whole number of at least 1.
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

    def exceeded(count: Array) -> Array:
        return reweighted_tail(
            mixture, means, count + 1.0, probability=probability, threshold=least
        )

    low_end, high_end = (
        _least_where(lambda count, q=q: exceeded(count) <= 1.0 - q + NEGLIGIBLE, len(least))
        for q in TAILS
    )
    return CountForecast(expected, low_end, high_end)


def reweighted_tail(
    mixture: CountMixture, means: Array, least: Array, *, probability: Array, threshold: Array
) -> Array:
    """P'(X >= ``least``) by row; at the threshold, the issued probability.

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
    """P'(X >= ``least``) from a distribution's tails there and at the threshold.

    Parameters
    ----------
    tail, above : ndarray
        P(X >= ``least``) and P(X >= ``threshold``); these and the rest broadcast.
    least, probability, threshold : ndarray

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
    """The smallest count at which a monotone condition holds, by bisection."""
    low, high = np.full(rows, -1.0), np.zeros(rows)
    while not (reached := holds(high)).all() and high.max() < LARGEST_COUNT:
        low, high = np.where(reached, low, high), np.where(reached, high, 2.0 * high + 1.0)
    while (open_ := high - low > 1.0).any():
        middle = np.where(open_, np.floor((low + high) / 2.0), high)
        reached = holds(middle)
        low = np.where(open_ & ~reached, middle, low)
        high = np.where(open_ & reached, middle, high)
    return high.astype(np.int64)


def single_dispersions(means: Array, count: Array) -> list[float]:
    """Likeliest dispersion of the grid for each average by itself.

    Parameters
    ----------
    means : ndarray, shape (average, row)
    count : ndarray, shape (row,)
    """
    return [float(max(DISPERSIONS, key=lambda d: negbin_loglike(count, mean, d))) for mean in means]


def _lowest_crps(
    means: Array, dispersion: tuple[float, ...], count: Array, *, shrinkage: float
) -> tuple[Array, float]:
    """Weights that minimise the sum over rows and counts k of (P(X > k) - [x > k])^2; that sum."""
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
    weight = _simplex(design.T @ design, design.T @ reached, shrinkage=shrinkage)
    return weight, float(((design @ weight - reached) ** 2).sum())


def _simplex(gram: Array, cross: Array, *, shrinkage: float) -> Array:
    """Least squares with non-negative weights that add up to one, shrunk to equal ones."""
    size = len(gram)
    variance = float(np.trace(gram) - gram.mean(axis=1).sum()) / size
    ridge = shrinkage * max(variance, 1e-9) + 1e-9 * float(np.trace(gram))
    root = np.linalg.cholesky(gram + ridge * np.eye(size)).T
    goal = np.linalg.solve(root.T, cross + ridge / size)
    heavy = 1e3 * np.abs(root).max()
    weight, _ = nnls(np.vstack([root, np.full(size, heavy)]), np.append(goal, heavy))
    return np.asarray(weight / weight.sum())
