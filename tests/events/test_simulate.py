"""Simulations match their parameters, and outcomes match their true probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from escalation.events.simulate import Motion, hawkes_counts, world
from escalation.panel.by_unit import history
from escalation.panel.dense import PanelSpec

STILL = Motion(unit_sd=0.0, common_sd=0.0, burst_chance=0.0)


def test_counts_have_the_mean_that_generations_of_triggered_events_add_up_to():
    excitation = np.array([[0.3, 0.2], [0.5, 0.1]])
    base = np.array([0.4, 0.1])
    counts = hawkes_counts(base=base, excitation=excitation, days=4000, seed=1, runs=20)
    expected = np.linalg.solve(np.eye(2) - excitation, base)
    np.testing.assert_allclose(counts.mean(axis=(0, 2)), expected, rtol=0.03)


def test_triggered_events_come_later_and_half_of_them_within_the_half_life():
    counts = hawkes_counts(
        base=[0.02, 0.0], excitation=[[0, 0], [0.8, 0]], half_lives=3.0, days=20_000, seed=2
    )[0]
    after = np.zeros(13)
    for day in np.flatnonzero(counts[0, :-13]):
        after += counts[0, day] * counts[1, day : day + 13]
    chance = counts[0].sum() * counts[1].mean()
    excess = after - chance
    assert abs(excess[0]) < 0.1 * excess[1:].sum()
    assert excess[1:4].sum() / excess[1:].sum() == pytest.approx(0.5 / (1 - 0.5**4), abs=0.06)


def test_growth_without_end_is_refused():
    with pytest.raises(ValueError, match=r"below 1, got 1\.10"):
        hawkes_counts(base=[0.1], excitation=[[1.1]], days=10, seed=0)


def test_one_seed_gives_one_world_and_another_gives_another():
    first, repeated, other = (world(units=3, days=200, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.counts, repeated.counts)
    assert not np.array_equal(first.counts, other.counts)


def test_with_constant_rates_the_true_probability_is_a_poisson_tail():
    simulated = world(units=4, days=50, seed=3, motion=STILL)
    for threshold in (1, 3):
        expected = poisson.sf(threshold - 1, 7 * simulated.base)
        probability = simulated.probability([10, 20], horizon=7, threshold=threshold, paths=2)
        np.testing.assert_allclose(probability, np.column_stack([expected, expected]))


@pytest.mark.parametrize("motion", [Motion(), Motion(burst_factor=8.0, unit_days=30.0)])
def test_outcomes_are_as_frequent_as_their_true_probability(motion):
    simulated = world(units=60, days=1200, seed=4, motion=motion)
    days = np.arange(0, 1193, 7)
    true = simulated.probability(days, horizon=7, paths=60)
    ahead = np.stack([simulated.counts[:, day + 1 : day + 8].sum(axis=1) for day in days], axis=1)
    outcome = ahead >= 1
    for low, high in [(0.0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)]:
        inside = (true >= low) & (true < high)
        error = np.sqrt(0.25 / inside.sum())
        assert outcome[inside].mean() == pytest.approx(true[inside].mean(), abs=4 * error)


def test_units_move_together_by_what_they_share():
    together = world(units=30, days=3000, seed=5, motion=Motion(unit_sd=0.0, common_sd=1.0))
    apart = world(units=30, days=3000, seed=5, motion=Motion(unit_sd=1.0, common_sd=0.0))

    def correlation(simulated):
        monthly = simulated.counts.reshape(30, 100, 30).sum(axis=2)
        return np.corrcoef(monthly)[np.triu_indices(30, 1)].mean()

    assert correlation(together) > 0.3
    assert abs(correlation(apart)) < 0.05


def test_the_archive_holds_every_event_on_its_day():
    simulated = world(units=5, days=300, seed=6)
    past = history(simulated.archive(), PanelSpec(("site",)), first_day=simulated.first_day)
    panel = past.panel_at(len(past.days) - 1)
    rows = [simulated.names.index(unit) for unit in panel.units]
    np.testing.assert_array_equal(panel["events"], simulated.counts[rows])
    assert simulated.counts.sum() == panel["events"].sum()
