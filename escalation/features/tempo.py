"""``tempo``: gaps between event days."""

from __future__ import annotations

from collections.abc import Sequence

from escalation.features.base import Columns, whole_days
from escalation.panel.dense import Panel


def tempo(
    panel: Panel,
    *,
    channels: Sequence[str] = ("events",),
    gaps: Sequence[int] = (5, 20),
    cap: int = 365,
) -> Columns:
    r"""Mean, spread and burstiness of the last n gaps between event days.

    .. math:: \mu = \frac{1}{n}\sum g_i,\quad \sigma = \sqrt{\frac{1}{n}\sum (g_i - \mu)^2},\quad
              B = \frac{\sigma - \mu}{\sigma + \mu}

    B is -1 for regular events, near 0 for random ones, towards 1 for bursts. The current gap is not
    included; see ``recency``.

    Parameters
    ----------
    panel : Panel
    channels : sequence of str
        An event day is a day with a value of 1 or more.
    gaps : sequence of int
        n, if there are as many gaps.
    cap : int
        Longest gap in days, and the mean before the first gap.

    Returns
    -------
    dict of str to ndarray of float32, shape (row, day)
        ``{channel}_gap_mean_last_{n}`` and ``{channel}_gap_spread_last_{n}`` in days, and
        ``{channel}_burstiness_last_{n}``, 0 with fewer than two gaps.

    Raises
    ------
    UsageError
        ``E-CHANNEL`` for an unknown channel, ``E-FEATURE`` for gaps or a cap below 1.

    References
    ----------
    Goh & Barabasi (2008), doi:10.1209/0295-5075/81/48002.

    Examples
    --------
    >>> from escalation.features.base import one_unit
    >>> panel = one_unit({"events": [1, 1, 0, 0, 1, 0]})
    >>> for name, values in tempo(panel, gaps=[5], cap=9).items():
    ...     print(name, values.round(3).tolist()[0][3:])
    events_gap_mean_last_5 [1.0, 2.0, 2.0]
    events_gap_spread_last_5 [0.0, 1.0, 1.0]
    events_burstiness_last_5 [0.0, -0.3330000042915344, -0.3330000042915344]
    """
    longest = int(whole_days([cap], name="cap")[0])
    columns: Columns = {}
    for channel in channels:
        for n in whole_days(gaps, name="gaps").tolist():
            mean, deviation, burstiness = panel.series(channel).gaps(n, longest)
            columns[f"{channel}_gap_mean_last_{n}"] = mean
            columns[f"{channel}_gap_spread_last_{n}"] = deviation
            columns[f"{channel}_burstiness_last_{n}"] = burstiness
    return columns
