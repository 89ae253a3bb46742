"""Commands that train, score, replay and compare."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from escalation.cli.common import (
    Events,
    ExperimentFile,
    Json,
    NeededExperiment,
    Plugin,
    Source,
    TrackingUri,
    print_json,
    read_archive,
    read_experiment,
)
from escalation.errors import UsageError

Engine = Annotated[str, typer.Option(help="local, or dask for several processes or machines.")]
Scheduler = Annotated[
    str | None, typer.Option(help="Address of a Dask scheduler; processes here by default.")
]


def train(
    experiment: ExperimentFile = None,
    events: Events = None,
    source: Source = None,
    plugin: Plugin = None,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Backtest every model, track the runs, register the best one."""
    from escalation import console, tracking
    from escalation.train import train_target

    chosen = read_experiment(experiment, plugin)
    archive = read_archive(chosen, events, source)
    uri = tracking.store_uri(tracking_uri)
    said = []
    with console.progress_bar() as progress:
        results = [train_target(archive, chosen, one, progress=progress) for one in chosen.labels]
    for trained in results:
        known = archive.as_of(trained.trained_to)
        logged = tracking.log_training(trained, uri=uri, events=known, beside=results)
        said.append(
            {
                "target": trained.label,
                "best": trained.best,
                "null_share": trained.null_share,
                "model": logged.name,
                "version": logged.version,
                "alias": logged.alias,
                "run_id": logged.run_id,
                "summary": json.loads(trained.summary.to_json(orient="records")),
            }
        )
        if not as_json:
            out = console.console()
            title = f"{trained.label}: {chosen.experiment.description or chosen.experiment.name}"
            out.print(console.model_table(trained.summary, title=title))
            out.print(
                f"A no-change process would give {trained.null_share:.1%} positives by chance."
            )
            out.print(
                f"Registered [bold]{logged.name}[/] v{logged.version} "
                f"as {logged.alias}: {trained.best}"
            )
    if as_json:
        print_json(said)
    else:
        out = console.console()
        where = tracking.link(uri, logged.experiment_id)
        out.print(f"Open the runs: [bold]escalation ui[/], then {where}   (store: {uri})")


def backtest(
    experiment: NeededExperiment,
    out: Annotated[Path, typer.Option(help="Forecast file: .parquet, .csv or .json.")],
    events: Events = None,
    source: Source = None,
    plugin: Plugin = None,
    engine: Engine = "local",
    scheduler: Scheduler = None,
) -> None:
    """Write every forecast of every model on every origin."""
    from escalation import console
    from escalation.backtest import backtest as run
    from escalation.engine import engine as running
    from escalation.files import write_table

    chosen = read_experiment(experiment, plugin)
    archive = read_archive(chosen, events, source)
    with (
        running(engine, scheduler=scheduler, setup=_setup(plugin)) as where,
        console.progress_bar() as progress,
    ):
        forecasts = run(archive, chosen, progress=progress, engine=where)
    write_table(forecasts, out)
    console.console(stderr=True).print(f"{len(forecasts)} forecasts written to {out}")


def features(
    experiment: NeededExperiment,
    out: Annotated[Path | None, typer.Option(help="Feature file: .parquet, .csv or .json.")] = None,
    events: Events = None,
    source: Source = None,
    plugin: Plugin = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="Print the columns, compute nothing.")
    ] = False,
    engine: Engine = "local",
    scheduler: Scheduler = None,
) -> None:
    """Write the features of every unit and day as they were known on the day."""
    from escalation import console
    from escalation.engine import engine as running
    from escalation.engine import in_threads
    from escalation.features.build import build, names
    from escalation.features.stream import write_features
    from escalation.files import write_table
    from escalation.table import history_of, panel_spec

    chosen = read_experiment(experiment, plugin)
    columns = names(panel_spec(chosen, []).all_channels, chosen.features)
    if only_list:
        print("\n".join(columns))
        return
    if out is None:
        raise UsageError("E-USAGE", "expected --out FILE or --list")
    if engine != "local" and out.suffix != ".parquet":
        raise UsageError("E-FORMAT", "expected a file name that ends in .parquet", where=str(out))
    past = history_of(read_archive(chosen, events, source), chosen)
    if out.suffix == ".parquet":
        with running(
            engine, scheduler=scheduler, setup=_setup(plugin), local=in_threads(2)
        ) as where:
            rows = write_features(past, chosen.features, out, engine=where)
    else:
        frame = build(past.stack(), chosen.features).frame()
        write_table(frame.reset_index(), out)
        rows = len(frame)
    shape = f"{rows} rows of {len(columns)} features"
    console.console(stderr=True).print(f"{shape} written to {out}")


def _setup(plugins: list[Path] | None) -> Callable[[], object] | None:
    """What a worker does before its first piece: run the files that this process ran."""
    return partial(_use, [path.resolve() for path in plugins]) if plugins else None


def _use(plugins: list[Path]) -> None:
    from escalation.plugins import use_plugin

    for path in plugins:
        use_plugin(path)
