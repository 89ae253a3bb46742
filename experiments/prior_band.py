"""Measure how far off forecasts are in a conflict that they have not learnt from, seeded.

    python experiments/prior_band.py        # prints the covariance

The small archives are those of ``prior.py``. In each, the forecasts of ``ewma_nb`` and of the prior
(learnt on the other conflicts) are recalibrated by an intercept, slope and curvature, shrunk
towards the identity. The mean square of their deviations from the identity, with conflicts weighted
equally, is what an interval has to allow for before any forecast has resolved.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from prior import archives
from scipy.special import expit, logit
from skill_data import SHARED

from escalation.backtest import intervals
from escalation.backtest.prior_learning import SCORED, fit_coefficients
from escalation.backtest.small_archives import LABELS, SmallRows
from escalation.models.penalised import penalised_logistic

WIDE = np.array([1.5, 0.75, 0.25])
"""Prior standard deviations of one archive's recalibration: intercept, slope, curvature."""
PENALTY = 0.003


def deviation(probability: np.ndarray, rows: SmallRows) -> np.ndarray:
    """Return the recalibration of one archive's forecasts, minus the identity."""
    score = np.clip(logit(probability), -intervals.LARGEST_SCORE, intervals.LARGEST_SCORE)
    design = np.column_stack([np.ones_like(score), score, score**2])
    fit, _ = penalised_logistic(
        design,
        rows.outcome,
        np.full(len(score), min(1.0, 7.0 / rows.horizon)),
        prior=intervals.IDENTITY,
        ridge=WIDE**-2.0,
    )
    return fit - intervals.IDENTITY


def band(small: dict[str, list[list[SmallRows]]]) -> np.ndarray:
    """Return the mean square of the deviations, each conflict forecast from the others."""
    squares = []
    for conflict, parts in small.items():
        others = {name: rows for name, rows in small.items() if name != conflict}
        deviations = []
        for label in LABELS:
            beta = fit_coefficients(others, label, PENALTY)
            for rows in (rows for part in parts for rows in part):
                if rows.label == label and rows.horizon in SCORED:
                    prior = expit(beta[0] + rows.inputs @ beta[1:])
                    deviations += [deviation(prior, rows), deviation(rows.baseline, rows)]
        squares.append(np.mean([np.outer(row, row) for row in deviations], axis=0))
        sys.stderr.write(f"{conflict}: {np.sqrt(np.diag(squares[-1])).round(3)}\n")
    return np.mean(squares, axis=0)


def main() -> int:
    """Measure and print."""
    if not SHARED.is_dir():
        sys.stderr.write(f"skipped: no event files at {SHARED}\n")
        return 0
    covariance = [[float(f"{value:.4g}") for value in row] for row in band(archives())]
    sys.stdout.write(json.dumps(covariance, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
