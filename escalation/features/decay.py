"""``decayed_sums``: exponentially decayed sums."""

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

    Recursive, because weights :math:`2^{t/h}` overflow on long series. Sums below 1e-30 are 0.

    Parameters
    ----------
    panel : Panel
    channels : sequence of str
    half_lives : sequence of float
        h, in days.

    Returns
    -------
    dict of str to ndarray of float32, shape (row, day)
        ``{channel}_decay_{h}d``.

    Raises
    ------
    UsageError
        ``E-CHANNEL`` for an unknown channel, ``E-FEATURE`` for a half-life that is not above 0.

    Examples
    --------
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
