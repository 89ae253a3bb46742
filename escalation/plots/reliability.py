"""Reliability: when a model said 30%, how often did it happen?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from escalation._util.arrays import Array
from escalation.errors import UsageError
from escalation.metrics.calibration import consistency_band, recalibrated
from escalation.metrics.paired import Paired, pair
from escalation.plots.style import FAINT, PALETTE, SOFT, clean_axes, headline, new_figure

_BINS = 40
_LEVEL = 0.9
_RANGES = (0.05, 0.25, 0.5, 0.75, 0.95)


def reliability_figure(
    forecasts: pd.DataFrame | Sequence[Paired],
    *,
    models: Sequence[str] | None = None,
    target: str | None = None,
    seed: int = 0,
) -> Figure:
    """Observed frequency against forecast, by isotonic regression, and the forecasts below it.

    Parameters
    ----------
    forecasts : pandas.DataFrame or sequence of Paired
        As for :func:`escalation.metrics.summary`, or already paired by
        :func:`escalation.metrics.paired.pair`.
    models : sequence of str, optional
        Models to draw, at most seven; all by default. A single one gets a band, in which nine in
        ten curves of a calibrated forecaster would lie, and a histogram of its forecasts.
    target : str, optional
        Label to show; the first by default.
    seed : int, optional
        For the band.

    Raises
    ------
    UsageError
        ``E-PLOT`` for a target or a model without forecasts.
    """
    labels = pair(forecasts) if isinstance(forecasts, pd.DataFrame) else forecasts
    paired = _chosen(labels, target)
    names = list(models or paired.models)[: len(PALETTE)]
    unknown = sorted(set(names) - set(paired.models))
    if unknown:
        message = f"no forecasts of this model; choose from {', '.join(paired.models)}"
        raise UsageError("E-PLOT", message, value=unknown[0])
    single = len(names) == 1
    figure = new_figure(width=7.2, height=7.8 if single else 7.0 + 0.3 * len(names))
    top, bottom = figure.subplots(
        2,
        1,
        sharex=True,
        gridspec_kw={"height_ratios": [5, 1.2 if single else 0.3 * len(names)], "hspace": 0.12},
    )
    top.plot([0, 1], [0, 1], color=SOFT, linewidth=1.0, linestyle=(0, (4, 3)))
    _axes(top, bottom)
    if single:
        _band(top, paired.of(names[0]), seed=seed)
        counts, edges = np.histogram(paired.of(names[0]), bins=_BINS, range=(0.0, 1.0))
        bottom.stairs(counts, edges, fill=True, color=PALETTE[0])
        bottom.set_ylabel("forecasts", color=SOFT, size=11)
    else:
        _ranges(bottom, paired, names)
    for name, colour in zip(names, PALETTE, strict=False):
        _curve(top, paired.of(name), paired.outcome, colour)
    who = names[0] if single else "a model"
    margin = {"left": 0.95} if single else {}
    question = f"When {who} says 30%, does it happen 30% of the time?"
    headline(figure, question, _facts(paired, single=single), **margin)
    return figure


def _chosen(labels: Sequence[Paired], target: str | None) -> Paired:
    for paired in labels:
        if target in (None, paired.target):
            return paired
    targets = ", ".join(paired.target for paired in labels)
    raise UsageError("E-PLOT", f"no forecasts of this target; choose from {targets}", value=target)


def _curve(ax: Axes, probability: Array, outcome: Array, colour: str) -> None:
    """The isotonic fit at the forecasts; a dot if all forecasts are equal."""
    order = np.argsort(probability, kind="stable")
    x, fitted = probability[order], recalibrated(probability, outcome)[order]
    if x[0] == x[-1]:
        ax.plot(x[:1], fitted[:1], "o", color=colour, markersize=9, gid="curve")
    else:
        ax.plot(x, fitted, color=colour, linewidth=2.4, gid="curve", clip_on=False)


def _band(ax: Axes, probability: Array, *, seed: int) -> None:
    low, high = float(probability.min()), float(probability.max())
    if low < high:
        at = np.linspace(low, high, 201)
        lower, upper = consistency_band(probability, at=at, level=_LEVEL, seed=seed)
        ax.fill_between(at, lower, upper, color=PALETTE[5], alpha=0.3, linewidth=0)


def _ranges(ax: Axes, paired: Paired, names: list[str]) -> None:
    """A row per model, also the colour legend: 5 to 95%, the middle half, the median."""
    for y, (name, colour) in enumerate(zip(names, PALETTE, strict=False)):
        ends = np.quantile(paired.of(name), _RANGES)
        ax.axhline(y, color=FAINT, linewidth=0.6, zorder=0)
        ax.plot(ends[[0, 4]], [y, y], color=colour, linewidth=1.5)
        ax.plot(ends[[1, 3]], [y, y], color=colour, linewidth=5, solid_capstyle="round")
        ax.plot(ends[2], y, "o", color=colour, markersize=9, markeredgecolor="white")
    ax.set_yticks(range(len(names)), names)
    for tick, colour in zip(ax.get_yticklabels(), PALETTE, strict=False):
        tick.set(color=colour, fontweight="bold", fontsize=11)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.spines["left"].set_visible(False)


def _axes(top: Axes, bottom: Axes) -> None:
    clean_axes(top, grid="both")
    clean_axes(bottom)
    top.set_xlim(0.0, 1.0)
    top.set_ylim(0.0, 1.0)
    for axis in (top.xaxis, top.yaxis):
        axis.set_major_formatter("{x:.0%}")
    top.set_ylabel("observed frequency", color=SOFT, size=11)
    bottom.set_xlabel("forecast probability", color=SOFT, size=11)
    style: dict[str, Any] = {"color": SOFT, "size": 10, "transform": top.transAxes}
    top.text(0.03, 0.96, "under-forecast", va="top", **style)
    top.text(0.97, 0.04, "over-forecast", ha="right", **style)


def _facts(paired: Paired, *, single: bool) -> str:
    counts = f"{len(paired.outcome):,} forecasts, {int(paired.outcome.sum()):,} positives"
    text = f"Target {paired.target}, {paired.horizon} days ahead: {counts}. Isotonic fit, no bins."
    if single:
        return f"{text}\nShaded: nine in ten curves of a calibrated forecaster lie here."
    return f"{text}\nBottom: median, middle half and 5 to 95% range of each model's forecasts."
