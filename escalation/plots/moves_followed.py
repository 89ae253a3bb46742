"""Moves: how often each side's were followed by the other's, and how often by chance."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from escalation.errors import UsageError
from escalation.plots.style import FAINT, INK, PALETTE, SOFT, clean_axes, headline, new_figure

ANSWERED = PALETTE[1]


def moves_figure(moves: pd.DataFrame) -> Figure:
    """Share of moves that were followed, with its interval; a column of panels per window.

    Parameters
    ----------
    moves : DataFrame
        From :func:`escalation.models.excitation.moves_table`.

    Raises
    ------
    UsageError
        ``E-PLOT`` if no side has moved.
    """
    moves = moves[moves["moves"] > 0]
    if moves.empty:
        raise UsageError("E-PLOT", "no side has moved: there is nothing to draw")
    kinds = moves[["mover", "other", "group"]].drop_duplicates()
    sides = kinds.groupby(["mover", "other"], sort=False).size()
    windows = sorted(moves["within"].unique())
    figure = new_figure(width=4.2 + 2.6 * len(windows), height=2.0 + 0.42 * len(kinds) + len(sides))
    axes = figure.subplots(
        len(sides), len(windows), squeeze=False, sharex=True, height_ratios=sides.tolist()
    )
    for panels, (mover, other) in zip(axes, sides.index, strict=True):
        rows = moves[(moves["mover"] == mover) & (moves["other"] == other)]
        groups = rows["group"].unique().tolist()
        for ax, within in zip(panels, windows, strict=True):
            _panel(ax, rows, groups, int(within))
        panels[0].set_yticks(range(len(groups)), groups)
        title = f"{mover} moved:\n{other} acted within {windows[0]} days".replace("_", " ")
        panels[0].set_title(title, size=11, color=INK, loc="left")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        ncols=2,
        frameon=False,
        fontsize=9,
        loc="outside lower left",
        labelcolor=INK,
    )
    headline(
        figure,
        _finding(moves),
        "Share of moves followed by an act of the other side, with its 95% interval; orange: an "
        "answer, hollow: too few to say.\nBlue: what chance alone gives, by two null models.",
    )
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, groups: list[str], within: int) -> None:
    clean_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    table = rows[rows["within"] == within].set_index("group")
    for y, group in enumerate(groups):
        if group not in table.index:
            continue
        row = table.loc[group]
        colour = {"answer": ANSWERED, "not shown": INK}.get(row["verdict"], SOFT)
        ax.plot([row["lower"], row["upper"]], [y, y], color=colour, linewidth=1.6, zorder=2)
        face = "white" if row["verdict"] == "too few to say" else colour
        ax.plot(row["share"], y, "o", color=colour, markerfacecolor=face, zorder=3, clip_on=False)
        ax.text(1.04, y, f"{row['followed']} of {row['moves']}", va="center", size=9, color=colour)
    numbers = [groups.index(group) for group in table.index]
    for name, mark, label in (
        ("before", "|", "before the moves, in as many days"),
        ("jittered", "x", "after moves jittered by up to 30 days"),
    ):
        ax.plot(table[name], numbers, mark, color=PALETTE[0], markersize=9, label=label, zorder=4)
    ax.set_yticks(range(len(groups)), [])
    ax.tick_params(axis="y", labelcolor=INK)
    ax.set_ylim(len(groups) - 0.5, -0.6)
    ax.set_xlim(0.0, 1.0)
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.set_xticks([0.0, 0.5, 1.0])
    ax.axvline(0.0, color=FAINT, linewidth=0.8)
    ax.set_title(f"within {within} days", size=11, color=INK, loc="left")


def _finding(moves: pd.DataFrame) -> str:
    answers = moves[moves["verdict"] == "answer"]
    if answers.empty:
        return "No clear answer: what followed the moves may be chance"
    pairs = list(dict.fromkeys(zip(answers["other"], answers["mover"], strict=True)))
    return "; ".join(f"{other} answers {mover}" for other, mover in pairs)
