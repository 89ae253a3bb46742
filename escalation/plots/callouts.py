"""Labels of notable events, placed so that they overlap nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple, cast

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import date2num
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from escalation import schema
from escalation.plots.style import INK, SOFT

_FLOOR = schema.HIGHEST_RUNG + 0.75
"""Lowest height of a label, in rungs."""
_LEVELS = 3
_PITCH = 1.65
"""Height of a label of two lines, in rungs."""
CEILING = _FLOOR + _LEVELS * _PITCH
_SHIFTS = (0.0, 0.2, -0.2, 0.46, -0.46)
"""Horizontal offsets of a label from its event, in label widths; its line still meets it."""
_LABEL: dict[str, Any] = {
    "size": 9,
    "color": INK,
    "ha": "center",
    "va": "bottom",
    "linespacing": 1.1,
}


def describe(event: pd.Series) -> str:
    r"""Type, place and number killed, in at most two short lines.

    Examples
    --------
    >>> describe(pd.Series({"event_type": "rocket_attack", "site": "taji", "killed": 3}))
    'Rocket attack, Taji\n3 killed'
    """
    text = str(event[schema.EVENT_TYPE]).replace("_", " ").capitalize()
    place, killed = event.get(schema.SITE), event.get(schema.KILLED)
    if pd.notna(place):
        text += ", " + str(place).replace("_", " ").title()
    return text if pd.isna(killed) or killed == 0 else f"{text}\n{int(killed)} killed"


def notable(events: pd.DataFrame, *, most: int) -> pd.DataFrame:
    """The gravest violent events: highest rung first, then most killed, then earliest.

    Parameters
    ----------
    events : DataFrame
        Canonical events.
    most : int
        Number of events.
    """
    violent = events[events[schema.SEVERITY] >= 3]
    killed = violent[schema.KILLED].fillna(0).astype(float)
    ranked = violent.assign(_killed=killed).sort_values(
        [schema.SEVERITY, "_killed", schema.EVENT_DATE], ascending=[False, False, True]
    )
    return ranked.head(most)


def name_events(ax: Axes, events: pd.DataFrame, label: Callable[[pd.Series], str]) -> list[Text]:
    """Label events above the marks, in order; events without room stay unlabelled.

    The axes must have their final position, because pixels are compared.

    Parameters
    ----------
    ax : Axes
        Days along x, rungs along y.
    events : DataFrame
        Canonical events.
    label : callable
        Returns the text for an event.

    Returns
    -------
    list of Text
        The labels with room.
    """
    days = [float(date2num(day)) for day in events[schema.EVENT_DATE]]  # type: ignore[no-untyped-call]
    marks = [
        _Mark(day, float(rung)) for day, rung in zip(days, events[schema.SEVERITY], strict=True)
    ]
    placed: list[Text] = []
    boxes: list[Bbox] = []
    lines: list[Bbox] = []
    for i, (_, event) in enumerate(events.iterrows()):
        text = ax.text(days[i], _FLOOR, label(event), gid="event", **_LABEL)
        free = [
            spot
            for spot in _spots(ax, text, marks[i], marks[i + 1 :])
            if not spot.box.count_overlaps([*boxes, *lines]) and not spot.line.count_overlaps(boxes)
        ]
        if not free:
            text.remove()
            continue
        best = min(free, key=lambda spot: spot.cost)
        text.set_position(best.at)
        boxes.append(best.box)
        lines.append(best.line)
        placed.append(text)
        height = [marks[i].rung + 0.3, best.at[1] - 0.05]
        ax.plot([days[i], days[i]], height, color=SOFT, linewidth=0.7)
    return placed


class _Mark(NamedTuple):
    """Position of an event: day as a number, rung."""

    day: float
    rung: float


class _Spot(NamedTuple):
    """A possible label: position in data units, boxes of text and line in pixels, cost."""

    at: tuple[float, float]
    box: Bbox
    line: Bbox
    cost: tuple[float, ...]


def _spots(ax: Axes, text: Text, mark: _Mark, later: list[_Mark]) -> Iterator[_Spot]:
    """Possible positions; blocking the lines of events that are still to be labelled costs most."""
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
            blocked = sum(box.x0 < other < box.x1 for other in others) * (_LEVELS - 1 - level)
            line = Bbox.from_extents(x - 3.0, y, x + 3.0, box.y0)
            yield _Spot(at, box, line, (blocked, level, abs(shift)))
