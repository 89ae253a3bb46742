"""Options and helpers that commands share: reading experiments and events, printing results."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalation.cli.reading import READING, Reading
from escalation.errors import InputError, StorageError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from escalation.backtest.shortage import Shortage
    from escalation.events import EventArchive
    from escalation.experiment import Experiment
    from escalation.scoring.watchlist import Score


ExperimentFile = Annotated[
    Path | None, typer.Argument(help="Experiment file; the Iraq crisis by default.")
]
NeededExperiment = Annotated[Path, typer.Argument(help="Experiment file.")]
TrackingUri = Annotated[str | None, typer.Option(help="MLflow store; see below for the default.")]


def _not_empty(value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise UsageError(
            "E-DATE", "needs a day as YYYY-MM-DD", value=value, fix="write it like 2020-03-11"
        )
    return value


AsOf = Annotated[
    str | None,
    typer.Option(
        help="Day as YYYY-MM-DD; only what was known at its end is used.", callback=_not_empty
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Explain = Annotated[
    int, typer.Option(min=0, help="How many events to name as reasons per unit; 0 is faster.")
]
ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        help="Registered model: NAME or NAME@ALIAS; for one of several labels, NAME.LABEL.",
    ),
]
Budget = Annotated[int | None, typer.Option(min=1, help="How many units may raise an alert.")]
AllowInSample = Annotated[bool, typer.Option(help="Score days that the model was trained on.")]
AllowVersionSkew = Annotated[
    bool, typer.Option(help="Read a model saved with other library versions.")
]
LedgerFile = Annotated[
    Path | None,
    typer.Option(
        help="File of issued forecasts; .escalation/ledger.jsonl next to the store by default."
    ),
]
Suppose = Annotated[
    list[str] | None,
    typer.Option(
        "--if",
        help='Suppose an event, such as "rocket_attack militia>us_coalition at taji killed=1", '
        "today or on a given day; may be repeated. Nothing is stored.",
    ),
]
SetKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="KEY=VALUE of the experiment, such as features.window_sums.windows=[3,14]; "
        "may be repeated.",
    ),
]
Plugin = Annotated[
    list[Path] | None,
    typer.Option(help="Python file to run that adds your own features; may be repeated."),
]
ForecastsFile = Annotated[
    Path | None, typer.Option(help="Also write the forecasts to a .parquet, .csv or .json file.")
]
Figure = Annotated[Path | None, typer.Option(help="Also draw a figure, .png or .svg.")]


def read_experiment(
    path: Path | None,
    plugins: list[Path] | None = None,
    reading: Reading = READING,
    *,
    changes: Sequence[str] = (),
) -> Experiment:
    """Load an experiment file or the bundled experiment, after running the user's plugins.

    Options of the command line override what the file says about the events.
    """
    from escalation.experiment import load_experiment

    use_plugins(plugins)
    experiment = load_experiment(path, changes=changes)
    return experiment.reading(**reading.settings)


def checked_store(uri: str | None) -> str:
    """The store of a command; a server is checked before any slow import."""
    from escalation.tracking import require_answer, store_uri

    store = store_uri(uri)
    require_answer(store)
    return store


def use_plugins(paths: Sequence[Path] | None) -> None:
    """Run the user's plugin files."""
    if paths:
        from escalation.features.plugins import use_plugin

        for path in paths:
            use_plugin(path)


def check_outputs(*, table: Path | None = None, figure: Path | None = None) -> None:
    """Refuse, before any work, output files that can't be written."""
    from escalation._util.files import require_room
    from escalation._util.outputs import FIGURE_FORMATS, FORMATS, require_ending

    require_ending(figure, *FIGURE_FORMATS)
    require_ending(table, *FORMATS)
    require_room(figure)
    require_room(table)


def read_archive(
    experiment: Experiment,
    reading: Reading,
    *,
    store: str | None = None,
    columns: Collection[str] | None = None,
) -> EventArchive:
    """Read the events named on the command line, or those of the experiment.

    Relative paths in the experiment of a model start at the folder of its local store. Of an
    archive on disk, only the given columns are read.
    """
    from escalation.events import Limits, Options, load_events

    data = experiment.reading(**reading.settings).data
    options = Options(
        encoding=data.encoding,
        separator=data.separator,
        date_format=data.date_format,
        zone=data.zone,
        lag=(data.lag or None) if reading.lag is None else reading.lag,
        ladder=experiment.ladder,
        columns=data.columns,
        event_type=data.event_type,
    )
    path = reading.events or _events_of(experiment, store)
    limits = Limits(max_bad=reading.max_bad)
    return load_events(data.source, path, options=options, limits=limits, columns=columns)


