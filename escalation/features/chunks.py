"""What features are computed from when not all units fit in memory: units in parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from escalation.features.base import Across, Local
from escalation.features.build import Families, Features, build
from escalation.panel.dense import Days
from escalation.panel.vintages import Vintages


class Part(Protocol):
    """Some units, not stacked yet; small enough to be sent to another machine."""

    def stack(self) -> Vintages:
        """Their panels."""
        ...


class Source(Protocol):
    """All units, not stacked yet: a ``History`` or a sparse panel."""

    @property
    def units(self) -> tuple[str, ...]:
        """Each unit once, sorted."""
        ...

    @property
    def days(self) -> Days:
        """The day axis."""
        ...

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that each part has."""
        ...

    def part(self, start: int, stop: int) -> Part:
        """Some consecutive units."""
        ...


class Chunk(NamedTuple):
    """A part and where its units stand among all."""

    start: int
    stop: int
    part: Part


def chunks(source: Source, size: int) -> Iterator[Chunk]:
    """The units in chunks; one empty chunk where there are none, for a file to have columns."""
    count = len(source.units)
    for start in range(0, max(count, 1), size):
        stop = min(start + size, count)
        yield Chunk(start, stop, source.part(start, stop))


@dataclass(frozen=True)
class Wanted:
    """Configured families and the registries that they are from."""

    families: Families
    local: Mapping[str, Local]
    across: Mapping[str, Across]

    def only(self, registry: Mapping[str, object]) -> Wanted:
        """Those of one registry."""
        return Wanted(
            {name: told for name, told in self.families.items() if name in registry},
            self.local, self.across,
        )  # fmt: skip

    def build(self, vintages: Vintages) -> Features:
        """Their features, in one thread: chunks are what runs side by side."""
        return build(vintages, self.families, local=self.local, across=self.across, threads=1)
