"""Commands that replay past days, and write the report page of a day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from escalation.cli.common import (
    AllowInSample,
    AllowVersionSkew,
    AsOf,
    Budget,
    Explain,
    ForecastsFile,
    Json,
    LedgerFile,
    ModelName,
    NeededExperiment,
    Plugin,
    Suppose,
    TrackingUri,
    check_outputs,
    checked_store,
    labels_left_out,
    output_watch_lists,
    print_json,
    printing,
    read_archive,
    read_experiment,
    records,
    show,
    use_plugins,
)
from escalation.cli.reading import READING, Reading, reads_events
from escalation.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from escalation.backtest.shortage import Shortage
    from escalation.events import EventArchive
    from escalation.experiment import Experiment

Day = dt.datetime
MOST_UNITS = 2
"""Units shown next to the one that holds all events, unless --unit names others."""
EventNames = Annotated[
    list[str] | None,
    typer.Option(help="Event to label in the figure, as ID or ID=TEXT; may be repeated."),
]


@reads_events
def replay_command(
    experiment: NeededExperiment,
    as_of: Annotated[str | None, typer.Option(help="One day, as YYYY-MM-DD.")] = None,
    first: Annotated[
        Day | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of a range.")
    ] = None,
    last: Annotated[
        Day | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of a range.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Days between the forecasts of a range.")] = 1,
    unit: Annotated[
        list[str] | None, typer.Option(help="Unit of a range to show; may be repeated.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Also draw a figure of a range, .png or .svg.")
    ] = None,
    name: EventNames = None,
    reading: Reading = READING,
    plugin: Plugin = None,
    out: ForecastsFile = None,
    explain: Explain = 3,
    as_json: Json = False,
) -> None:
    """Replay past days: fit on the data then available and print the forecasts."""
    if (first is None) != (last is None) or (as_of is None) == (first is None):
        raise UsageError(
            "E-USAGE",
            "needs --as-of DATE, or --from DATE and --to DATE",
            fix="add --as-of 2020-03-11",
        )
    check_outputs(table=out, figure=figure)
    from escalation.cli import console
    from escalation.scoring import replay as past

    chosen = read_experiment(experiment, plugin, reading)
    archive = read_archive(chosen, reading)
    with console.progress_bar() as progress, labels_left_out(as_json) as missing:
        if as_of is not None:
            scores = past.replay(
                archive,
                chosen,
                as_of,
                explain=explain,
                missing=missing.append,
                progress=progress,
            )
        else:
            rows = past.replay_range(
                archive, chosen, first, last, every=every, missing=missing.append, progress=progress
            )
    if as_of is not None:
        output_watch_lists([scores], out, as_json, missing)
        return
    units = [_unit_named(rows, text) for text in unit or []]
    if figure is not None:
        _draw(rows, archive, chosen, figure, units, name or [])
    _output_range(rows, out, units, missing if as_json else None)


def _unit_named(rows: pd.DataFrame, text: str) -> str:
    """The displayed name of a unit that is given by name, in any case, or by key."""
    from escalation.events.units import normalised

    name_or_key = normalised(text)
    for shown, key in rows[["unit", "unit_key"]].drop_duplicates().itertuples(index=False):
        if name_or_key in (normalised(shown), key):
            return str(shown)
    raise UsageError(
        "E-UNIT",
        "no forecasts for this unit",
        value=text,
        fix="name a unit as it appears in the table without --unit",
    )


def _draw(
    rows: pd.DataFrame,
    archive: EventArchive,
    experiment: Experiment,
    path: Path,
    units: list[str],
    event_names: list[str],
) -> None:
    from escalation._util.outputs import write_figure
    from escalation.experiment import label_question, target_label
    from escalation.plots.timeline import timeline_figure

    pairs = [text.partition("=") for text in event_names]
    names = {key: text.replace("\\n", "\n") or key for key, _, text in pairs}
    figure = timeline_figure(
        rows,
        archive.as_of(archive.covered_to),
        units=units or None,
        words={
            target_label(label): label_question(experiment, label) for label in experiment.labels
        },
        named=names or None,
        note=experiment.experiment.description,
    )
    write_figure(figure, path)


def _output_range(
    rows: pd.DataFrame, out: Path | None, units: list[str], missing: Sequence[Shortage] | None
) -> None:
    """Write and print a range; ``missing``, if given, are printed with it as JSON."""
    from escalation._util.outputs import write_table
    from escalation.plots.timeline import most_at_risk

    if out is not None:
        write_table(rows, out)
    if missing is not None:
        selected = rows[rows["unit"].isin(units)] if units else rows
        print_json([*records(selected), *(shortage.as_dict() for shortage in missing)])
        return
    units = units or most_at_risk(rows, most=MOST_UNITS)
    with printing():
        _print(rows, units)


def _print(rows: pd.DataFrame, units: list[str]) -> None:
    from rich.table import Column

    from escalation.cli.console import left_table

    for target, target_rows in rows.groupby("target", sort=False):
        present = [unit for unit in units if (target_rows["unit"] == unit).any()]
        table = left_table(
            f"Forecasts of {target}, and outcomes",
            *(Column(heading, no_wrap=True) for heading in ("day", *present)),
            caption="20% (12 to 29%) means: after forecasts of 20%, the outcome followed 12 to "
            "29% of the time, by the model's record on that day (95% interval); each day uses "
            "the data known at its end. yes, no: the outcome within the horizon.",
        )
        for day, day_rows in target_rows.groupby("day", sort=True):
            by_unit = day_rows.set_index("unit")
            table.add_row(f"{day:%Y-%m-%d}", *(_forecast_cell(by_unit, unit) for unit in present))
        show(table)


def _forecast_cell(rows: pd.DataFrame, unit: str) -> str:
    """A unit's probability on a day with its interval, and the outcome."""
    import pandas as pd

    from escalation._util.text import percent
    from escalation.scoring.usual import span

    if unit not in rows.index or pd.isna(rows.loc[unit, "probability"]):
        return "-"
    row = rows.loc[unit]
    outcome = {1.0: "yes", 0.0: "no"}.get(row["outcome"], "not known yet")
    return f"{percent(row['probability'])} ({span(row['lower'], row['upper'])}) {outcome}"


