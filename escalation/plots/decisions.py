"""Decisions: what acting on a forecast costs and saves, by decision threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from escalation.errors import UsageError
from escalation.plots.style import FAINT, INK, PALETTE, SOFT, clean_axes, headline, new_figure

LOWEST = -0.3
"""Lower end of the value axis; values below are drawn at it."""
PLAIN = {"ewma_nb": SOFT, "climatology": "#a8a8a8"}
"""Baselines are grey, so that the models have the colours."""


def decisions_figure(table: pd.DataFrame, *, models: Sequence[str]) -> Figure:
    """A Murphy diagram above the cost-loss curve.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns model, threshold, cost, value, of one label.
    models : sequence of str
        Models to draw in addition to the baselines, at most seven.

    Raises
    ------
    UsageError
        ``E-PLOT`` for a model without rows.
    """
    available = set(table["model"])
    drawn_models = [name for name in models if name not in PLAIN][: len(PALETTE)]
    names = [*(name for name in PLAIN if name in available), *drawn_models]
    unknown = sorted(set(names) - available)
    if unknown or not names:
        message = f"no decision curve of this model; choose from {', '.join(sorted(available))}"
        raise UsageError("E-PLOT", message, value=unknown[:1])
    colours = {**PLAIN, **dict(zip(drawn_models, PALETTE, strict=False))}
    figure = new_figure(width=8.4, height=8.2)
    top, bottom = figure.subplots(2, 1, sharex=True)
    for name in names:
        rows = table[table["model"] == name].sort_values("threshold")
        style = {"color": colours[name], "linewidth": 2.2, "gid": "curve"}
        top.plot(rows["threshold"], rows["cost"], label=name, **style)
        bottom.plot(rows["threshold"], rows["value"].clip(lower=LOWEST), **style)
    _axes(top, bottom, table)
    headline(figure, "Who gains from acting on the forecast?", _facts(table))
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
    bottom.yaxis.set_major_formatter("{x:.0%}")
    bottom.xaxis.set_major_formatter("{x:.0%}")
    bottom.set_ylabel(
        "share of a perfect forecast's\nsavings (higher is better)", color=SOFT, size=11
    )
    bottom.set_xlabel(
        "probability from which to act = cost of acting / loss prevented", color=SOFT, size=11
    )
    bottom.spines["bottom"].set_color(FAINT)


def _reach(table: pd.DataFrame) -> float:
    """Threshold beyond which every cost stays below a fiftieth of the highest."""
    cost = table.groupby("threshold")["cost"].max()
    visible = cost.index[cost > cost.max() / 50.0]
    return float(min(1.0, np.ceil(visible.max() * 10.0) / 10.0))


def _facts(table: pd.DataFrame) -> str:
    row = table.iloc[0]
    return (
        f"Target {row['target']}, {row['horizon']} days ahead. Top: a false alarm costs the "
        "threshold, a miss one minus the threshold;\nthe Brier score is twice the area. Bottom: 0% "
        "is the cheaper of always and never acting."
    )
