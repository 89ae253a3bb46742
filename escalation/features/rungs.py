"""``severity``: highest rungs and deaths per event."""

from __future__ import annotations

from collections.abc import Sequence

from escalation.features.base import Columns, share, whole_days
from escalation.panel.dense import Panel


def severity(
    panel: Panel, *, windows: Sequence[int] = (7, 28, 90), rungs: Sequence[int] = (5,)
) -> Columns:
    r"""Highest rung, share of the highest rungs, and killed per event, by window.

    .. math:: H_t = \max_{k<w} r_{t-k},\quad
              Q_t = \frac{\#\{k<w : r_{t-k} \ge R\}}{\#\{k<w : x_{t-k} \ge 1\}},\quad
              L_t = \frac{\sum_{k<w} \mathrm{killed}_{t-k}}{\sum_{k<w} x_{t-k}}

    Parameters
    ----------
    panel : Panel
        Channels ``events`` (x), ``killed`` and ``severity`` (r).
    windows : sequence of int
        w, in days.
    rungs : sequence of int
        R, 1 to 6: lowest rung of the days counted in Q.

    Returns
    -------
    dict of str to ndarray of float32, shape (row, day)
        ``highest_rung_{w}d``, ``rung_{R}_share_{w}d``, ``killed_per_event_{w}d``; ratios are 0
        without events.

    Raises
    ------
    UsageError
        ``E-FEATURE`` for a window or a rung below 1.

    Examples
    --------
    >>> from escalation.features.base import one_unit
    >>> panel = one_unit({"events": [1, 1, 0, 2], "severity": [3, 5, 0, 3], "killed": [0, 3, 0, 0]})
    >>> for name, values in severity(panel, windows=[2]).items():
    ...     print(name, values.tolist())
    highest_rung_2d [[3.0, 5.0, 5.0, 3.0]]
    rung_5_share_2d [[0.0, 0.5, 1.0, 0.0]]
    killed_per_event_2d [[0.0, 1.5, 3.0, 0.0]]
    """
    widths, lowest = whole_days(windows, name="windows"), whole_days(rungs, name="rungs")
    events, rung = panel.series("events"), panel.series("severity")
    n_events = events.window_sums(widths)
    killed = panel.series("killed").window_sums(widths)
    event_days = events.active_days(widths)
    days_at_rungs = [rung.active_days(widths, level=float(r)) for r in lowest]
    columns: Columns = {}
    for i, w in enumerate(windows):
        columns[f"highest_rung_{w}d"] = rung.highest(int(w))
        for rung_days, r in zip(days_at_rungs, rungs, strict=True):
            columns[f"rung_{r}_share_{w}d"] = share(rung_days[i], event_days[i])
        columns[f"killed_per_event_{w}d"] = share(killed[i], n_events[i])
    return columns
