"""Numbers and lists of names formatted for people."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def percent(probability: float | None) -> str:
    """A probability in whole percent, never rounded to 0% or 100%.

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
    """The first ``most`` names, and the number of others.

    Parameters
    ----------
    names : sequence of str
    most : int

    Examples
    --------
    >>> listed(["a", "b", "c", "d"], 2)
    'a, b and 2 more'
    """
    suffix = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + suffix


def toll(killed: int | None, wounded: int | None) -> str:
    """The numbers of killed and wounded, as far as they are known and not zero.

    Examples
    --------
    >>> toll(3, 14), toll(0, 64), toll(None, 0)
    ('3 killed, 14 wounded', '64 wounded', '')
    """
    counts = ((killed, "killed"), (wounded, "wounded"))
    return ", ".join(f"{int(count)} {word}" for count, word in counts if pd.notna(count) and count)
