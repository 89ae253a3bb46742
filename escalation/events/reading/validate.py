"""Check every row of a file, and collect the rejected rows with their reasons."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from escalation import schema
from escalation._util.ahead import prefetch
from escalation._util.text import listed
from escalation.errors import InputError, UsageError
from escalation.events.archive import weakest_basis
from escalation.events.columns import Mask
from escalation.events.reading.blocks import VALUE_SHOWN, Block, RejectedRow
from escalation.events.reading.day_order import day_order
from escalation.events.reading.header import no_rows_error
from escalation.events.reading.identity import NO_ID_REMARK, needs_ids, with_identifiers
from escalation.events.reading.layout import Layout
from escalation.events.reading.limits import MOST_REFUSED
from escalation.events.reading.quarantine import Quarantine
from escalation.events.reading.report import FileReport, Limits
from escalation.events.reading.rows import read_blocks
from escalation.events.reading.sanity import check_sanity
from escalation.events.reading.streams import is_utf8
from escalation.events.reading.tables import is_table
from escalation.events.source import Options, Problem, Source

_FIRST_SHOWN = 10
_MAJORITY = 0.5
_TIME = re.compile("[0-9]:[0-9]{2}")
_TYPES_SHOWN, _NAMES_SHOWN = 50, 5
_RATED = "an event type with a rung; add it under [severity] in the experiment file"
_BY_RULE = ("Q-PRECISION", "Q-SPAN")
"""Codes of valid rows that are left out by a rule that the user may change."""


@dataclass
class FileCheck:
    """The checks of one file; the counts are complete after all of :meth:`tables`."""

    path: Path
    source: Source
    options: Options
    limits: Limits
    quarantine: Quarantine
    records: int = 0
    quarantined: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    unrated: Counter[str] = field(default_factory=Counter)
    first: list[RejectedRow] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    layout: Layout = field(init=False)
    basis: schema.KnownBasis = field(init=False)

    def __post_init__(self) -> None:
        _check_zone(self.options.zone, self.source)
        self._choose_encoding()
        layout, blocks = read_blocks(self.path, self.source, self.options)
        _check_type(self.options.event_type, layout)
        self.layout = layout
        self._blocks = with_identifiers(blocks, layout, self.options.event_type)
        if layout.unknown and self.limits.strict:
            raise InputError(
                "E-COLUMNS",
                f"unknown columns: {listed(layout.unknown, _NAMES_SHOWN)}",
                where=f"{self.path}:1",
                column=layout.unknown[0],
                fix="leave out --strict",
            )
        source = layout.source
        self._file_basis = (
            source.basis(layout.columns, self.options) if source.basis else source.known_basis
        )
        self.basis = self._file_basis
        self.remarks += self._layout_remarks()

    def _layout_remarks(self) -> Iterator[str]:
        layout = self.layout
        if layout.renamed:
            yield f"columns with another spelling: {listed(layout.renamed, _NAMES_SHOWN)}"
        if layout.leftover:
            yield (
                f"{layout.leftover} rows after the last event have none of "
                f"{', '.join(layout.source.required)}, for instance copied formulas"
            )
        if self.source.one_of and not layout.source.one_of:
            yield (
                "no column has a place or a side, so all events belong to one unit; if there is "
                "one, name it: --columns YOURS=site"
            )
        if needs_ids(layout):
            yield NO_ID_REMARK.format(column=self.source.content_id)

    def _choose_encoding(self) -> None:
        """Use the fallback encoding of the source if the file is not UTF-8."""
        fallback = self.source.fallback_encoding
        if fallback is None or self.options.encoding is not None or is_table(self.path):
            return
        if not is_utf8(self.path):
            self.options = replace(self.options, encoding=fallback)
            self.remarks.append(f"read as {fallback}, because it is not UTF-8")

    def tables(
        self,
        on_rows: Callable[[int], None] = lambda rows: None,
        on_refused: Callable[[pa.Table], None] = lambda events: None,
    ) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
        """Yield the accepted events, block by block, with their lines.

        Parameters
        ----------
        on_rows : callable, optional
            Called with the number of rows read so far.
        on_refused : callable, optional
            Called with the rejected events, as far as they could be read.

        Raises
        ------
        InputError
            ``E-EMPTY`` without a row.
        """
        blocks, date_format = day_order(self._blocks, self.layout, self.source, self.options)
        if date_format is not None:
            self.options = replace(self.options, date_format=date_format)
            self.remarks.append(f"dates read as {date_format}, the only order that fits them all")
        for block in prefetch(blocks):
            self.records += block.records
            on_rows(self.records)
            events, problems, unrated = self._converted(block)
            bad = self._reject(block, events, problems)
            if unrated is not None:
                types = events[schema.EVENT_TYPE].filter(pa.array(unrated & ~bad))
                counts = pc.value_counts(types).to_pylist()
                self.unrated.update({entry["values"]: entry["counts"] for entry in counts})
            if bad.any():
                on_refused(events.filter(pa.array(bad)))
            if len(bad) and not bad.all():
                yield events.filter(pa.array(~bad)), block.lines[~bad]
        if not self.records:
            raise no_rows_error(self.path)

    def add_remark(self, text: str | None) -> None:
        """Add a remark about the file, if there is one."""
        if text is not None:
            self.remarks.append(text)

    def report(self, *, duplicates: int) -> FileReport:
        """Return the counts, after all tables were read."""
        accepted = self.records - self.quarantined - duplicates
        return FileReport(
            str(self.path),
            self.source.name,
            self.records,
            accepted,
            self.quarantined,
            duplicates,
            dict(self.reasons),
            tuple(self.first),
            self.layout.unknown,
            dict(self.notes),
            self.basis,
            self.options.zone,
            dict(self.unrated.most_common(_TYPES_SHOWN)),
            tuple(self.remarks),
            refusal=self.refusal(),
        )

    def _converted(self, block: Block) -> tuple[pa.Table, list[Problem], Mask | None]:
        converted = self.layout.source.convert(block.cells, self.options)
        self.notes.update(converted.notes)
        if converted.known_basis is not None:
            self.basis = weakest_basis([self.basis, converted.known_basis])
        problems = list(converted.problems)
        if converted.unrated is not None and self.limits.strict:
            problems.append(Problem("Q-TYPE", schema.EVENT_TYPE, converted.unrated, _RATED))
        events, implausible = check_sanity(
            converted.events, self._file_basis, self.options, self.limits.latest
        )
        return events, [*problems, *implausible], converted.unrated

    def _reject(self, block: Block, events: pa.Table, problems: Sequence[Problem]) -> Mask:
        """Record the rows with a problem, each with its first one; return their mask."""
        bad = np.zeros(len(block.lines), np.bool_)
        rejected = list(block.rejected)
        for problem in problems:
            rows = np.flatnonzero(problem.rows & ~bad)
            bad[rows] = True
            code, column, expected = problem.code, problem.column, problem.expected
            for row, value in zip(rows, _values(block, events, column, rows), strict=True):
                rejected.append(RejectedRow(int(block.lines[row]), code, column, value, expected))
        rejected.sort(key=lambda row: row.line)
        self.quarantined += len(rejected)
        self.reasons.update(row.code for row in rejected)
        self.first.extend(rejected[: _FIRST_SHOWN - len(self.first)])
        self.quarantine.add(self.path, rejected)
        self._stop_if_hopeless()
        return bad

    def _stop_if_hopeless(self) -> None:
        """Raise ``E-LIMIT`` once very many rows, and most of them, are invalid."""
        limit = max(MOST_REFUSED, self.limits.max_bad * self.records, _MAJORITY * self.records)
        if self._n_invalid > limit and (refusal := self.refusal()) is not None:
            refusal.code = "E-LIMIT"
            raise refusal

    @property
    def _n_invalid(self) -> int:
        """Number of quarantined rows, except those left out by a rule."""
        return self.quarantined - sum(self.reasons[code] for code in _BY_RULE)

    def refusal(self) -> InputError | None:
        """Return the error ``E-QUARANTINE`` if too many rows are invalid."""
        if self._n_invalid <= self.limits.max_bad * self.records:
            return None
        worst = next((row for row in self.first if row.code not in _BY_RULE), self.first[0])
        reasons = ", ".join(f"{count} {code}" for code, count in self.reasons.most_common(5))
        listing = (
            f"see {self.quarantine.path}"
            if self.quarantine.path
            else "`escalation validate --quarantine FILE` lists them"
        )
        return InputError(
            "E-QUARANTINE",
            f"needs {worst.expected}; {self._n_invalid} of {self.records} rows are invalid "
            f"({reasons}), more than {self.limits.max_bad:.2%}: the file was rejected",
            where=f"{self.path}:{worst.line}",
            column=worst.column,
            value=worst.value,
            fix=self._advice(worst) or f"fix the rows ({listing}), or allow more with --max-bad",
        )

    def _advice(self, worst: RejectedRow) -> str:
        """Return the option that reads the file, if there is one."""
        if (worst.code, worst.column) == ("Q-REQUIRED", schema.EVENT_TYPE):
            return "add --event-type with a word for rows without a type, such as unknown"
        if worst.code != "Q-DATE" or self.reasons["Q-DATE"] < _MAJORITY * self.records:
            return ""
        if self.layout.source.zoned and _TIME.search(worst.value) and self.options.zone is None:
            return "add --zone with the time zone of the times, such as Europe/Kyiv"
        return "add --date-format with the format of the dates, such as %d/%m/%Y or %m/%d/%Y"

    def raise_if_over_limit(self) -> None:
        """Raise ``E-QUARANTINE`` if too many rows are invalid."""
        refusal = self.refusal()
        if refusal is not None:
            raise refusal


def _check_type(event_type: str | None, layout: Layout) -> None:
    if event_type is not None and not layout.source.content_id:
        raise UsageError(
            "E-TYPE",
            f"{layout.source.name} has its own event types",
            where=str(layout.path),
            value=event_type,
            fix="leave out --event-type",
        )


def _check_zone(zone: str | None, source: Source) -> None:
    if zone is None:
        return
    if not source.zoned:
        raise UsageError(
            "E-ZONE",
            f"{source.name} has whole days and times in UTC: a zone makes no difference",
            value=zone,
            fix="leave out --zone",
        )
    try:
        pc.assume_timezone(pa.array([0], pa.timestamp("s")), zone)
    except pa.ArrowInvalid:
        raise UsageError("E-ZONE", "needs a time zone such as Asia/Baghdad", value=zone) from None


def _values(block: Block, events: pa.Table, column: str, rows: NDArray[np.intp]) -> list[str]:
    if not len(rows):
        return []
    table = block.cells if column in block.cells.column_names else events
    if column not in table.column_names:
        return [""] * len(rows)
    values = table[column].take(pa.array(rows)).to_pylist()
    return ["" if value is None else str(value)[:VALUE_SHOWN] for value in values]
