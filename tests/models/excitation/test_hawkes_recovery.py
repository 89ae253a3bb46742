"""Planted excitation is found with its size and speed; where there is none, none is claimed."""

from __future__ import annotations

import numpy as np
import pytest

from escalation.errors import GateError, InputError
from escalation.events.simulate import hawkes_counts
from escalation.models.excitation import answer_table, fit_hawkes

SHAPE = np.array([[0.5, 0.5], [0.8, 0.2]])
SHAPE /= np.abs(np.linalg.eigvals(SHAPE)).max()
NAMES = ("a>b", "b>a")


def named(days):
    return dict(zip(NAMES, days, strict=True))


def planted(ratio, *, runs=20, days=10_000, seed=11):
    return hawkes_counts(
        base=[0.3, 0.2], excitation=ratio * SHAPE, half_lives=1.0, days=days, seed=seed, runs=runs
    )


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.8])
def test_planted_branching_ratios_are_recovered_and_intervals_hold_the_planted_answers(ratio):
    fitted = [fit_hawkes(named(days), shuffles=0) for days in planted(ratio, runs=10)]
    ratios = np.array([fit.branching_ratio for fit in fitted])
    assert np.abs(ratios - ratio).max() <= 0.1
    covered = [(fit.lower <= ratio * SHAPE) & (ratio * SHAPE <= fit.upper) for fit in fitted]
    assert np.mean(covered) >= 0.85


@pytest.mark.slow
def test_shuffled_days_hold_a_significant_kernel_in_at_most_two_of_twenty_seeds():
    claimed = 0
    for seed, days in enumerate(planted(0.8, days=2000)):
        order = np.random.default_rng(seed).permutation(days.shape[1])
        claimed += fit_hawkes(named(days[:, order]), shuffles=99, seed=seed).significant.any()
    assert claimed <= 2


def test_an_answer_is_found_with_its_direction_and_its_half_life():
    for half_life in (1.0, 4.0):
        (days,) = hawkes_counts(
            base=[0.3, 0.1], excitation=[[0, 0], [0.6, 0]], half_lives=half_life, days=3000, seed=5
        )
        fitted = fit_hawkes(named(days), shuffles=99)
        np.testing.assert_array_equal(fitted.significant, [[False, False], [True, False]])
        assert fitted.half_lives[1, 0] == half_life
        assert fitted.lower[1, 0] < 0.6 < fitted.upper[1, 0]
        assert fitted.branching_ratio < 0.3


@pytest.mark.slow
def test_a_level_that_both_sides_share_is_not_taken_for_an_answer():
    claimed, by_ratio_alone = 0, 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        level = np.zeros(2000)
        for t in range(1, 2000):
            level[t] = np.exp(-1 / 200) * level[t - 1] + random.normal(0, 0.07)
        days = random.poisson(np.array([[0.25], [0.15]]) * np.exp(level))
        fitted = fit_hawkes(named(days), shuffles=99, seed=seed)
        claimed += fitted.significant.any()
        by_ratio_alone += (fitted.p_value < 0.05).any()
    assert claimed <= 1
    assert by_ratio_alone >= 5  # so it is the placebo that does the work


def test_days_of_many_events_without_order_are_not_taken_for_excitation():
    days = np.random.default_rng(2).negative_binomial(0.3, 0.3 / 0.7, (2, 1500))
    fitted = fit_hawkes(named(days), shuffles=99)
    assert not fitted.significant.any()
    assert (fitted.dispersion > 1.5).all()


def test_the_table_says_who_answers_whom_and_what_was_not_tested():
    (days,) = hawkes_counts(base=[0.3, 0.1], excitation=[[0, 0], [0.6, 0]], days=2000, seed=5)
    rare = np.zeros(2000, dtype=int)
    rare[[100, 900]] = 1
    fitted = fit_hawkes({**named(days), "c>a": rare}, shuffles=49)
    table = answer_table(fitted)
    assert table.loc[0, ["source", "target"]].tolist() == ["a>b", "b>a"]
    assert table["significant"].sum() == 1
    untested = table[table["p_value"].isna()]
    assert len(untested) == 5
    assert ((untested["source"] == "c>a") | (untested["target"] == "c>a")).all()
    without = fit_hawkes(named(days), shuffles=49)
    np.testing.assert_array_equal(without.matrix, fitted.matrix[:2, :2])
    assert (table["within_days"] >= 3 * table["half_life_days"]).sum() == 4
    again = answer_table(fit_hawkes({**named(days), "c>a": rare}, shuffles=49))
    assert again.equals(table)


def test_what_happens_on_the_same_day_is_no_answer():
    random = np.random.default_rng(4)
    first = random.poisson(0.3, 1500)
    same_day = {"a": first, "b": random.binomial(first, 0.8)}
    assert not fit_hawkes(same_day, shuffles=49).significant.any()


@pytest.mark.parametrize(
    "bad",
    [
        {"a": np.ones(80), "b": np.ones(79)},
        {"a": np.full(80, 0.5)},
        {"a": np.full(80, -1)},
        {"a": np.full(80, np.nan)},
        {},
    ],
)
def test_what_is_not_a_daily_count_is_refused(bad):
    with pytest.raises(InputError, match="E-COUNTS"):
        fit_hawkes(bad)


def test_two_months_are_the_least():
    with pytest.raises(GateError, match="E-INSUFFICIENT"):
        fit_hawkes({"a": np.ones(59)})


def test_without_any_events_nothing_is_tested():
    fitted = fit_hawkes({"a": np.zeros(100), "b": np.zeros(100)})
    assert np.isnan(fitted.matrix).all()
    assert fitted.branching_ratio == 0
