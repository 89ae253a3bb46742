"""The command that learns the numbers of the model ``prior`` from the user's files."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalation.cli.common import Json, print_json, printing, show
from escalation.cli.data import Files, FormatName
from escalation.cli.reading import INTAKE_READING, IntakeReading, reads
from escalation.errors import UsageError, printable
from escalation.schema import UnitKind

if TYPE_CHECKING:
    from rich.table import Table

    from escalation.backtest.prior_learning import LearntLabel
    from escalation.events import EventArchive

NumbersFile = Annotated[Path, typer.Option(help="Where to write the numbers, .json.")]
Unit = Annotated[
    UnitKind, typer.Option(help="Kind of unit by which conflicts are split into small archives.")
]
LastDay = Annotated[str | None, typer.Option(help="Last day to learn from, as YYYY-MM-DD.")]


@reads(IntakeReading)
def prior_command(
    files: Files,
    source: FormatName,
    out: NumbersFile,
    unit: Unit = "admin1",
    last_day: LastDay = None,
    reading: IntakeReading = INTAKE_READING,
    as_json: Json = False,
) -> None:
    """Learn your own prior from events of past conflicts, one file per conflict."""
    from escalation._util.files import replacing, require_room
    from escalation._util.outputs import require_ending

    require_ending(out, ".json")
    _require_distinct(files)
    require_room(out)
    from escalation.backtest.prior_learning import learn_prior, numbers_to_write
    from escalation.backtest.small_archives import small_archives
    from escalation.cli import console
    from escalation.errors import GateError
    from escalation.events.archive import to_day

    last = None if last_day is None else to_day(last_day)
    with console.progress_bar("learn from") as progress:
        conflicts = {str(path): [(_read(source, path, reading), unit)] for path in files}
        archives = small_archives(conflicts, last_day=last, progress=progress)
        labels = learn_prior(archives, progress=progress)
    if not any(label.coefficients for label in labels):
        raise GateError(
            "E-INSUFFICIENT",
            "no label improves the forecasts of a conflict that is left out, or has enough "
            "outcomes of both kinds",
            fix="add events or conflicts, or use coarser units with --unit",
        )
    with replacing(out) as part:
        part.write_text(json.dumps(numbers_to_write(labels), indent=1) + "\n", encoding="utf-8")
    if as_json:
        print_json([_as_record(label) for label in labels])
        return
    with printing():
        show(_table(labels), *_remarks(labels, len(conflicts), out))


def _require_distinct(files: list[Path]) -> None:
    """Refuse the same file twice: a conflict that is left out must not be learnt from."""
    for path, count in Counter(path.resolve() for path in files).items():
        if count > 1:
            raise UsageError(
                "E-USAGE", "the same file twice", value=str(path), fix="name each file once"
            )


def _read(source: str, path: Path, reading: IntakeReading) -> EventArchive:
    """Without known dates or a lag, events count as known on their day."""
    from escalation.events import Limits, load_events

    options = replace(reading.options, lag=reading.lag or 0)
    return load_events(source, path, options=options, limits=Limits(max_bad=reading.max_bad))


def _as_record(label: LearntLabel) -> dict[str, Any]:
    conflict, worst = label.worst if label.losses else (None, None)
    return {
        "label": label.label,
        "learnt": bool(label.coefficients),
        "start": label.start if label.coefficients else None,
        "gain": label.gain if label.losses else None,
        "worst": worst,
        "worst_left_out": conflict,
    }


def _table(labels: list[LearntLabel]) -> Table:
    from rich.table import Table

    table = Table("label", "", "Brier score saved", "worst", "left out", "start of blend")
    for label in labels:
        gains = ["-", "-", "-"]
        if label.losses:
            conflict, worst = label.worst
            gains = [f"{label.gain:+z.1%}", f"{worst:+z.1%}", printable(Path(conflict).name)]
        table.add_row(
            label.label,
            "learnt" if label.coefficients else "not learnt",
            *gains,
            f"{label.start:.0%}" if label.coefficients else "-",
        )
    return table


def _remarks(labels: list[LearntLabel], n_conflicts: int, out: Path) -> list[str]:
    name = printable(str(out))
    remarks = [
        "Saved compared with ewma_nb, each file forecast by a prior learnt from the others, at 7 "
        "and 30 days."
        if n_conflicts > 1
        else "One file: none could be left out, so nothing shows how well it transfers.",
        "Start of blend: the share of prior in the mixture it starts from; the rest is ewma_nb.",
    ]
    if not all(label.coefficients for label in labels):
        remarks.append("A label that is not learnt gets the probability of ewma_nb.")
    return [
        *remarks,
        f'Written to {name}. In an experiment, under [models]: prior = {{ numbers = "{name}" }}',
    ]
