"""Forecast tables to score."""

import pytest
from metrics_panels import make_forecasts


@pytest.fixture
def forecasts():
    return make_forecasts()


@pytest.fixture
def make():
    return make_forecasts
