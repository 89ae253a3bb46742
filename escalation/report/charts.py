"""Geometry of the charts and the map, which the template writes as SVG.

Charts stretch to the width of the page, so positions are in percent and text keeps its size on a
phone.
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
"""Width of a small letter of a map label, in map units; capitals are a third wider."""
LINE = 12.0
RADII = (10.0, 18.0, 28.0, 40.0, 54.0, 70.0)
ANGLES = (0, 180, 30, 150, 330, 210, 60, 120, 300, 240, 90, 270)


@dataclass(frozen=True)
class Axis:
    """A range of days, drawn from 0 to 100 percent."""

    first: pd.Timestamp
    last: pd.Timestamp

    def at(self, day: object) -> float:
        """Position of a day, in percent."""
        span = max((self.last - self.first).days, 1)
        return round((pd.Timestamp(day) - self.first).days / span * 100.0, 2)

    def ticks(self, *, most: int = 5) -> list[tuple[float, str]]:
        """Positions and names of at most so many months, evenly spaced."""
        months = pd.date_range(self.first, self.last, freq="MS")
        spaced = months[:: max(1, -(-len(months) // most))]
        return [(self.at(day), f"{day:%b %Y}") for day in spaced if 3.0 < self.at(day) < 95.0]


def steps(x: Array, y: Array, *, end: float) -> str:
    """The path of a step curve, with gaps for missing values.

    Parameters
    ----------
    x : ndarray, shape (point,)
        Positions in percent.
    y : ndarray, shape (point,)
        Probabilities; NaN leaves a gap.
    end : float
        Where the last step ends.

    Returns
    -------
    str
        SVG path data.

    Examples
    --------
    >>> steps(np.array([0.0, 10.0]), np.array([0.2, 0.5]), end=20.0)
    'M0 80H10V50H20'
    """
    path: list[str] = []
    for run in runs(~np.isnan(y)):
        stop = x[run[-1] + 1] if run[-1] + 1 < len(x) else end
        path.append(f"M{_n(x[run[0]])} {_n(100 - 100 * y[run[0]])}")
        path += [f"H{_n(x[i])}V{_n(100 - 100 * y[i])}" for i in run[1:]]
        path.append(f"H{_n(stop)}")
    return "".join(path)


def band(x: Array, low: Array, high: Array, *, end: float) -> str:
    """The outline of a band of intervals, in steps.

    Parameters
    ----------
    x : ndarray, shape (point,)
        Positions in percent.
    low, high : ndarray, shape (point,)
        Ends of the interval; NaN leaves a gap.
    end : float
        Where the last step ends.

    Returns
    -------
    str
        SVG path data.
    """
    path: list[str] = []
    for run in runs(~np.isnan(low + high)):
        stop = x[run[-1] + 1] if run[-1] + 1 < len(x) else end
        edges = np.append(x[run], stop)
        upper = [f"V{_n(100 - 100 * high[i])}H{_n(edges[k + 1])}" for k, i in enumerate(run)]
        lower = [f"V{_n(100 - 100 * low[i])}H{_n(edges[k])}" for k, i in enumerate(run)][::-1]
        path.append(f"M{_n(edges[0])} {_n(100 - 100 * low[run[0]])}{''.join(upper + lower)}Z")
    return "".join(path)


def _n(value: float) -> str:
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@dataclass(frozen=True)
class Dot:
    """A unit on the map; without room for its label, ``label_x`` and ``label_y`` are None."""

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
    """Dots, the size of the picture, and coasts and borders as paths by kind."""

    dots: tuple[Dot, ...]
    width: float
    height: float
    ground: dict[str, str]


def dot_map(
    names: Sequence[str], latitude: Array, longitude: Array, probability: Array
) -> Map | None:
    """A map of units, labelled in order of probability; None if fewer than two have a location.

    Longitudes are scaled by the cosine of the middle latitude, which suits a country.

    Parameters
    ----------
    names : sequence of str
    latitude, longitude : ndarray, shape (unit,)
        In degrees; NaN where unknown.
    probability : ndarray, shape (unit,)
        NaN for none.
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
    """Dots with their labels at the nearest position that covers no dot and no other label."""
    occupied: list[Box] = [_around(dot) for dot in dots]
    by_name: dict[str, Dot] = {}
    for dot in sorted(dots, key=lambda d: -(d.level or 0.0)):
        by_name[dot.name] = _label(dot, occupied, width, height)
    return [by_name[dot.name] for dot in dots]


def _label(dot: Dot, occupied: list[Box], width: float, height: float) -> Dot:
    length = LETTER * (len(dot.name) + sum(letter.isupper() for letter in dot.name) / 3.0)
    for radius, angle in product(RADII, ANGLES):
        reach = dot.radius + radius - 6.0
        x = dot.x + reach * np.cos(np.radians(angle))
        y = dot.y - reach * np.sin(np.radians(angle))
        left = x if np.cos(np.radians(angle)) >= -0.01 else x - length
        box = (left, y - LINE / 2, left + length, y + LINE / 2)
        inside = box[0] > 2 and box[1] > 2 and box[2] < width - 2 and box[3] < height - 2
        if inside and not any(_overlap(box, other) for other in occupied):
            occupied.append(box)
            anchor = "start" if left == x else "end"
            return replace(
                dot, label_x=round(float(x), 1), label_y=round(float(y), 1), anchor=anchor
            )
    return dot


def _around(dot: Dot) -> Box:
    reach = dot.radius + 1.0
    return (dot.x - reach, dot.y - reach, dot.x + reach, dot.y + reach)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
