"""Where things are drawn: plain numbers in percent of a chart, which the template writes as SVG.

Charts are stretched to the width of the page, so positions along it are shares of the width, and
text stays as large on a phone as on a desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd

from escalation._util.arrays import Array
from escalation.report.ground import ground_paths, runs

MAP_WIDTH = 360.0
MAP_MARGIN = 60.0
LETTER = 5.6
"""Width of a letter of a map label, in units of the map."""
LINE = 12.0
RADII = (10.0, 18.0, 28.0, 40.0, 54.0, 70.0)
ANGLES = (0, 180, 30, 150, 330, 210, 60, 120, 300, 240, 90, 270)


@dataclass(frozen=True)
class Axis:
    """A stretch of days drawn from 0 to 100."""

    first: pd.Timestamp
    last: pd.Timestamp

    def at(self, day: object) -> float:
        """Position of a day, in percent."""
        span = max((self.last - self.first).days, 1)
        return round((pd.Timestamp(day) - self.first).days / span * 100.0, 2)

    def ticks(self, *, most: int = 5) -> list[tuple[float, str]]:
        """Firsts of months and their names, evenly spaced, few enough for a phone."""
        months = pd.date_range(self.first, self.last, freq="MS")
        some = months[:: max(1, -(-len(months) // most))]
        return [(self.at(day), f"{day:%b %Y}") for day in some if 3.0 < self.at(day) < 95.0]


def steps(x: Array, y: Array, *, end: float) -> str:
    """The path of a curve that holds each value until the next; gaps where there is none.

    Parameters
    ----------
    x : ndarray, shape (point,)
        Positions in percent.
    y : ndarray, shape (point,)
        Probabilities; NaN leaves a gap.
    end : float
        Position up to which the last value holds.

    Returns
    -------
    str
        SVG path data.

    Examples
    --------
    >>> steps(np.array([0.0, 10.0]), np.array([0.2, 0.5]), end=20.0)
    'M0 80H10V50H20'
    """
    parts: list[str] = []
    for run in runs(~np.isnan(y)):
        stop = x[run[-1] + 1] if run[-1] + 1 < len(x) else end
        parts.append(f"M{_n(x[run[0]])} {_n(100 - 100 * y[run[0]])}")
        for i in run[1:]:
            parts.append(f"H{_n(x[i])}V{_n(100 - 100 * y[i])}")
        parts.append(f"H{_n(stop)}")
    return "".join(parts)


def band(x: Array, low: Array, high: Array, *, end: float) -> str:
    """The outline of an interval that holds until the next.

    Parameters
    ----------
    x : ndarray, shape (point,)
        Positions in percent.
    low, high : ndarray, shape (point,)
        Ends of the interval; NaN leaves a gap.
    end : float
        Position up to which the last interval holds.

    Returns
    -------
    str
        SVG path data.
    """
    parts: list[str] = []
    for run in runs(~np.isnan(low + high)):
        stop = x[run[-1] + 1] if run[-1] + 1 < len(x) else end
        edges = np.append(x[run], stop)
        upper = [f"V{_n(100 - 100 * high[i])}H{_n(edges[k + 1])}" for k, i in enumerate(run)]
        lower = [f"V{_n(100 - 100 * low[i])}H{_n(edges[k])}" for k, i in enumerate(run)][::-1]
        parts.append(f"M{_n(edges[0])} {_n(100 - 100 * low[run[0]])}{''.join(upper + lower)}Z")
    return "".join(parts)


def _n(value: float) -> str:
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@dataclass(frozen=True)
class Dot:
    """A unit on the map; its label stands at ``label_x``, ``label_y``, or nowhere."""

    name: str
    x: float
    y: float
    radius: float
    level: float | None
    label_x: float | None = None
    label_y: float | None = None
    anchor: str = "start"


@dataclass(frozen=True)
class Map:
    """Dots by place, the size of the picture, and coasts and borders as paths by kind."""

    dots: tuple[Dot, ...]
    width: float
    height: float
    ground: dict[str, str]


def dot_map(
    names: Sequence[str], latitude: Array, longitude: Array, probability: Array
) -> Map | None:
    """Units by place, the likeliest labelled first; None where fewer than two have a place.

    Longitudes are shrunk by the cosine of the middle latitude, which suits a country.

    Parameters
    ----------
    names : sequence of str
    latitude, longitude : ndarray, shape (unit,)
        In degrees; NaN where unknown.
    probability : ndarray, shape (unit,)
        NaN where there is none.
    """
    placed = ~(np.isnan(latitude) | np.isnan(longitude))
    if placed.sum() < 2:
        return None
    east, north = longitude[placed], latitude[placed]
    shrink = np.cos(np.radians((north.min() + north.max()) / 2.0))
    east = east * shrink
    scale = (MAP_WIDTH - 2 * MAP_MARGIN) / max(np.ptp(east), np.ptp(north), 0.5)
    shift = (MAP_WIDTH - np.ptp(east) * scale) / 2.0

    def place(longitude: Array, latitude: Array) -> tuple[Array, Array]:
        x = shift + (longitude * shrink - east.min()) * scale
        return x, MAP_MARGIN + (north.max() - latitude) * scale

    x, y = place(longitude[placed], north)
    height = float(y.max() + MAP_MARGIN)
    level = probability[placed]
    dots = [
        Dot(name, round(float(a), 1), round(float(b), 1), _radius(p), None if np.isnan(p) else p)
        for name, a, b, p in zip(np.array(names)[placed].tolist(), x, y, level, strict=True)
    ]
    ground = ground_paths(place, MAP_WIDTH, height)
    return Map(tuple(_labelled(dots, MAP_WIDTH, height)), MAP_WIDTH, round(height, 1), ground)


def _radius(probability: float) -> float:
    return round(3.0 + 7.0 * float(np.sqrt(np.nan_to_num(probability))), 1)


Box = tuple[float, float, float, float]


def _labelled(dots: list[Dot], width: float, height: float) -> list[Dot]:
    """Each label at the nearest place where it covers no dot and no label; else without one."""
    taken: list[Box] = [_around(dot) for dot in dots]
    done: dict[str, Dot] = {}
    for dot in sorted(dots, key=lambda d: -(d.level or 0.0)):
        done[dot.name] = _label(dot, taken, width, height)
    return [done[dot.name] for dot in dots]


def _label(dot: Dot, taken: list[Box], width: float, height: float) -> Dot:
    long = LETTER * len(dot.name)
    for radius, angle in product(RADII, ANGLES):
        reach = dot.radius + radius - 6.0
        x = dot.x + reach * np.cos(np.radians(angle))
        y = dot.y - reach * np.sin(np.radians(angle))
        left = x if np.cos(np.radians(angle)) >= -0.01 else x - long
        box = (left, y - LINE / 2, left + long, y + LINE / 2)
        inside = box[0] > 2 and box[1] > 2 and box[2] < width - 2 and box[3] < height - 2
        if inside and not any(_meet(box, other) for other in taken):
            taken.append(box)
            anchor = "start" if left == x else "end"
            at = round(float(x), 1), round(float(y), 1)
            return replace(dot, label_x=at[0], label_y=at[1], anchor=anchor)
    return dot


def _around(dot: Dot) -> Box:
    reach = dot.radius + 1.0
    return (dot.x - reach, dot.y - reach, dot.x + reach, dot.y + reach)


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
