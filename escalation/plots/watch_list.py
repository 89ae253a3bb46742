"""The watch list as a figure."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from escalation._util.text import listed, percent
from escalation.errors import InputError
from escalation.plots.style import INK, PALETTE, clean_axes, headline, new_figure

_MOST = 25
_DOT: dict[str, Any] = {"color": PALETTE[0], "markersize": 9, "mec": "white", "clip_on": False}


def watch_list_figure(scores: pd.DataFrame, *, most: int = _MOST) -> Figure:
    """Probability, interval and base rate of each unit, highest on top.

    Parameters
    ----------
    scores : pandas.DataFrame
        Columns unit, day, horizon, probability, lower, upper, base_rate. Units without a
        probability are listed below the title.
    most : int, optional
        Number of units to show.

    Raises
    ------
    InputError
        ``E-EMPTY`` without a unit.
    """
    if scores.empty:
        raise InputError("E-EMPTY", "there is no unit to plot")
    known = scores[scores["probability"].notna()].sort_values(
        ["probability", "unit"], ascending=[False, True]
    )
    rows = known.head(most)[::-1]
    figure = new_figure(width=9.0, height=1.75 + 0.36 * max(len(rows), 2))
    ax = figure.subplots()
    beside_axes = ax.get_yaxis_transform()
    for y, (_, row) in enumerate(rows.iterrows()):
        probability = row["probability"]
        if pd.notna(row["lower"]) and pd.notna(row["upper"]):
            ends = [row["lower"], row["upper"]]
            ax.plot(ends, [y, y], color=PALETTE[5], linewidth=5, alpha=0.6, solid_capstyle="round")
        ax.plot(probability, y, "o", gid="unit", **_DOT)
        if pd.notna(row["base_rate"]):
            ax.plot(row["base_rate"], y, "|", color=INK, markersize=14, markeredgewidth=1.6)
        label = percent(probability)
        ax.text(1.02, y, label, size=11, color=INK, va="center", transform=beside_axes)
    clean_axes(ax, grid="x")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_yticks(range(len(rows)), rows["unit"].astype(str))
    ax.tick_params(axis="y", labelcolor=INK, labelsize=11)
    ax.set_ylim(-0.7, max(len(rows), 1) - 0.3)
    ax.set_xlim(0.0, 1.0)
    ax.xaxis.set_major_formatter("{x:.0%}")
    headline(figure, _title(known), _subtitle(scores, hidden=len(known) - len(rows)))
    return figure


def _title(known: pd.DataFrame) -> str:
    if known.empty:
        return "No unit has a probability"
    first = known.iloc[0]
    highest = f"{first['unit']}: {percent(first['probability'])}"
    if pd.isna(first["base_rate"]) or first["base_rate"] <= 0.0:
        return highest
    times = first["probability"] / first["base_rate"]
    return f"{highest}, {times:.1f} times its usual {percent(first['base_rate'])}"


def _subtitle(scores: pd.DataFrame, *, hidden: int) -> str:
    row = scores.iloc[0]
    when = f"{int(row['horizon'])} days after {pd.Timestamp(row['day']):%-d %B %Y}"
    text = (
        f"Probability in the {when}. Bar: how often the outcome\nfollowed such forecasts "
        "(95% interval); black tick: the base rate."
    )
    notes = [f"{hidden} more units are lower."] if hidden else []
    without = scores.loc[scores["probability"].isna(), "unit"].astype(str).tolist()
    if without:
        notes.append(f"No probability for {listed(without, 4)}.")
    return "\n".join([text, " ".join(notes)]) if notes else text
