"""Draw the pictures of the concept pages, as SVG."""

from __future__ import annotations

import io
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from escalation.backtest.intervals import track_record
from escalation.models.ewma_nb import DECAY_DAYS, nb_tail
from escalation.plots.style import FAINT, INK, PALETTE, SOFT, clean_axes, new_figure

BLUE, RED, GREEN = PALETTE[:3]


def svg(figure: Figure) -> str:
    """Return a figure as SVG text, the same bytes each time."""
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "escalation"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight")
    return buffer.getvalue().decode("utf-8")


def _canvas(*, width: float = 8.0, height: float = 2.6) -> tuple[Figure, Axes]:
    figure = new_figure(width=width, height=height)
    return figure, figure.add_subplot()


def _bare(ax: Axes, x: tuple[float, float], y: tuple[float, float]) -> None:
    ax.set(xlim=x, ylim=y)
    ax.axis("off")


def _bar(ax: Axes, left: float, right: float, y: float, colour: str, text: str = "") -> None:
    ax.add_patch(Rectangle((left, y - 0.3), right - left, 0.6, color=colour, lw=0))
    if text:
        ax.text((left + right) / 2, y, text, ha="center", va="center", size=10, color="white")


def _span(ax: Axes, left: float, right: float, y: float) -> None:
    arrow = FancyArrowPatch((left, y), (right, y), arrowstyle="<->", mutation_scale=12, color=INK)
    ax.add_patch(arrow)


def _days(ax: Axes, first: int, last: int, *, today: int, word: str = "t") -> None:
    for day in range(first, last + 1):
        name = word if day == today else f"{word}{day - today:+d}"
        ax.text(day + 0.5, -0.35, name, ha="center", va="top", size=10, color=SOFT)


def known_when() -> str:
    """An event happens on one day and becomes known on another."""
    figure, ax = _canvas()
    _bare(ax, (0, 10), (-0.6, 3.4))
    rows = ((2.6, 1, 1.6, "rockets on Taji", True), (1.6, 2, 6, "strike, reported late", False),
            (0.6, 7, 8, "a vote", False))  # fmt: skip
    for y, happened, known, name, is_known in rows:
        ax.plot([happened, known], [y, y], color=FAINT, lw=3, zorder=1)
        ax.scatter([happened], [y], s=90, facecolor="white", edgecolor=INK, zorder=2)
        ax.scatter([known], [y], s=90, color=BLUE if is_known else SOFT, zorder=2)
        ax.text(happened, y + 0.3, name, size=10, color=INK)
    ax.axvline(4.5, color=RED, lw=2)
    ax.text(4.6, 3.2, "as_of(day): only what is known by this day", size=10, color=RED, va="top")
    ax.text(0.2, -0.5, "○ happened   ● became known", size=10, color=SOFT)
    return svg(figure)


def versions() -> str:
    """One event, several versions: the wounded of 8 January 2020."""
    figure, ax = _canvas()
    reports = ((8, 0), (16, 11), (24, 34), (29, 50), (30, 64), (41, 109), (52, 110))
    days, wounded = zip(*reports, strict=True)
    ax.step([*days, 60], [*wounded, 110], where="post", color=BLUE, lw=2)
    ax.scatter(days, wounded, color=BLUE, zorder=3)
    for day, number in reports:
        ax.annotate(str(number), (day, number), (4, 6), textcoords="offset points", size=10)
    ax.set(xlabel="day of report, counted from 1 January 2020", ylabel="wounded, as known then")
    clean_axes(ax, grid="y")
    return svg(figure)


def lag() -> str:
    """With a reporting lag, the last days are not in yet."""
    figure, ax = _canvas(height=2.2)
    _bare(ax, (0, 10), (-0.9, 2.6))
    _bar(ax, 0, 5, 0.3, BLUE, "these days are reported")
    _bar(ax, 5, 8, 0.3, SOFT, "not reported yet")
    ax.axvline(8, color=RED, lw=2)
    ax.text(8.1, 2.4, "today", color=RED, size=10, va="top")
    ax.add_patch(
        FancyArrowPatch((5, 1.2), (8, 1.2), arrowstyle="<->", mutation_scale=12, color=INK)
    )
    ax.text(6.5, 1.4, "reporting lag", ha="center", size=10)
    _days(ax, 0, 9, today=7)
    return svg(figure)


def embargo() -> str:
    """Training labels end one horizon and one lag before the forecast."""
    figure, ax = _canvas(height=2.8)
    _bare(ax, (0, 16), (-1.0, 3.2))
    _bar(ax, 0, 5, 1.6, GREEN, "labels to learn from")
    _bar(ax, 5, 10, 1.6, SOFT, "not resolved yet")
    _bar(ax, 10, 15, 0.4, BLUE, "days t+1 to t+h")
    ax.axvline(10, color=RED, lw=2, ymin=0.15)
    ax.text(10.1, 3.0, "forecast issued at t", size=10, color=RED, va="top")
    ax.add_patch(
        FancyArrowPatch((5, 2.3), (10, 2.3), arrowstyle="<->", mutation_scale=12, color=INK)
    )
    ax.text(7.5, 2.45, "horizon + lag", ha="center", size=10)
    ax.text(0, -0.9, "The last label that can have resolved is that of day t-h: it ends on day t.",
            size=10, color=SOFT)  # fmt: skip
    return svg(figure)


