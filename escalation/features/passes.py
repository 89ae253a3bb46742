"""Families that read other units, when not all units fit in memory: three passes.

First the local columns that those families read are kept on disk, a chunk of units at a time. Then
the families run over all units, a stretch of days at a time, because what they say of a day depends
on that day's columns alone. At last each chunk's local columns are made again, which is faster than
to keep them all, and what lies on disk is laid beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from escalation._util.engine import Engine
from escalation._util.files import replacing
from escalation.features.base import Columns, one_unit
from escalation.features.build import Features
from escalation.features.chunks import Chunk, Source, Wanted, chunks
from escalation.panel.dense import Panel
from escalation.panel.vintages import one_row_each

STRETCH_CELLS = 2_000_000
"""Cells of a column in a stretch of days: with twenty columns 160 MB."""

Head = tuple[Panel, NDArray[np.int64]]
"""Units without channels, and the index of each one's first day."""


@dataclass(frozen=True)
class Kept:
    """Columns of the families across units, on disk by stretches of days."""

    folder: Path
    stretches: tuple[tuple[int, int], ...]

    def beside(self, built: Features, names: tuple[str, ...], chunk: Chunk) -> Features:
        """A chunk's local features with the columns that are kept."""
        parts = [
            np.load(_far(self.folder, first), mmap_mode="r")[:, chunk.start : chunk.stop]
            for first, _ in self.stretches
        ]
        values = np.concatenate([built.values, np.concatenate(parts, axis=2)])
        return replace(built, names=names, values=values)


@dataclass(frozen=True)
class _First:
    """The first pass: what to keep of each chunk."""

    wanted: Wanted
    needed: tuple[str, ...]
    folder: Path


@dataclass(frozen=True)
class _Second:
    """The second pass: all units, and where their columns are."""

    wanted: Wanted
    needed: tuple[str, ...]
    folder: Path
    starts: tuple[int, ...]
    units: Panel
    entry: NDArray[np.int64]


def keep_across(source: Source, wanted: Wanted, folder: Path, *, size: int, run: Engine) -> Kept:
    """Run the families across units and keep their columns in a folder.

    Parameters
    ----------
    source : Source
    wanted : Wanted
    folder : Path
        Every worker must see it; the columns of the families across units and those that they read
        lie there, 4 bytes a value.
    size : int
        Units of a chunk.
    run : Engine

    Returns
    -------
    Kept
    """
    first = _First(wanted.only(wanted.local), needed(source.channels, wanted), folder)
    heads = list(run(_keep_needed, chunks(source, size), made=lambda: first))
    panels, entries = zip(*heads, strict=True)
    units = Panel(
        source.units, source.days, {},
        np.concatenate([panel.latitude for panel in panels]),
        np.concatenate([panel.longitude for panel in panels]),
        tuple(country for panel in panels for country in panel.country),
    )  # fmt: skip
    starts = tuple(range(0, len(source.units), size))
    second = _Second(wanted, first.needed, folder, starts, units, np.concatenate(entries))
    length = max(1, STRETCH_CELLS // len(source.units))
    days = range(0, len(source.days), length)
    stretches = tuple((day, min(day + length, len(source.days))) for day in days)
    for _ in run(_keep_far, stretches, made=lambda: second):
        pass
    return Kept(folder, stretches)


class _Read(Mapping[str, NDArray[np.float32]]):
    """Columns that note which of them are asked for."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        found = self.columns[name]
        self.asked.add(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


def needed(channels: tuple[str, ...], wanted: Wanted) -> tuple[str, ...]:
    """Local columns that the configured families across units read.

    Found by letting them run on one unit and two days of zeros.

    Examples
    --------
    >>> from escalation.features import ACROSS, FEATURES
    >>> families = {"window_sums": {}, "neighbours": {"windows": [7]}}
    >>> needed(("events", "killed"), Wanted(families, FEATURES, ACROSS))
    ('events_sum_7d',)
    """
    panel = one_unit({name: [0.0, 0.0] for name in channels})
    columns: Columns = {}
    for name, told in wanted.only(wanted.local).families.items():
        columns |= wanted.local[name](panel, **told)
    read = _Read(columns)
    for name, told in wanted.only(wanted.across).families.items():
        wanted.across[name](read, panel, **told)
    return tuple(name for name in columns if name in read.asked)


def _keep_needed(job: _First, chunk: Chunk) -> Head:
    vintages = chunk.part.stack()
    built = job.wanted.build(vintages)
    values = built.values[[built.names.index(name) for name in job.needed]]
    _save(_near(job.folder, chunk.start), values)
    return replace(one_row_each(vintages), days=vintages.days[:0]), vintages.entry


def _keep_far(job: _Second, stretch: tuple[int, int]) -> None:
    first, last = stretch
    parts = [np.load(_near(job.folder, start), mmap_mode="r") for start in job.starts]
    local = {
        name: np.concatenate([part[number, :, first:last] for part in parts])
        for number, name in enumerate(job.needed)
    }
    for array in local.values():
        array.flags.writeable = False
    units = replace(job.units, days=job.units.days[first:last])
    present = np.arange(first, last) >= job.entry[:, None]
    found: list[NDArray[np.float32]] = []
    for name, told in job.wanted.only(job.wanted.across).families.items():
        columns = job.wanted.across[name](local, units, **told)
        found += [np.where(present, array, np.float32(0)) for array in columns.values()]
    _save(_far(job.folder, first), np.stack(found))


def _near(folder: Path, start: int) -> Path:
    return folder / f"units {start}.npy"


def _far(folder: Path, first: int) -> Path:
    return folder / f"days {first}.npy"


def _save(path: Path, values: NDArray[np.float32]) -> None:
    """Whole or not at all: a piece that is done twice never leaves half a file."""
    with replacing(path) as part, part.open("wb") as file:
        np.save(file, values.astype(np.float32, copy=False))
