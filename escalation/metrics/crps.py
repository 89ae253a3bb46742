"""How good a forecast of a count is: the continuous ranked probability score."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def crps(exceedance: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Continuous ranked probability score of forecasts of a count, in its unit; lower is better.

    .. math:: \sum_{k \ge 0} \big(P(X > k) - [x > k]\big)^2

    Of a forecast without any doubt it is the absolute error.

    Parameters
    ----------
    exceedance : ndarray, shape (row, k)
        P(X > 0), P(X > 1), ...: as far as any count came and until what is left is negligible.
    count : ndarray, shape (row,)
        x, what came.

    Returns
    -------
    ndarray, shape (row,)

    Raises
    ------
    ValueError
        When a count lies beyond the last column.

    References
    ----------
    Gneiting and Raftery (2007), doi:10.1198/016214506000001437.

    Examples
    --------
    >>> certain_of_two = np.array([[1.0, 1.0, 0.0, 0.0, 0.0]])
    >>> crps(certain_of_two, np.array([5.0])).tolist()
    [3.0]
    """
    columns = np.arange(exceedance.shape[1])
    if len(count) and count.max() > exceedance.shape[1]:
        raise ValueError(f"needs P(X > k) up to the largest count, {count.max():.0f}")
    above = np.asarray(count)[:, None] > columns
    return np.asarray(((exceedance - above) ** 2).sum(axis=1))
