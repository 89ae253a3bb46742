"""Minimum of a convex loss, by SciPy's L-BFGS-B."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from escalation._util.arrays import Array

OPTIONS = {"ftol": 1e-13, "gtol": 1e-7, "maxiter": 1000}
"""Down to the gradient's tolerance, or until rounding allows no further gain."""


def minimise(
    loss: Callable[[Array], tuple[float, Array]],
    start: Array,
    *,
    curvature: Array,
    nonnegative: bool = False,
) -> Array:
    """Minimise a convex loss.

    Parameters
    ----------
    loss : callable
        Maps coefficients, shape (column,), to the loss and its gradient, shape (column,).
    start : ndarray, shape (column,)
    curvature : ndarray, shape (column,)
        Approximate second derivative by each coefficient; positive. Coefficients are scaled by it,
        so that one tolerance suits all.
    nonnegative : bool
        Whether coefficients are bounded below by zero.

    Returns
    -------
    ndarray, shape (column,)

    Examples
    --------
    >>> goal = np.array([3.0, -1.0])
    >>> def loss(beta):
    ...     return float(((beta - goal) ** 2).sum()), 2.0 * (beta - goal)
    >>> minimise(loss, np.zeros(2), curvature=np.full(2, 2.0)).round(6).tolist()
    [3.0, -1.0]
    >>> minimise(loss, np.zeros(2), curvature=np.ones(2), nonnegative=True).round(6).tolist()
    [3.0, 0.0]
    """
    scale = 1.0 / np.sqrt(curvature)

    def scaled(point: Array) -> tuple[float, Array]:
        value, slope = loss(point * scale)
        return value, slope * scale

    fitted = minimize(
        scaled,
        start / scale,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * len(start) if nonnegative else None,
        options=OPTIONS,
    )
    return fitted.x * scale