def _events_of(experiment: Experiment, store: str | None) -> Path | None:
    """Path of an experiment's events; None for those that come with the package."""
    from escalation.tracking.place import local_file

    if experiment.data.events is None:
        return None
    file = local_file(store) if store is not None else None
    path = (file.parent if file is not None else Path()) / experiment.data.events
    if not path.exists():
        raise InputError(
            "E-FILE", "no such file or archive", where=str(path), fix="name it with --events FILE"
        )
    return path


def show(*items: str | Table, stderr: bool = False, soft_wrap: bool = False) -> None:
    """Print text and tables for people."""
    from escalation.cli.console import console

    out = console(stderr=stderr)
    for item in items:
        out.print(item, soft_wrap=soft_wrap)


def output_watch_lists(
    lists: list[list[Score]], out: Path | None, as_json: bool, missing: Sequence[Shortage] = ()
) -> None:
    """Write and print the watch lists of all labels; the first is printed in full.

    In JSON, labels that could not be learnt come last.
    """
    from escalation.cli import score_tables

    rows = [score.as_dict() for scores in lists for score in scores]
    if out is not None:
        write_scores(rows, out)
    if as_json:
        print_json([*rows, *(shortage.as_dict() for shortage in missing)])
    elif any(lists):
        with printing():
            show(score_tables.watch_list_table(lists[0]))
            if len(lists) > 1:
                show(score_tables.other_labels_table(lists[1:]))


def write_scores(rows: list[dict[str, Any]], out: Path) -> None:
    """Write a watch list to a file; lists and mappings become JSON text, except in JSON files."""
    import pandas as pd

    from escalation import schema
    from escalation._util.files import replacing
    from escalation._util.outputs import write_table
    from escalation.scoring.status import JOINT

    if out.suffix == ".json":
        with replacing(out) as part:
            part.write_text(json_text(rows) + "\n", encoding="utf-8")
        return
    flat = pd.DataFrame(rows, columns=list(schema.SCORE_COLUMNS))
    flat["status"] = [JOINT.join(status) for status in flat["status"]]
    for column in ("drivers", "provenance", "families"):
        flat[column] = [json.dumps(value, allow_nan=False) for value in flat[column]]
    integers = ("rank", "events_to_alert", "count_low", "count_high")
    floats = ("probability", "lower", "upper", "change", "alert_line", "expected")
    types = dict.fromkeys(integers, "Int64") | dict.fromkeys(floats, "float64")
    write_table(flat.astype({**types, "changed_since": "str"}), out)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table for JSON: missing values are null, days ISO text."""
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", date_format="iso"))
    return rows


def json_text(value: object) -> str:
    """Indented JSON; NaN is refused."""
    return json.dumps(value, indent=1, allow_nan=False)


def print_json(value: object) -> None:
    """Print JSON for scripts."""
    with printing():
        print(json_text(value))


@contextmanager
def printing() -> Iterator[None]:
    """Flush what a block prints: a full disk is an error, a closed pipe is not.

    After a failure standard output goes nowhere, because its buffer would fail again at exit.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise SystemExit(128 + signal.SIGPIPE) from None
        raise StorageError("E-STORAGE", f"could not print everything: {error.strerror}") from None


class Shortages(list["Shortage"]):
    """Labels that can't be learnt; each is also a warning."""

    def append(self, shortage: Shortage) -> None:
        from escalation.backtest.shortage import warn

        warn(shortage)
        super().append(shortage)


@contextmanager
def labels_left_out(as_json: bool) -> Iterator[Shortages]:
    """Collect labels that can't be learnt; if none can be, print them all as JSON."""
    from escalation.backtest.shortage import Shortage

    missing = Shortages()
    try:
        yield missing
    except Shortage as error:
        if as_json:
            print_json([shortage.as_dict() for shortage in (*missing, *error.parts)])
        raise
