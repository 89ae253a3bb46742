"""Lateness: days from an event to its first report, and later changes of its toll."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from escalation.errors import UsageError
from escalation.events.revisions import WITHIN_DAYS, RevisionGroup, Revisions
from escalation.plots.style import FAINT, INK, PALETTE, clean_axes, headline, new_figure

MOST: Final = 10
"""Number of event types shown: the most frequent ones."""
SHADES: Final = ("#08519c", "#3182bd", "#6baed6", "#bdd7e7", "#f2c78f", "#e8743b", "#c9302c")
"""From the same day (dark blue) to later than a month (red)."""
_MARKS: Final = {"killed": (INK, "o", -0.17), "wounded": (PALETTE[1], "D", 0.17)}
"""Colour, marker and offset within the row."""
NARROWEST: Final = 0.06
"""Share below which a segment of a bar has no room for its number."""
_LEGEND: Final[dict[str, Any]] = {
    "frameon": False,
    "fontsize": 9,
    "loc": "lower left",
    "labelcolor": INK,
}


def lateness_figure(revisions: Revisions) -> Figure:
    """Delay of first reports, and the share of events whose toll changed afterwards.

    Parameters
    ----------
    revisions : Revisions
        From :func:`escalation.events.revisions.summarise_revisions`.

    Returns
    -------
    matplotlib.figure.Figure
        A row for all events, for each source if there are several, and for the most frequent
        types. A panel without data is left out.

    Raises
    ------
    UsageError
        ``E-PLOT`` if neither delays nor revisions are known.
    """
    groups, total = revisions.shown_groups(MOST), revisions.total
    panels = [
        panel for panel, known in ((_delays, total.lateness), (_changes, total.revised)) if known
    ]
    if not panels:
        raise UsageError(
            "E-PLOT",
            "neither lateness nor revisions are known: there is nothing to draw",
            fix="leave out --figure, or use events with known_date",
        )
    figure = new_figure(width=10.6 if len(panels) > 1 else 8.0, height=2.4 + 0.36 * len(groups))
    ratios = [1.8, 1.0] if len(panels) > 1 else [1.0]
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True, width_ratios=ratios)[0]
    for ax, panel in zip(axes, panels, strict=True):
        panel(ax, groups)
    _names(axes[0], groups)
    headline(figure, _finding(revisions), _facts(revisions))
    return figure


def _names(ax: Axes, groups: Sequence[RevisionGroup]) -> None:
    names = [f"{_name(group)} ({group.events:,})" for group in groups]
    ax.set_yticks(range(len(groups)), names)
    ax.tick_params(axis="y", labelcolor=INK, labelsize=10)
    ax.get_yticklabels()[0].set_fontweight("bold")
    ax.set_ylim(len(groups) - 0.5, -0.6)


def _name(group: RevisionGroup) -> str:
    if group.kind == "all":
        return "all events"
    return f"source {group.name}" if group.kind == "source" else group.name.replace("_", " ")


def _delays(ax: Axes, groups: Sequence[RevisionGroup]) -> None:
    """A stacked bar for each group, with a segment for each range of days."""
    clean_axes(ax)
    ax.spines["left"].set_visible(False)
    ends = np.array([[*group.lateness.within, 1.0] for group in groups if group.lateness])
    widths = np.diff(ends, axis=1, prepend=0.0)
    for i, (shade, label) in enumerate(zip(SHADES, _spans(), strict=True)):
        bars = ax.barh(
            range(len(groups)),
            widths[:, i],
            left=ends[:, i] - widths[:, i],
            height=0.72,
            color=shade,
            edgecolor="white",
            linewidth=0.8,
            label=label,
        )
        shares = [f"{width:.0%}" if width >= NARROWEST else "" for width in widths[:, i]]
        colour = INK if 2 <= i <= 4 else "white"
        ax.bar_label(bars, shares, label_type="center", size=9, color=colour)
    ax.set_xlim(0.0, 1.0)
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.set_title("first reports, by days after the event", size=11, color=INK, loc="left", pad=26)
    ax.legend(
        ncols=len(SHADES),
        bbox_to_anchor=(-0.02, 0.98),
        handlelength=0.9,
        handletextpad=0.4,
        columnspacing=1.0,
        **_LEGEND,
    )


def _spans() -> list[str]:
    """Labels of the ranges of days: same day, 1, 2 to 3, and so on."""
    ranges = [str(b) if b == a + 1 else f"{a + 1} to {b}" for a, b in pairwise(WITHIN_DAYS)]
    return ["same day", *ranges, f"over {WITHIN_DAYS[-1]}"]


def _changes(ax: Axes, groups: Sequence[RevisionGroup]) -> None:
    """How often the toll changed, as dots labelled with the median change."""
    clean_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    for y in range(len(groups)):
        ax.axhline(y, color=FAINT, linewidth=0.6, zorder=0)
    for name, (colour, mark, shift) in _MARKS.items():
        tolls = [getattr(group, name) for group in groups]
        rows = np.arange(len(groups)) + shift
        ax.plot(
            [toll.changed for toll in tolls],
            rows,
            mark,
            color=colour,
            markersize=6.5,
            markeredgecolor="white",
            label=name,
            clip_on=False,
            gid=name,
        )
        for y, toll in zip(rows, tolls, strict=True):
            if toll.median is not None:
                ax.annotate(
                    f"by {toll.median:g}",
                    (toll.changed, y),
                    (6, 0),
                    va="center",
                    size=8.5,
                    textcoords="offset points",
                    color=colour,
                )
    highest = max(max(group.killed.changed, group.wounded.changed) for group in groups)
    ax.set_xlim(0.0, max(1.3 * highest, 0.01))
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    ax.set_title("events whose toll changed later", size=11, color=INK, loc="left", pad=26)
    anchor = (-0.05, 0.98)
    ax.legend(ncols=2, bbox_to_anchor=anchor, handletextpad=0.2, columnspacing=1.2, **_LEGEND)


def _finding(revisions: Revisions) -> str:
    lag = revisions.suggested_lag
    if revisions.total.lateness is None:
        return f"{revisions.total.revised:.0%} of events have a later version"
    if lag is None:
        return "Report dates are assumed, not observed"
    when = "on the day itself" if lag == 0 else f"within {lag} day{'s' if lag > 1 else ''}"
    return f"At least nine in ten events were reported {when}"


def _facts(revisions: Revisions) -> str:
    text = (
        f"{revisions.total.events:,} events from {revisions.first_day} to {revisions.last_day}, "
        f"reports up to {revisions.covered_to}; known dates: {revisions.known_basis}."
    )
    if revisions.total.revised:
        return f"{text}\nNext to a dot: the median change from first to last report, in people."
    return f"{text}\nNo event has a second version: it is unknown how often tolls change."
