"""``trend``: recent rates relative to longer-term rates, and their change."""

from __future__ import annotations

from collections.abc import Sequence

from escalation.features.base import Columns, positive, whole_days
from escalation.panel.dense import Panel


def trend(
    panel: Panel,
    *,
    channels: Sequence[str] = ("events",),
    windows: Sequence[tuple[int, int]] = ((7, 28), (28, 180)),
    eps: float = 0.02,
    change: int = 7,
) -> Columns:
    r"""Log ratio of a short window's daily rate to a long one's, and its change.

    .. math:: T_t = \log\frac{S_t(w_s)/w_s + \epsilon}{S_t(w_l)/w_l + \epsilon},\qquad
              A_t = T_t - T_{t-c}

    Parameters
    ----------
    panel : Panel
    channels : sequence of str
    windows : sequence of (int, int)
        Short and long window, in days.
    eps : float
        Per day, above 0; keeps the ratio near 1 if there are hardly any events.
    change : int
        c, in days, of the acceleration.

    Returns
    -------
    dict of str to ndarray of float32, shape (row, day)
        ``{channel}_trend_{ws}d_{wl}d`` and ``{channel}_acceleration_{ws}d_{wl}d``, 0 without
        events.

    Raises
    ------
    UsageError
        ``E-CHANNEL`` for an unknown channel, ``E-FEATURE`` for a length below 1 day or an eps that
        is not above 0.

    Examples
    --------
    >>> from escalation.features.base import one_unit
    >>> table = trend(one_unit({"events": [0, 2, 0]}), windows=[(1, 2)], eps=0.5, change=1)
    >>> table["events_trend_1d_2d"].round(4).tolist()
    [[0.0, 0.5108000040054321, -1.0986000299453735]]
    >>> table["events_acceleration_1d_2d"].round(4).tolist()
    [[0.0, 0.5108000040054321, -1.6094000339508057]]
    """
    smallest, step = positive(eps, name="eps"), int(whole_days([change], name="change")[0])
    columns: Columns = {}
    for channel in channels:
        for short, long in windows:
            widths = whole_days([short, long], name="windows")
            log_ratio, acceleration = panel.series(channel).log_ratio(widths, smallest, step)
            columns[f"{channel}_trend_{short}d_{long}d"] = log_ratio
            columns[f"{channel}_acceleration_{short}d_{long}d"] = acceleration
    return columns
