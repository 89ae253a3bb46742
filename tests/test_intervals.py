"""Intervals from a track record: wide without one, honest, and they hold the number."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from escalation.intervals import NO_RECORD, track_record


def simulated(rng, days=300, units=6, shift=0.0):
    """Issued and true probabilities with outcomes drawn from the true ones."""
    issued = expit(rng.normal(-1.5, 1.0, (days, units)))
    true = expit(logit(issued) + shift)
    outcome = (rng.random((days, units)) < true) * 1.0
    block = np.repeat(np.arange(days) // 14, units)
    return issued.ravel(), true.ravel(), outcome.ravel(), block


def test_without_a_record_the_interval_is_wide():
    low, high = NO_RECORD.interval(np.array([0.3]))
    assert low[0] < 0.1 and high[0] > 0.65


def test_the_interval_narrows_with_the_record_and_holds_the_number():
    rng = np.random.default_rng(1)
    widths = []
    for days in (60, 240, 960):
        issued, _, outcome, block = simulated(rng, days=days)
        low, high = track_record(issued, outcome, block).interval(np.array([0.2]))
        assert low[0] <= 0.2 <= high[0]
        widths.append(high[0] - low[0])
    assert widths[0] > widths[1] > widths[2]


@pytest.mark.parametrize("shift", [0.0, 0.5, -0.5])
def test_the_interval_covers_the_true_probability_even_of_a_biased_model(shift):
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(60):
        issued, true, outcome, block = simulated(rng, shift=shift)
        low, high = track_record(issued, outcome, block).interval(issued)
        covered.append(np.mean((low <= true) & (true <= high)))
    assert np.mean(covered) >= 0.9


def test_repeating_every_unit_does_not_narrow_the_interval():
    rng = np.random.default_rng(3)
    issued, _, outcome, block = simulated(rng)
    once = track_record(issued, outcome, block).interval(np.array([0.2]))
    many = track_record(np.tile(issued, 5), np.tile(outcome, 5), np.tile(block, 5)).interval(
        np.array([0.2])
    )
    assert (many[1] - many[0])[0] > 0.85 * (once[1] - once[0])[0]
