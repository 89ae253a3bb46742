"""Which feature families carry the skill."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from escalation.plots.skill import signed
from escalation.plots.style import FAINT, INK, PALETTE, SOFT, clean_axes, headline, new_figure


def ablation_figure(table: pd.DataFrame, *, title: str = "") -> Figure:
    """How much larger the Brier score is without each feature family, the dearest on top.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`escalation.backtest.ablation.family_ablation`.
    title : str, optional
        Of the label.

    Returns
    -------
    matplotlib.figure.Figure
        Blue where the interval is above zero, orange below, grey where it holds it.
    """
    rows = table[::-1]
    figure = new_figure(width=8.0, height=2.0 + 0.42 * len(rows))
    ax = figure.subplots()
    clean_axes(ax)
    ax.spines["left"].set_visible(False)
    ax.axvline(0.0, color=INK, linewidth=1.0, zorder=1)
    ends = rows[["increase_lower", "increase", "increase_upper"]].to_numpy(np.float64)
    for y, (low, at, high) in enumerate(ends):
        colour = PALETTE[0] if low > 0 else PALETTE[1] if high < 0 else SOFT
        ax.axhline(y, color=FAINT, linewidth=0.6, zorder=0)
        ax.plot([low, high], [y, y], color=colour, linewidth=2.2, solid_capstyle="round")
        ax.plot(at, y, "o", color=colour, markersize=8, markeredgecolor="white")
    ax.set_yticks(range(len(rows)), rows["without"].str.replace("_", " "))
    ax.tick_params(axis="y", labelcolor=INK, labelsize=11)
    ax.xaxis.set_major_formatter(lambda value, _: signed(value))
    ax.set_xlabel("Brier score without it: to the right is worse", color=INK)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.margins(x=0.1)
    headline(figure, _finding(table), f"{title}: {table['model'].iloc[0]}, 95% intervals")
    return figure


def _finding(table: pd.DataFrame) -> str:
    shown = table.loc[table["increase_lower"] > 0, "without"].str.replace("_", " ").tolist()
    if not shown:
        return "No single family is shown to be needed"
    return f"Shown to be needed: {'; '.join(shown)}"
