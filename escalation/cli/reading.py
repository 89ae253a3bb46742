"""Options on how events are read, declared once for all commands that read some."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from escalation.errors import UsageError

if TYPE_CHECKING:
    from escalation.events import Options

PANEL = "Events"
"""Heading of these options in ``--help``."""


def _columns_named(pairs: list[str] | None) -> dict[str, str]:
    """The format's column for each column of the file, from ``YOURS=NAME``; else ``E-COLUMNS``.

    Examples
    --------
    >>> _columns_named(["Incident Date=event_date"])
    {'Incident Date': 'event_date'}
    """
    columns = {}
    for pair in pairs or []:
        yours, _, name = (text.strip() for text in pair.rpartition("="))
        if not (yours and name):
            raise UsageError(
                "E-COLUMNS",
                "needs a column of the file, = and what it is",
                column="--columns",
                value=pair,
                fix="such as --columns When=event_date",
            )
        columns[yours] = name
    return columns


def _option(text: str, **limits: Any) -> Any:
    return typer.Option(help=text, rich_help_panel=PANEL, **limits)


@dataclass(frozen=True)
class FileReading:
    """Options on how a file of events is read."""

    encoding: Annotated[str | None, _option("Encoding of the text; UTF-8 by default.")] = None
    separator: Annotated[str | None, _option("Separator of cells; detected by default.")] = None
    date_format: Annotated[
        str | None, _option("Format of dates, such as %d/%m/%Y; ISO by default.")
    ] = None
    zone: Annotated[str | None, _option("Time zone of time stamps, such as Asia/Baghdad.")] = None
    columns: Annotated[
        list[str] | None,
        _option(
            "A column by the name in your file, such as When=event_date; may be repeated.",
            metavar="YOURS=NAME",
        ),
    ] = None
    event_type: Annotated[str | None, _option("Event type of rows that have none.")] = None
    lag: Annotated[
        int | None,
        _option("Days until an event is known, if the file doesn't record it.", min=0, max=365),
    ] = None
    max_bad: Annotated[
        float, _option("Largest share of rows that may be left out.", min=0, max=1)
    ] = 0.01

    @property
    def options(self) -> Options:
        """The same for a reader."""
        from escalation.events import Options

        names = {option.name for option in fields(Options)} & set(vars(self))
        values = {name: getattr(self, name) for name in names}
        return Options(**{**values, "columns": _columns_named(self.columns)})


@dataclass(frozen=True)
class IntakeReading(FileReading):
    """Options on how files are read that are checked or stored in an archive."""

    coarsest: Annotated[int, _option("Coarsest date precision that is kept, in days.", min=1)] = 7
    spans: Annotated[
        Literal["first", "refuse"],
        _option("Date events that span several days on the first, or refuse them."),
    ] = "first"


@dataclass(frozen=True)
class Reading(FileReading):
    """Options that override the ``[data]`` of an experiment."""

    events: Annotated[Path | None, _option("Events to use instead of the experiment's.")] = None
    source: Annotated[str | None, _option("Format of the events, such as tidy or acled.")] = None

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of ``[data]`` that were set."""
        values = {
            **vars(self),
            "events": None if self.events is None else str(self.events),
            "columns": _columns_named(self.columns) or None,
        }
        return {k: v for k, v in values.items() if k != "max_bad" and v is not None}


READING, FILE_READING, INTAKE_READING = Reading(), FileReading(), IntakeReading()
"""The defaults."""
Command = Callable[..., None]


def reads(record: type[FileReading]) -> Callable[[Command], Command]:
    """Give a command the options of a record, which it gets as ``reading``."""
    return functools.partial(_with_options, record)


def _with_options(record: type[FileReading], command: Command) -> Command:
    hints = get_type_hints(record, include_extras=True)
    options = [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option.default,
            annotation=hints[option.name],
        )
        for option in fields(record)
    ]
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    signature = [parameter for parameter in parameters if parameter.name != "reading"] + options

    @functools.wraps(command)
    def run(*args: Any, **values: Any) -> None:
        names = {option.name for option in options} & set(values)
        reading = record(**{name: values.pop(name) for name in names})
        command(*args, **values, reading=reading)

    run.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in signature}
    del run.__wrapped__  # typer must read this signature, not the command's
    return run


reads_events = reads(Reading)
"""For commands that read an experiment's events."""
