"""Decisions: what acting on a forecast costs and saves, by the threshold of those who act."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from escalation.errors import UsageError
from escalation.plots.style import (
    FAINT,
    INK,
    PALETTE,
    SOFT,
    clean_axes,
    headline,
    new_figure,
    share_label,
)

LOWEST = -0.3
"""Value below this is off the axis."""
PLAIN = {"ewma_nb": SOFT, "climatology": "#a8a8a8"}
"""Baselines in grey, so that colours are left for those who want to beat them."""


def decisions_figure(table: pd.DataFrame, *, models: Sequence[str]) -> Figure:
    """Murphy diagram above the cost-loss curve.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns model, threshold, cost, value, of one label.
    models : sequence of str
        Models to draw beside the baselines, at most seven.

    Raises
    ------
    UsageError
        ``E-PLOT`` for a model without rows.
    """
    held = set(table["model"])
    names = [name for name in PLAIN if name in held]
    names += [name for name in models if name not in PLAIN][: len(PALETTE)]
    unknown = sorted(set(names) - held)
    if unknown or not names:
        raise UsageError("E-PLOT", f"expected one of {', '.join(sorted(held))}", value=unknown[:1])
    colours = {**PLAIN, **dict(zip([n for n in names if n not in PLAIN], PALETTE, strict=False))}
    figure = new_figure(width=8.4, height=8.2)
    top, bottom = figure.subplots(2, 1, sharex=True)
    for name in names:
        rows = table[table["model"] == name].sort_values("threshold")
        style = {"color": colours[name], "linewidth": 2.2, "gid": "curve"}
        top.plot(rows["threshold"], rows["cost"], label=name, **style)
        bottom.plot(rows["threshold"], rows["value"].clip(lower=LOWEST), **style)
    _axes(top, bottom, table)
    headline(figure, "For whom is the forecast worth acting on?", _facts(table))
    return figure


def _axes(top: Axes, bottom: Axes, table: pd.DataFrame) -> None:
    for ax in (top, bottom):
        clean_axes(ax, grid="y")
    top.set_ylim(bottom=0.0)
    top.set_xlim(0.0, _reach(table))
    top.set_ylabel("cost per forecast\n(lower is better)", color=SOFT, size=11)
    top.legend(frameon=False, fontsize=10, loc="upper right")
    bottom.set_ylim(LOWEST, 1.0)
    bottom.axhline(0.0, color=INK, linewidth=1.0)
    bottom.yaxis.set_major_formatter(share_label)
    bottom.xaxis.set_major_formatter(share_label)
    bottom.set_ylabel(
        "share of a perfect forecast's\nsaving (higher is better)", color=SOFT, size=11
    )
    bottom.set_xlabel(
        "probability from which one acts = cost of acting / loss it prevents", color=SOFT, size=11
    )
    bottom.spines["bottom"].set_color(FAINT)


def _reach(table: pd.DataFrame) -> float:
    """Where the highest cost has fallen to a fiftieth for good: nothing to see beyond."""
    cost = table.groupby("threshold")["cost"].max()
    visible = cost.index[cost > cost.max() / 50.0]
    return float(min(1.0, np.ceil(visible.max() * 10.0) / 10.0))


def _facts(table: pd.DataFrame) -> str:
    row = table.iloc[0]
    return (
        f"Target {row['target']}, {row['horizon']} days ahead. Above: a false alarm costs the "
        "threshold, a miss the rest;\nthe Brier score is twice the area. Below: 0% is always or "
        "never acting, whatever the base rate makes cheaper."
    )
