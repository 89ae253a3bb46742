"""Poisson regression on the rate itself, with coefficients that can't be negative.

What happens adds to what is to come, so the rate is a sum of non-negative parts: an identity link.
The maximum is found by Newton's method on the coefficients that are free to move, each step
held at zero and halved until it gains; statsmodels then repeats the regression on the coefficients
above zero and gives the errors (:mod:`escalation.models.excitation`, ``hawkes``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FLOOR = 1e-6
"""Added to every mean, in events, so that an event on a day without any rate is not impossible."""
MAX_STEPS = 100
TOLERANCE = 1e-9
"""In log likelihood: stop when a step would gain less."""


def loglike(design: Array, count: Array, coefficients: Array) -> float:
    """Poisson log likelihood of counts with mean ``design @ coefficients``, without log(count!)."""
    mean = design @ coefficients + FLOOR
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
    r"""Coefficients, none below zero, that make the counts likeliest.

    .. math:: \max_{\beta \ge 0}\ w \sum_i (y_i \log x_i^\top\beta - x_i^\top\beta)
              - \tfrac{r}{2} \lVert \beta - c \rVert^2

    The problem is concave, so the maximum does not depend on the start.

    Parameters
    ----------
    design : ndarray, shape (row, column)
        Not negative.
    count : ndarray, shape (row,)
    start : ndarray, shape (column,), optional
        Where to begin; equal shares of the mean count by default.
    weight : float
        w, how many labels a row counts as.
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
    columns = design.shape[1]
    goal = np.zeros(columns) if centre is None else centre

    def value(beta: Array) -> float:
        away = beta - goal
        return weight * loglike(design, count, beta) - ridge / 2.0 * float(away @ away)

    beta = _equal_shares(design, count) if start is None else np.maximum(start, 0.0)
    best = value(beta)
    for _ in range(MAX_STEPS):
        mean = design @ beta + FLOOR
        slope = weight * (design.T @ (count / mean - 1.0)) - ridge * (beta - goal)
        free = (beta > 0.0) | (slope > 0.0)
        if not free.any():
            break
        scaled = design[:, free] * (np.sqrt(count) / mean)[:, None]
        curve = weight * (scaled.T @ scaled)
        # Sharpens a flat direction without moving the maximum.
        curve[np.diag_indices_from(curve)] += ridge + 1e-9 * (1.0 + curve.diagonal().max())
        step = np.zeros(columns)
        step[free] = np.linalg.solve(curve, slope[free])
        moved, gained = _halved(value, beta, step, best)
        beta, gain = moved, gained - best
        best = gained
        if gain < TOLERANCE:
            break
    return beta


def _equal_shares(design: Array, count: Array) -> Array:
    means = design.mean(axis=0)
    share = max(count.mean(), FLOOR) / design.shape[1]
    return np.where(means > 0.0, share / np.where(means > 0.0, means, 1.0), 0.0)


def _halved(value: Any, beta: Array, step: Array, best: float) -> tuple[Array, float]:
    """The longest of the steps 1, 1/2, 1/4, … that gains, held at zero; no step if none does."""
    for _ in range(40):
        tried = np.maximum(beta + step, 0.0)
        reached = value(tried)
        if reached > best:
            return tried, reached
        step = step / 2.0
    return beta, best


def regression(design: Array, count: Array, coefficients: Array) -> Array:
    """Repeat a regression in statsmodels, from its maximum on; what is at zero stays there."""
    positive = coefficients > 0.0
    fitted = coefficients.copy()
    if positive.any() and count.any():
        found = _model(design[:, positive], count).fit(start_params=coefficients[positive])
        fitted[positive] = np.maximum(found.params, 0.0)
    return fitted


def errors(
    design: Array, count: Array, coefficients: Array, *, weight: float = 1.0, ridge: float = 0.0
) -> tuple[Array, float]:
    """Standard errors and dispersion at the maximum.

    Errors are those of the expected information of all columns, those held at zero included, so
    an interval also says how large a coefficient of zero may be. They are scaled by the
    dispersion: Pearson's, variance over mean, 1 or more.

    Returns
    -------
    errors : ndarray, shape (column,)
    dispersion : float
    """
    mean = design @ coefficients + FLOOR
    freedom = max(len(count) - int((coefficients > 0.0).sum()), 1)
    dispersion = max(float(((count - mean) ** 2 / mean).sum() / freedom), 1.0)
    information = -_model(design, count).hessian(coefficients, scale=1.0, observed=False)
    penalised = weight * information + ridge * np.eye(len(coefficients))
    covariance = np.linalg.pinv(penalised, hermitian=True) * dispersion
    return np.sqrt(np.maximum(covariance.diagonal(), 0.0)), dispersion


def _model(design: Array, count: Array) -> Any:
    import warnings

    from statsmodels.genmod.families import Poisson, links  # seconds to import
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import DomainWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DomainWarning)  # the coefficients keep the mean positive
        family = Poisson(link=links.Identity())
        return GLM(count, design, family=family, offset=np.full(len(count), FLOOR))
