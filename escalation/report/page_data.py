"""What a page tells: the scores of a day, the events known by then, and the model's record."""

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
"""Days after training for which the model is asked again, at most."""
RECENT_COLUMNS = (schema.UNIT_KEY, schema.DAY, "probability", "lower", "upper")
NOT_STORED = "not stored with a version yet"


@dataclass(frozen=True)
class ReportData:
    """All that a page is made of.

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
        Of every model, from the backtest: each was made before what it is about. May be empty.
    summary : DataFrame
        From :func:`escalation.metrics.summary` of them; empty where nothing could be compared.
    recent : DataFrame
        :data:`RECENT_COLUMNS`: what the model says on days after its training.
    moves : DataFrame
        Of :func:`escalation.models.excitation.moves_table`; empty without pairs of sides.
    states : tuple of ExchangeState
        Where each pair of sides stands.
    beside : tuple of ReportData
        The experiment's other labels on the same day; of their moves nothing is told twice.
    supposed : tuple of Score
        Of :func:`escalation.scoring.supposed.score_if`, for every label.
    """

    scores: tuple[Score, ...]
    events: pd.DataFrame
    experiment: Experiment
    target: Target
    forecasts: pd.DataFrame
    summary: pd.DataFrame
    recent: pd.DataFrame
    moves: pd.DataFrame = field(default_factory=pd.DataFrame)
    states: tuple[ExchangeState, ...] = ()
    beside: tuple[ReportData, ...] = ()
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
    def own(self) -> pd.DataFrame:
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
    """The data of an experiment's models on a day, the first label's in full.

    Parameters
    ----------
    scorers : sequence of Scorer
        One for each label.
    archive : EventArchive
    lists : sequence of sequence of Score
        Their watch lists, of :func:`escalation.scoring.score.score`.
    forecasts : sequence of DataFrame, optional
        What the backtests of their trainings stored.
    supposed : sequence of Score, optional
        Of :func:`escalation.scoring.supposed.score_if`, for all labels.

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
        _of_label(scorer, archive, scores, known_by(past, day))
        for scorer, scores, past in zip(scorers, lists, stored, strict=True)
    ]
    moves, states = _moves_on(archive, first.experiment, day)
    return replace(
        first,
        recent=_recent(scorers[0], archive, day),
        moves=moves,
        states=states,
        beside=tuple(others),
        supposed=tuple(supposed),
    )


def _of_label(
    scorer: Scorer, archive: EventArchive, scores: Sequence[Score], past: pd.DataFrame
) -> ReportData:
    """One label's scores and record."""
    own = past[past["target"] == scores[0].target].reset_index(drop=True)
    return ReportData(
        tuple(scores),
        archive.as_of(scores[0].day),
        scorer.experiment,
        scorer.target,
        own,
        _summary(own, seed=scorer.experiment.experiment.seed),
        pd.DataFrame(columns=list(RECENT_COLUMNS)),
    )


def training_pages(trained: Sequence[Trained], *, explain: int = 5) -> list[ReportData]:
    """The data of a page for each label, on the training's last day; the first tells of all.

    Parameters
    ----------
    trained : sequence of Trained
        The labels of one training.
    explain : int, optional
        Named events per unit.
    """
    told = [_with_moves(one, _of_training(one, explain)) for one in trained]
    return [replace(one, beside=tuple(told[1:])) for one in told[:1]] + told[1:]


def _with_moves(trained: Trained, told: ReportData) -> ReportData:
    archive = trained.case.prepared.archive.until(trained.trained_to)
    moves, states = _moves_on(archive, trained.case.experiment, to_day(trained.trained_to))
    return replace(told, moves=moves, states=states)


def _of_training(trained: Trained, explain: int) -> ReportData:
    """One label's scores and record, on its training's last day."""
    archive, day = trained.case.prepared.archive.until(trained.trained_to), trained.trained_to
    model, name = trained.models[trained.best], trained.case.experiment.experiment.name
    scorer = Scorer(model, manifest_of(trained, trained.best), name, NOT_STORED)
    return ReportData(
        tuple(score(scorer, archive, as_of=day, explain=explain)),
        archive.as_of(day),
        trained.case.experiment,
        trained.case.target,
        trained.forecasts,
        trained.summary,
        pd.DataFrame(columns=list(RECENT_COLUMNS)),
    )


def empty_forecasts() -> pd.DataFrame:
    """No forecast, in the columns of a forecast file."""
    return pd.DataFrame(columns=list(schema.FORECAST_COLUMNS))


def known_by(forecasts: pd.DataFrame, day: np.datetime64) -> pd.DataFrame:
    """Forecasts issued by a day, without the outcomes that had not come by then.

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


def _moves_on(
    archive: EventArchive, experiment: Experiment, day: np.datetime64
) -> tuple[pd.DataFrame, tuple[ExchangeState, ...]]:
    """What followed each side's moves, and where the pairs stand, as known on a day."""
    data, pairs = experiment.data, experiment.panel.pairs
    if not pairs:
        return pd.DataFrame(), ()
    span: dict[str, Any] = {"first_day": data.first_day, "last_day": day, "lag": data.lag}
    moves = moves_table(archive, pairs, **span, within=experiment.moves.within)
    return moves, tuple(exchanges_of(archive, pairs, **span)[1])


def _summary(forecasts: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    try:
        return metrics.summary(forecasts, seed=seed)
    except GateError:
        return pd.DataFrame()


def _recent(scorer: Scorer, archive: EventArchive, day: np.datetime64) -> pd.DataFrame:
    """The model's answers between its training and the day, the day itself left out."""
    first = max(to_day(scorer.manifest.trained_to) + 1, day - RECENT_DAYS)
    rows: list[dict[str, object]] = []
    for earlier in np.arange(first, max(first, day)):
        rows += [
            {
                schema.UNIT_KEY: row.unit_key,
                "day": pd.Timestamp(row.day),
                "probability": row.probability,
                "lower": row.lower,
                "upper": row.upper,
            }
            for row in score(scorer, archive, as_of=earlier, explain=0)
        ]
    return pd.DataFrame(rows, columns=list(RECENT_COLUMNS))
