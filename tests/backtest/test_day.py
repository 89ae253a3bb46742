"""A day's rows, and those of the day before from the same history."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from daily_experiment import daily_experiment

from escalation import schema
from escalation.backtest.day import _starts_alike, day_before, day_inputs


def experiment(lag, first_day):
    units = ["site", "country", "all"]
    return daily_experiment(units=units, lag=lag, first_day=first_day, models=["climatology"])


def require_same(actual, expected):
    assert actual[0] == expected.unit_keys
    assert actual[1].index.names == expected.X.index.names
    if not actual[1].equals(
        expected.X
    ):  # looked at column by column, which takes longer than the rest
        pd.testing.assert_frame_equal(actual[1], expected.X)
    assert actual[2].tolist() == expected.at_risk.tolist()


@pytest.mark.parametrize("first_day", [None, "2020-01-01"])
@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("seed", range(3))
def test_the_day_before_from_a_day_s_history_is_that_day_s_own(
    seed, lag, first_day, random_archive
):
    archive, config = random_archive(seed, days=30, events=40), experiment(lag, first_day)
    target = config.labels[0]
    answered = 0
    for day in np.arange(np.datetime64("2020-01-03"), np.datetime64("2020-01-30"), 2):
        today = day_inputs(archive, config, target, day)
        if _starts_alike(today, config):
            expected = day_inputs(archive, config, target, day - 1)
            require_same(day_before(today, config, target), expected)
            answered += 1
    assert answered >= 10


def test_where_news_of_the_day_move_the_start_of_the_axis_it_is_made_by_itself(random_archive):
    archive, config = random_archive(0), experiment(0, None)
    target, day = config.labels[0], np.datetime64("2020-02-10")
    older = archive.as_of(day).iloc[:1].assign(
        event_id="older", event_date=archive.versions[schema.EVENT_DATE].min() - pd.Timedelta("5D"),
        known_date=pd.Timestamp(day), operation="add",
    )  # fmt: skip
    archive = archive.plus(older)
    for at, alike in ((day, False), (day + 1, True)):
        today = day_inputs(archive, config, target, at)
        assert _starts_alike(today, config) == alike
        require_same(day_before(today, config, target), day_inputs(archive, config, target, at - 1))
