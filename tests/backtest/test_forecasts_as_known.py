"""Forecasts of every model from one-pass tables, and from panels built anew for each row."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pandas as pd
import pytest
from daily_experiment import daily_experiment

from escalation import schema
from escalation.backtest.case import make_case
from escalation.backtest.day import day_inputs
from escalation.backtest.fitting import fit_models, predict
from escalation.events.archive import EventArchive
from escalation.models import MODELS

DAYS, ORIGINS = 150, (90, 120, 149)
FIRST = np.datetime64("2020-01-01")


def experiment(lag):
    return daily_experiment(
        units=["site", "all"],
        lag=lag,
        first_day="2020-01-01",
        models=MODELS,
        backtest={"train_every": 3},
    )


def with_founders(archive):
    """The archive with an event in every place on the first day, so that no unit is ever lost."""
    places = archive.versions.drop_duplicates(schema.SITE).dropna(subset=[schema.SITE])
    names = [f"founder {number}" for number in range(len(places))]
    day = pd.Timestamp(FIRST)
    founders = places.assign(
        event_id=names, event_date=day, known_date=day, severity=5, operation="add"
    )
    return archive.plus(founders)


def unrevised(archive, day):
    """What was known on a day, as if each event had been known at once and never changed."""
    events = archive.as_of(day)
    events = events.assign(known_date=events[schema.EVENT_DATE], operation="add")
    return EventArchive.of(events, covered_to=day, known_basis="observed")


def rebuilding(archive, case):
    """Makes the inputs of a table anew, each day's from the panel of what was known on it."""

    @cache
    def inputs(day):
        return day_inputs(unrevised(archive, day), case.experiment, case.target, day).X

    def rebuilt(table):
        days = table.X.index.get_level_values(schema.DAY)
        tables = [
            inputs(np.datetime64(day, "D")).loc[table.X.index[days == day]] for day in days.unique()
        ]
        return dataclasses.replace(table, X=pd.concat(tables).loc[table.X.index])

    return rebuilt


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_every_model_says_the_same_as_on_tables_built_anew_for_each_day(seed, random_archive):
    archive = with_founders(random_archive(seed, days=DAYS, events=220))
    config = experiment(lag=seed % 3)
    case = make_case(archive, config, config.labels[0])
    rebuilt = rebuilding(archive, case)
    for origin in ORIGINS:
        day = FIRST + origin
        learned = case.training_table(day)
        ahead = case.rows_on(np.array([origin]), case.labels_on(day))
        actual, expected = (
            predict(fit_models(config, case.target, training), asked_rows)
            for training, asked_rows in (
                (learned, ahead),
                (rebuilt(learned), rebuilt(ahead)),
            )
        )
        assert set(actual) == set(config.model_names)
        for name, probability in actual.items():
            np.testing.assert_allclose(
                probability, expected[name], rtol=0, atol=1e-6, err_msg=f"{name} on {day}"
            )
