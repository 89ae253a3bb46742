"""Every row checked before anything is stored: what passes, what does not, and why."""

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
_MOST = 0.5
_TIME = re.compile("[0-9]:[0-9]{2}")
_TYPES_SHOWN, _NAMES_SHOWN = 50, 5
_RATED = "an event type with a rung; add it under [severity] in the experiment file"
_BY_RULE = ("Q-PRECISION", "Q-SPAN")
"""Rows that can be read, and are left out by a rule that the user may change."""


@dataclass
class FileCheck:
    """One file on its way through the checks; the counts are complete once its tables were read.

    Parameters
    ----------
    path : Path
    source : Source
    options : Options
    limits : Limits
    quarantine : Quarantine
    """

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
        self.layout, blocks = read_blocks(self.path, self.source, self.options)
        _check_type(self.options.event_type, self.layout)
        self._blocks = with_identifiers(blocks, self.layout, self.options.event_type)
        if self.layout.renamed:
            renamed = listed(self.layout.renamed, _NAMES_SHOWN)
            self.remarks.append(f"columns spelled otherwise: {renamed}")
        if self.layout.leftover:
            self.remarks.append(
                f"{self.layout.leftover} rows after the last event have none of "
                f"{', '.join(self.layout.source.required)}, as where formulas were copied down"
            )
        if self.source.one_of and not self.layout.source.one_of:
            self.remarks.append(
                "no column says where or who: all events are of one unit; if one does, name it: "
                "--columns YOURS=site"
            )
        if needs_ids(self.layout):
            self.remarks.append(NO_ID_REMARK.format(column=self.source.content_id))
        if self.layout.unknown and self.limits.strict:
            raise InputError(
                "E-COLUMNS",
                f"unknown columns: {listed(self.layout.unknown, _NAMES_SHOWN)}",
                where=f"{self.path}:1",
                column=self.layout.unknown[0],
                fix="leave out --strict",
            )
        source = self.layout.source
        self._declared = (
            source.basis(self.layout.columns, self.options) if source.basis else source.known_basis
        )
        self.basis = self._declared

    def _choose_encoding(self) -> None:
        """The encoding that the source is known to use, where the file is not UTF-8."""
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
        """The events that passed, block by block, with their lines.

        Parameters
        ----------
        on_rows : callable, optional
            Told how many rows were read.
        on_refused : callable, optional
            Told what could be read of the events that did not pass.

        Raises
        ------
        InputError
            ``E-EMPTY`` without a row.
        """
        blocks, form = day_order(self._blocks, self.layout, self.source, self.options)
        if form is not None:
            self.options = replace(self.options, date_format=form)
            self.remarks.append(f"dates read as {form}, the only order that fits every one of them")
        for block in prefetch(blocks):
            self.records += block.records
            on_rows(self.records)
            events, problems, unrated = self._converted(block)
            bad = self._reject(block, events, problems)
            if unrated is not None:
                self._count_own_types(events[schema.EVENT_TYPE], unrated & ~bad)
            if bad.any():
                on_refused(events.filter(pa.array(bad)))
            if len(bad) and not bad.all():
                yield events.filter(pa.array(~bad)), block.lines[~bad]
        if not self.records:
            raise no_rows_error(self.path)

    def remark(self, text: str | None) -> None:
        """Remember what is to be told of the file, if anything."""
        if text is not None:
            self.remarks.append(text)

    def report(self, *, duplicates: int) -> FileReport:
        """The counts, once the tables were read."""
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
        made = self.layout.source.convert(block.cells, self.options)
        self.notes.update(made.notes)
        if made.known_basis is not None:
            self.basis = weakest_basis([self.basis, made.known_basis])
        events, problems = check_sanity(
            made.events, self._declared, self.options, self.limits.latest
        )
        problems = [*made.problems, *self._own_types(made.unrated), *problems]
        return events, problems, made.unrated

    def _own_types(self, unrated: Mask | None) -> list[Problem]:
        """Refuse events whose type has no rung, where that is asked for."""
        if unrated is None or not self.limits.strict:
            return []
        return [Problem("Q-TYPE", schema.EVENT_TYPE, unrated, _RATED)]

    def _count_own_types(self, types: pa.ChunkedArray, unrated: Mask) -> None:
        """Count the events that were taken and whose type has no rung."""
        counts = pc.value_counts(types.filter(pa.array(unrated)))
        self.unrated.update({one["values"]: one["counts"] for one in counts.to_pylist()})

    def _reject(self, block: Block, events: pa.Table, problems: Sequence[Problem]) -> Mask:
        """Rows with a problem; each is reported once, by its first."""
        bad = np.zeros(len(block.lines), np.bool_)
        rejected = list(block.rejected)
        for problem in problems:
            rows = np.flatnonzero(problem.rows & ~bad)
            bad[rows] = True
            for row, value in zip(rows, _values(block, events, problem, rows), strict=True):
                rejected.append(
                    RejectedRow(
                        int(block.lines[row]), problem.code, problem.column, value, problem.expected
                    )
                )
        rejected.sort(key=lambda row: row.line)
        self.quarantined += len(rejected)
        self.reasons.update(row.code for row in rejected)
        self.first.extend(rejected[: _FIRST_SHOWN - len(self.first)])
        self.quarantine.add(self.path, rejected)
        self._stop_if_hopeless()
        return bad

    def _stop_if_hopeless(self) -> None:
        """``E-LIMIT`` once very many rows are unfit, and more than are not: they'd only pile up."""
        most = max(MOST_REFUSED, self.limits.max_bad * self.records, _MOST * self.records)
        if self._unfit > most and (refusal := self.refusal()) is not None:
            raise InputError(
                "E-LIMIT",
                refusal.message,
                where=refusal.where,
                column=refusal.column,
                value=refusal.value,
                fix=refusal.fix,
            )

    @property
    def _unfit(self) -> int:
        """Rows that can't be taken, but for those that a rule leaves out."""
        return self.quarantined - sum(self.reasons[code] for code in _BY_RULE)

    def refusal(self) -> InputError | None:
        """``E-QUARANTINE`` when more rows are unfit than may be."""
        unfit = self._unfit
        if unfit <= self.limits.max_bad * self.records:
            return None
        worst = next((row for row in self.first if row.code not in _BY_RULE), self.first[0])
        reasons = ", ".join(f"{count} {code}" for code, count in self.reasons.most_common(5))
        kept = (
            f"see {self.quarantine.path}"
            if self.quarantine.path
            else "`escalation validate --quarantine FILE` lists them"
        )
        return InputError(
            "E-QUARANTINE",
            f"needs {worst.expected}; {unfit} of {self.records} rows can't be taken ({reasons}),"
            f" more than {self.limits.max_bad:.2%}: nothing was taken",
            where=f"{self.path}:{worst.line}",
            column=worst.column,
            value=worst.value,
            fix=self._advice(worst) or f"mend the rows ({kept}), or allow more with --max-bad",
        )

    def _advice(self, worst: RejectedRow) -> str:
        """The option that reads the file, where one does."""
        if (worst.code, worst.column) == ("Q-REQUIRED", schema.EVENT_TYPE):
            return "add --event-type with a word for rows without a type, such as unknown"
        if worst.code != "Q-DATE" or self.reasons["Q-DATE"] < _MOST * self.records:
            return ""
        if self.layout.source.zoned and _TIME.search(worst.value) and self.options.zone is None:
            return "add --zone with the time zone of the times, such as Europe/Kyiv"
        return "add --date-format with the form of the dates, such as %d/%m/%Y or %m/%d/%Y"

    def raise_if_over_limit(self) -> None:
        """Raise the refusal, if there is one."""
        refusal = self.refusal()
        if refusal is not None:
            raise refusal


def _check_type(event_type: str | None, layout: Layout) -> None:
    if event_type is not None and not layout.source.content_id:
        raise UsageError(
            "E-TYPE",
            f"{layout.source.name} has event types of its own",
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
            f"{source.name} gives whole days and times in UTC: a zone changes nothing",
            value=zone,
            fix="leave out --zone",
        )
    try:
        pc.assume_timezone(pa.array([0], pa.timestamp("s")), zone)
    except pa.ArrowInvalid:
        raise UsageError("E-ZONE", "needs a time zone such as Asia/Baghdad", value=zone) from None


def _values(block: Block, events: pa.Table, problem: Problem, rows: NDArray[np.intp]) -> list[str]:
    if not len(rows):
        return []
    table = block.cells if problem.column in block.cells.column_names else events
    if problem.column not in table.column_names:
        return [""] * len(rows)
    values = table[problem.column].take(pa.array(rows)).to_pylist()
    return ["" if value is None else str(value)[:VALUE_SHOWN] for value in values]
