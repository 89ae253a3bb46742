"""``window_sums``: sums over recent days."""

from __future__ import annotations

from collections.abc import Sequence

from escalation.features.base import Columns, whole_days
from escalation.panel.dense import Panel


def window_sums(
    panel: Panel,
    *,
    channels: Sequence[str] = ("events", "killed"),
    windows: Sequence[int] = (1, 3, 7, 14, 28, 90, 180),
) -> Columns:
    r"""Counts and sums over windows that end today.

    .. math:: S_t = \sum_{k=0}^{w-1} x_{t-k}

    Parameters
    ----------
    panel : Panel
    channels : sequence of str
    windows : sequence of int
        w, in days; 1 is today only.

    Returns
    -------
    dict of str to ndarray of float32, shape (row, day)
        ``{channel}_sum_{w}d``, exact for whole numbers up to 16,777,216.

    Raises
    ------
    UsageError
        ``E-CHANNEL`` for an unknown channel, ``E-FEATURE`` for a window below 1.

    Examples
    --------
    >>> from escalation.features.base import one_unit
    >>> panel = one_unit({"events": [1, 0, 2, 0, 1]})
    >>> table = window_sums(panel, channels=["events"], windows=[2, 3])
    >>> table["events_sum_2d"].tolist(), table["events_sum_3d"].tolist()
    ([[1.0, 1.0, 2.0, 2.0, 1.0]], [[1.0, 1.0, 3.0, 2.0, 3.0]])
    """
    widths = whole_days(windows, name="windows")
    columns: Columns = {}
    for channel in channels:
        sums = panel.series(channel).window_sums(widths)
        columns |= {f"{channel}_sum_{w}d": sums[i] for i, w in enumerate(windows)}
    return columns
