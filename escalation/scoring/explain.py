"""Explanations of a score: the events and feature families behind it, and what would raise it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from escalation import schema
from escalation.backtest.table import family_columns
from escalation.scoring.counterfactual import Counterfactual
from escalation.scoring.perturbation import REMOVED, Perturbations

SMALLEST_CONTRIBUTION = 0.005
"""In log-odds; events with a smaller contribution are not named."""
CANDIDATES = 1000
"""How many of the newest events are tried as drivers."""
CANDIDATES_BY_RUNG = 20
"""How many of the newest events of each rung are tried too, however old."""
MOST_FURTHER = 10
"""How many further events are tried to reach the alert line."""


@dataclass(frozen=True)
class Driver:
    """An event behind a score, as known on the day, and its contribution in log-odds."""

    event_id: str
    date: str
    place: str
    event_type: str
    actor: str
    target: str
    killed: int | None
    wounded: int | None
    contribution: float


def candidates(events: pd.DataFrame) -> NDArray[np.int64]:
    """Rows of the events to try as drivers: the newest, and the newest of each rung.

    Parameters
    ----------
    events : DataFrame
        As of a day, sorted by event date.
    """
    newest = np.arange(len(events))[-CANDIDATES:]
    by_rung = events.groupby(events[schema.SEVERITY].to_numpy()).tail(CANDIDATES_BY_RUNG).index
    return np.union1d(newest, by_rung.to_numpy()).astype(np.int64)


def drivers_of(counterfactual: Counterfactual, *, most: int) -> list[tuple[Driver, ...]]:
    """For each unit, the events whose removal changes its score the most.

    Each event is removed and all units are scored again; its contribution is the log-odds with it
    less the log-odds without it. An event that makes the unit known in the first place has none.

    Parameters
    ----------
    counterfactual : Counterfactual
    most : int
        Events per unit; ties go to the older one.
    """
    events = counterfactual.events
    tried = candidates(events)
    without = counterfactual.probabilities(Perturbations(tried, np.full(len(tried), REMOVED)))
    changes = np.nan_to_num(logit(counterfactual.inputs.probability) - logit(without))
    drivers = []
    for change in changes.T:
        top = np.argsort(-np.abs(change), kind="stable")[:most]
        large = [i for i in top if abs(change[i]) >= SMALLEST_CONTRIBUTION]
        drivers.append(tuple(_driver(events.iloc[tried[i]], change[i]) for i in large))
    return drivers


def _driver(event: pd.Series, contribution: float) -> Driver:
    def text(column: str) -> str:
        return "" if pd.isna(event[column]) else str(event[column])

    def count(column: str) -> int | None:
        return None if pd.isna(event[column]) else int(event[column])

    return Driver(
        event_id=text(schema.EVENT_ID),
        date=f"{event[schema.EVENT_DATE]:%Y-%m-%d}",
        place=text(schema.SITE) or text(schema.ADMIN1) or text(schema.COUNTRY),
        event_type=text(schema.EVENT_TYPE),
        actor=text(schema.ACTOR),
        target=text(schema.TARGET),
        killed=count(schema.KILLED),
        wounded=count(schema.WOUNDED),
        contribution=float(contribution),
    )


def families_of(counterfactual: Counterfactual) -> list[dict[str, float]]:
    """For each unit, what each family of columns adds to its score in log-odds.

    All columns of a family are set to their medians over the training rows and the unit is scored
    again; the contribution is the log-odds before less the log-odds after. Families overlap, so
    contributions need not add up to the total. Empty if the model stores no medians.
    """
    scorer, inputs = counterfactual.scorer, counterfactual.inputs
    typical = scorer.manifest.typical
    groups = family_columns(scorer.experiment, scorer.manifest.columns) if typical else {}
    by_unit: list[dict[str, float]] = [{} for _ in inputs.units]
    for family, columns in groups.items():
        X = inputs.X.astype(np.float64)
        X[columns] = [typical[name] for name in columns]
        change = logit(inputs.probability) - logit(scorer.predict(X))
        for contributions, value in zip(by_unit, change, strict=True):
            contributions[family] = float(value)
    return by_unit


def events_to(counterfactual: Counterfactual, line: float) -> list[int | None]:
    """How many more events like the unit's last counted one, today, lift it to a line.

    Parameters
    ----------
    counterfactual : Counterfactual
    line : float
        A probability.

    Returns
    -------
    list of int or None
        By unit: 0 if it is there already; None if :data:`MOST_FURTHER` are not enough or no event
        was ever counted.
    """
    counted = np.zeros(len(counterfactual.events), dtype=bool)
    for channel in counterfactual.scorer.target.channels():
        counted |= counterfactual.rows.weights[channel.name] > 0
    last = np.full(len(counterfactual.inputs.units), -1)
    for units in counterfactual.rows.holders.T:
        here = np.flatnonzero(counted & (units >= 0))
        np.maximum.at(last, units[here], here)
    probability = counterfactual.inputs.probability
    needed: list[int | None] = [0 if p >= line else None for p in probability]
    below = np.flatnonzero((probability < line) & (last >= 0))
    for further in range(1, MOST_FURTHER + 1):
        added = Perturbations(last[below], np.full(len(below), further))
        raised = counterfactual.probabilities(added, unit=below)
        over = raised[np.arange(len(below)), below] >= line
        for unit in below[over]:
            needed[unit] = further
        below = below[~over]
    return needed