@reads_events
def report_command(
    out: Annotated[Path, typer.Option(help="Page to write, .html.")],
    reading: Reading = READING,
    plugin: Plugin = None,
    as_of: AsOf = None,
    model: ModelName = "iraq_crisis",
    budget: Budget = None,
    explain: Explain = 5,
    allow_in_sample: AllowInSample = False,
    allow_version_skew: AllowVersionSkew = False,
    ledger: LedgerFile = None,
    tracking_uri: TrackingUri = None,
    suppose: Suppose = None,
) -> None:
    """Write the watch list, its reasons and the model's record as one page."""
    from escalation._util.files import require_room
    from escalation._util.outputs import require_ending

    require_ending(out, ".html", ".htm")
    uri = checked_store(tracking_uri)
    from escalation import tracking

    require_room(out)
    from escalation.report import report_data, write_report
    from escalation.scoring.ledger import issued_before, ledger_path, read_ledger
    from escalation.scoring.score import score, scored_day
    from escalation.scoring.supposed import score_if

    use_plugins(plugin)
    scorers = tracking.load_scorers(model, uri=uri, allow_version_skew=allow_version_skew)
    archive = read_archive(scorers[0].experiment, reading, store=uri)
    issued = read_ledger(ledger or ledger_path(tracking.local_file(uri)))
    day = str(scored_day(scorers[0], archive, as_of))
    options: dict[str, Any] = {"as_of": day, "allow_in_sample": allow_in_sample, "budget": budget}
    lists, supposed = [], []
    for scorer in scorers:
        previous = issued_before(issued, scorer.series, day=day)
        lists.append(score(scorer, archive, explain=explain, previous=previous, **options))
        if suppose:
            supposed += score_if(scorer, archive, suppose, explain=0, **options)
    forecasts = [
        tracking.load_forecasts(scorer.reference.partition(" ")[0], uri=uri) for scorer in scorers
    ]
    data = report_data(scorers, archive, lists, forecasts=forecasts, supposed=supposed)
    size = write_report(data, out)
    show(f"{size:,} bytes written to {out}", stderr=True)
