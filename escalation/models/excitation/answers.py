"""Who answers whom, as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from escalation.models.excitation.fit import Excitation

MOST_ANSWERS = 0.9
"""``within_days`` is when so large a share of the answers has come."""


def answer_table(fitted: Excitation) -> pd.DataFrame:
    """Who answers whom, and within how many days: one row per pair, the strongest evidence first.

    Returns
    -------
    DataFrame
        ``source`` acts and ``target`` answers: ``excitation`` answering events per event with
        ``lower`` and ``upper``; ``half_life_days``; ``within_days``, by when nine in ten answers
        have come; ``p_value``, ``placebo`` and ``significant`` as in :class:`Excitation`.
    """
    n = len(fitted.channels)
    target, source = (axis.ravel() for axis in np.indices((n, n)))
    names = np.array(fitted.channels, dtype=object)
    # Answers after day k are 2^(-k / half-life) of all.
    within = np.ceil(-np.log2(1.0 - MOST_ANSWERS) * fitted.half_lives)
    table = pd.DataFrame(
        {
            "source": names[source],
            "target": names[target],
            "excitation": fitted.matrix.ravel(),
            "lower": fitted.lower.ravel(),
            "upper": fitted.upper.ravel(),
            "half_life_days": fitted.half_lives.ravel(),
            "within_days": within.ravel(),
            "p_value": fitted.p_value.ravel(),
            "placebo": fitted.placebo.ravel(),
            "significant": fitted.significant.ravel(),
        }
    )
    order = ["significant", "p_value", "excitation", "source", "target"]
    ascending = [False, True, False, True, True]
    return table.sort_values(order, ascending=ascending, ignore_index=True)
