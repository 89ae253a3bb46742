"""The command that inspects a file of events and writes an experiment for it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escalation.cli.common import Json, print_json, show
from escalation.cli.reading import FILE_READING, FileReading, reads
from escalation.errors import InputError, UsageError

if TYPE_CHECKING:
    from escalation.backtest.inspect_file import Inspection
    from escalation.backtest.propose import Proposal

_COMPRESSED = {".gz", ".zip"}


@reads(FileReading)
def init_command(
    file: Annotated[Path, typer.Argument(help="File of events, or folder of an archive.")],
    source: Annotated[
        str | None, typer.Option(help="Format of the file; detected from its columns by default.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Experiment file to write; by default FILE, ending in .toml."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an existing experiment file.")
    ] = False,
    reading: FileReading = FILE_READING,
    as_json: Json = False,
) -> None:
    """Describe a file of events, and write an experiment that trains on it."""
    target = out or _default_target(file)
    _check_paths(target, file, force=force)
    from escalation._util.files import replacing, require_room
    from escalation.backtest.inspect_file import inspect_file
    from escalation.backtest.propose import propose
    from escalation.cli.file_description import as_record
    from escalation.events import Limits

    require_room(target)
    limits = Limits(max_bad=reading.max_bad)
    inspection = inspect_file(file, source=source, options=reading.options, limits=limits)
    if reading.lag is not None:
        inspection = replace(inspection, facts=replace(inspection.facts, lag=reading.lag))
    data = {"events": _relative(file, target), **inspection.reading}
    proposal = propose(inspection.archive, inspection.facts, name=_name(target), data=data)
    with replacing(target) as part:
        part.write_text(proposal.text, encoding="utf-8")
    if as_json:
        print_json(as_record(inspection, proposal, target))
    else:
        _print(inspection, proposal, target)


def _default_target(file: Path) -> Path:
    """The file's name with the ending ``.toml``.

    Examples
    --------
    >>> [_default_target(Path(name)).as_posix() for name in ("a/events.csv.gz", "store")]
    ['a/events.toml', 'store.toml']
    """
    plain = file.with_suffix("") if file.suffix in _COMPRESSED else file
    return plain.parent / f"{plain.name if file.is_dir() else plain.stem}.toml"


def _check_paths(target: Path, file: Path, *, force: bool) -> None:
    from escalation._util.outputs import require_ending

    require_ending(target, ".toml")
    if not file.exists():
        raise InputError(
            "E-FILE",
            "no such file or archive",
            where=str(file),
            fix="check the name and the current folder",
        )
    if target.exists() and not force:
        raise UsageError(
            "E-EXISTS",
            "the experiment file already exists",
            where=str(target),
            fix="choose another with --out FILE.toml, or replace it with --force",
        )


def _name(target: Path) -> str:
    """A valid model name.

    Examples
    --------
    >>> _name(Path("my events (2024).toml"))
    'my_events_2024'
    """
    return re.sub("[^A-Za-z0-9_-]+", "_", target.stem).strip("_-")[:60] or "events"


def _relative(file: Path, target: Path) -> str:
    """Path of the file relative to the experiment, so that both can be moved together."""
    try:
        return Path(os.path.relpath(file.resolve(), target.parent.resolve())).as_posix()
    except ValueError:  # on another Windows drive
        return file.resolve().as_posix()


def _print(inspection: Inspection, proposal: Proposal, target: Path) -> None:
    from escalation.backtest.propose import first_model_name
    from escalation.cli.file_description import description_lines
    from escalation.events.load import report_warnings

    lines = (f"{heading:>14}  {text}" for heading, text in description_lines(inspection, proposal))
    show(*lines, soft_wrap=True)
    warnings: list[str] = []
    if inspection.report is not None:
        warnings += report_warnings(replace(inspection.report, unrated={}))
    if not proposal.labels:
        reason = "until there is more history `prior` answers one, as learnt from other conflicts"
        if proposal.missing_days:
            days = proposal.missing_days
            reason = f"nothing can be trained before it spans {days} more day{'s' * (days > 1)}"
        warnings.append(f"no label can be learnt from this file yet; {reason}")
    show(*(f"warning: {text}" for text in warnings), stderr=True, soft_wrap=True)
    next_steps = ""
    if not proposal.missing_days:
        model = first_model_name(_name(target), list(proposal.labels) or [""])
        next_steps = f"; next: escalation train {target}, then escalation score --model {model}"
    show(f"written to {target}{next_steps}", soft_wrap=True)