def resolved() -> str:
    """Forecasts are issued, open, and then resolved."""
    figure, ax = _canvas(height=2.6)
    _bare(ax, (-5, 12), (-1.0, 3.4))
    for y, start in ((2.6, 0), (1.7, 2), (0.8, 4), (-0.1, 6)):
        is_resolved = start + 5 <= 8
        ax.plot([start, start + 5], [y, y], lw=8, color=GREEN if is_resolved else FAINT,
                solid_capstyle="butt")  # fmt: skip
        label = "resolved: it happened or not" if is_resolved else "open"
        ax.text(start - 0.2, y, label, va="center", ha="right", size=10, color=SOFT)
    ax.axvline(8, color=RED, lw=2, ymin=0.05)
    ax.text(8.1, -0.9, "today", color=RED, size=10)
    return svg(figure)


def baseline() -> str:
    """The decayed rate, and the tail probabilities of the expected count."""
    figure = new_figure(width=8.0, height=3.0)
    left, right = figure.subplots(1, 2)
    rng = np.random.default_rng(3)
    counts = rng.poisson(np.where(np.arange(150) < 90, 0.1, 0.5))
    total, rate = 0.0, []
    for count in counts:
        total = total * np.exp(-1 / DECAY_DAYS) + count
        rate.append(total / DECAY_DAYS)
    left.bar(np.arange(150), counts, color=FAINT, width=1.0)
    left.plot(rate, color=BLUE, lw=2)
    left.set(xlabel="day", ylabel="events; decayed daily rate")
    mean = np.array([rate[-1] * 7])
    k = np.arange(1, 11)
    right.bar(k, [nb_tail(mean, 1.6, np.array([float(n)]))[0] for n in k], color=BLUE)
    right.set(xlabel="k events or more in 7 days", ylabel="probability", xticks=k)
    for ax in (left, right):
        clean_axes(ax, grid="y")
    figure.tight_layout()
    return svg(figure)


def interval() -> str:
    """How often it happened, by what the model said, with its interval."""
    rng = np.random.default_rng(1)
    probability = rng.beta(1.2, 3.0, 400)
    outcome = (rng.random(400) < probability**1.3) * 1.0
    day = np.arange(400) * 7
    record = track_record(probability, outcome, unit=np.zeros(400, np.int64), day=day, horizon=7)
    grid = np.linspace(0.02, 0.9, 60)
    low, high = record.interval(grid)
    figure, ax = _canvas(width=5.5, height=4.2)
    ax.plot([0, 1], [0, 1], color=FAINT, lw=1.5)
    ax.fill_between(grid, low, high, color=BLUE, alpha=0.25, lw=0)
    at = np.array([0.3])
    bottom, top = (float(end[0]) for end in record.interval(at))
    ax.plot([0.3, 0.3], [bottom, top], color=RED, lw=3)
    ax.annotate("when it says 30%,\nit happens this often", (0.3, top), (0.06, 0.75), size=10,
                color=RED, arrowprops={"arrowstyle": "-", "color": RED})  # fmt: skip
    ax.set(xlabel="forecast probability", ylabel="how often it happened",
           xlim=(0, 1), ylim=(0, 1))  # fmt: skip
    clean_axes(ax, grid="both")
    return svg(figure)


def cold_start() -> str:
    """Weight moves from models that need no record to those with good resolved forecasts."""
    figure, ax = _canvas(height=2.8)
    resolved_days = np.linspace(0, 365, 200)
    learnt = resolved_days / (resolved_days + 120)
    ax.stackplot(resolved_days, 0.1 + 0 * learnt, 0.9 * (1 - learnt), 0.9 * learnt,
                 colors=(SOFT, GREEN, BLUE), alpha=0.85)  # fmt: skip
    for x, y, text in ((120, 0.04, "the baseline, always"), (12, 0.35, "models without a record"),
                       (205, 0.62, "models with good resolved forecasts")):  # fmt: skip
        ax.text(x, y, text, color="white", size=10)
    ax.set(xlabel="days of resolved forecasts (a sketch)", ylabel="weight",
           xlim=(0, 365), ylim=(0, 1))  # fmt: skip
    clean_axes(ax)
    return svg(figure)


def architecture() -> str:
    """The stages, each importing only from those above it."""
    figure, ax = _canvas(width=8.0, height=4.6)
    _bare(ax, (0, 12), (0, 9))
    rows = (
        ("errors, schema, _util", ""), ("events", "what was known when"),
        ("panel", "dense arrays of units and days"),
        ("features     targets     models", "never import each other"),
        ("experiment     metrics", ""), ("backtest     plots", "rolling origins; figures"),
        ("audit     scoring", "does anything look ahead? watch list"),
        ("report", "the report page"), ("tracking", "MLflow"), ("cli", "parse, one call, print"),
    )  # fmt: skip
    for i, (names, words) in enumerate(rows):
        y = 8.55 - i * 0.9
        ax.add_patch(Rectangle((0.2, y - 0.3), 6.2, 0.6, color=BLUE, alpha=0.14, lw=0))
        ax.text(3.3, y, names, ha="center", va="center", size=11, color=INK)
        ax.text(6.7, y, words, va="center", size=10, color=SOFT)
        if i:
            arrow = FancyArrowPatch((0.6, y + 0.62), (0.6, y + 0.28), arrowstyle="-|>",
                                    mutation_scale=10, color=INK)  # fmt: skip
            ax.add_patch(arrow)
    return svg(figure)


PICTURES: dict[str, Callable[[], str]] = {
    "known-when": known_when,
    "versions": versions,
    "lag": lag,
    "embargo": embargo,
    "resolved": resolved,
    "baseline": baseline,
    "interval": interval,
    "cold-start": cold_start,
    "architecture": architecture,
}
