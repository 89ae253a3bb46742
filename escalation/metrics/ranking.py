"""Average precision and AUC of every bootstrap replicate, in one compiled pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array
from escalation._util.compiled import compiled

MOST_WORK = 200_000_000
"""Rows times replicates; longer tables use fewer replicates, but not below the next number."""
FEWEST_REPLICATES = 199


@compiled
def _weighted(
    outcome: Array, date: NDArray[np.int64], last: NDArray[np.bool_], counts: Array
) -> Array:
    """Average precision and AUC by replicate; rows in descending order, ``last`` ends a tie."""
    out = np.full((2, len(counts)), np.nan)
    for b in range(len(counts)):
        hits, misses, tied_hits, tied_misses = 0.0, 0.0, 0.0, 0.0
        ordered, precision = 0.0, 0.0
        for i in range(len(outcome)):
            weight = counts[b, date[i]]
            if outcome[i] == 1.0:
                tied_hits += weight
            else:
                tied_misses += weight
            if last[i]:
                ordered += tied_misses * (hits + tied_hits / 2.0)
                hits += tied_hits
                misses += tied_misses
                if tied_hits > 0.0:
                    precision += tied_hits * hits / (hits + misses)
                tied_hits, tied_misses = 0.0, 0.0
        if hits > 0.0:
            out[0, b] = precision / hits
        if hits * misses > 0.0:
            out[1, b] = ordered / (hits * misses)
    return out


def ranking_replicates(
    probability: Array, outcome: Array, date: NDArray[np.int64], counts: Array
) -> Array:
    """Average precision and AUC with each date weighted by the number of times it is drawn.

    Parameters
    ----------
    probability, outcome : ndarray, shape (row,)
    date : ndarray of int64, shape (row,)
        Position of each row's date in ``counts``.
    counts : ndarray, shape (replicate, date)
        On very long tables only the first replicates are used, at least 199.

    Returns
    -------
    ndarray, shape (2, replicate)
        Average precision, then AUC; NaN if a replicate has no positive or only one outcome.
    """
    order = np.argsort(-probability, kind="stable")
    descending = probability[order]
    last = np.append(descending[1:] != descending[:-1], True)
    most = max(FEWEST_REPLICATES, MOST_WORK // max(len(outcome), 1))
    return _weighted(outcome[order], date[order], last, counts[:most])
