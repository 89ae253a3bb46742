"""Risk over time, above the events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from escalation import schema
from escalation.errors import UsageError
from escalation.plots.callouts import CEILING, describe, name_events, notable
from escalation.plots.style import INK, PALETTE, RUNG_COLOURS, clean_axes, headline, new_figure

MOST_NAMES = 8


def risk_over_time(
    forecasts: pd.DataFrame,
    events: pd.DataFrame,
    *,
    unit: str,
    model: str,
    target: str | None = None,
    names: int = MOST_NAMES,
    label: Callable[[pd.Series], str] = describe,
    note: str = "",
) -> Figure:
    """Probability of one model for one unit over time, above the events by severity.

    Parameters
    ----------
    forecasts : pandas.DataFrame
        Columns of a forecast file.
    events : pandas.DataFrame
        Canonical events to mark: those of the unit, or those that count.
    unit, model : str
        To show.
    target : str, optional
        Label to show; the first by default.
    names : int, optional
        Number of events to name, highest rung and most killed first.
    label : callable, optional
        Returns the text for an event.
    note : str, optional
        A line below the subtitle.

    Raises
    ------
    UsageError
        ``E-PLOT`` if there is no such forecast.
    """
    rows = _chosen(forecasts, unit=unit, model=model, target=target)
    first = rows[schema.DAY].min()
    last = rows[schema.DAY].max() + pd.Timedelta(int(rows["horizon"].max()), "D")
    shown_events = events[events[schema.EVENT_DATE].between(first, last)]
    figure = new_figure(width=11.0, height=7.2)
    top, bottom = figure.subplots(2, 1, sharex=True)
    _risk(top, rows)
    event_marks(bottom, shown_events)
    margin = (last - first) * 0.01
    top.set_xlim(first - margin, last + margin)
    headline(figure, _title(rows), _subtitle(rows, note))
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    name_events(bottom, notable(shown_events, most=names), label)
    return figure


def _chosen(forecasts: pd.DataFrame, *, unit: str, model: str, target: str | None) -> pd.DataFrame:
    """Forecasts of one model, unit, label and horizon, by day."""
    chosen = (forecasts["model"] == model) & (forecasts[schema.UNIT].astype(str) == unit)
    if target is not None:
        chosen &= forecasts["target"] == target
    rows = forecasts[chosen]
    if rows.empty:
        value = ", ".join(filter(None, [model, unit, target]))
        raise UsageError("E-PLOT", "no forecasts for this model, unit and target", value=value)
    same = (rows["target"] == rows["target"].iloc[0]) & (rows["horizon"] == rows["horizon"].iloc[0])
    return rows[same].sort_values(schema.DAY)


def _risk(ax: Axes, rows: pd.DataFrame) -> None:
    """Probability as steps, its interval, and the share of positives as a line."""
    day = rows[schema.DAY].to_numpy()
    low, high, probability = (
        rows[name].to_numpy(dtype=np.float64) for name in ("lower", "upper", "probability")
    )
    ax.fill_between(day, low, high, color=PALETTE[5], alpha=0.3, linewidth=0, step="post")
    ax.step(day, probability, where="post", color=PALETTE[0], linewidth=2.2, gid="risk")
    known = rows.loc[rows[schema.AT_RISK].astype(bool), schema.OUTCOME].dropna()
    if len(known):
        base = float(known.mean())
        ax.axhline(base, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
        label, beside_axes = f"base rate\n{base:.0%}", ax.get_yaxis_transform()
        ax.text(1.008, base, label, size=10, color=INK, va="center", transform=beside_axes)
    clean_axes(ax, grid="y")
    ax.spines["left"].set_visible(False)
    highest = np.nanmax([0.2, *high, *probability])
    ax.set_ylim(0.0, min(1.0, np.ceil(highest * 10.0) / 10.0))
    ax.yaxis.set_major_formatter("{x:.0%}")


def event_marks(ax: Axes, events: pd.DataFrame) -> None:
    """Mark each event at its rung; the size grows with the number killed, up to a limit.

    Parameters
    ----------
    ax : Axes
    events : DataFrame
        Canonical events.
    """
    rung = events[schema.SEVERITY].to_numpy(dtype=int)
    killed = events[schema.KILLED].fillna(0).to_numpy(dtype=np.float64)
    order = np.argsort(-killed, kind="stable")
    ax.scatter(
        events[schema.EVENT_DATE].to_numpy()[order],
        rung[order],
        s=(34.0 + 26.0 * np.sqrt(np.clip(killed, 0, 60)))[order],
        c=[RUNG_COLOURS[r] for r in rung[order]],
        edgecolors="white",
        linewidths=0.8,
        zorder=3,
    )
    lowest = int(min(rung.min(initial=3), 3))
    rungs = range(lowest, schema.HIGHEST_RUNG + 1)
    clean_axes(ax)
    ax.set_yticks(rungs, [schema.RUNG_WORDS[r] for r in rungs])
    for r in rungs:
        ax.axhline(r, color=RUNG_COLOURS[0], linewidth=0.7, zorder=0)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(lowest - 0.6, CEILING)
    locator = AutoDateLocator(minticks=4, maxticks=10)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _title(rows: pd.DataFrame) -> str:
    known = rows[rows["probability"].notna()]
    if known.empty:
        return "No probability is available here"
    peak = known.loc[known["probability"].astype(float).idxmax()]
    when = f"{pd.Timestamp(peak[schema.DAY]):%-d %B %Y}"
    return f"The risk was highest on {when}: {peak['probability']:.0%}"


def _subtitle(rows: pd.DataFrame, note: str) -> str:
    row = rows.iloc[0]
    text = (
        f"{row['model']}, target {row['target']}, {row['horizon']} days ahead, unit {row['unit']}."
        " Top: probability, and how often the outcome\nfollowed such forecasts (95% interval). "
        "Bottom: events; larger marks mean more people killed."
    )
    return f"{text}\n{note}" if note else text
