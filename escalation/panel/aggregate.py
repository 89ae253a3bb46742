"""Very many events in Parquet to a panel by unit and day, without holding the events in memory.

For sources that say nothing later about an event than its first report. Then a unit has one history
for every day, and counting by unit and day is all there is to do. polars does it, streaming: 50
million events took 40 s and 1.6 GB on two busy cores. Whole numbers throughout, so that neither the
order of the rows nor the number of threads changes a bit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from escalation import schema
from escalation._util.files import replacing
from escalation.errors import InputError, UsageError
from escalation.events.archive import to_day
from escalation.panel.dense import PRIOGRID_DEGREES, Channel, Days, PanelSpec, Where, day_range
from escalation.panel.sparse import ABOUT, BEGIN, CELLS, CODE, END, ENTRY, UNITS, SparsePanel

if TYPE_CHECKING:
    import polars as pl

UNIT, KIND, HAPPENED, KEY = "_unit", "_kind", "_happened", "_key"


def aggregate(
    events: Sequence[Path],
    spec: PanelSpec,
    folder: Path,
    *,
    first_day: object,
    last_day: object,
    lag: int = 0,
) -> SparsePanel:
    """Aggregate canonical events in Parquet by unit and day.

    Parameters
    ----------
    events : sequence of Path
        Files with the canonical columns that the units and channels need; a row is an event.
    spec : PanelSpec
    folder : Path
        Where the aggregated panel goes.
    first_day, last_day : date-like
        Ends of the day axis. Later events are left out; earlier ones only say when a unit entered.
    lag : int
        The source's reporting lag in days.

    Returns
    -------
    SparsePanel

    Raises
    ------
    UsageError
        ``E-POLARS`` where polars is not installed.
    InputError
        ``E-LATE`` when something became known later than the lag, or was updated or retracted:
        that takes an archive. ``E-COLUMN`` for a column that is not there, ``E-UNIT`` when units
        of two kinds share a name, ``E-RANGE`` for an empty day axis.
    """
    days = day_range(to_day(first_day), to_day(last_day))
    if not len(days):
        raise InputError("E-RANGE", f"expected a last day on or after {first_day}", value=last_day)
    if not find_spec("polars"):
        raise UsageError("E-POLARS", "expected polars, which is not installed",
                         fix="pip install 'escalation[scale]'")  # fmt: skip
    query = _Query.of(events, spec, days, lag)
    query.check()
    units = query.units()
    folder.mkdir(parents=True, exist_ok=True)
    # It comes last, so that what is half made is not read.
    (folder / ABOUT).unlink(missing_ok=True)
    with replacing(folder / CELLS) as part:
        query.write_cells(units[schema.UNIT].to_list(), part)
        codes = pq.read_table(part, columns=[CODE])[CODE].to_numpy()
    ends = np.searchsorted(codes, np.arange(len(units) + 1))
    with replacing(folder / UNITS) as part:
        table = units.to_arrow().append_column(BEGIN, pa.array(ends[:-1]))
        pq.write_table(table.append_column(END, pa.array(ends[1:])), part)
    channels = [channel.name for channel in spec.all_channels]
    about = {"first_day": str(days[0]), "last_day": str(days[-1]), "lag": lag, "channels": channels}
    with replacing(folder / ABOUT) as part:
        part.write_text(json.dumps(about, indent=1), encoding="utf-8")
    return SparsePanel.read(folder)


@dataclass(frozen=True)
class _Query:
    """The events, each once per kind of unit, with the unit and the index of its day."""

    events: pl.LazyFrame
    table: pl.LazyFrame
    spec: PanelSpec
    count: int
    lag: int

    @classmethod
    def of(cls, events: Sequence[Path], spec: PanelSpec, days: Days, lag: int) -> _Query:
        import polars as pl

        scan = pl.scan_parquet(list(events))
        _need(scan, spec)
        first = pl.lit(days[0].astype(object))
        happened = (pl.col(schema.EVENT_DATE).cast(pl.Date) - first).dt.total_days()
        kinds = [
            scan.with_columns(
                _unit(kind).alias(UNIT), happened.alias(HAPPENED), pl.lit(number).alias(KIND)
            )
            for number, kind in enumerate(dict.fromkeys(spec.kinds))
        ]
        table = pl.concat(kinds).filter(pl.col(UNIT).is_not_null())
        return cls(scan, table, spec, len(days), lag)

    def check(self) -> None:
        """Refuse what a panel without vintages can't hold."""
        import polars as pl

        names = self.events.collect_schema().names()
        wrong = pl.lit(False)
        if schema.KNOWN_DATE in names:
            known, day = (pl.col(c).cast(pl.Date) for c in (schema.KNOWN_DATE, schema.EVENT_DATE))
            wrong = (known - day).dt.total_days() > self.lag
        if schema.OPERATION in names:
            wrong = wrong | (pl.col(schema.OPERATION) != "add")
        late = self.events.select(wrong.sum()).collect(engine="streaming").item()
        if late:
            raise InputError(
                "E-LATE",
                f"expected events that were known within the lag of {self.lag} days and never "
                f"changed, {late} were not",
                fix="keep them in an archive, or give the lag",
            )

    def units(self) -> pl.DataFrame:
        """Each unit, sorted: its first day, and the place of the event by which it entered."""
        import polars as pl

        seen = self.table.filter(
            _mask(self.spec.enters), pl.col(HAPPENED).clip(lower_bound=0) + self.lag < self.count
        )
        first = seen.group_by(UNIT).agg(
            pl.col(HAPPENED).min(), pl.col(KIND).min(), pl.col(KIND).max().alias("_other")
        )
        found = first.collect(engine="streaming").sort(UNIT)
        if len(both := found.filter(pl.col(KIND) != pl.col("_other"))):
            raise InputError(
                "E-UNIT", "expected different names for units of different kinds",
                value=both[UNIT][0], fix="leave out one of the kinds",
            )  # fmt: skip
        place = seen.join(found.lazy(), on=[UNIT, HAPPENED], how="semi")
        where = [schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY]
        names = self.events.collect_schema().names()
        identity = [name for name in (schema.SOURCE, schema.EVENT_ID) if name in names]
        kept = place.select(UNIT, *identity, *(_or_null(name, names) for name in where))
        places = kept.collect(engine="streaming").sort([UNIT, *identity])
        return found.join(places.unique(UNIT, keep="first"), on=UNIT, maintain_order="left").select(
            pl.col(UNIT).alias(schema.UNIT),
            (pl.col(HAPPENED).clip(lower_bound=0) + self.lag).alias(ENTRY),
            *(pl.col(name).fill_null(float("nan")) for name in where[:2]),
            pl.col(schema.COUNTRY).fill_null(""),
        )

    def write_cells(self, units: list[str], path: Path) -> None:
        """Sums and maxima by unit and day, sorted, with the units as numbers."""
        import polars as pl

        code = pl.col(UNIT).cast(pl.Enum(units), strict=False).to_physical().cast(pl.Int64)
        inside = pl.col(HAPPENED).is_between(0, self.count - 1)
        channels = self.spec.all_channels
        sums = self.table.filter(inside).select(
            (code * self.count + pl.col(HAPPENED)).alias(KEY), *(_weight(one) for one in channels)
        )
        by_cell = sums.filter(pl.col(KEY).is_not_null()).group_by(KEY)
        total = [
            pl.col(one.name).max() if one.measure == "severity" else pl.col(one.name).sum()
            for one in channels
        ]
        cells = by_cell.agg(total).sort(KEY).select(
            (pl.col(KEY) // self.count).cast(pl.Int32).alias(CODE),
            (pl.col(KEY) % self.count).cast(pl.Int32).alias(schema.DAY),
            *(pl.col(one.name).cast(pl.Float32) for one in channels),
        )  # fmt: skip
        cells.sink_parquet(path, compression="lz4", row_group_size=250_000)


def _need(scan: pl.LazyFrame, spec: PanelSpec) -> None:
    """Refuse events without a column that the panel reads."""
    wheres = [spec.enters, *(channel.where for channel in spec.all_channels)]
    needed = {schema.EVENT_DATE, schema.SEVERITY, schema.KILLED}
    needed |= {column for where in wheres for column in where.equal}
    for kind in spec.kinds:
        needed |= set(OF_KIND.get(kind, (kind,)))
    if missing := sorted(needed - set(scan.collect_schema().names())):
        raise InputError("E-COLUMN", "expected a column that the panel reads", value=missing[0])


OF_KIND = {
    "all": (),
    "dyad": (schema.ACTOR, schema.TARGET),
    "priogrid": (schema.LATITUDE, schema.LONGITUDE),
}
"""Columns that tell the unit, where it is not the one of that name."""


def _unit(kind: schema.UnitKind) -> pl.Expr:
    """As :func:`escalation.panel.dense.unit_of`."""
    import polars as pl

    if kind == "all":
        return pl.lit(schema.ALL_UNIT)
    if kind == "dyad":
        return pl.col(schema.ACTOR) + ">" + pl.col(schema.TARGET)
    if kind == "priogrid":
        steps = [
            ((pl.col(name) + offset) / PRIOGRID_DEGREES).floor().clip(0, most).cast(pl.Int64)
            for name, offset, most in (
                (schema.LATITUDE, 90.0, 359), (schema.LONGITUDE, 180.0, 719)
            )
        ]  # fmt: skip
        return (steps[0] * 720 + steps[1] + 1).cast(pl.String)
    return pl.col(kind).cast(pl.String)


def _mask(where: Where) -> pl.Expr:
    """As :meth:`escalation.panel.dense.Where.mask`."""
    import polars as pl

    keep = pl.col(schema.SEVERITY) >= where.rung
    for column, allowed in where.equal.items():
        text = pl.col(column).cast(pl.String).fill_null("")
        if column == schema.TAGS:
            words = text.str.split(" ")
            keep = keep & pl.any_horizontal([words.list.contains(word) for word in allowed])
        else:
            keep = keep & text.is_in(list(allowed)) & pl.col(column).is_not_null()
    return keep


def _weight(channel: Channel) -> pl.Expr:
    """As :meth:`escalation.panel.dense.Channel.weights`, in whole numbers."""
    import polars as pl

    value = pl.lit(1) if channel.measure == "count" else pl.col(channel.measure).fill_null(0)
    width = pl.Int8 if channel.measure == "severity" else pl.Int32
    return pl.when(_mask(channel.where)).then(value).otherwise(0).cast(width).alias(channel.name)


def _or_null(name: str, names: list[str]) -> pl.Expr:
    import polars as pl

    kind = pl.String if name == schema.COUNTRY else pl.Float64
    return pl.col(name).cast(kind) if name in names else pl.lit(None, kind).alias(name)
