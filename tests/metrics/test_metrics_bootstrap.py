"""Blocks of whole dates, and the coverage of intervals and tests based on them."""

import numpy as np
import pytest
from scipy import stats

from escalation.metrics.bootstrap import Resampling, block_length, interval, resample
from escalation.metrics.calibration import consistency_band
from escalation.metrics.dm import diebold_mariano, long_run_variance
from escalation.metrics.ranking import ranking_replicates
from escalation.metrics.scores import auc, average_precision
from escalation.metrics.summary import skill


def dates(count, *, every=7):
    return np.datetime64("2020-01-01") + every * np.arange(count)


@pytest.mark.parametrize(
    ("every", "horizon", "length"), [(7, 7, 2), (7, 10, 3), (1, 7, 14), (14, 7, 1), (30, 7, 1)]
)
def test_blocks_span_two_horizons(every, horizon, length):
    assert block_length(dates(15, every=every), horizon=horizon) == length


def test_blocks_grow_with_the_record_while_eight_remain():
    lengths = [block_length(dates(count), horizon=7) for count in (20, 80, 400, 1600)]
    assert lengths == [2, 10, 40, 80]


def test_blocks_span_two_horizons_where_dates_are_crowded():
    crowded = np.concatenate([dates(20), dates(20, every=1) + 200])
    length = block_length(crowded, horizon=7)
    spans = (crowded[length:] - crowded[:-length]).astype(int)
    assert length == 14
    assert spans.min() >= 14


def counted_by_hand(starts, lengths, dates):
    counts = np.zeros(dates)
    for start, length in zip(starts, lengths, strict=True):
        for step in range(length):
            counts[(start + step) % dates] += 1
    return counts


def test_counts_equal_a_loop_over_the_same_blocks():
    days = dates(23)
    resampling = resample(days, horizon=10, seed=5, replicates=7)
    starts = np.random.default_rng(5).integers(0, 23, (7, 8))
    lengths = [3] * 7 + [2]
    for got, row in zip(resampling.counts, starts, strict=True):
        np.testing.assert_array_equal(got, counted_by_hand(row, lengths, 23))


def test_every_replicate_has_as_many_dates_as_the_data():
    resampling = resample(dates(37), horizon=14, seed=0)
    assert set(resampling.counts.sum(axis=1)) == {37.0}
    assert resampling.counts.std(axis=0).min() > 0.5


def test_sums_equal_the_matrix_product():
    resampling = resample(dates(40), horizon=7, seed=0)
    by_date = np.random.default_rng(0).random((2, 3, 40))
    np.testing.assert_allclose(resampling.sums(by_date), by_date @ resampling.counts.T)


def test_few_blocks_give_no_interval_and_fewer_blocks_a_wider_one():
    values = np.random.default_rng(0).normal(size=999)
    assert np.isnan(interval(values, blocks=4.9)).all()
    (low8, high8), (low80, high80) = interval(values, blocks=8), interval(values, blocks=80)
    assert low8 < low80 < 0.0 < high80 < high8


def test_up_to_one_replicate_in_twenty_may_lack_a_value():
    values = np.arange(1000.0)
    values[:40] = np.nan
    assert np.isfinite(interval(values, blocks=100)).all()
    values[:60] = np.nan
    assert np.isnan(interval(values, blocks=100)).all()


def test_weighted_rankings_equal_those_of_repeated_rows():
    rng = np.random.default_rng(1)
    probability, date = rng.random(120).round(1), np.repeat(np.arange(30), 4)
    outcome = (rng.random(120) < probability) * 1.0
    counts = resample(dates(30), horizon=7, seed=3, replicates=20).counts
    got = ranking_replicates(probability, outcome, date, counts)
    for b in range(20):
        again = np.repeat(np.arange(120), counts[b, date].astype(int))
        assert got[0, b] == pytest.approx(average_precision(probability[again], outcome[again]))
        assert got[1, b] == pytest.approx(auc(probability[again], outcome[again]))


def test_weighted_rankings_are_undefined_where_no_positive_is_drawn():
    got = ranking_replicates(
        np.array([0.2, 0.7]), np.array([0.0, 1.0]), np.array([0, 1]), np.array([[2.0, 0.0]])
    )
    assert np.isnan(got).all()


def test_long_run_variance_equals_statsmodels():
    from statsmodels.stats.sandwich_covariance import S_hac_simple, weights_bartlett

    values = np.random.default_rng(0).normal(size=80).cumsum()
    centred = (values - values.mean())[:, None]
    expected = S_hac_simple(centred, nlags=5, weights_func=weights_bartlett)[0, 0] / 80
    assert long_run_variance(values, bandwidth=6) == pytest.approx(expected)


def test_equal_forecasters_have_p_value_one_and_a_constant_gap_has_no_variance():
    assert diebold_mariano(np.zeros(30), bandwidth=6)[:2] == (0.0, 1.0)
    assert np.isnan(diebold_mariano(np.full(30, 0.1), bandwidth=6).p_value)


