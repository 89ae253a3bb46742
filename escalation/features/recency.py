"""``recency``: days since the last event."""

from __future__ import annotations

from collections.abc import Sequence

from escalation.features.base import Columns, whole_days
from escalation.panel.dense import Panel


def recency(
    panel: Panel,
    *,
    channels: Sequence[str] = ("events",),
    rungs: Sequence[int] = (3, 5),
    cap: int = 365,
) -> Columns:
    r"""Days since the last event, and since the last at or above a rung of the severity ladder.

    .. math:: d_t = \min(t - \max\{k \le t : x_k \ge r\},\ \text{cap})

    Parameters
    ----------
    panel : Panel
    channels : sequence of str
        An event day is a day with a value of 1 or more.
    rungs : sequence of int
        r, on the channel ``severity``.
    cap : int
        Largest value, in days; also the value if it never happened.

    Returns
    -------
    dict of str to ndarray of float32, shape (row, day)
        ``days_since_{channel}`` and ``days_since_rung_{r}``; 0 on the day itself.

    Raises
    ------
    UsageError
        ``E-CHANNEL`` for an unknown channel, ``E-FEATURE`` for a cap below 1.

    Examples
    --------
    >>> from escalation.features.base import one_unit
    >>> panel = one_unit({"events": [0, 1, 0, 1, 0], "severity": [0, 5, 0, 3, 0]})
    >>> table = recency(panel, rungs=[5], cap=9)
    >>> table["days_since_events"].tolist(), table["days_since_rung_5"].tolist()
    ([[9.0, 0.0, 1.0, 0.0, 1.0]], [[9.0, 0.0, 1.0, 2.0, 3.0]])
    """
    longest = int(whole_days([cap], name="cap")[0])
    columns = {f"days_since_{c}": panel.series(c).days_since(longest) for c in channels}
    severity = panel.series("severity")
    for rung in rungs:
        columns[f"days_since_rung_{rung}"] = severity.days_since(longest, level=float(rung))
    return columns
