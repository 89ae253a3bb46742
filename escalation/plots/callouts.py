"""Names for notable events, placed where they touch nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple, cast

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import date2num
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from escalation import schema
from escalation.plots.style import INK, SOFT

_FLOOR = schema.HIGHEST_RUNG + 0.75
"""Lowest height of a name, in rungs."""
_LEVELS = 3
_PITCH = 1.65
"""Height of a name of two lines, in rungs."""
CEILING = _FLOOR + _LEVELS * _PITCH
_SHIFTS = (0.0, 0.2, -0.2, 0.46, -0.46)
"""How far a name may stand aside from its event, in widths: its line still meets it."""


def describe(event: pd.Series) -> str:
    r"""What and where, and how many were killed: two short lines at most.

    Examples
    --------
    >>> describe(pd.Series({"event_type": "rocket_attack", "site": "taji", "killed": 3}))
    'Rocket attack, Taji\n3 killed'
    """
    what = str(event[schema.EVENT_TYPE]).replace("_", " ").capitalize()
    place, killed = event.get(schema.SITE), event.get(schema.KILLED)
    where = "" if pd.isna(place) else ", " + str(place).replace("_", " ").title()
    dead = "" if pd.isna(killed) or killed == 0 else f"\n{int(killed)} killed"
    return what + where + dead


def notable(events: pd.DataFrame, *, most: int) -> pd.DataFrame:
    """The violent events worth a name: highest rung first, then most killed, then earliest.

    Parameters
    ----------
    events : DataFrame
        Canonical events.
    most : int

    Returns
    -------
    DataFrame
        At most that many rows.
    """
    violent = events[events[schema.SEVERITY] >= 3]
    ranked = violent.assign(_dead=violent[schema.KILLED].fillna(0).astype(float)).sort_values(
        [schema.SEVERITY, "_dead", schema.EVENT_DATE], ascending=[False, False, True]
    )
    return ranked.head(most)


def name_events(ax: Axes, events: pd.DataFrame, label: Callable[[pd.Series], str]) -> list[Text]:
    """Name events above the marks, in the order given; one that finds no room stays without a name.

    The axes must have reached their final place: pixels are compared.

    Parameters
    ----------
    ax : Axes
        Days along x, rungs along y.
    events : DataFrame
        Canonical events.
    label : callable
        Text for an event.

    Returns
    -------
    list of Text
        Those that found room.
    """
    days = [float(date2num(day)) for day in events[schema.EVENT_DATE]]  # type: ignore[no-untyped-call]
    marks = [
        _Mark(day, float(rung)) for day, rung in zip(days, events[schema.SEVERITY], strict=True)
    ]
    placed: list[Text] = []
    taken: list[Bbox] = []
    lines: list[Bbox] = []
    for i, (_, event) in enumerate(events.iterrows()):
        text = ax.text(
            days[i],
            _FLOOR,
            label(event),
            size=9,
            color=INK,
            ha="center",
            va="bottom",
            linespacing=1.1,
            gid="event",
        )
        free = [
            spot
            for spot in _spots(ax, text, marks[i], marks[i + 1 :])
            if not spot.box.count_overlaps([*taken, *lines]) and not spot.line.count_overlaps(taken)
        ]
        if not free:
            text.remove()
            continue
        best = min(free, key=lambda spot: spot.cost)
        text.set_position(best.at)
        taken.append(best.box)
        lines.append(best.line)
        placed.append(text)
        height = [marks[i].rung + 0.3, best.at[1] - 0.05]
        ax.plot([days[i], days[i]], height, color=SOFT, linewidth=0.7)
    return placed


class _Mark(NamedTuple):
    """Where an event is drawn: day as a number, rung."""

    day: float
    rung: float


class _Spot(NamedTuple):
    """A place for a name: position in data, boxes of the name and of its line in pixels, cost."""

    at: tuple[float, float]
    box: Bbox
    line: Bbox
    cost: tuple[float, ...]


def _spots(ax: Axes, text: Text, mark: _Mark, later: list[_Mark]) -> Iterator[_Spot]:
    """Places within the frame. It costs most to bar the way up from events still to be named."""
    canvas = cast(FigureCanvasAgg, ax.figure.canvas)
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    x, y = ax.transData.transform(mark)
    others = [ax.transData.transform(other)[0] for other in later]
    frame, width = ax.get_window_extent(renderer), text.get_window_extent(renderer).width
    for level, shift in product(range(_LEVELS), _SHIFTS):
        day = float(ax.transData.inverted().transform((x + shift * width, 0.0))[0])
        at = (day, _FLOOR + level * _PITCH)
        text.set_position(at)
        box = text.get_window_extent(renderer).padded(3.0)
        if box.x0 >= frame.x0 - 40.0 and box.x1 <= frame.x1 + 40.0:
            barred = sum(box.x0 < other < box.x1 for other in others) * (_LEVELS - 1 - level)
            line = Bbox.from_extents(x - 3.0, y, x + 3.0, box.y0)
            yield _Spot(at, box, line, (barred, level, abs(shift)))
