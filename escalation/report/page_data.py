"""The contents of a report page: a day's scores, the events behind them, and the model's record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from escalation import metrics, schema
from escalation.backtest.train import Trained
from escalation.errors import GateError, InputError
from escalation.events.archive import EventArchive, to_day
from escalation.experiment import Experiment
from escalation.models.excitation.exchanges import ExchangeState, exchanges_of
from escalation.models.excitation.followed import moves_table
from escalation.scoring.described import manifest_of
from escalation.scoring.score import score
from escalation.scoring.scorer import Scorer
from escalation.scoring.watchlist import Score
from escalation.targets import Target

RECENT_DAYS = 28
"""Most days after training for which the model is scored again."""
RECENT_COLUMNS = (schema.UNIT_KEY, schema.DAY, "probability", "lower", "upper")
NOT_STORED = "not stored with a version yet"


def empty_forecasts() -> pd.DataFrame:
    """An empty table with the columns of a forecast file."""
    return pd.DataFrame(columns=list(schema.FORECAST_COLUMNS))


def _no_recent() -> pd.DataFrame:
    return pd.DataFrame(columns=list(RECENT_COLUMNS))


@dataclass(frozen=True)
class ReportData:
    """The contents of a page.

    Parameters
    ----------
    scores : tuple of Score
        The watch list, highest first.
    events : DataFrame
        Canonical events as known on the day.
    experiment : Experiment
    target : Target
        The label.
    forecasts : DataFrame
        Backtest forecasts of every model; may be empty.
    summary : DataFrame
        From :func:`escalation.metrics.summary`; empty if there is nothing to compare.
    recent : DataFrame
        :data:`RECENT_COLUMNS`: the model's scores of days since its training.
    moves : DataFrame
        From :func:`escalation.models.excitation.moves_table`; empty without pairs of sides.
    states : tuple of ExchangeState
        The state of each pair's exchange.
    others : tuple of ReportData
        The experiment's other labels on the same day.
    supposed : tuple of Score
        From :func:`escalation.scoring.supposed.score_if`, for every label.
    """

    scores: tuple[Score, ...]
    events: pd.DataFrame
    experiment: Experiment
    target: Target
    forecasts: pd.DataFrame
    summary: pd.DataFrame
    recent: pd.DataFrame = field(default_factory=_no_recent)
    moves: pd.DataFrame = field(default_factory=pd.DataFrame)
    states: tuple[ExchangeState, ...] = ()
    others: tuple[ReportData, ...] = ()
    supposed: tuple[Score, ...] = ()

    @property
    def family(self) -> str:
        """The page's model."""
        return str(self.scores[0].provenance["family"])

    @property
    def day(self) -> pd.Timestamp:
        """The day of the scores."""
        return pd.Timestamp(self.scores[0].day)

    @property
    def in_sample(self) -> bool:
        """Whether the model was trained on days after the day of the scores."""
        return self.day < pd.Timestamp(self.scores[0].provenance["trained_to"])

    @property
    def model_forecasts(self) -> pd.DataFrame:
        """The backtest forecasts of the page's model."""
        return self.forecasts[self.forecasts["model"] == self.family]


def report_data(
    scorers: Sequence[Scorer],
    archive: EventArchive,
    lists: Sequence[Sequence[Score]],
    *,
    forecasts: Sequence[pd.DataFrame] = (),
    supposed: Sequence[Score] = (),
) -> ReportData:
    """The page of an experiment's models on a day, with the first label in full.

    Parameters
    ----------
    scorers : sequence of Scorer
        One for each label.
    archive : EventArchive
    lists : sequence of sequence of Score
        Their watch lists, from :func:`escalation.scoring.score.score`.
    forecasts : sequence of DataFrame, optional
        Their stored backtest forecasts.
    supposed : sequence of Score, optional
        From :func:`escalation.scoring.supposed.score_if`, for all labels.

    Raises
    ------
    InputError
        ``E-EMPTY`` for a watch list without a unit.
    """
    if not all(lists):
        raise InputError("E-EMPTY", "the watch list has no unit")
    day = to_day(lists[0][0].day)
    stored = forecasts or [empty_forecasts() for _ in scorers]
    first, *others = [
        _scored_page(scorer, archive, scores, known_by(past, day))
        for scorer, scores, past in zip(scorers, lists, stored, strict=True)
    ]
    return replace(
        _with_moves(first, archive, day),
        recent=_recent(scorers[0], archive, day),
        others=tuple(others),
        supposed=tuple(supposed),
    )


