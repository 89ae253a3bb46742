"""Write the coasts and borders of the report's map, `escalation/report/ground.csv`.

    python experiments/ground.py countries-50m.json

The input is from the npm package world-atlas (2.0.2): a TopoJSON of Natural Earth's countries at
1:50,000,000, in the public domain. A line that touches one country is a coast; a line between two
is a border, dashed if one of them has no ISO number. Lines are simplified (Douglas-Peucker) to a
twelfth of a degree and stored in hundredths of a degree, each point as a step from the previous.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

OUT = Path(__file__).parents[1] / "escalation" / "report" / "ground.csv"
TOLERANCE = 0.085
"""Largest distance of a dropped point from the line, in degrees."""


def simplified(points: np.ndarray) -> np.ndarray:
    """Simplify a line: no dropped point is farther from it than the tolerance."""
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    parts = [(0, len(points) - 1)]
    while parts:
        first, last = parts.pop()
        if last - first < 2:
            continue
        start, way = points[first], points[last] - points[first]
        inner = points[first + 1 : last] - start
        long = float(np.hypot(*way))
        across = np.abs(inner[:, 0] * way[1] - inner[:, 1] * way[0]) / long if long else None
        far = np.hypot(*inner.T) if across is None else across
        if far.max() > TOLERANCE:
            middle = first + 1 + int(far.argmax())
            keep[middle] = True
            parts += [(first, middle), (middle, last)]
    return points[keep]


def arcs_of(shape: Any) -> Iterator[int]:
    """Yield the arc numbers of a geometry; a reversed arc has the same number."""
    for part in shape:
        if isinstance(part, list):
            yield from arcs_of(part)
        else:
            yield part if part >= 0 else ~part


def main() -> None:
    """Write ground.csv."""
    world = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    scale, shift = (np.array(world["transform"][name]) for name in ("scale", "translate"))
    touching: dict[int, list[Any]] = defaultdict(list)
    for country in world["objects"]["countries"]["geometries"]:
        for arc in set(arcs_of(country.get("arcs", []))):
            touching[arc].append(country.get("id"))
    rows = []
    for number, arc in enumerate(world["arcs"]):
        ids = touching[number]
        kind = "coast" if len(ids) < 2 else "border" if None not in ids else "dashed"
        points = simplified(np.cumsum(arc, axis=0) * scale + shift)
        steps = np.diff(np.round(points * 100).astype(int), axis=0, prepend=0)
        steps = np.vstack([steps[:1], steps[1:][np.any(steps[1:] != 0, axis=1)]])
        if len(steps) > 1 and not (kind == "coast" and np.ptp(points, axis=0).max() < 0.2):
            rows.append((kind, " ".join(map(str, steps.ravel()))))
    with OUT.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("kind", "steps"), *sorted(rows)])
    sys.stdout.write(f"{OUT.stat().st_size:,} bytes, {len(rows)} lines\n")


if __name__ == "__main__":
    main()
