"""Figures and the report page of a training, drawn from its forecasts without a store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from escalation import plots, schema
from escalation._util.outputs import write_table
from escalation.backtest.train import Trained
from escalation.experiment import label_question
from escalation.metrics.paired import pair
from escalation.panel.membership import unit_keys_of
from escalation.plots.moves_followed import moves_figure
from escalation.report import ReportData, write_report

PARENT, CHILDREN = "parent", "children"
REPORT_FILE = "report.html"


def draw(
    trained: Trained, folder: Path, page: ReportData, *, labels: Sequence[Trained] = ()
) -> Path:
    """Draw the figures of a parent run and its children, a folder for each run.

    Parameters
    ----------
    trained : Trained
    folder : Path
        An empty folder.
    page : ReportData
        Of the same label.
    labels : sequence of Trained, optional
        All labels of the training; its first label gets the table of moves.

    Returns
    -------
    Path
        The folder.
    """
    figures = folder / PARENT / "figures"
    figures.mkdir(parents=True)
    plots.skill_figure(trained.summary).savefig(figures / "skill.png")
    _draw_risk(trained, figures / "risk_over_time.png")
    write_report(page, folder / PARENT / REPORT_FILE)
    if len(page.moves) and (not labels or labels[0] is trained):
        (folder / PARENT / "tables").mkdir()
        write_table(page.moves, folder / PARENT / "tables" / "moves.csv")
        moves_figure(page.moves).savefig(figures / "moves.png")
    paired = pair(trained.forecasts)
    for model in trained.models:
        model_figures = folder / CHILDREN / model / "figures"
        model_figures.mkdir(parents=True)
        plots.reliability_figure(paired, models=[model]).savefig(model_figures / "reliability.png")
    return folder


def _draw_risk(trained: Trained, path: Path) -> None:
    """Risk of the unit of all events, or else of the unit with the most forecasts."""
    experiment = trained.case.experiment
    events = trained.case.prepared.archive.as_of(trained.trained_to)
    keys = trained.forecasts[schema.UNIT_KEY]
    key = schema.ALL_UNIT if (keys == schema.ALL_UNIT).any() else keys.value_counts().idxmax()
    masks = [unit_keys_of(events, kind) == key for kind in experiment.panel.units]
    unit_events = next((events[mask] for mask in masks if mask.any()), events)
    figure = plots.risk_over_time(
        trained.forecasts,
        unit_events,
        unit=str(trained.forecasts.loc[keys == key, schema.UNIT].iloc[0]),
        model=trained.best,
        note=label_question(experiment, trained.case.target),
    )
    figure.savefig(path)
