"""Commands that train, score, replay and compare."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from escalation.cli.common import (
    ExperimentFile,
    Json,
    NeededExperiment,
    Plugin,
    SetKeys,
    TrackingUri,
    labels_left_out,
    print_json,
    read_archive,
    read_experiment,
    records,
    store_named,
    use_plugins,
)
from escalation.cli.reading import READING, Reading, reads_events
from escalation.errors import GateError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from escalation._util.number_cache import NumberCache
    from escalation.backtest.shortage import OnShortage
    from escalation.backtest.train import Trained
    from escalation.events import EventArchive
    from escalation.experiment import Experiment
    from escalation.tracking import LoggedTraining

EngineName = Annotated[str, typer.Option(help="local, or dask for several processes or machines.")]
Caching = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache",
        help="Take forecasts of models that ran before, on the same of everything, from a folder.",
    ),
]
Scheduler = Annotated[
    str | None, typer.Option(help="Address of a Dask scheduler; processes here by default.")
]


@reads_events
def train_command(
    experiment: ExperimentFile = None,
    reading: Reading = READING,
    plugin: Plugin = None,
    changes: SetKeys = None,
    again: Annotated[
        bool, typer.Option("--again", help="Train even if this very training is in the store.")
    ] = False,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Also say what each feature family is worth.")
    ] = False,
    cache: Caching = True,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Backtest every model, track the runs, register the best one."""
    uri = store_named(tracking_uri)
    from escalation import tracking
    from escalation.backtest.ablation import require_reader
    from escalation.cli import console

    chosen = read_experiment(experiment, plugin, reading, changes=changes or ())
    if ablate:
        require_reader(chosen)
    tracking.require_usable(uri, chosen.experiment.name)
    archive = read_archive(chosen, reading)
    chosen = _kept(chosen, uri)
    if not (again or ablate) and _tell_repeat(chosen, archive, uri, as_json=as_json):
        return
    with labels_left_out(as_json) as missing:
        done = _train_and_store(
            chosen, archive, uri, missing.append, ablate=ablate, cache=_cache(cache)
        )
    if as_json:
        rows = [_row(trained, logged) for trained, logged in done]
        print_json([*rows, *(shortage.as_dict() for shortage in missing)])
        return
    for trained, logged in done:
        _tell(trained, logged)
    where = tracking.link(uri, done[-1][1].experiment_id)
    console.console().print(f"Open the runs: escalation ui, then {where}   (store: {uri})")


def _tell_repeat(experiment: Experiment, archive: EventArchive, uri: str, *, as_json: bool) -> bool:
    """Whether this very training is in the store; if so, say where."""
    from escalation import tracking
    from escalation.cli import console

    repeated = tracking.find_repeat(archive, experiment, uri=uri)
    if as_json and repeated:
        print_json([{**asdict(one), "repeated": True} for one in repeated])
    elif repeated:
        out = console.console()
        for one in repeated:
            out.print(
                f"{one.target}: trained before, from the same events, experiment and code: "
                f"{one.model} v{one.version}, {one.best} (run {one.run_id[:8]})"
            )
        where = tracking.link(uri, repeated[0].experiment_id)
        out.print("Nothing was trained or registered; to train again: escalation train --again")
        out.print(f"Open the runs: escalation ui, then {where}   (store: {uri})")
    return bool(repeated)


def _kept(experiment: Experiment, uri: str) -> Experiment:
    """The experiment as a model keeps it: its events are found wherever ``score`` is run.

    Events below a local store's folder are kept relative to it, so that both can be moved.
    """
    from escalation import tracking

    if experiment.data.events is None:
        return experiment
    events, file = Path(experiment.data.events).resolve(), tracking.local_file(uri)
    folder = file.parent.resolve() if file is not None else None
    if folder is not None and events.is_relative_to(folder):
        return experiment.reading(events=events.relative_to(folder).as_posix())
    return experiment.reading(events=str(events))


def _train_and_store(
    experiment: Experiment,
    archive: EventArchive,
    uri: str,
    missing: OnShortage,
    *,
    ablate: bool,
    cache: NumberCache,
) -> list[tuple[Trained, LoggedTraining]]:
    """Every label that can be learnt; nothing is stored before all of them are trained."""
    from escalation import tracking
    from escalation.backtest.ablation import family_ablation
    from escalation.backtest.train import train_labels
    from escalation.cli import console
    from escalation.report import training_pages

    with console.progress_bar() as progress:
        trained = train_labels(archive, experiment, progress=progress, missing=missing, cache=cache)
        if ablate:
            trained = [
                replace(t, ablation=family_ablation(t, progress=progress, cache=cache))
                for t in trained
            ]
        stored: list[LoggedTraining] = []
        together = uuid.uuid4().hex
        for training, page in zip(trained, training_pages(trained), strict=True):
            known = archive.as_of(training.trained_to)
            stored.append(
                tracking.log_training(
                    training, uri=uri, events=known, beside=trained, page=page, training=together
                )
            )
            progress("stored", len(stored), len(trained))
    return list(zip(trained, stored, strict=True))


def _row(trained: Trained, logged: LoggedTraining) -> dict[str, object]:
    from escalation.backtest.train import unverified_reason

    return {
        "target": trained.label,
        "best": trained.best,
        "null_share": trained.null_share,
        "model": logged.name,
        "version": logged.version,
        "alias": logged.alias,
        "caution": unverified_reason(trained.summary),
        "run_id": logged.run_id,
        "summary": records(trained.summary),
        **({} if trained.ablation is None else {"ablation": records(trained.ablation)}),
    }


