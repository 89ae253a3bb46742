"""Numbers and texts as people read them."""

from __future__ import annotations

import pandas as pd


def percent(probability: float | None) -> str:
    """A probability in whole percent, never rounded to impossible or certain.

    Examples
    --------
    >>> [percent(p) for p in (0.004, 0.123, 0.996, None)]
    ['<1%', '12%', '>99%', '-']
    """
    if probability is None or pd.isna(probability):
        return "-"
    if probability < 0.01:
        return "<1%"
    return ">99%" if probability > 0.99 else f"{probability:.0%}"
