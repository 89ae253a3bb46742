"""Coasts and borders of the map: small, clipped to the picture, dashed without an ISO number."""

from __future__ import annotations

import re

import numpy as np
import pytest

from escalation.report.charts import dot_map
from escalation.report.ground import GROUND_KINDS, ground_lines, ground_paths


def map_around(*corners):
    east, north = np.array(corners, dtype=float).T
    return dot_map([f"u{i}" for i in range(len(east))], north, east, np.full(len(east), 0.2))


def test_the_file_is_small_and_its_coordinates_are_valid(root):
    assert (root / "escalation/report/ground.csv").stat().st_size < 150_000
    kinds = set()
    for kind, points in ground_lines():
        assert len(points) > 1
        assert np.abs(points[:, 0]).max() <= 180 and np.abs(points[:, 1]).max() <= 90
        kinds.add(kind)
    assert kinds == set(GROUND_KINDS)


@pytest.mark.parametrize(
    ("corners", "kinds"),
    [
        (((42.4, 33.8), (44.9, 36.2)), {"border"}),
        (((20.0, 42.0), (21.8, 43.2)), {"border", "dashed"}),
        (((32.6, 34.7), (34.0, 35.3)), {"coast", "dashed"}),
        (((-30.0, 20.0), (-28.0, 22.0)), set()),
    ],
    ids=["Iraq", "Kosovo", "Cyprus", "Atlantic"],
)
def test_the_lines_drawn_depend_on_where_the_units_are(corners, kinds):
    assert kinds <= set(map_around(*corners).ground)
    assert bool(kinds) == bool(map_around(*corners).ground)


def test_paths_are_clipped_to_the_picture():
    def place(east, north):
        return (east - 40.0) * 10.0, (38.0 - north) * 10.0

    paths = ground_paths(place, 100.0, 100.0)
    whole = sum(len(points) for _, points in ground_lines())
    numbers = re.findall(r"-?\d+\.\d", "".join(paths.values()))
    assert 20 < len(numbers) // 2 < whole / 50
    assert all(path.startswith("M") for path in paths.values())
