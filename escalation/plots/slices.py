"""Skill of a model by month, by unit and by horizon."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from escalation.errors import UsageError
from escalation.metrics.summary import FEWEST_POSITIVES
from escalation.plots.skill import WORST_SHOWN, signed
from escalation.plots.style import FAINT, INK, PALETTE, SOFT, headline, new_figure, zero_line_axes

_MOST = 18
"""Most slices in a panel: the latest months; the units with the most positives."""


def skill_by_figure(
    *, months: pd.DataFrame, units: pd.DataFrame, horizons: pd.DataFrame, model: str
) -> Figure:
    """Skill of one model over ``ewma_nb`` in each slice, with 95% intervals.

    Parameters
    ----------
    months, units, horizons : pandas.DataFrame
        From :func:`escalation.metrics.skill_by`; units or horizons with one slice get no panel.
    model : str

    Raises
    ------
    UsageError
        ``E-PLOT`` for a model without rows.
    """
    tables = {"by month": months, "by unit": units, "by horizon": horizons}
    rows_of_model = {name: table[table["model"] == model] for name, table in tables.items()}
    if rows_of_model["by month"].empty:
        raise UsageError("E-PLOT", "no forecasts by this model", value=model)
    rows_of_model["by month"] = rows_of_model["by month"].tail(_MOST)
    rows_of_model["by unit"] = rows_of_model["by unit"].nlargest(_MOST, "positives")
    panels = {
        name: rows for name, rows in rows_of_model.items() if name == "by month" or len(rows) > 1
    }
    longest = max(map(len, panels.values()))
    figure = new_figure(width=1.0 + 4.6 * len(panels), height=2.0 + 0.3 * max(longest, 3))
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (name, rows) in zip(axes, panels.items(), strict=True):
        _panel(ax, rows[::-1], name, longest)
    headline(figure, f"Where does {model} beat ewma_nb?", _facts(rows_of_model["by month"]))
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, name: str, longest: int) -> None:
    zero_line_axes(ax)
    y = np.arange(len(rows))
    ax.hlines(y, 0.0, 1.0, color=FAINT, linewidth=0.6, zorder=0, transform=ax.get_yaxis_transform())
    at, low, high = (
        rows[column].to_numpy(np.float64, na_value=np.nan)
        for column in ("skill", "skill_lower", "skill_upper")
    )
    enough = (rows["positives"] >= FEWEST_POSITIVES).to_numpy(bool)
    clear = np.where(enough, (low > 0) * 1 - (high < 0) * 1, 0)
    drawn_at, drawn_low, drawn_high = (np.maximum(v, WORST_SHOWN) for v in (at, low, high))
    for sign, colour in ((1, PALETTE[0]), (-1, PALETTE[1]), (0, SOFT)):
        same = clear == sign
        ax.hlines(y[same], drawn_low[same], drawn_high[same], color=colour, linewidth=2.0)
        for inside, mark in ((at >= WORST_SHOWN, "o"), (at < WORST_SHOWN, "<")):
            dots = same & inside
            if dots.any():
                ax.plot(
                    drawn_at[dots],
                    y[dots],
                    mark,
                    color=colour,
                    markersize=7,
                    markeredgecolor="white",
                    gid="slice",
                )
    names = [f"{label} ({n})" for label, n in zip(rows["slice"], rows["positives"], strict=True)]
    ax.set_yticks(range(len(rows)), names)
    ax.tick_params(axis="y", labelcolor=INK, labelsize=10)
    ax.set_ylim(len(rows) - longest - 0.6, len(rows) - 0.3)
    ax.xaxis.set_major_formatter(signed)
    ax.set_title(name, size=11, color=INK, loc="left")


def _facts(rows: pd.DataFrame) -> str:
    row = rows.iloc[0]
    return (
        f"Share of ewma_nb's Brier score saved, with 95% intervals if there are enough dates. "
        f"Target {row['target']}.\nIn brackets: positives. Blue: clearly better; orange: clearly "
        "worse; grey: neither, or fewer than 20 positives. One slice in twenty errs by chance."
    )
