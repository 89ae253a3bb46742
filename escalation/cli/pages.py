"""Commands that tell a data: days of the past as they were, and the page of a day."""

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
    Json,
    LedgerFile,
    ModelName,
    NeededExperiment,
    Plugin,
    Suppose,
    TrackingUri,
    give,
    labels_left_out,
    print_json,
    printing,
    read_archive,
    read_experiment,
    records,
    store_named,
    use_plugins,
)
from escalation.cli.reading import READING, Reading, reads_events
from escalation.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from escalation.cli.common import LeftOut
    from escalation.events import EventArchive
    from escalation.experiment import Experiment

Day = dt.datetime
MOST_UNITS = 2
"""Units shown beside the one that holds all events, unless others are asked for."""
Named = Annotated[
    list[str] | None,
    typer.Option(help="Event to name in the figure, as ID or ID=WORDS; may be repeated."),
]


@reads_events
def replay_command(
    experiment: NeededExperiment,
    as_of: Annotated[str | None, typer.Option(help="One day, as YYYY-MM-DD.")] = None,
    first: Annotated[Day | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    last: Annotated[Day | None, typer.Option("--to", formats=["%Y-%m-%d"])] = None,
    every: Annotated[int, typer.Option(min=1, help="Days between the answers of a range.")] = 1,
    unit: Annotated[
        list[str] | None, typer.Option(help="Unit to show of a range; may be repeated.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw a range: .png or .svg.")] = None,
    name: Named = None,
    reading: Reading = READING,
    plugin: Plugin = None,
    out: Annotated[Path | None, typer.Option(help="Also write .parquet, .csv or .json.")] = None,
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
    from escalation._util.files import require_room
    from escalation._util.outputs import FIGURE_FORMATS, FORMATS, require_ending

    require_ending(figure, *FIGURE_FORMATS)
    if out is not None:
        require_ending(out, *FORMATS)
    for path in (figure, out):
        require_room(path)
    from escalation.cli import console
    from escalation.scoring import replay as past

    chosen = read_experiment(experiment, plugin, reading)
    archive = read_archive(chosen, reading)
    with console.progress_bar() as progress:
        if as_of is not None:
            with labels_left_out(as_json) as missing:
                scores = past.replay(
                    archive,
                    chosen,
                    as_of,
                    explain=explain,
                    missing=missing.append,
                    progress=progress,
                )
            give([scores], out, as_json, missing)
            return
        with labels_left_out(as_json) as missing:
            rows = past.replay_range(
                archive, chosen, first, last, every=every, missing=missing.append, progress=progress
            )
    units = [_named(rows, text) for text in unit or []]
    if figure is not None:
        _draw(rows, archive, chosen, figure, units, name)
    _give_range(rows, out, units, missing if as_json else None)


def _named(rows: pd.DataFrame, text: str) -> str:
    """The name as shown of a unit that was asked for by name, in any case, or by key."""
    from escalation.events.units import normalised

    wanted = normalised(text)
    for shown, key in rows[["unit", "unit_key"]].drop_duplicates().itertuples(index=False):
        if wanted in (normalised(shown), key):
            return str(shown)
    raise UsageError(
        "E-UNIT",
        "no forecasts for this unit",
        value=text,
        fix="name one as the table without --unit shows it",
    )


def _draw(
    rows: pd.DataFrame,
    archive: EventArchive,
    experiment: Experiment,
    path: Path,
    units: list[str],
    named: list[str] | None,
) -> None:
    from escalation._util.outputs import write_figure
    from escalation.experiment import label_words, target_label
    from escalation.plots.timeline import timeline_figure

    words = None
    if named:
        pairs = [text.partition("=") for text in named]
        words = {key: text.replace("\\n", "\n") or key for key, _, text in pairs}
    made = timeline_figure(
        rows,
        archive.as_of(archive.covered_to),
        units=units or None,
        words={target_label(one): label_words(experiment, one) for one in experiment.labels},
        named=words,
        note=experiment.experiment.description,
    )
    write_figure(made, path)


def _give_range(
    rows: pd.DataFrame, out: Path | None, units: list[str], missing: LeftOut | None
) -> None:
    """Write and print a range; as JSON, with the labels that could not be learnt, where given."""
    from escalation._util.outputs import write_table
    from escalation.plots.timeline import most_at_risk

    if out is not None:
        write_table(rows, out)
    shown = units or most_at_risk(rows, most=MOST_UNITS)
    if missing is not None:
        some = rows[rows["unit"].isin(units)] if units else rows
        forecasts = records(some)
        print_json([*forecasts, *(shortage.as_dict() for shortage in missing)])
        return
    with printing():
        _print(rows, shown)


def _print(rows: pd.DataFrame, units: list[str]) -> None:
    from escalation.cli import console

    for target, target_rows in rows.groupby("target", sort=False):
        table = console.left_table(
            f"Forecasts of {target}, and what happened",
            caption="20% (12 to 29%): a forecast of 20%; by the model's record on that day, 12 to "
            "29% of such forecasts were followed by the outcome (95% interval). Each day uses the "
            "data known at its end. "
            "yes, no: whether it happened within the horizon.",
        )
        here = [unit for unit in units if (target_rows["unit"] == unit).any()]
        for column in ("day", *here):
            table.add_column(column, no_wrap=True)
        for day, day_rows in target_rows.groupby("day", sort=True):
            by_unit = day_rows.set_index("unit")
            table.add_row(f"{day:%Y-%m-%d}", *(_forecast_cell(by_unit, unit) for unit in here))
        console.console().print(table)


def _forecast_cell(rows: pd.DataFrame, unit: str) -> str:
    """A unit's probability on a day with its interval, and whether it came."""
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
    out: Annotated[Path, typer.Option(help="The page: a file name that ends in .html.")],
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
    uri = store_named(tracking_uri)
    from escalation import tracking
    from escalation.cli import console

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
    options: dict[str, Any] = {"allow_in_sample": allow_in_sample, "budget": budget}
    lists, supposed = [], []
    for scorer in scorers:
        previous = issued_before(issued, scorer.series, day=day)
        given = {**options, "explain": explain, "previous": previous}
        lists.append(score(scorer, archive, as_of=day, **given))
        if suppose:
            supposed += score_if(scorer, archive, suppose, as_of=day, **options, explain=0)
    forecasts = [
        tracking.load_forecasts(scorer.reference.partition(" ")[0], uri=uri) for scorer in scorers
    ]
    data = report_data(scorers, archive, lists, forecasts=forecasts, supposed=supposed)
    size = write_report(data, out)
    console.console(stderr=True).print(f"{size:,} bytes written to {out}")
