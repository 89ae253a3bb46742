"""Coasts and borders of the map, clipped to the picture.

``experiments/ground.py`` makes ``ground.csv`` from Natural Earth (public domain, 1:50,000,000).
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array

GROUND_KINDS = ("coast", "border", "dashed")
"""Dashed lines border a territory without an ISO number."""


@cache
def ground_lines() -> tuple[tuple[str, Array], ...]:
    """Kind and points of every line, degrees east and north, each of shape (point, 2)."""
    text = (files("escalation.report") / "ground.csv").read_text(encoding="utf-8")
    return tuple(
        (kind, np.cumsum(np.array(steps.split(), np.int64).reshape(-1, 2), axis=0) / 100.0)
        for kind, steps in list(csv.reader(text.splitlines()))[1:]
    )


def ground_paths(
    place: Callable[[Array, Array], tuple[Array, Array]], width: float, height: float
) -> dict[str, str]:
    """SVG path data by kind, of the lines that cross the picture.

    Parameters
    ----------
    place : callable
        Maps degrees east and north to positions in the picture.
    width, height : float
        Of the picture.

    Returns
    -------
    dict of str to str
        Without kinds that don't occur.
    """
    paths: dict[str, list[str]] = {}
    for kind, points in ground_lines():
        x, y = place(points[:, 0], points[:, 1])
        for run in runs(_crossing(x, width) & _crossing(y, height)):
            line = [f"{x[i]:.1f} {y[i]:.1f}" for i in range(run[0], run[-1] + 2)]
            paths.setdefault(kind, []).append("M" + "L".join(dict.fromkeys(line)))
    return {kind: "".join(paths[kind]) for kind in GROUND_KINDS if kind in paths}


def _crossing(at: Array, size: float) -> np.ndarray:
    """Segments that don't lie entirely to one side of the picture, shape (point - 1,)."""
    low, high = np.minimum(at[:-1], at[1:]), np.maximum(at[:-1], at[1:])
    return (high >= 0.0) & (low <= size)


def runs(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Positions of each run of true values."""
    at = np.flatnonzero(mask)
    return [run for run in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(run)]
