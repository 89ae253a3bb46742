"""Skill: who beats the baselines, by how much, and which feature families are needed for it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from escalation.errors import UsageError
from escalation.plots.style import FAINT, INK, PALETTE, SOFT, headline, new_figure, zero_line_axes

_CAPTIONS = {"ewma_nb": "the baseline to beat", "climatology": "the long-run rate"}
WORST_SHOWN = -1.0
"""Skill below this is drawn at the edge, so that one poor model doesn't squeeze the others."""


def skill_figure(summary: pd.DataFrame, *, target: str | None = None) -> Figure:
    """Brier skill against each baseline with its 95% interval, best model on top.

    Parameters
    ----------
    summary : pandas.DataFrame
        From :func:`escalation.metrics.summary`.
    target : str, optional
        Label to show; the first by default.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per baseline; blue is clearly better, orange clearly worse, grey neither.

    Raises
    ------
    UsageError
        ``E-PLOT`` for a target without a row.
    """
    rows = summary if target is None else summary[summary["target"] == target]
    if rows.empty:
        raise UsageError("E-PLOT", "not a target of the summary", value=target)
    first = rows.iloc[0]
    rows = rows[(rows["target"] == first["target"]) & (rows["horizon"] == first["horizon"])]
    rows = rows.sort_values("brier", ascending=False)
    references = [name for name in _CAPTIONS if rows[f"skill_vs_{name}"].notna().any()]
    figure = new_figure(width=10.0, height=1.9 + 0.42 * len(rows))
    axes = figure.subplots(1, max(len(references), 1), sharey=True, squeeze=False)[0]
    for ax, reference in zip(axes, references, strict=False):
        _panel(ax, rows, reference)
    axes[0].set_yticks(range(len(rows)), rows["model"])
    axes[0].tick_params(axis="y", labelcolor=INK, labelsize=11)
    headline(figure, _finding(rows), _facts(rows))
    return figure


def signed(value: float, _position: object = None) -> str:
    """A skill as a signed percentage, with a decimal if it is small.

    Examples
    --------
    >>> signed(0.314), signed(0.004), signed(-1e-9)
    ('+31%', '+0.4%', '0%')
    """
    text = f"{value:+.0%}" if abs(value) >= 0.01 else f"{value:+.1%}"
    return "0%" if abs(value) < 0.0005 else text.replace("-", "−")  # noqa: RUF001


def _panel(ax: Axes, rows: pd.DataFrame, reference: str) -> None:
    name = f"skill_vs_{reference}"
    zero_line_axes(ax)
    for y, (_, row) in enumerate(rows.iterrows()):
        ax.axhline(y, color=FAINT, linewidth=0.6, zorder=0)
        if row["model"] == reference:
            ax.plot(0.0, y, "o", color="white", markeredgecolor=INK, markersize=7)
        elif pd.notna(row[name]):
            _whisker(ax, y, row[f"{name}_lower"], row[name], row[f"{name}_upper"])
    ax.set_ylim(-0.6, len(rows) - 0.3)
    ax.margins(x=0.12)
    ax.xaxis.set_major_formatter(lambda value, _: signed(value) if value else "equal")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    ax.set_title(f"against {reference}, {_CAPTIONS[reference]}", size=11, color=INK, loc="left")


def _whisker(ax: Axes, y: int, low: float, skill: float, high: float) -> None:
    """The interval, the skill as a dot and a number; an arrow head if it lies off the axis."""
    at = max(skill, WORST_SHOWN)
    colour = SOFT
    if pd.notna(low):
        colour = _interval_colour(low, high)
        ends = [max(low, WORST_SHOWN), max(high, WORST_SHOWN)]
        ax.plot(ends, [y, y], color=colour, linewidth=2.2, solid_capstyle="round")
    mark = "o" if at == skill else "<"
    ax.plot(at, y, mark, color=colour, markersize=8, markeredgecolor="white")
    ax.annotate(
        signed(skill),
        (at, y),
        (0, 6),
        textcoords="offset points",
        ha="center",
        va="bottom",
        size=9,
        color=colour,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
    )


def _interval_colour(low: float, high: float) -> str:
    return PALETTE[0] if low > 0 else PALETTE[1] if high < 0 else SOFT


def _finding(rows: pd.DataFrame) -> str:
    """The verdicts in a line."""
    verdicts = rows["verdict"].astype(str)
    if verdicts.str.startswith("no ranking").all():
        return verdicts.iloc[0][0].upper() + verdicts.iloc[0][1:]
    better = rows.loc[verdicts.str.startswith("better"), "model"].tolist()[::-1]
    if not better:
        return "No model is shown to beat ewma_nb"
    if len(better) == 1:
        return f"{better[0]} beats ewma_nb"
    return f"{', '.join(better[:-1])} and {better[-1]} beat ewma_nb"


def _facts(rows: pd.DataFrame) -> str:
    row = rows.iloc[0]
    return (
        f"Brier score saved, with 95% intervals. Target {row['target']}, {row['horizon']} days "
        f"ahead: {row['rows']:,} forecasts on {row['dates']:,} dates, {row['positives']} positives."
    )


def ablation_figure(table: pd.DataFrame, *, title: str = "") -> Figure:
    """How much larger the Brier score is without each feature family, the largest on top.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`escalation.backtest.ablation.family_ablation`.
    title : str, optional
        Of the label.

    Returns
    -------
    matplotlib.figure.Figure
        Blue: the interval is above zero; orange: below; grey: around it.
    """
    rows = table[::-1]
    figure = new_figure(width=8.0, height=2.0 + 0.42 * len(rows))
    ax = figure.subplots()
    zero_line_axes(ax)
    ends = rows[["increase_lower", "increase", "increase_upper"]].to_numpy(np.float64)
    for y, (low, at, high) in enumerate(ends):
        colour = _interval_colour(low, high)
        ax.axhline(y, color=FAINT, linewidth=0.6, zorder=0)
        ax.plot([low, high], [y, y], color=colour, linewidth=2.2, solid_capstyle="round")
        ax.plot(at, y, "o", color=colour, markersize=8, markeredgecolor="white")
    ax.set_yticks(range(len(rows)), rows["without"].str.replace("_", " "))
    ax.tick_params(axis="y", labelcolor=INK, labelsize=11)
    ax.xaxis.set_major_formatter(lambda value, _: signed(value))
    ax.set_xlabel("increase of the Brier score without it (further right is worse)", color=INK)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.margins(x=0.1)
    needed = table.loc[table["increase_lower"] > 0, "without"].str.replace("_", " ").tolist()
    finding = (
        f"Clearly needed: {'; '.join(needed)}" if needed else "No single family is clearly needed"
    )
    headline(figure, finding, f"{title}: {table['model'].iloc[0]}, 95% intervals")
    return figure
