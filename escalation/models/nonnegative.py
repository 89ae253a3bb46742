"""Poisson regression with an identity link and non-negative coefficients.

For rates that are sums of non-negative terms: :mod:`escalation.models.excitation` and ``hawkes``.
SciPy finds the maximum; standard errors come from the expected information there.
"""

from __future__ import annotations

import numpy as np

from escalation._util.arrays import Array
from escalation.models.optimum import minimise

MEAN_FLOOR = 1e-6
"""Added to every mean, in events, so that an event on a day with rate 0 is not impossible."""


def loglike(design: Array, count: Array, coefficients: Array) -> float:
    """Poisson log likelihood of counts with mean ``design @ coefficients``, without log(count!).

    Parameters
    ----------
    design : ndarray, shape (row, column)
    count : ndarray, shape (row,)
    coefficients : ndarray, shape (column,)
    """
    mean = design @ coefficients + MEAN_FLOOR
    return float(count @ np.log(mean) - mean.sum())


def maximise(
    design: Array,
    count: Array,
    *,
    start: Array | None = None,
    weight: float = 1.0,
    ridge: float = 0.0,
    centre: Array | None = None,
) -> Array:
    r"""Non-negative coefficients that make the counts likeliest.

    .. math:: \max_{\beta \ge 0}\ w \sum_i (y_i \log x_i^\top\beta - x_i^\top\beta)
              - \tfrac{r}{2} \lVert \beta - c \rVert^2

    The objective is concave, so the maximum does not depend on the start.

    Parameters
    ----------
    design : ndarray, shape (row, column)
        Not negative.
    count : ndarray, shape (row,)
    start : ndarray, shape (column,), optional
        Initial values; equal shares of the mean count by default.
    weight : float
        w, labels per row.
    ridge : float
        r, the prior precision of each coefficient.
    centre : ndarray, shape (column,), optional
        c, zero by default.

    Returns
    -------
    ndarray, shape (column,)

    Examples
    --------
    >>> design = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    >>> maximise(design, np.array([1.0, 3.0, 5.0, 5.0])).round(4).tolist()
    [2.0, 3.0]
    >>> maximise(design, np.array([1.0, 3.0, 0.0, 1.0])).round(4).tolist()
    [1.25, 0.0]
    """
    centre = np.zeros(design.shape[1]) if centre is None else centre
    initial = _equal_shares(design, count) if start is None else np.maximum(start, 0.0)
    level = max(float(count.mean()), MEAN_FLOOR)
    curvature = weight * (design**2).sum(axis=0) / level + ridge + MEAN_FLOOR
    sums = weight * design.sum(axis=0)

    def loss(beta: Array) -> tuple[float, Array]:
        mean = design @ beta + MEAN_FLOOR
        deviation = beta - centre
        value = (
            sums @ beta - weight * (count @ np.log(mean)) + ridge / 2.0 * (deviation @ deviation)
        )
        return float(value), sums - weight * ((count / mean) @ design) + ridge * deviation

    return minimise(loss, initial, curvature=curvature, nonnegative=True)


def _equal_shares(design: Array, count: Array) -> Array:
    means = design.mean(axis=0)
    share = max(count.mean(), MEAN_FLOOR) / design.shape[1]
    return np.where(means > 0.0, share / np.where(means > 0.0, means, 1.0), 0.0)


def errors(
    design: Array, count: Array, coefficients: Array, *, weight: float = 1.0, ridge: float = 0.0
) -> tuple[Array, float]:
    """Standard errors and dispersion at the maximum.

    Errors come from the expected information of all columns, including those at the bound of zero,
    so that these have an interval too. They are scaled by Pearson's dispersion, variance over mean,
    1 or more.

    Parameters
    ----------
    design : ndarray, shape (row, column)
    count : ndarray, shape (row,)
    coefficients : ndarray, shape (column,)
        From :func:`maximise`.
    weight, ridge : float
        As passed to it.

    Returns
    -------
    errors : ndarray, shape (column,)
    dispersion : float
    """
    mean = design @ coefficients + MEAN_FLOOR
    freedom = max(len(count) - int((coefficients > 0.0).sum()), 1)
    dispersion = max(float(((count - mean) ** 2 / mean).sum() / freedom), 1.0)
    information = (design / mean[:, None]).T @ design
    penalised = weight * information + ridge * np.eye(len(coefficients))
    covariance = np.linalg.pinv(penalised, hermitian=True) * dispersion
    return np.sqrt(np.maximum(covariance.diagonal(), 0.0)), dispersion
