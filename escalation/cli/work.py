"""Commands that train and backtest models, and write features."""

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
    check_outputs,
    checked_store,
    labels_left_out,
    print_json,
    read_archive,
    read_experiment,
    records,
    show,
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
        help="Reuse stored forecasts of models that already ran on the same data and settings.",
    ),
]
Scheduler = Annotated[
    str | None, typer.Option(help="Address of a Dask scheduler; local processes by default.")
]


@reads_events
def train_command(
    experiment: ExperimentFile = None,
    reading: Reading = READING,
    plugin: Plugin = None,
    changes: SetKeys = None,
    again: Annotated[
        bool, typer.Option("--again", help="Train even if the store has the same training.")
    ] = False,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Also measure the value of each feature family.")
    ] = False,
    cache: Caching = True,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Backtest every model, track the runs, register the best one."""
    uri = checked_store(tracking_uri)
    from escalation import tracking
    from escalation.backtest.ablation import require_reader

    chosen = read_experiment(experiment, plugin, reading, changes=changes or ())
    if ablate:
        require_reader(chosen)
    tracking.require_usable(uri, chosen.experiment.name)
    archive = read_archive(chosen, reading)
    chosen = _with_portable_events(chosen, uri)
    if not (again or ablate) and _print_repeat(chosen, archive, uri, as_json=as_json):
        return
    with labels_left_out(as_json) as missing:
        stored = _train_and_store(
            chosen, archive, uri, missing.append, ablate=ablate, cache=_cache(cache)
        )
    if as_json:
        rows = [_as_record(trained, logged) for trained, logged in stored]
        print_json([*rows, *(shortage.as_dict() for shortage in missing)])
        return
    for trained, logged in stored:
        _print(trained, logged)
    _print_link(uri, stored[-1][1].experiment_id)


def _print_link(uri: str, experiment_id: str) -> None:
    from escalation import tracking

    address = tracking.link(uri, experiment_id)
    show(f"Open the runs: escalation ui, then {address}   (store: {uri})")


def _print_repeat(
    experiment: Experiment, archive: EventArchive, uri: str, *, as_json: bool
) -> bool:
    """Print the same training if it is in the store; return whether it is."""
    from escalation import tracking

    labels = tracking.find_repeat(archive, experiment, uri=uri)
    if as_json and labels:
        print_json([{**asdict(label), "repeated": True} for label in labels])
    elif labels:
        show(
            *(
                f"{label.target}: already trained on the same events, experiment and code: "
                f"{label.model} v{label.version}, {label.best} (run {label.run_id[:8]})"
                for label in labels
            ),
            "Nothing was trained or registered; to train again: escalation train --again",
        )
        _print_link(uri, labels[0].experiment_id)
    return bool(labels)


def _with_portable_events(experiment: Experiment, uri: str) -> Experiment:
    """The experiment as stored with a model: ``score`` finds its events from any folder.

    Events below a local store's folder are stored relative to it, so that both can be moved.
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
    """Train every label that can be learnt; nothing is stored before all are trained."""
    from escalation import tracking
    from escalation.backtest.ablation import family_ablation
    from escalation.backtest.train import train_labels
    from escalation.cli import console
    from escalation.report import training_pages

    with console.progress_bar() as progress:
        labels = train_labels(archive, experiment, progress=progress, missing=missing, cache=cache)
        if ablate:
            labels = [
                replace(label, ablation=family_ablation(label, progress=progress, cache=cache))
                for label in labels
            ]
        stored: list[LoggedTraining] = []
        training = uuid.uuid4().hex
        for trained, page in zip(labels, training_pages(labels), strict=True):
            events = archive.as_of(trained.trained_to)
            stored.append(
                tracking.log_training(
                    trained, uri=uri, events=events, labels=labels, page=page, training=training
                )
            )
            progress("stored", len(stored), len(labels))
    return list(zip(labels, stored, strict=True))


def _as_record(trained: Trained, logged: LoggedTraining) -> dict[str, object]:
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


