"""``pairs``: what A did to B and B to A."""

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
    r"""Violence between two sides: how much each way, who leads, and how long ago.

    .. math:: I_t = \frac{S_t(a>b) - S_t(b>a)}{S_t(a>b) + S_t(b>a)}

    Parameters
    ----------
    panel : Panel
        Channels ``a>b`` and ``b>a`` for every pair, see ``pair_channel``.
    pairs : sequence of (str, str), optional
        The two sides; by default every pair for which the panel has both channels.
    windows : sequence of int
        In days.
    cap : int
        In days: the time since the last act where there was none, or none for longer.

    Returns
    -------
    dict of str to ndarray of float32, shape (row, day)
        ``{a}_hit_{b}_{w}d`` and ``{b}_hit_{a}_{w}d``, ``{a}_{b}_imbalance_{w}d`` (1 where only a
        acts, -1 where only b does, 0 where neither), ``days_since_{a}_hit_{b}`` and the reverse.

    Raises
    ------
    UsageError
        ``E-CHANNEL`` for a pair without its channels, ``E-FEATURE`` for a window or cap below 1.

    Examples
    --------
    ==============  =  =  ====  ====
    day             1  2  3     4
    ==============  =  =  ====  ====
    a>b             0  1  0     2
    b>a             0  0  1     0
    a hit b, 2 d    0  1  1     2
    b hit a, 2 d    0  0  1     1
    imbalance       0  1  0     1/3
    since a hit b   9  0  1     0
    ==============  =  =  ====  ====

    >>> from escalation.features.base import one_unit
    >>> panel = one_unit({"a>b": [0, 1, 0, 2], "b>a": [0, 0, 1, 0]})
    >>> for name, values in pairs(panel, windows=[2], cap=9).items():
    ...     print(name, values.round(2).tolist()[0][:3])
    a_hit_b_2d [0.0, 1.0, 1.0]
    b_hit_a_2d [0.0, 0.0, 1.0]
    a_b_imbalance_2d [0.0, 1.0, 0.0]
    days_since_a_hit_b [9.0, 0.0, 1.0]
    days_since_b_hit_a [9.0, 9.0, 0.0]
    """
    widths = whole_days(windows, name="windows")
    longest = int(whole_days([cap], name="cap")[0])
    columns: Columns = {}
    for a, b in _both_ways(panel) if pairs is None else pairs:
        there, back = panel.series(f"{a}>{b}"), panel.series(f"{b}>{a}")
        did, suffered = there.window_sums(widths), back.window_sums(widths)
        for i, w in enumerate(windows):
            columns[f"{a}_hit_{b}_{w}d"] = did[i]
            columns[f"{b}_hit_{a}_{w}d"] = suffered[i]
            balance = share(did[i] - suffered[i], did[i] + suffered[i])
            columns[f"{a}_{b}_imbalance_{w}d"] = balance
        columns[f"days_since_{a}_hit_{b}"] = there.days_since(longest)
        columns[f"days_since_{b}_hit_{a}"] = back.days_since(longest)
    return columns


def _both_ways(panel: Panel) -> list[tuple[str, str]]:
    """Every pair with a channel in both directions, once, in the panel's order."""
    found: list[tuple[str, str]] = []
    for channel in panel.channels:
        a, arrow, b = channel.partition(">")
        if arrow and f"{b}>{a}" in panel.channels and a != b and (b, a) not in found:
            found.append((a, b))
    return found
