"""Numbers and texts as people read them."""

from __future__ import annotations

from collections.abc import Sequence

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


def listed(names: Sequence[str], most: int) -> str:
    """The first of some names, and how many more there are.

    Parameters
    ----------
    names : sequence of str
    most : int
        How many are named.

    Examples
    --------
    >>> listed(["a", "b", "c", "d"], 2)
    'a, b and 2 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def toll(killed: int | None, wounded: int | None) -> str:
    """The killed and the wounded that are known, if any.

    Examples
    --------
    >>> toll(3, 14), toll(0, 64), toll(None, 0)
    ('3 killed, 14 wounded', '64 wounded', '')
    """
    counts = ((killed, "killed"), (wounded, "wounded"))
    return ", ".join(f"{int(count)} {word}" for count, word in counts if pd.notna(count) and count)
