"""``pairs``: violence between two sides, in both directions."""

from __future__ import annotations

from collections.abc import Sequence

from escalation.features.base import Columns, share, whole_days
from escalation.panel.dense import Panel


def pairs(
    panel: Panel,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    windows: Sequence[int] = (7, 28, 90),
    cap: int = 365,
) -> Columns:
    r"""Violence between two sides: amount in each direction, imbalance, and days since the last.

    .. math:: I_t = \frac{S_t(a>b) - S_t(b>a)}{S_t(a>b) + S_t(b>a)}

    Parameters
    ----------
    panel : Panel
        With channels ``a>b`` and ``b>a`` for every pair, see ``pair_channel``.
    pairs : sequence of (str, str), optional
        By default every pair for which the panel has both channels.
    windows : sequence of int
        In days.
    cap : int
        Longest time since the last act, in days; also the value if there was none.

    Returns
    -------
    dict of str to ndarray of float32, shape (row, day)
        ``{a}_hit_{b}_{w}d`` and ``{b}_hit_{a}_{w}d``, ``{a}_{b}_imbalance_{w}d`` (1 if only a acts,
        -1 if only b does, 0 if neither), ``days_since_{a}_hit_{b}`` and the reverse.

    Raises
    ------
    UsageError
        ``E-CHANNEL`` for a pair without its channels, ``E-FEATURE`` for a window or cap below 1.

    Examples
    --------
    >>> from escalation.features.base import one_unit
    >>> panel = one_unit({"a>b": [0, 1, 0, 2], "b>a": [0, 0, 1, 0]})
    >>> for name, values in pairs(panel, windows=[2], cap=9).items():
    ...     print(name, values[0].tolist())
    a_hit_b_2d [0.0, 1.0, 1.0, 2.0]
    b_hit_a_2d [0.0, 0.0, 1.0, 1.0]
    a_b_imbalance_2d [0.0, 1.0, 0.0, 0.3333333432674408]
    days_since_a_hit_b [9.0, 0.0, 1.0, 0.0]
    days_since_b_hit_a [9.0, 9.0, 0.0, 1.0]
    """
    widths = whole_days(windows, name="windows")
    longest = int(whole_days([cap], name="cap")[0])
    columns: Columns = {}
    for a, b in _both_ways(panel) if pairs is None else pairs:
        by_a, by_b = panel.series(f"{a}>{b}"), panel.series(f"{b}>{a}")
        for w, sum_a, sum_b in zip(
            windows, by_a.window_sums(widths), by_b.window_sums(widths), strict=True
        ):
            columns[f"{a}_hit_{b}_{w}d"] = sum_a
            columns[f"{b}_hit_{a}_{w}d"] = sum_b
            columns[f"{a}_{b}_imbalance_{w}d"] = share(sum_a - sum_b, sum_a + sum_b)
        columns[f"days_since_{a}_hit_{b}"] = by_a.days_since(longest)
        columns[f"days_since_{b}_hit_{a}"] = by_b.days_since(longest)
    return columns


def _both_ways(panel: Panel) -> list[tuple[str, str]]:
    """Every pair with a channel in both directions, once, in the panel's order."""
    both_ways: list[tuple[str, str]] = []
    for channel in panel.channels:
        a, arrow, b = channel.partition(">")
        if arrow and f"{b}>{a}" in panel.channels and a != b and (b, a) not in both_ways:
            both_ways.append((a, b))
    return both_ways
