"""Laws of a feature build, as functions that name the columns which break them.

Each takes ``build``, from an archive to :class:`Features`, so that any set of families, registered
or not, can be put to the test. An empty list means that the law holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from escalation import schema
from escalation.events.archive import EventArchive, to_day
from escalation.features.build import Features

Build = Callable[[EventArchive], Features]
ROWS = "(rows)"
"""Reported in place of a column when the units or the days on which they exist differ."""


def truncation(build: Build, archive: EventArchive, at: object) -> list[str]:
    """Columns whose values up to a day differ once everything known later is gone."""
    return moved(build(archive), build(archive.until(at)), upto=at)


def poison(build: Build, archive: EventArchive, at: object, later: pd.DataFrame) -> list[str]:
    """Columns whose values up to a day differ once versions known later are added."""
    assert (later[schema.KNOWN_DATE] > to_day(at)).all(), "poison must be known later"
    return moved(build(archive), build(archive.plus(later)), upto=at)


def order(build: Build, archive: EventArchive, *, seed: int) -> list[str]:
    """Columns that differ once the input rows are shuffled and some of them repeated."""
    versions = archive.versions
    shuffled = versions.sample(frac=1.0, random_state=seed)
    repeated = pd.concat([shuffled, versions.sample(frac=0.3, random_state=seed + 1)])
    again = EventArchive.of(
        repeated.reset_index(drop=True),
        covered_to=archive.covered_to,
        known_basis=archive.known_basis,
    )
    return moved(build(archive), build(again), upto=archive.covered_to)


def names(build: Build, archive: EventArchive, *, rename: Mapping[str, str]) -> list[str]:
    """Columns that differ once sites have other names."""
    versions = archive.versions
    other = versions.assign(**{schema.SITE: versions[schema.SITE].replace(dict(rename))})
    again = EventArchive.of(other, covered_to=archive.covered_to, known_basis=archive.known_basis)
    return moved(build(archive), build(again), upto=archive.covered_to, rename=rename)


def moved(
    one: Features, two: Features, *, upto: object, rename: Mapping[str, str] | None = None
) -> list[str]:
    """Columns that differ in any bit, on a row that either build has, up to a day."""
    if one.names != two.names:
        return sorted(set(one.names) ^ set(two.names)) or [ROWS]
    left, right = (_long(features, upto) for features in (one, two))
    left = left.rename(index=dict(rename or {}), level=schema.UNIT).sort_index()
    right = right.sort_index()
    if not left.index.equals(right.index):
        return [ROWS]
    assert len(left), "nothing to compare"
    bits = (frame.to_numpy(np.float32).view(np.int32) for frame in (left, right))
    differs = np.not_equal(*bits).any(axis=0)
    return [name for name, bad in zip(one.names, differs, strict=True) if bad]


def _long(features: Features, upto: object) -> pd.DataFrame:
    frame = features.frame()
    return frame[frame.index.get_level_values(schema.DAY) <= to_day(upto)]
