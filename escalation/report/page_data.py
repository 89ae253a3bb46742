"""What a page tells: the scores of a day, the events known by then, and the model's record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from escalation import metrics, schema
from escalation.backtest.train import Trained
from escalation.errors import GateError, InputError
from escalation.events.archive import EventArchive, to_day
from escalation.experiment import Experiment
from escalation.models.excitation.exchanges import ExchangeState, exchanges_of
from escalation.models.excitation.followed import WITHIN, moves_table
from escalation.scoring.artifact import manifest_of
from escalation.scoring.score import score
from escalation.scoring.scorer import Scorer
from escalation.scoring.watchlist import Score

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
    """

    scores: tuple[Score, ...]
    events: pd.DataFrame
    experiment: Experiment
    forecasts: pd.DataFrame
    summary: pd.DataFrame
    recent: pd.DataFrame
    moves: pd.DataFrame
    states: tuple[ExchangeState, ...]

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
    scorer: Scorer,
    archive: EventArchive,
    scores: Sequence[Score],
    *,
    forecasts: pd.DataFrame | None = None,
) -> ReportData:
    """The data of a model on a day.

    Parameters
    ----------
    scorer : Scorer
    archive : EventArchive
    scores : sequence of Score
        Its watch list, of :func:`escalation.scoring.score.score`.
    forecasts : DataFrame, optional
        What the backtest of its training stored.

    Raises
    ------
    InputError
        ``E-EMPTY`` for a watch list without a unit.
    """
    if not scores:
        raise InputError("E-EMPTY", "the watch list has no unit")
    day = to_day(scores[0].day)
    known_forecasts = known_by(forecasts, day) if forecasts is not None else empty_forecasts()
    known_forecasts = known_forecasts[known_forecasts["target"] == scores[0].target].reset_index(
        drop=True
    )
    return ReportData(
        tuple(scores),
        archive.as_of(day),
        scorer.experiment,
        known_forecasts,
        _summary(known_forecasts, seed=scorer.experiment.experiment.seed),
        _recent(scorer, archive, day),
        *_moves(archive, scorer.experiment, day),
    )


def training_report_data(trained: Trained, *, explain: int = 5) -> ReportData:
    """The data of the model that a training chose, on the training's last day.

    Parameters
    ----------
    trained : Trained
    explain : int, optional
        Named events per unit.
    """
    archive = trained.case.prepared.archive.until(trained.trained_to)
    name = trained.case.experiment.experiment.name
    scorer = Scorer(
        trained.models[trained.best], manifest_of(trained, trained.best), name, NOT_STORED
    )
    scores = score(scorer, archive, as_of=trained.trained_to, explain=explain)
    return ReportData(
        tuple(scores),
        archive.as_of(trained.trained_to),
        trained.case.experiment,
        trained.forecasts,
        trained.summary,
        pd.DataFrame(columns=list(RECENT_COLUMNS)),
        *_moves(archive, trained.case.experiment, to_day(trained.trained_to)),
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


def _moves(
    archive: EventArchive, experiment: Experiment, day: np.datetime64
) -> tuple[pd.DataFrame, tuple[ExchangeState, ...]]:
    """What followed each side's moves, and where the pairs stand, as known on a day."""
    data, pairs = experiment.data, experiment.panel.pairs
    if not pairs:
        return pd.DataFrame(), ()
    span: dict[str, Any] = {"first_day": data.first_day, "last_day": day, "lag": data.lag}
    moves = moves_table(archive, pairs, **span, within=WITHIN[1:2])
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
