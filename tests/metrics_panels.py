"""Seeded forecast tables to score."""

import numpy as np
import pandas as pd


def make_forecasts(
    *, models=("climatology", "ewma_nb", "sharp"), dates=80, units=4, every=7, seed=0, rate=0.3
):
    """Make forecasts: ``sharp`` knows the truth, ``climatology`` is constant, others are noisy."""
    rng = np.random.default_rng(seed)
    day = np.datetime64("2020-01-01") + every * np.arange(dates)
    truth = rng.beta(rate * 2.0, (1.0 - rate) * 2.0, (dates, units))
    outcome = (rng.random(truth.shape) < truth) * 1.0
    fixed = {"climatology": np.full_like(truth, rate), "sharp": truth}
    tables = []
    for name in models:
        blurred = 0.5 * truth + 0.5 * rng.random(truth.shape)
        probability = np.clip(fixed.get(name, blurred), 1e-6, 1 - 1e-6).round(3).clip(0.001, 0.999)
        tables.append(
            pd.DataFrame(
                {
                    "model": name,
                    "target": "any",
                    "unit": np.tile([f"u{i}" for i in range(units)], dates),
                    "day": np.repeat(day, units),
                    "horizon": 7,
                    "probability": probability.ravel(),
                    "lower": np.nan,
                    "upper": np.nan,
                    "threshold": 1.0,
                    "count": outcome.ravel() * 2.0,
                    "outcome": outcome.ravel(),
                    "at_risk": True,
                    "as_of": np.repeat(day, units),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