def _print(trained: Trained, logged: LoggedTraining) -> None:
    from escalation.backtest.blend_shares import blend_sentence, shares_in_blend
    from escalation.backtest.train import remark_on_best
    from escalation.cli import result_tables
    from escalation.experiment import label_question
    from escalation.scoring.described import track_record_of
    from escalation.scoring.usual import track_in_words

    title = f"{trained.label}: {label_question(trained.case.experiment, trained.case.target)}"
    show(result_tables.model_table(trained.summary, title=title))
    if trained.ablation is not None:
        show(result_tables.ablation_table(trained.ablation, title=trained.label))
    show(
        f"{trained.best}: {track_in_words(track_record_of(trained, trained.best))}",
        trained.no_change_sentence,
    )
    if blend := blend_sentence(shares_in_blend(trained)):
        show(blend)
    registered = f"Registered {logged.name} v{logged.version} as {logged.alias}: {trained.best}"
    remark = remark_on_best(trained.summary)
    show(f"{registered}; {remark}" if remark else registered)


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
    """Write every forecast of every model at every origin, and compare the models."""
    check_outputs(table=out)
    from escalation._util.engine import engine as running
    from escalation._util.outputs import write_table
    from escalation.backtest.rolling import backtest_labels
    from escalation.cli import console, result_tables

    chosen = read_experiment(experiment, plugin, reading)
    archive = read_archive(chosen, reading)
    with (
        running(engine, scheduler=scheduler, setup=_setup(plugin)) as pool,
        console.progress_bar() as progress,
        labels_left_out(as_json) as missing,
    ):
        forecasts = backtest_labels(
            archive,
            chosen,
            progress=progress,
            engine=pool,
            missing=missing.append,
            cache=_cache(cache),
        )
    write_table(forecasts, out)
    show(f"{len(forecasts)} forecasts written to {out}", stderr=True)
    summaries = _summaries(forecasts, seed=chosen.experiment.seed)
    if as_json:
        rows = [row for table in summaries for row in records(table)]
        print_json([*rows, *(shortage.as_dict() for shortage in missing)])
        return
    for table in summaries:
        show(result_tables.model_table(table, title=str(table["target"].iloc[0])))


def _summaries(forecasts: pd.DataFrame, *, seed: int) -> list[pd.DataFrame]:
    """The comparison of the models by label, without labels that have no known outcome."""
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
            help="Feature file: .parquet, .csv or .json; no ending: a folder of Parquet files."
        ),
    ] = None,
    reading: Reading = READING,
    plugin: Plugin = None,
    only_list: Annotated[bool, typer.Option("--list", help="Only print the columns.")] = False,
    engine: EngineName = "local",
    scheduler: Scheduler = None,
) -> None:
    """Write the features of every unit and day, from what was known on that day."""
    from escalation._util.engine import engine as running
    from escalation._util.engine import in_threads
    from escalation._util.files import require_room
    from escalation._util.outputs import FORMATS, require_ending, write_table
    from escalation.backtest.table import features_history, panel_spec
    from escalation.features.build import build, feature_names
    from escalation.features.stream import write_features

    chosen = read_experiment(experiment, plugin, reading)
    spec = panel_spec(chosen)
    columns = feature_names(spec.all_channels, chosen.features)
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
        ) as pool:
            rows = write_features(past, chosen.features, out, engine=pool)
    else:
        frame = build(past, chosen.features).frame()
        write_table(frame.reset_index(), out)
        rows = len(frame)
    show(f"{rows} rows of {len(columns)} features written to {out}", stderr=True)


def _cache(enabled: bool) -> NumberCache:
    """The user's cache, or one that stores nothing."""
    from escalation._util.number_cache import NumberCache, users_cache

    return users_cache() if enabled else NumberCache()


def _setup(plugins: list[Path] | None) -> Callable[[], object] | None:
    """Have each worker run the plugins first."""
    return partial(use_plugins, [path.resolve() for path in plugins]) if plugins else None