def _tell(trained: Trained, logged: LoggedTraining) -> None:
    from escalation.backtest.blend_shares import blend_sentence, shares_in_blend
    from escalation.backtest.train import unverified_reason
    from escalation.cli import console, result_tables
    from escalation.experiment import label_words
    from escalation.scoring.described import track_record_of
    from escalation.scoring.usual import track_in_words

    out = console.console()
    title = f"{trained.label}: {label_words(trained.case.experiment, trained.case.target)}"
    out.print(result_tables.model_table(trained.summary, title=title))
    if trained.ablation is not None:
        out.print(result_tables.ablation_table(trained.ablation, title=trained.label))
    out.print(f"{trained.best}: {track_in_words(track_record_of(trained, trained.best))}")
    out.print(trained.no_change_sentence)
    if trusted := blend_sentence(shares_in_blend(trained)):
        out.print(trusted)
    caution = unverified_reason(trained.summary)
    registered = f"Registered {logged.name} v{logged.version} as {logged.alias}: {trained.best}"
    out.print(f"{registered}; {caution}" if caution else registered)


@reads_events
def backtest_command(
    experiment: NeededExperiment,
    out: Annotated[Path, typer.Option(help="Forecast file: .parquet, .csv or .json.")],
    reading: Reading = READING,
    plugin: Plugin = None,
    engine: EngineName = "local",
    scheduler: Scheduler = None,
    cache: Caching = True,
    as_json: Json = False,
) -> None:
    """Write every forecast of every model on every origin, and compare the models."""
    from escalation._util.engine import engine as running
    from escalation._util.files import require_room
    from escalation._util.outputs import FORMATS, require_ending, write_table
    from escalation.backtest.rolling import backtest_labels
    from escalation.cli import console, result_tables

    require_ending(out, *FORMATS)
    require_room(out)
    chosen = read_experiment(experiment, plugin, reading)
    archive = read_archive(chosen, reading)
    with (
        running(engine, scheduler=scheduler, setup=_setup(plugin)) as where,
        console.progress_bar() as progress,
        labels_left_out(as_json) as missing,
    ):
        forecasts = backtest_labels(
            archive,
            chosen,
            progress=progress,
            engine=where,
            missing=missing.append,
            cache=_cache(cache),
        )
    write_table(forecasts, out)
    console.console(stderr=True).print(f"{len(forecasts)} forecasts written to {out}")
    summaries = _summaries(forecasts, seed=chosen.experiment.seed)
    if as_json:
        rows = [row for table in summaries for row in records(table)]
        print_json([*rows, *(shortage.as_dict() for shortage in missing)])
        return
    for table in summaries:
        console.console().print(
            result_tables.model_table(table, title=str(table["target"].iloc[0]))
        )


def _summaries(forecasts: pd.DataFrame, *, seed: int) -> list[pd.DataFrame]:
    """The comparison of the models, label by label; none for one without a known outcome."""
    from escalation import metrics

    tables = []
    for _, rows in forecasts.groupby("target", sort=False):
        try:
            tables.append(metrics.summary(rows, seed=seed))
        except GateError as error:
            print(f"warning: no comparison: {error.message}", file=sys.stderr)
    return tables


@reads_events
def features_command(
    experiment: NeededExperiment,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Feature file: .parquet, .csv, .json; without an ending a folder of Parquet files."
        ),
    ] = None,
    reading: Reading = READING,
    plugin: Plugin = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="Print the columns, compute nothing.")
    ] = False,
    engine: EngineName = "local",
    scheduler: Scheduler = None,
) -> None:
    """Write the features of every unit and day as they were known on the day."""
    from escalation._util.engine import engine as running
    from escalation._util.engine import in_threads
    from escalation._util.files import require_room
    from escalation._util.outputs import FORMATS, require_ending, write_table
    from escalation.backtest.table import features_history, panel_spec
    from escalation.cli import console
    from escalation.features.build import build, names
    from escalation.features.stream import write_features

    chosen = read_experiment(experiment, plugin, reading)
    spec = panel_spec(chosen)
    columns = names(spec.all_channels, chosen.features)
    if only_list:
        print("\n".join(columns))
        return
    if out is None:
        raise UsageError("E-USAGE", "needs --out FILE or --list", fix="add --out features.parquet")
    streamed = out.suffix in {"", ".parquet"}
    if not streamed:
        require_ending(out, *(FORMATS if engine == "local" else (".parquet",)))
    require_room(out)
    archive = read_archive(chosen, reading, columns=spec.columns)
    past = features_history(archive, chosen)
    del archive  # as large as the features of a large archive
    if streamed:
        with running(
            engine, scheduler=scheduler, setup=_setup(plugin), local=in_threads(2)
        ) as where:
            rows = write_features(past, chosen.features, out, engine=where)
    else:
        frame = build(past, chosen.features).frame()
        write_table(frame.reset_index(), out)
        rows = len(frame)
    shape = f"{rows} rows of {len(columns)} features"
    console.console(stderr=True).print(f"{shape} written to {out}")


def _cache(wanted: bool) -> NumberCache:
    """The user's cache, or one that keeps nothing."""
    from escalation._util.number_cache import NumberCache, users_cache

    return users_cache() if wanted else NumberCache()


def _setup(plugins: list[Path] | None) -> Callable[[], object] | None:
    """What a worker does before its first piece: run the files that this process ran."""
    return partial(use_plugins, [path.resolve() for path in plugins]) if plugins else None
