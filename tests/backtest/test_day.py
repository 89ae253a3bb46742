"""A day's rows, and those of the day before from the same history."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation.backtest.day import day_before, day_inputs
from escalation.experiment import Experiment


def experiment(lag, first_day):
    return Experiment.model_validate(
        {
            "experiment": {"name": "yesterday"},
            "data": {"source": "tidy", "lag": lag, "first_day": first_day},
            "panel": {"units": ["site", "country", "all"], "enters": {"rung": 3}},
            "features": {
                "window_sums": {"channels": ["events", "killed"], "windows": [7, 28]},
                "recency": {},
                "trend": {},
                "neighbours": {"windows": [7]},
            },
            "targets": [{"name": "any", "horizon": 5, "where": {"rung": 4}}],
            "models": {"climatology": {}},
        }
    )


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
        made = day_before(day_inputs(archive, config, target, day), config, target)
        if made is None:
            continue
        own = day_inputs(archive, config, target, day - 1)
        assert made[0] == own.unit_keys
        pd.testing.assert_frame_equal(made[1], own.X)
        assert made[2].tolist() == own.at_risk.tolist()
        answered += 1
    assert answered >= 10


def test_where_news_of_the_day_move_the_start_of_the_axis_there_is_none(random_archive):
    archive, config = random_archive(0), experiment(0, None)
    day = pd.Timestamp("2020-02-10")
    older = archive.as_of(day).iloc[:1].assign(
        event_id="older", event_date=archive.versions[schema.EVENT_DATE].min() - pd.Timedelta("5D"),
        known_date=day, operation="add",
    )  # fmt: skip
    inputs = day_inputs(archive.plus(older), config, config.labels[0], day)
    assert day_before(inputs, config, config.labels[0]) is None
    again = day_inputs(archive.plus(older), config, config.labels[0], day + pd.Timedelta("1D"))
    assert day_before(again, config, config.labels[0]) is not None