def _scored_page(
    scorer: Scorer, archive: EventArchive, scores: Sequence[Score], past: pd.DataFrame
) -> ReportData:
    forecasts = past[past["target"] == scores[0].target].reset_index(drop=True)
    try:
        summary = metrics.summary(forecasts, seed=scorer.experiment.experiment.seed)
    except GateError:
        summary = pd.DataFrame()
    events = archive.as_of(scores[0].day)
    return ReportData(tuple(scores), events, scorer.experiment, scorer.target, forecasts, summary)


def training_pages(trained: Sequence[Trained], *, explain: int = 5) -> list[ReportData]:
    """A page for each label on the training's last day; the first includes all others.

    Parameters
    ----------
    trained : sequence of Trained
        The labels of one training.
    explain : int, optional
        Events to name per unit.
    """
    first, *others = [_training_page(training, explain) for training in trained]
    return [replace(first, others=tuple(others)), *others]


def _training_page(trained: Trained, explain: int) -> ReportData:
    case, day = trained.case, trained.trained_to
    archive, name = case.prepared.archive.until(day), case.experiment.experiment.name
    manifest = manifest_of(trained, trained.best)
    scorer = Scorer(trained.models[trained.best], manifest, name, NOT_STORED)
    page = ReportData(
        tuple(score(scorer, archive, as_of=day, explain=explain)),
        archive.as_of(day),
        case.experiment,
        case.target,
        trained.forecasts,
        trained.summary,
    )
    return _with_moves(page, archive, to_day(day))


def known_by(forecasts: pd.DataFrame, day: np.datetime64) -> pd.DataFrame:
    """Forecasts issued by a day, without outcomes that were not known by then.

    Parameters
    ----------
    forecasts : DataFrame
        Columns of a forecast file.
    day : datetime64[D]
    """
    end = pd.Timestamp(day)
    issued = pd.to_datetime(forecasts[schema.DAY])
    known = forecasts[issued <= end].copy()
    due = issued[issued <= end] + pd.to_timedelta(known["horizon"], unit="D")
    known.loc[due > end, [schema.OUTCOME, schema.COUNT]] = np.nan
    return known.reset_index(drop=True)


def _with_moves(page: ReportData, archive: EventArchive, day: np.datetime64) -> ReportData:
    """The page with what followed each side's moves and the pairs' exchanges, as of a day."""
    data, pairs = page.experiment.data, page.experiment.panel.pairs
    if not pairs:
        return page
    span: dict[str, Any] = {"first_day": data.first_day, "last_day": day, "lag": data.lag}
    moves = moves_table(archive, pairs, **span, within=page.experiment.moves.within)
    return replace(page, moves=moves, states=tuple(exchanges_of(archive, pairs, **span)[1]))


def _recent(scorer: Scorer, archive: EventArchive, day: np.datetime64) -> pd.DataFrame:
    """The model's scores of the days between its training and the day."""
    first = max(to_day(scorer.manifest.trained_to) + 1, day - RECENT_DAYS)
    rows = [
        (row.unit_key, pd.Timestamp(row.day), row.probability, row.lower, row.upper)
        for earlier in np.arange(first, max(first, day))
        for row in score(scorer, archive, as_of=earlier, explain=0)
    ]
    return pd.DataFrame(rows, columns=list(RECENT_COLUMNS))