def test_a_clear_difference_is_found_with_its_sign():
    difference = np.random.default_rng(0).normal(-0.5, 1.0, 300)
    result = diebold_mariano(difference, bandwidth=10)
    assert result.statistic < -3.0
    assert result.p_value < 0.01
    assert np.isnan(diebold_mariano(difference[:19], bandwidth=10).p_value)


def panels(*, repeats, units=6, origins=220, every=2, horizon=14, seed=0):
    """Outcomes of panels with a slow common tension, overlapping horizons, and two forecasters.

    Returns Brier losses of a forecaster that follows the past and of one that always forecasts the
    base rate, each of shape (repeat, origin, unit).
    """
    rng = np.random.default_rng(seed)
    days = origins * every + 3 * horizon
    tension = np.zeros((repeats, days))
    for t in range(1, days):
        tension[:, t] = 0.95 * tension[:, t - 1] + 0.3 * rng.normal(size=repeats)
    rate = 0.03 * np.exp(tension)[:, None, :]
    event = rng.random((repeats, units, days)) < 1.0 - np.exp(-rate)
    total = np.concatenate([np.zeros((repeats, units, 1)), event.cumsum(axis=2)], axis=2)
    at = 2 * horizon + every * np.arange(origins)
    outcome = (total[..., at + horizon] - total[..., at]) > 0
    past = (total[..., at] - total[..., at - 2 * horizon]).mean(axis=1, keepdims=True)
    follows = np.broadcast_to(0.15 + 0.6 * (1.0 - np.exp(-past / 2.0)), outcome.shape)
    loss = (follows - outcome) ** 2
    flat = (outcome.mean() - outcome) ** 2
    return loss.transpose(0, 2, 1), flat.transpose(0, 2, 1)


def row_wise(rows, *, replicates, rng):
    """Row-wise resampling, the wrong way, for comparison."""
    picks = rng.integers(0, rows, (replicates, rows)) + rows * np.arange(replicates)[:, None]
    return Resampling(
        np.bincount(picks.ravel(), minlength=replicates * rows).reshape(replicates, rows) * 1.0,
        rows,
    )


@pytest.mark.slow
def test_block_intervals_cover_the_truth_where_row_wise_ones_do_not():
    repeats, every, horizon = 300, 2, 14
    loss, flat = panels(repeats=repeats, every=every, horizon=horizon)
    truth = skill(loss.mean(), flat.mean())
    days, rng = dates(loss.shape[1], every=every), np.random.default_rng(0)
    inside, inside_rows = 0, 0
    for r in range(repeats):
        resampling = resample(days, horizon=horizon, seed=r)
        sums = resampling.sums(np.stack([loss[r].sum(axis=1), flat[r].sum(axis=1)]))
        low, high = interval(skill(*sums), blocks=resampling.blocks)
        inside += low <= truth <= high
        wrong = row_wise(loss[r].size, replicates=199, rng=rng)
        sums = wrong.sums(np.stack([loss[r].ravel(), flat[r].ravel()]))
        low, high = interval(skill(*sums), blocks=wrong.blocks)
        inside_rows += low <= truth <= high
    assert inside / repeats >= 0.88
    assert inside_rows / repeats <= 0.6


@pytest.mark.slow
def test_the_diebold_mariano_test_keeps_its_size_with_overlapping_horizons():
    repeats, every, horizon = 300, 2, 14
    loss, flat = panels(repeats=repeats, every=every, horizon=horizon, seed=1)
    difference = (loss - flat).mean(axis=2)
    difference = difference - difference.mean()
    bandwidth = block_length(dates(loss.shape[1], every=every), horizon=horizon)
    rejected = [diebold_mariano(d, bandwidth=bandwidth).p_value < 0.05 for d in difference]
    naive = [
        abs(d.mean() / np.sqrt(long_run_variance(d, bandwidth=1) / len(d))) > 1.96
        for d in difference
    ]
    assert np.mean(rejected) <= 0.12
    assert np.mean(naive) >= 0.3


@pytest.mark.parametrize("blocks", [5, 10, 40])
def test_the_percentile_is_expanded_as_in_hesterberg(blocks):
    tail = stats.norm.cdf(-np.sqrt(blocks / (blocks - 1)) * stats.t(blocks - 1).ppf(0.975))
    low, high = interval(np.arange(10_001.0), blocks=blocks)
    assert (low, high) == pytest.approx((1e4 * tail, 1e4 * (1 - tail)), abs=1e-6)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_the_band_of_a_calibrated_forecaster_is_symmetric(level):
    low, high = consistency_band(np.full(400, 0.5), at=np.array([0.5]), level=level, draws=2000)
    at = stats.binom(400, 0.5).ppf([(1 - level) / 2, (1 + level) / 2]) / 400
    assert [low[0], high[0]] == pytest.approx(at, abs=0.004)
