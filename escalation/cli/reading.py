"""How events are read: options that every command has that reads some, declared once."""

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
    """Columns of a format by the file's own names, from ``YOURS=NAME``; ``E-COLUMNS`` otherwise.

    Examples
    --------
    >>> _columns_named(["Incident Date=event_date"])
    {'Incident Date': 'event_date'}
    """
    columns = {}
    for pair in pairs or []:
        own, equals, name = pair.rpartition("=")
        if not (equals and own.strip() and name.strip()):
            raise UsageError(
                "E-COLUMNS",
                "needs a column of the file, = and what it is",
                column="--columns",
                value=pair,
                fix="such as --columns When=event_date",
            )
        columns[own.strip()] = name.strip()
    return columns


def _option(text: str, **limits: Any) -> Any:
    return typer.Option(help=text, rich_help_panel=PANEL, **limits)


@dataclass(frozen=True)
class FileReading:
    """What the command line says about how a file of events is read.

    Parameters
    ----------
    encoding, separator, date_format, zone, event_type, lag : optional
        As for :class:`escalation.events.Options`.
    columns : list of str, optional
        Each as ``YOURS=NAME``.
    max_bad : float
        Share of the rows that may be left out.
    """

    encoding: Annotated[str | None, _option("Of the text; UTF-8 by default.")] = None
    separator: Annotated[str | None, _option("Between two cells; found by default.")] = None
    date_format: Annotated[
        str | None, _option("Form of the dates, such as %d/%m/%Y; ISO by default.")
    ] = None
    zone: Annotated[str | None, _option("Time zone of time stamps, such as Asia/Baghdad.")] = None
    columns: Annotated[
        list[str] | None,
        _option(
            "A column by your own name, such as When=event_date; may be repeated.",
            metavar="YOURS=NAME",
        ),
    ] = None
    event_type: Annotated[str | None, _option("Of rows of a table of your own that have none.")] = (
        None
    )
    lag: Annotated[
        int | None,
        _option("Days until an event is known, if the file can't tell.", min=0, max=365),
    ] = None
    max_bad: Annotated[float, _option("Share of rows that may be left out.", min=0, max=1)] = 0.01

    @property
    def options(self) -> Options:
        """The same for a reader."""
        from escalation.events import Options

        known = {part.name for part in fields(Options)}
        given = {part.name: getattr(self, part.name) for part in fields(self)}
        return Options(
            **{name: value for name, value in given.items() if name in known}
            | {"columns": _columns_named(self.columns)}
        )


@dataclass(frozen=True)
class IntakeReading(FileReading):
    """The same where rows are taken in, and what becomes of coarse dates.

    Parameters
    ----------
    coarsest : int
        Longest date precision that is kept, in days.
    spans : {'first', 'refuse'}
        What becomes of events that span days.
    """

    coarsest: Annotated[int, _option("Longest date precision that is kept, in days.", min=1)] = 7
    spans: Annotated[
        Literal["first", "refuse"], _option("What becomes of events that span days.")
    ] = "first"


@dataclass(frozen=True)
class Reading(FileReading):
    """The same beside an experiment; what is unset is as the experiment says.

    Parameters
    ----------
    events : Path, optional
        A file, or the folder of an archive.
    source : str, optional
        Name of a format.
    """

    events: Annotated[Path | None, _option("Events to use instead of the experiment's.")] = None
    source: Annotated[str | None, _option("Format of the events, such as tidy or acled.")] = None

    @property
    def settings(self) -> dict[str, Any]:
        """What was set of an experiment's ``[data]``."""
        given = {part.name: getattr(self, part.name) for part in fields(self)}
        given["events"] = None if self.events is None else str(self.events)
        given["columns"] = _columns_named(self.columns) or None
        return {k: v for k, v in given.items() if k != "max_bad" and v is not None}


READING, FILE_READING, INTAKE_READING = Reading(), FileReading(), IntakeReading()
"""Nothing said."""
Command = Callable[..., None]


def reads(record: type[FileReading]) -> Callable[[Command], Command]:
    """Give a command the options of a record; it gets them as ``reading``."""
    return functools.partial(_with_options, record)


def _with_options(record: type[FileReading], command: Command) -> Command:
    hints = get_type_hints(record, include_extras=True)
    shared = [
        inspect.Parameter(
            part.name, inspect.Parameter.KEYWORD_ONLY, default=part.default,
            annotation=hints[part.name],
        )
        for part in fields(record)
    ]  # fmt: skip
    own = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.name != "reading"
    ]

    @functools.wraps(command)
    def run(*given: Any, **values: Any) -> None:
        options = {part.name: values.pop(part.name) for part in shared if part.name in values}
        command(*given, **values, reading=record(**options))

    run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    run.__annotations__ = {part.name: part.annotation for part in [*own, *shared]}
    del run.__wrapped__  # typer reads the signature given here, not the command's own
    return run


reads_events = reads(Reading)
"""Of an experiment's events."""
