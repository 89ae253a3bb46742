"""Types of the families, checks of their parameters, and a panel for examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from escalation.errors import UsageError
from escalation.panel.dense import Panel, day_range

Columns = dict[str, NDArray[np.float32]]
"""Arrays by column name, each [row, day]."""
Local = Callable[..., Columns]
"""``family(panel, *, …)``: causal along the days, row i from row i only."""
Across = Callable[..., Columns]
"""``family(local, panel, rows, *, …)``: from [unit, day] columns of all units to columns of some
rows; each day depends only on that day."""


def whole_days(days: Sequence[int], *, name: str) -> NDArray[np.int64]:
    """Check lengths in days.

    Parameters
    ----------
    days : sequence of int
        Each 1 or more.
    name : str
        Name of the parameter, for the message.

    Raises
    ------
    UsageError
        ``E-FEATURE`` for anything other than whole days from 1.

    Examples
    --------
    >>> whole_days([7, 28], name="windows").tolist()
    [7, 28]
    """
    for length in days:
        if length != int(length) or length < 1:
            raise UsageError(
                "E-FEATURE",
                "expected a whole number of days, 1 or more",
                column=name,
                value=length,
                fix=f"change {name} under [features]; features only look back",
            )
    return np.array(days, dtype=np.int64)


def positive(value: float, *, name: str) -> float:
    """Check that a number is above zero; raises ``E-FEATURE`` otherwise."""
    if not value > 0:
        raise UsageError("E-FEATURE", "expected a number above 0", column=name, value=value)
    return value


def share(part: NDArray[np.float32], whole: NDArray[np.float32]) -> NDArray[np.float32]:
    """Part divided by whole, 0 if the whole is 0.

    Parameters
    ----------
    part, whole : array of float32, of one shape

    Examples
    --------
    >>> share(np.float32([1, 0]), np.float32([4, 0])).tolist()
    [0.25, 0.0]
    """
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)


def one_unit(channels: Mapping[str, Sequence[float]], *, first_day: str = "2020-01-01") -> Panel:
    """A panel of one unit, for examples and to find out the columns of a family.

    Parameters
    ----------
    channels : mapping of str to sequence of float
        Values by day, all of the same length.
    first_day : str
        ISO date.

    Examples
    --------
    >>> one_unit({"events": [0, 2, 1]})["events"].tolist()
    [[0.0, 2.0, 1.0]]
    """
    arrays = {name: np.array([values], dtype=np.float32) for name, values in channels.items()}
    start = np.datetime64(first_day, "D")
    count = max((array.shape[1] for array in arrays.values()), default=1)
    return Panel(
        units=("a",),
        days=day_range(start, start + (count - 1)),
        channels=arrays,
        latitude=np.array([0.0]),
        longitude=np.array([0.0]),
        country=("",),
    )
