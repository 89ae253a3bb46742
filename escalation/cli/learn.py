"""The command that learns the numbers of the model ``prior`` from files of one's own."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalation.cli.common import Json, print_json, printing
from escalation.cli.data import Files, FormatName
from escalation.cli.reading import INTAKE_READING, IntakeReading, reads
from escalation.errors import UsageError, printable
from escalation.schema import UnitKind

if TYPE_CHECKING:
    from rich.table import Table

    from escalation.backtest.prior_learning import LearntLabel
    from escalation.events import EventArchive

NumbersFile = Annotated[Path, typer.Option(help="Where to write the numbers, .json.")]
Unit = Annotated[UnitKind, typer.Option(help="Kind of unit that small archives are cut by.")]
LastDay = Annotated[str | None, typer.Option(help="Day as YYYY-MM-DD; learn from none after it.")]


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
    """Learn a prior of your own from events of past conflicts, one file a conflict."""
    from escalation._util.files import replacing, require_room
    from escalation._util.outputs import require_ending

    require_ending(out, ".json")
    _require_different(files)
    require_room(out)
    from escalation.backtest.prior_learning import learn_prior, numbers_to_write
    from escalation.backtest.small_archives import small_archives
    from escalation.cli import console
    from escalation.errors import GateError
    from escalation.events.archive import to_day

    until = None if last_day is None else to_day(last_day)
    with console.progress_bar("learn from") as progress:
        conflicts = {str(path): [(_read(source, path, reading), unit)] for path in files}
        archives = small_archives(conflicts, last_day=until, progress=progress)
        learnt = learn_prior(archives, progress=progress)
    if not any(one.coefficients for one in learnt):
        raise GateError(
            "E-INSUFFICIENT",
            "no label gains where a conflict is left out, or has enough outcomes of both kinds",
            fix="give more events, more conflicts, or coarser units with --unit",
        )
    with replacing(out) as part:
        part.write_text(json.dumps(numbers_to_write(learnt), indent=1) + "\n", encoding="utf-8")
    if as_json:
        print_json([_plain(one) for one in learnt])
        return
    with printing():
        console.console().print(_table(learnt))
        for line in _remarks(learnt, len(conflicts), out):
            console.console().print(line)


def _require_different(files: list[Path]) -> None:
    """No file twice: a conflict that is left out must not be among those that are learnt."""
    for path, times in Counter(path.resolve() for path in files).items():
        if times > 1:
            raise UsageError(
                "E-USAGE", "the same file twice", value=str(path), fix="give each file once"
            )


def _read(source: str, path: Path, reading: IntakeReading) -> EventArchive:
    """Events are known on their day where neither the file nor the command line says when."""
    from escalation.events import Limits, load_events

    options = replace(reading.options, lag=reading.lag or 0)
    return load_events(source, path, options=options, limits=Limits(max_bad=reading.max_bad))


def _plain(one: LearntLabel) -> dict[str, Any]:
    """A label for scripts."""
    name, worst = one.worst if one.losses else (None, None)
    return {
        "label": one.label,
        "learnt": bool(one.coefficients),
        "start": one.start if one.coefficients else None,
        "gain": one.gain if one.losses else None,
        "worst": worst,
        "worst_left_out": name,
    }


def _table(learnt: list[LearntLabel]) -> Table:
    from rich.table import Table

    table = Table("label", "", "Brier score saved", "worst", "left out", "start of blend")
    for one in learnt:
        told = "learnt" if one.coefficients else "not learnt"
        start = f"{one.start:.0%}" if one.coefficients else "-"
        if not one.losses:
            table.add_row(one.label, told, "-", "-", "-", start)
            continue
        name, worst = one.worst
        left_out = printable(Path(name).name)
        table.add_row(one.label, told, f"{one.gain:+z.1%}", f"{worst:+z.1%}", left_out, start)
    return table


def _remarks(learnt: list[LearntLabel], conflicts: int, out: Path) -> list[str]:
    saved = "Over ewma_nb, each file forecast from what was learnt on the others, at 7 and 30 days."
    alone = "One file: nothing could be left out, so nothing is known of how well it carries over."
    name = printable(str(out))
    share = "Start of blend: the share of prior in what it starts from; ewma_nb has the rest."
    lines = [saved if conflicts > 1 else alone, share]
    if not all(one.coefficients for one in learnt):
        lines.append("A label that is not learnt gets the probability of ewma_nb.")
    under = f'In an experiment, under [models]: prior = {{ numbers = "{name}" }}'
    return [*lines, f"Written to {name}. {under}"]
