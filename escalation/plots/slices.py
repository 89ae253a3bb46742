"""Where a model is good and where it is not: skill by month, by unit and by horizon."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from escalation.errors import UsageError
from escalation.metrics.summary import FEWEST_POSITIVES
from escalation.plots.skill import WORST_SHOWN, signed
from escalation.plots.style import FAINT, INK, PALETTE, SOFT, clean_axes, headline, new_figure

_MOST = 18
"""Most slices in a panel: the last months; the units with the most positives."""


def skill_by_figure(
    *, months: pd.DataFrame, units: pd.DataFrame, horizons: pd.DataFrame, model: str
) -> Figure:
    """Skill of one model over ``ewma_nb`` in each slice, with 95% intervals.

    Parameters
    ----------
    months, units, horizons : pandas.DataFrame
        Of :func:`escalation.metrics.skill_by`; a table with one slice gets no panel.
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
    shown = {
        name: rows for name, rows in rows_of_model.items() if name == "by month" or len(rows) > 1
    }
    longest = max(len(rows) for rows in shown.values())
    figure = new_figure(width=1.0 + 4.6 * len(shown), height=2.0 + 0.3 * max(longest, 3))
    axes = figure.subplots(1, len(shown), squeeze=False)[0]
    for ax, (name, rows) in zip(axes, shown.items(), strict=True):
        _panel(ax, rows[::-1], name, longest)
    headline(figure, f"Where does {model} beat ewma_nb?", _facts(rows_of_model["by month"]))
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, name: str, longest: int) -> None:
    clean_axes(ax)
    ax.spines["left"].set_visible(False)
    ax.axvline(0.0, color=INK, linewidth=1.0, zorder=1)
    y = np.arange(len(rows))
    ax.hlines(y, 0.0, 1.0, color=FAINT, linewidth=0.6, zorder=0, transform=ax.get_yaxis_transform())
    at, low, high = (
        rows[column].to_numpy(np.float64, na_value=np.nan)
        for column in ("skill", "skill_lower", "skill_upper")
    )
    enough = (rows["positives"] >= FEWEST_POSITIVES).to_numpy(bool)
    clear = np.where(enough, (low > 0) * 1 - (high < 0) * 1, 0)
    for sign, colour in ((1, PALETTE[0]), (-1, PALETTE[1]), (0, SOFT)):
        chosen = clear == sign
        ax.hlines(
            y[chosen],
            np.maximum(low[chosen], WORST_SHOWN),
            np.maximum(high[chosen], WORST_SHOWN),
            color=colour,
            linewidth=2.0,
        )
        for inside, mark in ((at >= WORST_SHOWN, "o"), (at < WORST_SHOWN, "<")):
            some = chosen & inside
            if some.any():
                ax.plot(
                    np.maximum(at[some], WORST_SHOWN),
                    y[some],
                    mark,
                    color=colour,
                    markersize=7,
                    markeredgecolor="white",
                    gid="slice",
                )
    names = [f"{part} ({n})" for part, n in zip(rows["slice"], rows["positives"], strict=True)]
    ax.set_yticks(range(len(rows)), names)
    ax.tick_params(axis="y", labelcolor=INK, labelsize=10)
    ax.set_ylim(len(rows) - longest - 0.6, len(rows) - 0.3)
    ax.xaxis.set_major_formatter(signed)
    ax.set_title(name, size=11, color=INK, loc="left")


def _facts(rows: pd.DataFrame) -> str:
    row = rows.iloc[0]
    return (
        f"Share of ewma_nb's Brier score saved, with 95% intervals where there is time enough. "
        f"Target {row['target']}.\nIn brackets: positives. Blue is shown to be better, orange "
        "worse, grey neither or fewer than 20 positives; of twenty slices one errs by chance."
    )
