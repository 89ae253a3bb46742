"""``decayed_sums``: how much happened, the longer ago the less it counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from escalation.features.base import Columns, positive
from escalation.panel.dense import Panel


def decayed_sums(
    panel: Panel,
    *,
    channels: Sequence[str] = ("events", "killed"),
    half_lives: Sequence[float] = (3, 7, 21, 60),
) -> Columns:
    r"""Exponentially decayed sums at several half-lives.

    .. math:: s_t = 2^{-1/h} s_{t-1} + x_t

    Recursive, because weights :math:`2^{t/h}` overflow on long series. Below 1e-30 a sum is 0.

    Parameters
    ----------
    panel : Panel
    channels : sequence of str
    half_lives : sequence of float
        h, in days: after so long an event counts half.

    Returns
    -------
    dict of str to ndarray of float32, shape (row, day)
        ``{channel}_decay_{h}d``.

    Raises
    ------
    UsageError
        ``E-CHANNEL`` for a channel that the panel has not, ``E-FEATURE`` for a half-life that is
        not above 0.

    Examples
    --------
    =====  =  ===  ====  ====
    day    1  2    3     4
    =====  =  ===  ====  ====
    x      4  0    0     1
    h = 1  4  2    1     1.5
    =====  =  ===  ====  ====

    >>> from escalation.features.base import one_unit
    >>> panel = one_unit({"killed": [4, 0, 0, 1]})
    >>> table = decayed_sums(panel, channels=["killed"], half_lives=[1])
    >>> table["killed_decay_1d"].tolist()
    [[4.0, 2.0, 1.0, 1.5]]
    """
    keep = np.array([2.0 ** (-1.0 / positive(h, name="half_lives")) for h in half_lives])
    columns: Columns = {}
    for channel in channels:
        sums = panel.series(channel).decayed_features(keep)
        columns |= {f"{channel}_decay_{h:g}d": sums[i] for i, h in enumerate(half_lives)}
    return columns
