"""The command that looks at a file and writes an experiment for it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escalation.cli.common import Json, print_json
from escalation.cli.reading import FILE_READING, FileReading, reads
from escalation.errors import InputError, UsageError

if TYPE_CHECKING:
    from escalation.backtest.inspect_file import Inspection
    from escalation.backtest.propose import Proposal

_PACKED = {".gz", ".zip"}
_UNTIL_THEN = (
    "until there is more history `prior` answers one, from what it learnt on other conflicts"
)


@reads(FileReading)
def init_command(
    file: Annotated[Path, typer.Argument(help="A file of events, or the folder of an archive.")],
    source: Annotated[
        str | None, typer.Option(help="Format of the file; found by its columns by default.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write; FILE with .toml instead by default.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an experiment file.")] = False,
    reading: FileReading = FILE_READING,
    as_json: Json = False,
) -> None:
    """Say what a file of events is, and write an experiment that trains on it."""
    target = out or _beside(file)
    _refuse_target(target, file, force=force)
    from escalation._util.files import replacing, require_room
    from escalation.backtest.inspect_file import inspect_file
    from escalation.backtest.propose import propose
    from escalation.cli.file_description import as_record
    from escalation.events import Limits

    require_room(target)
    limits = Limits(max_bad=reading.max_bad)
    seen = inspect_file(file, source=source, options=reading.options, limits=limits)
    if reading.lag is not None:
        seen = replace(seen, facts=replace(seen.facts, lag=reading.lag))
    data = {"events": _relative(file, target), **seen.reading}
    proposal = propose(seen.archive, seen.facts, name=_name(target), data=data)
    with replacing(target) as part:
        part.write_text(proposal.text, encoding="utf-8")
    if as_json:
        print_json(as_record(seen, proposal, target))
    else:
        _print(seen, proposal, target)


def _beside(file: Path) -> Path:
    """The file's name with another ending.

    Examples
    --------
    >>> _beside(Path("a/events.csv.gz")).as_posix(), _beside(Path("store")).as_posix()
    ('a/events.toml', 'store.toml')
    """
    plain = file.with_suffix("") if file.suffix in _PACKED else file
    return plain.parent / f"{plain.name if file.is_dir() else plain.stem}.toml"


def _refuse_target(target: Path, file: Path, *, force: bool) -> None:
    from escalation._util.outputs import require_ending

    require_ending(target, ".toml")
    if not file.exists():
        raise InputError(
            "E-FILE",
            "no such file or archive",
            where=str(file),
            fix="check the name, and the folder you are in",
        )
    if target.exists() and not force:
        raise UsageError(
            "E-EXISTS",
            "the experiment file is there already",
            where=str(target),
            fix="name another with --out FILE.toml, or replace it with --force",
        )


def _name(target: Path) -> str:
    """A name that a model can have.

    Examples
    --------
    >>> _name(Path("my events (2024).toml"))
    'my_events_2024'
    """
    return re.sub("[^A-Za-z0-9_-]+", "_", target.stem).strip("_-")[:60] or "events"


def _relative(file: Path, target: Path) -> str:
    """The file as seen from the folder of the experiment, so that both can be moved."""
    try:
        return Path(os.path.relpath(file.resolve(), target.parent.resolve())).as_posix()
    except ValueError:  # on another drive of Windows
        return file.resolve().as_posix()


def _print(seen: Inspection, proposal: Proposal, target: Path) -> None:
    from escalation.backtest.propose import first_model_name
    from escalation.cli import console
    from escalation.cli.file_description import described
    from escalation.events.load import report_warnings

    out, err = console.console(), console.console(stderr=True)
    for name, text in described(seen, proposal):
        out.print(f"{name:>14}  {text}", soft_wrap=True)
    if seen.report is not None:
        for text in report_warnings(replace(seen.report, unrated={})):
            err.print(f"warning: {text}", soft_wrap=True)
    if not proposal.labels:
        more = f"nothing can be trained before it spans {proposal.missing_days} more days"
        then = more if proposal.missing_days else _UNTIL_THEN
        err.print(f"warning: no label can be learnt from this file yet; {then}", soft_wrap=True)
    if proposal.missing_days:
        out.print(f"written to {target}", soft_wrap=True)
        return
    model = first_model_name(_name(target), list(proposal.labels) or [""])
    steps = f"escalation train {target}, then escalation score --model {model}"
    out.print(f"written to {target}; next: {steps}", soft_wrap=True)
