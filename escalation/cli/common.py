"""What commands share: options, the experiment, the events, and how results are given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from escalation.config import Experiment
    from escalation.events import EventArchive

DEFAULT_EXPERIMENT = "iraq_crisis.toml"

ExperimentFile = Annotated[
    Path | None, typer.Argument(help="Experiment file; the Iraq crisis by default.")
]
NeededExperiment = Annotated[Path, typer.Argument(help="Experiment file.")]
Events = Annotated[Path | None, typer.Option(help="Events to use instead of the experiment's.")]
Source = Annotated[str | None, typer.Option(help="Format of the events, such as tidy or acled.")]
TrackingUri = Annotated[
    str | None, typer.Option(help="MLflow store; sqlite in this folder by default.")
]
AsOf = Annotated[str | None, typer.Option(help="Day as YYYY-MM-DD; what was known at its end.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Explain = Annotated[int, typer.Option(min=0, help="Named events per unit; 0 is faster.")]
Plugin = Annotated[
    list[Path] | None, typer.Option(help="Python file with families of your own; it is run.")
]


def read_experiment(path: Path | None, plugins: list[Path] | None = None) -> Experiment:
    """The experiment of a file, or the bundled one; families of the user's own come first."""
    from escalation.config import load_experiment
    from escalation.resources import bundled

    if plugins:
        from escalation.plugins import use_plugin

        for plugin in plugins:
            use_plugin(plugin)
    return load_experiment(path or bundled(DEFAULT_EXPERIMENT))


def read_archive(experiment: Experiment, events: Path | None, source: str | None) -> EventArchive:
    """The events that were asked for, or those of the experiment."""
    from escalation.events import load_events

    data = experiment.data
    path = events or (Path(data.events) if data.events else None)
    return load_events(source or data.source, path, ladder=experiment.ladder)


def give(scores: list[Any], out: Path | None, as_json: bool) -> None:
    """Write and print a watch list."""
    import pandas as pd

    from escalation import console
    from escalation.files import write_table

    rows = [one.as_dict() for one in scores]
    if out is not None:
        flat = pd.DataFrame(rows)
        for column in ("drivers", "provenance"):
            flat[column] = [json.dumps(value) for value in flat[column]]
        write_table(flat, out)
    if as_json:
        print_json(rows)
    elif scores:
        console.console().print(console.watch_list(scores))


def print_json(value: object) -> None:
    """Print for scripts; not a number is not JSON."""
    print(json.dumps(value, indent=1, allow_nan=False))
