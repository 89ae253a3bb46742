"""The audited label on different archives, and tables of it that can be compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from escalation import schema
from escalation.audit.news import late_news, prompt_news
from escalation.backtest.case import Case, make_case
from escalation.backtest.rolling import backtest_case
from escalation.events.archive import EventArchive
from escalation.experiment import BacktestSection, Experiment
from escalation.targets import Target

TRUNCATED = "when later information was removed"
POISONED = "when only later days changed"
REVISED = "when only late reports, corrections and retractions changed"
_MAX_CASES = 5
"""Cases kept in memory: that of the whole archive, and those of the current cut."""
_FORECAST_NUMBERS = ("probability", "lower", "upper", schema.THRESHOLD, schema.AT_RISK)


class Cut(NamedTuple):
    """A day to look from, and futures that were unknown on it.

    Parameters
    ----------
    cases : Cases
    day : datetime64[D]
    seed : int
        Seed of invented news.
    until : EventArchive
        Everything known by that day.
    futures : mapping of str to EventArchive
        The actual future and two invented ones, by a phrase for the change.
    """

    cases: Cases
    day: np.datetime64
    seed: int
    until: EventArchive
    futures: Mapping[str, EventArchive]


@dataclass
class Cases:
    """One label of an experiment, prepared from different archives.

    The day axis starts on the same day for all of them and ends where the archive ends.

    Parameters
    ----------
    whole : EventArchive
    experiment : Experiment
    target : Target
    """

    whole: EventArchive
    experiment: Experiment
    target: Target
    by_digest: dict[str, Case] = field(default_factory=dict)

    def __post_init__(self) -> None:
        case = make_case(self.whole, self.experiment, self.target)
        first, last = case.prepared.days[[0, -1]].astype(dt.date)
        self.experiment = self.experiment.reading(first_day=first, last_day=last)
        self.by_digest[self.whole.digest] = replace(case, experiment=self.experiment)

    @property
    def case(self) -> Case:
        """The label on the whole archive."""
        return self.by_digest[self.whole.digest]

    def of(self, archive: EventArchive) -> Case:
        """The label on an archive that may end earlier or hold other events."""
        if archive.digest not in self.by_digest:
            if len(self.by_digest) >= _MAX_CASES:
                del self.by_digest[list(self.by_digest)[1]]
            last = min(archive.covered_to, self.case.prepared.days[-1]).astype(dt.date)
            experiment = self.experiment.reading(last_day=last)
            self.by_digest[archive.digest] = make_case(archive, experiment, self.target)
        return self.by_digest[archive.digest]

    def cut(self, day: np.datetime64, *, seed: int) -> Cut:
        """What was known on a day, and its futures."""
        until = self.whole.until(day)
        lag = self.case.prepared.lag
        futures = {
            TRUNCATED: self.whole,
            POISONED: until.plus(prompt_news(self.whole, day, lag=lag, seed=seed)),
            REVISED: until.plus(late_news(self.whole, day, lag=lag, seed=seed)),
        }
        return Cut(self, day, seed, until, futures)

    def columns(self, archive: EventArchive) -> pd.DataFrame:
        """Features and the label's look back on an archive, by unit and day."""
        return causal_columns(self.of(archive))


def causal_columns(case: Case) -> pd.DataFrame:
    """Every column that is known on its day: features, threshold, risk set and history.

    Indexed by unit key, because later news may change the names of units.
    """
    present = case.prepared.past.present
    back = case.back
    columns = {schema.THRESHOLD: back.threshold, schema.AT_RISK: back.at_risk, **back.history}
    columns |= {f"extra {name}": values for name, values in back.extra.items()}
    features = case.prepared.features.frame(by_key=True)
    label = {name: values[present].astype(np.float64) for name, values in columns.items()}
    return pd.concat([features, pd.DataFrame(label, index=features.index)], axis=1)


def forecast_columns(case: Case, schedule: BacktestSection) -> pd.DataFrame:
    """Forecasts of a backtest by unit and day, in columns such as ``probability of ewma_nb``.

    Parameters
    ----------
    case : Case
    schedule : BacktestSection
        Origins and refits, in place of the experiment's.
    """
    experiment = case.experiment.model_copy(update={"backtest": schedule})
    forecasts = backtest_case(replace(case, experiment=experiment))
    wide = forecasts.pivot(
        index=[schema.UNIT_KEY, schema.DAY], columns="model", values=list(_FORECAST_NUMBERS)
    ).rename_axis(index=[*schema.ROW_KEY])
    return wide.set_axis([f"{name} of {model}" for name, model in wide.columns], axis=1)
