"""The audited label under one archive or another, and the tables that can be compared."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from escalation import schema
from escalation.audit.news import late_news, prompt_news
from escalation.backtest.case import Case, make_case, origins
from escalation.backtest.rolling import backtest_case
from escalation.events.archive import EventArchive
from escalation.experiment import BacktestSection, Experiment
from escalation.targets import Target

GONE = "when later information was removed"
AFTER = "when only later days changed"
REVISED = "when only late reports, corrections and retractions changed"
_MOST_CASES = 5
"""Cases kept in memory: the whole one, and those of the day that is being looked at."""
_TRIAL_ORIGINS = 6
"""Of a trial backtest: enough for a track record to come into being."""
_FORECAST_NUMBERS = ("probability", "lower", "upper", schema.THRESHOLD, schema.AT_RISK)


@dataclass(frozen=True)
class Cut:
    """A day to look from, and futures that it knew nothing of.

    Parameters
    ----------
    day : datetime64[D]
    until : EventArchive
        All that was known by then.
    futures : mapping of str to EventArchive
        What came to be known later, and what did not but might have, by the words for the change.
    """

    day: np.datetime64
    until: EventArchive
    futures: Mapping[str, EventArchive]


@dataclass
class Cases:
    """One label of an experiment, prepared from whatever archive is asked for.

    The axis starts on the same day for all of them and ends where the archive does.

    Parameters
    ----------
    whole : EventArchive
    experiment : Experiment
    target : Target
    """

    whole: EventArchive
    experiment: Experiment
    target: Target
    kept: dict[str, Case] = field(default_factory=dict)

    def __post_init__(self) -> None:
        case = make_case(self.whole, self.experiment, self.target)
        first, last = case.prepared.days[[0, -1]].astype(dt.date)
        self.experiment = self.experiment.reading(first_day=first, last_day=last)
        self.kept[self.whole.digest] = replace(case, experiment=self.experiment)

    @property
    def case(self) -> Case:
        """From all that there is."""
        return self.kept[self.whole.digest]

    def of(self, archive: EventArchive) -> Case:
        """From an archive that may end earlier or say other things."""
        if archive.digest not in self.kept:
            if len(self.kept) >= _MOST_CASES:
                del self.kept[list(self.kept)[1]]
            last = min(archive.covered_to, self.case.prepared.days[-1]).astype(dt.date)
            experiment = self.experiment.reading(last_day=last)
            self.kept[archive.digest] = make_case(archive, experiment, self.target)
        return self.kept[archive.digest]

    def cut(self, day: np.datetime64, *, seed: int) -> Cut:
        """What a day knew, and its futures.

        Parameters
        ----------
        day : datetime64[D]
        seed : int
            Of the invented news.
        """
        until = self.whole.until(day)
        news = {"lag": self.case.prepared.lag, "seed": seed}
        futures = {
            GONE: self.whole,
            AFTER: until.plus(prompt_news(self.whole, day, **news)),
            REVISED: until.plus(late_news(self.whole, day, **news)),
        }
        return Cut(day, until, futures)

    def sheet(self, archive: EventArchive) -> pd.DataFrame:
        """Features and the look back of the label, by unit and day."""
        return sheet(self.of(archive))


def sheet(case: Case) -> pd.DataFrame:
    """Every column that is known on its day, by unit's key: features, threshold, risk set, history.

    Names depend on what other units there are, so later news may change them.
    """
    present = case.prepared.past.present
    back = case.back
    columns = {schema.THRESHOLD: back.threshold, schema.AT_RISK: back.at_risk, **back.history}
    columns |= {f"extra {name}": values for name, values in back.extra.items()}
    features = case.prepared.features.frame(by_key=True)
    more = {name: values[present].astype(np.float64) for name, values in columns.items()}
    return pd.concat([features, pd.DataFrame(more, index=features.index)], axis=1)


def training_sheet(case: Case, day: np.datetime64) -> pd.DataFrame:
    """What a fit on a day learns from.

    Parameters
    ----------
    case : Case
    day : datetime64[D]
        Day of the fit.

    Returns
    -------
    DataFrame
        Inputs, ``outcome`` and ``count`` by unit and day.
    """
    table = case.training_table(day)
    return table.X.assign(**{schema.OUTCOME: table.outcome, schema.COUNT: table.count})


def issue_sheet(case: Case, day: np.datetime64) -> pd.DataFrame:
    """What models are shown on a day, when all that came after is known.

    Parameters
    ----------
    case : Case
    day : datetime64[D]
        Day of issue.

    Returns
    -------
    DataFrame
        Inputs and ``at_risk``, one row per unit.
    """
    known = case.labels_on(case.prepared.days[-1])
    table = case.rows_on(np.array([case.prepared.index_of(day)]), known)
    return table.X.assign(**{schema.AT_RISK: table.at_risk})


def forecast_sheet(case: Case, schedule: BacktestSection) -> pd.DataFrame:
    """What a backtest says, one column per model and kind of number.

    Parameters
    ----------
    case : Case
    schedule : BacktestSection
        Origins and refits, in place of the experiment's.

    Returns
    -------
    DataFrame
        By unit and day, columns such as ``probability of ewma_nb``.
    """
    experiment = case.experiment.model_copy(update={"backtest": schedule})
    forecasts = backtest_case(replace(case, experiment=experiment))
    wide = forecasts.pivot(
        index=[schema.UNIT_KEY, schema.DAY], columns="model", values=list(_FORECAST_NUMBERS)
    ).rename_axis(index=[*schema.ROW_KEY])
    return wide.set_axis([f"{name} of {model}" for name, model in wide.columns], axis=1)


def trial_schedule(case: Case, last: np.datetime64) -> BacktestSection:
    """A few origins that end on a day, two horizons apart if there is room.

    Parameters
    ----------
    case : Case
    last : datetime64[D]
        Day of the last origin.
    """
    prepared, horizon = case.prepared, case.target.horizon
    end = prepared.index_of(last)
    start = max(end // 2, horizon + prepared.lag)
    step = int(np.clip((end - start) // (_TRIAL_ORIGINS - 1), 1, 2 * horizon))
    first = prepared.days[max(end - step * (_TRIAL_ORIGINS - 1), start)]
    changes = {
        "first_origin": first.astype(dt.date),
        "last_origin": last.astype(dt.date),
        "every": step,
        "refit_every": 2,
    }
    return case.experiment.backtest.model_copy(update=changes)


def shuffle_schedule(case: Case, refits: int) -> BacktestSection:
    """Every origin's day from the first origin on, with few refits.

    Parameters
    ----------
    case : Case
    refits : int
        How many, at most.

    Returns
    -------
    BacktestSection
        Daily origins.
    """
    issued = origins(case)
    first, last = case.prepared.days[issued[[0, -1]]].astype(dt.date)
    count = int(issued[-1] - issued[0]) + 1
    changes = {
        "first_origin": first,
        "last_origin": last,
        "every": 1,
        "refit_every": max(1, -(-count // refits)),
    }
    return case.experiment.backtest.model_copy(update=changes)
