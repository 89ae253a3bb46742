"""The Diebold-Mariano test with a long-run variance estimate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr

from escalation._util.arrays import Array

ROUNDING = 1e-12
"""A standard deviation below this share of the largest difference is rounding error."""


class DieboldMariano(NamedTuple):
    """Mean loss difference in standard errors, two-sided p-value, and bandwidth in dates."""

    statistic: float
    p_value: float
    bandwidth: int


def long_run_variance(values: Array, *, bandwidth: int) -> float:
    r"""Newey-West estimate (Bartlett kernel) of n times the variance of a dependent mean.

    .. math:: \gamma_0 + 2 \sum_{j=1}^{M-1} (1 - j/M)\, \gamma_j

    Parameters
    ----------
    values : ndarray, shape (date,)
    bandwidth : int
        M, in dates; 1 gives the plain variance.

    References
    ----------
    Newey & West (1987), doi:10.2307/1913610.

    Examples
    --------
    >>> long_run_variance(np.array([1.0, -1.0, 1.0, -1.0]), bandwidth=1)
    1.0
    """
    centred = values - values.mean()
    total = centred @ centred
    for lag in range(1, min(bandwidth, len(values))):
        total += 2.0 * (1.0 - lag / bandwidth) * (centred[lag:] @ centred[:-lag])
    return float(total / len(values))


def diebold_mariano(difference: Array, *, bandwidth: int) -> DieboldMariano:
    r"""Test whether two forecasters do equally well, from their mean loss difference by date.

    .. math:: t = \bar d \,/ \sqrt{\hat\omega / n}, \qquad t \sim t_{n/M - 1}

    A small bandwidth M underestimates the variance and rejects true nulls; a large one makes the
    estimate noisy, which the degrees of freedom of Student's t account for.

    Parameters
    ----------
    difference : ndarray, shape (date,)
        Mean loss of one forecaster minus that of the other, in the order of dates.
    bandwidth : int
        M, in dates: at least the dates within one horizon, whose labels overlap. The block length
        of the bootstrap is a good choice.

    Returns
    -------
    DieboldMariano
        Statistic 0 and p-value 1 if all differences are 0; NaN with fewer than 2 M dates or
        without any variance.

    References
    ----------
    Diebold & Mariano (1995), doi:10.1080/07350015.1995.10524599. On large bandwidths: Lazarus,
    Lewis, Stock & Watson (2018), doi:10.1080/07350015.2018.1506926.

    Examples
    --------
    >>> diebold_mariano(np.zeros(50), bandwidth=2).p_value
    1.0
    """
    dates = len(difference)
    if dates and not difference.any():
        return DieboldMariano(0.0, 1.0, bandwidth)
    enough = dates >= 2 * bandwidth
    variance = long_run_variance(difference, bandwidth=bandwidth) if enough else 0.0
    if not variance > (ROUNDING * np.abs(difference).max(initial=0.0)) ** 2:
        return DieboldMariano(np.nan, np.nan, bandwidth)
    statistic = float(difference.mean() / np.sqrt(variance / dates))
    freedom = dates / bandwidth - 1.0
    return DieboldMariano(statistic, float(2.0 * stdtr(freedom, -abs(statistic))), bandwidth)
