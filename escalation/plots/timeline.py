"""The timeline of a crisis: daily forecasts, their outcomes, and the events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from escalation import schema
from escalation.errors import UsageError
from escalation.plots.callouts import describe, name_events, notable
from escalation.plots.risk import event_marks
from escalation.plots.style import FAINT, INK, PALETTE, SOFT, clean_axes, headline, new_figure

STRIP = (-0.16, -0.05)
"""Lower and upper edge of the strip of outcomes, on the probability axis."""


def timeline_figure(
    rows: pd.DataFrame,
    events: pd.DataFrame,
    *,
    units: Sequence[str] | None = None,
    target: str | None = None,
    words: Mapping[str, str] | None = None,
    named: Mapping[str, str] | None = None,
    title: str | None = None,
    note: str = "",
) -> Figure:
    """Daily risk and outcomes of some units, a panel each, and the events at the bottom.

    Other labels follow, each for the unit with the highest risk.

    Parameters
    ----------
    rows : pandas.DataFrame
        From :func:`escalation.scoring.replay.replay_range`.
    events : pandas.DataFrame
        Canonical events to mark by rung.
    units : sequence of str, optional
        By default the unit of all events, if there is one, and the two with the highest risk.
    target : str, optional
        The only label to show; by default the first in full, and a panel for each other label.
    words : mapping of str to str, optional
        Questions of the labels.
    named : mapping of str to str, optional
        Texts of the events to name, by identifier; by default the gravest are named.
    title : str, optional
    note : str, optional
        A line below the title.

    Raises
    ------
    UsageError
        ``E-PLOT`` for a unit without forecasts.
    """
    chosen = rows[rows["target"] == (target or rows["target"].iloc[0])]
    panels = [(chosen[chosen[schema.UNIT] == unit], unit) for unit in units or most_at_risk(chosen)]
    if missing := [unit for panel, unit in panels if panel.empty]:
        raise UsageError("E-PLOT", "no forecasts for this unit", value=missing[0])
    others = rows[rows["target"] != chosen["target"].iloc[0]] if target is None else rows[:0]
    for name, label in others.groupby("target", sort=False):
        unit = most_at_risk(label, most=1)[0]
        question = (words or {}).get(str(name), str(name))
        heading = f"{question} within {label['horizon'].iloc[0]} days: {unit}"
        panels.append((label[label[schema.UNIT] == unit], heading))
    first, last = chosen[schema.DAY].min(), chosen[schema.DAY].max()
    shown_events = events[events[schema.EVENT_DATE].between(first, last)]
    figure = new_figure(width=11.5, height=3.9 + 1.75 * len(panels))
    axes = figure.subplots(
        len(panels) + 1, 1, sharex=True, gridspec_kw={"height_ratios": [*[1.0] * len(panels), 1.9]}
    )
    for ax, (panel, heading) in zip(axes[:-1], panels, strict=True):
        _panel(ax, panel.sort_values(schema.DAY), heading)
    event_marks(axes[-1], shown_events)
    axes[0].set_xlim(first - pd.Timedelta(1, "D"), last + pd.Timedelta(2, "D"))
    if note and len(others):
        note = f"{note}, by place; below, a panel for each other label."
    subtitle = _subtitle(pd.concat([panel for panel, _ in panels]))
    headline(figure, title or _title(chosen), "\n".join(filter(None, [note, subtitle])))
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    _name(axes[-1], shown_events, named)
    return figure


def most_at_risk(rows: pd.DataFrame, *, most: int = 2) -> list[str]:
    """The unit of all events, if there is one, and those with the highest total risk.

    Parameters
    ----------
    rows : DataFrame
        As for :func:`timeline_figure`.
    most : int, optional
        Number of units besides the unit of all events.
    """
    total = rows.groupby(schema.UNIT)["probability"].sum()
    ranked = total.sort_values(ascending=False, kind="stable").index.tolist()
    whole = [unit for unit in ranked if unit == schema.ALL_UNIT]
    return whole + [unit for unit in ranked if unit != schema.ALL_UNIT][:most]


def _panel(ax: Axes, rows: pd.DataFrame, heading: str) -> None:
    """Probability with its interval and base rate, above a strip of outcomes."""
    day = rows[schema.DAY].to_numpy()
    low, high, probability, rate = (
        rows[name].to_numpy(dtype=np.float64)
        for name in ("lower", "upper", "probability", "base_rate")
    )
    ax.fill_between(day, low, high, color=PALETTE[5], alpha=0.3, linewidth=0, step="post")
    ax.step(day, rate, where="post", color=SOFT, linewidth=1.0, linestyle=(0, (4, 3)))
    ax.step(day, probability, where="post", color=PALETTE[0], linewidth=2.0, gid="risk")
    outcome = rows[schema.OUTCOME].to_numpy(dtype=np.float64)
    for value, colour in ((0.0, FAINT), (1.0, PALETTE[1])):
        spans = [(at, pd.Timedelta(1, "D")) for at in rows.loc[outcome == value, schema.DAY]]
        if spans:
            height = (STRIP[0], STRIP[1] - STRIP[0])
            ax.broken_barh(spans, height, color=colour, linewidth=0, gid=f"outcome {value:.0f}")
    clean_axes(ax, grid="y")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_ylim(STRIP[0] - 0.02, 1.02)
    ax.set_yticks([0.0, 0.5, 1.0])
    ax.yaxis.set_major_formatter("{x:.0%}")
    ax.set_title(heading.replace("_", " "), size=11, weight="bold", color=INK, loc="left", pad=3)


def _name(ax: Axes, events: pd.DataFrame, named: Mapping[str, str] | None) -> None:
    if named is None:
        name_events(ax, notable(events, most=8), describe)
        return
    events = events[events[schema.EVENT_ID].isin(list(named))]
    name_events(ax, events, lambda event: named[str(event[schema.EVENT_ID])])


def _title(rows: pd.DataFrame) -> str:
    span = [f"{day:%-d %B %Y}" for day in (rows[schema.DAY].min(), rows[schema.DAY].max())]
    return f"Daily forecasts from {span[0]} to {span[1]}, and what happened"


def _subtitle(rows: pd.DataFrame) -> str:
    row = rows.iloc[0]
    outcome, within = row["target"], f"within {row['horizon']} days"
    if rows["target"].nunique() > 1:
        outcome, within = "each panel's outcome", "in time"
    models = rows.loc[rows["probability"].notna(), "model"].value_counts().index
    return (
        f"Blue line: probability of {outcome}, each day from what was known on it; models "
        f"{', '.join(models)}. Band: how often it\nfollowed such forecasts (95% interval). "
        f"Dashed: the base rate.\n"
        f"Strip below: orange if it happened {within}, grey if not."
    )
