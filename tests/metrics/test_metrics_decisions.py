"""Decisions, slices and running scores: oracles of other libraries, literal tables, identities."""

import numpy as np
import pandas as pd
import pytest

from escalation.metrics import (
    elementary_scores,
    recalibrated,
    relative_value,
    running,
    skill_by,
    summary,
)
from escalation.metrics.scores import brier


def random_forecasts(seed, *, rows=400, decimals=2):
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.7, 2.0, rows).round(decimals).clip(0.01, 0.99)
    return probability, (rng.random(rows) < 0.6 * probability + 0.1) * 1.0


@pytest.mark.parametrize("decimals", [1, 2, 15])
def test_elementary_scores_equal_those_of_model_diagnostics(decimals):
    scoring = pytest.importorskip("model_diagnostics.scoring")
    at = np.array([0.05, 0.1, 0.3, 0.5, 0.77])
    for seed in range(4):
        p, y = random_forecasts(seed, decimals=decimals)
        got = elementary_scores(p, y, at=at)
        for theta, value in zip(at, got, strict=True):
            expected = scoring.ElementaryScore(eta=theta, functional="mean")(y, p)
            assert value == pytest.approx(expected, abs=1e-10)


def test_isotonic_miscalibration_equals_that_of_model_diagnostics():
    scoring = pytest.importorskip("model_diagnostics.scoring")
    from escalation.metrics import decompose

    for seed in range(4):
        p, y = random_forecasts(seed, decimals=1)
        table = scoring.decompose(
            y_obs=y, y_pred=p, scoring_function=scoring.SquaredError(), functional="mean"
        )
        parts = decompose(p, y)
        assert parts.miscalibration == pytest.approx(table["miscalibration"][0], abs=1e-10)
        assert parts.discrimination == pytest.approx(table["discrimination"][0], abs=1e-10)
        assert parts.uncertainty == pytest.approx(table["uncertainty"][0], abs=1e-10)


def test_recalibration_equals_scikit_learn():
    from sklearn.isotonic import IsotonicRegression

    for seed in range(4):
        p, y = random_forecasts(seed, decimals=1)
        expected = IsotonicRegression().fit(p, y).predict(p)
        np.testing.assert_allclose(recalibrated(p, y), expected, atol=1e-10)


def test_the_brier_score_is_twice_the_integral_of_the_elementary_ones():
    p, y = random_forecasts(1, decimals=3)
    # Between rounded forecasts each is linear: the middle of every interval is exact.
    middle = (np.arange(1000) + 0.5) / 1000
    assert 2 * elementary_scores(p, y, at=middle).mean() == pytest.approx(brier(p, y), abs=1e-12)


def expense(p, y, cost):
    """Mean loss of acting at the threshold, counted row by row; a loss that happens costs 1."""
    total = 0.0
    for probability, outcome in zip(p, y, strict=True):
        total += cost if probability >= cost else outcome
    return total / len(y)


def test_relative_value_equals_expenses_counted_by_hand():
    p, y = random_forecasts(2, rows=60, decimals=1)
    at = np.array([0.05, 0.25, 0.4, 0.7])
    for ratio, got in zip(at, relative_value(p, y, at=at), strict=True):
        flat = min(expense(np.ones(60), y, ratio), expense(np.zeros(60), y, ratio))
        perfect = expense(y, y, ratio)
        assert got == pytest.approx((flat - expense(p, y, ratio)) / (flat - perfect), abs=1e-12)


def test_values_are_undefined_without_rows_or_with_one_outcome():
    nothing = np.empty(0)
    assert np.isnan(elementary_scores(nothing, nothing)).all()
    assert np.isnan(relative_value(nothing, nothing)).all()
    assert np.isnan(relative_value(np.array([0.2]), np.array([0.0]))).all()


@pytest.mark.parametrize("by", ["unit", "month"])
def test_slices_have_every_row_once_and_their_own_scores(forecasts, by):
    table = skill_by(forecasts, by)
    whole = summary(forecasts).set_index("model")
    for model, rows in table.groupby("model"):
        assert rows["rows"].sum() == whole.loc[model, "rows"]
        weighted = (rows["brier"] * rows["rows"]).sum() / rows["rows"].sum()
        assert weighted == pytest.approx(whole.loc[model, "brier"], abs=1e-12)
    first = table[(table["model"] == "sharp")].iloc[0]
    key = forecasts["unit"] if by == "unit" else forecasts["day"].dt.strftime("%Y-%m")
    alone = summary(forecasts[key == first["slice"]]).set_index("model").loc["sharp"]
    assert first["skill"] == pytest.approx(alone["skill_vs_ewma_nb"])


def test_a_slice_of_all_rows_has_the_interval_of_the_summary(forecasts):
    (row,) = skill_by(forecasts, "horizon").query("model == 'sharp'").to_dict("records")
    whole = summary(forecasts).set_index("model").loc["sharp"]
    for end in ("", "_lower", "_upper"):
        assert row[f"skill{end}"] == pytest.approx(whole[f"skill_vs_ewma_nb{end}"], abs=1e-12)


def test_each_horizon_is_a_slice(forecasts):
    later = forecasts.assign(horizon=14)
    assert set(skill_by(pd.concat([forecasts, later]), "horizon")["slice"]) == {"7d", "14d"}


def test_the_running_score_ends_at_the_score_of_all_rows_and_a_window_at_its_last(forecasts):
    whole = summary(forecasts).set_index("model")
    for model, rows in running(forecasts).groupby("model"):
        assert rows["brier"].iloc[-1] == pytest.approx(whole.loc[model, "brier"])
        assert rows["skill"].iloc[-1] == pytest.approx(whole.loc[model, "skill_vs_ewma_nb"])
    last = forecasts["day"].max()
    recent = forecasts[forecasts["day"] > last - pd.Timedelta(28, "D")]
    windowed = running(forecasts, window=28).groupby("model")["brier"].last()
    alone = summary(recent).set_index("model")["brier"]
    np.testing.assert_allclose(windowed.sort_index(), alone.sort_index().astype(float))


def test_the_summary_has_the_tests_of_equal_skill(forecasts):
    from escalation.metrics import compare

    table = summary(forecasts).set_index("model")
    other = compare(forecasts, reference="ewma_nb").set_index("model")
    assert table.loc["sharp", "dm_vs_ewma_nb_p"] == pytest.approx(other.loc["sharp", "brier_dm_p"])
    assert table.loc["sharp", "dm_vs_ewma_nb_p"] < 0.01
    assert table.loc["ewma_nb", "dm_vs_ewma_nb_p"] == 1.0
