"""What commands share: options, the experiment, the events, and how results are given."""

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

from escalation.errors import StorageError

if TYPE_CHECKING:
    from escalation.events import EventArchive
    from escalation.experiment import Experiment
    from escalation.scoring.score import Score

DEFAULT_EXPERIMENT = "iraq_crisis.toml"

ExperimentFile = Annotated[
    Path | None, typer.Argument(help="Experiment file; the Iraq crisis by default.")
]
NeededExperiment = Annotated[Path, typer.Argument(help="Experiment file.")]
Events = Annotated[Path | None, typer.Option(help="Events to use instead of the experiment's.")]
SourceName = Annotated[
    str | None, typer.Option(help="Format of the events, such as tidy or acled.")
]
TrackingUri = Annotated[
    str | None, typer.Option(help="MLflow store; sqlite in this folder by default.")
]
AsOf = Annotated[str | None, typer.Option(help="Day as YYYY-MM-DD; what was known at its end.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Explain = Annotated[int, typer.Option(min=0, help="Named events per unit; 0 is faster.")]
ModelName = Annotated[str, typer.Option("--model", help="Registered model as NAME[@ALIAS].")]
Budget = Annotated[int | None, typer.Option(min=1, help="How many units may raise an alert.")]
AllowInSample = Annotated[bool, typer.Option(help="Score days that the model was trained on.")]
AllowVersionSkew = Annotated[
    bool, typer.Option(help="Read a model saved with other library versions.")
]
LedgerFile = Annotated[
    Path | None,
    typer.Option(help="Where forecasts are kept; .escalation/ledger.jsonl beside the store."),
]
Plugin = Annotated[
    list[Path] | None, typer.Option(help="Python file with families of your own; it is run.")
]


def read_experiment(path: Path | None, plugins: list[Path] | None = None) -> Experiment:
    """The experiment of a file, or the bundled one; families of the user's own come first."""
    from escalation._util.resources import bundled
    from escalation.experiment import load_experiment

    use_plugins(plugins)
    return load_experiment(path or bundled(DEFAULT_EXPERIMENT))


def use_plugins(paths: Sequence[Path] | None) -> None:
    """Run the files that whoever typed the command named."""
    if paths:
        from escalation.features.plugins import use_plugin

        for path in paths:
            use_plugin(path)


def read_archive(
    experiment: Experiment,
    events: Path | None,
    source: str | None,
    *,
    columns: Collection[str] | None = None,
) -> EventArchive:
    """The events that were asked for, or those of the experiment; of an archive, some columns."""
    from escalation.events import load_events

    data = experiment.data
    path = events or (Path(data.events) if data.events else None)
    return load_events(source or data.source, path, ladder=experiment.ladder, columns=columns)


def give(scores: list[Score], out: Path | None, as_json: bool) -> None:
    """Write and print a watch list."""
    from escalation.cli import console

    rows = [score.as_dict() for score in scores]
    if out is not None:
        write_scores(rows, out)
    if as_json:
        print_json(rows)
    elif scores:
        with printing():
            console.console().print(console.watch_list_table(scores))


def write_scores(rows: list[dict[str, Any]], out: Path) -> None:
    """A file of the watch list; lists and mappings become JSON text, except in JSON."""
    import pandas as pd

    from escalation import schema
    from escalation._util.files import replacing, write_table
    from escalation.scoring.status import JOINT

    if out.suffix == ".json":
        with replacing(out) as part:
            part.write_text(json_text(rows) + "\n", encoding="utf-8")
        return
    flat = pd.DataFrame(rows, columns=list(schema.SCORE_COLUMNS))
    flat["status"] = [JOINT.join(status) for status in flat["status"]]
    for column in ("drivers", "provenance", "families"):
        flat[column] = [json.dumps(value, allow_nan=False) for value in flat[column]]
    whole = dict.fromkeys(("rank", "events_to_alert"), "Int64")
    numbers = dict.fromkeys(("probability", "lower", "upper", "change", "alert_line"), "float64")
    write_table(flat.astype({**whole, **numbers, "changed_since": "str"}), out)


def json_text(value: object) -> str:
    """JSON for scripts; not a number is not JSON."""
    return json.dumps(value, indent=1, allow_nan=False)


def print_json(value: object) -> None:
    """Print for scripts."""
    with printing():
        print(json_text(value))


@contextmanager
def printing() -> Iterator[None]:
    """Print to the end: a full disk is an error, and a reader who has gone away is not.

    What is still in the buffer would fail again when the process ends, so it goes nowhere.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise SystemExit(128 + signal.SIGPIPE) from None
        raise StorageError("E-STORAGE", f"could not print everything: {error.strerror}") from None
