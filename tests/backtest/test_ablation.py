"""What a feature family is worth is the difference between two backtests, with and without it."""

from __future__ import annotations

import pytest

from escalation import plots
from escalation.backtest.ablation import family_ablation, require_reader
from escalation.backtest.rolling import backtest_labels
from escalation.backtest.train import train_labels
from escalation.errors import UsageError
from escalation.events.simulate import world
from escalation.experiment import Experiment

FAMILIES = {"window_sums": {"windows": [7]}, "neighbours": {"windows": [7]}, "recency": {}}


def experiment_with(features, models=("logistic",)):
    return Experiment(
        experiment={"name": "small"},
        panel={"units": ["site"]},
        features=features,
        targets=[{"name": "any", "horizon": 7}],
        models={model: {} for model in models},
        backtest={"every": 14, "refit_every": 13, "train_every": 7},
    )


@pytest.fixture(scope="module")
def archive():
    return world(units=4, days=700, seed=3).archive()


@pytest.fixture(scope="module")
def table(archive):
    (trained,) = train_labels(archive, experiment_with(FAMILIES))
    return family_ablation(trained)


def test_each_family_is_left_out_with_its_own_columns_alone(table):
    removed = table.set_index("without")["columns"].to_dict()
    assert removed == {"window_sums": 2, "neighbours": 3, "recency": 3}
    assert set(table["model"]) == {"logistic"}


def test_the_increase_is_that_of_a_backtest_without_the_family(archive, table):
    families = {name: parameters for name, parameters in FAMILIES.items() if name != "recency"}
    forecasts = backtest_labels(archive, experiment_with(families))
    rows = forecasts[(forecasts["model"] == "logistic") & forecasts["at_risk"]].dropna()
    brier = ((rows["probability"] - rows["outcome"]) ** 2).mean()
    row = table.set_index("without").loc["recency"]
    assert row["brier_without"] == pytest.approx(brier, rel=1e-9)
    assert row["increase"] == pytest.approx(brier / row["brier"] - 1.0, rel=1e-9)
    assert row["increase_lower"] <= row["increase"] <= row["increase_upper"]


def test_what_is_dearest_to_lose_comes_first_in_table_and_figure(table):
    assert table["increase"].is_monotonic_decreasing
    (axes,) = plots.ablation_figure(table, title="any_7d").axes
    shown = [label.get_text() for label in axes.get_yticklabels()]
    assert shown[::-1] == table["without"].str.replace("_", " ").tolist()


def test_it_is_refused_where_no_model_reads_features_and_told_where_one_label_has_none(archive):
    with pytest.raises(UsageError, match="E-ABLATE"):
        require_reader(experiment_with(FAMILIES, models=("negbin",)))
    (trained,) = train_labels(archive, experiment_with(FAMILIES, models=("negbin",)))
    with pytest.warns(UserWarning, match="any_7d: no ablation of feature families"):
        assert family_ablation(trained) is None
