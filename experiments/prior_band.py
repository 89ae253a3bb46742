"""Learns how far forecasts are off in a conflict that nothing was learnt from, seeded.

    python experiments/prior_band.py        # prints the numbers, and writes the file of them

The small archives are those of ``prior.py``. In each, what ``ewma_nb`` and the prior (learnt on the
other conflicts) issue is recalibrated by intercept, slope and curvature, shrunk to the identity.
How these differ from the identity, from archive to archive, is what an interval has to allow for
before anything has resolved: their mean square, conflicts weighing the same.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from prior import archives
from scipy.special import expit, logit
from skill_data import SHARED

from escalation.backtest import intervals
from escalation.backtest.prior_learning import SCORED, learn
from escalation.backtest.small_archives import LABELS, SmallRows
from escalation.models.penalised import penalised_logistic

WIDE = np.array([1.5, 0.75, 0.25])
"""Standard deviations of the prior of each archive's own recalibration."""
PENALTY = 0.003


def away(probability: np.ndarray, rows: SmallRows) -> np.ndarray:
    """Recalibration of one archive's forecasts, less the identity."""
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
    """Mean square of what recalibrations are off by, each conflict forecast from the others."""
    squares = []
    for conflict, parts in small.items():
        others = {name: one for name, one in small.items() if name != conflict}
        found = []
        for label in LABELS:
            beta = learn(others, label, PENALTY)
            for rows in (one for part in parts for one in part):
                if rows.label == label and rows.horizon in SCORED:
                    own = expit(beta[0] + rows.inputs @ beta[1:])
                    found += [away(own, rows), away(rows.baseline, rows)]
        squares.append(np.mean([np.outer(one, one) for one in found], axis=0))
        sys.stderr.write(f"{conflict}: {np.sqrt(np.diag(squares[-1])).round(3)}\n")
    return np.mean(squares, axis=0)


def main() -> int:
    """Learn and write."""
    if not SHARED.is_dir():
        sys.stderr.write(f"skipped: no event files at {SHARED}\n")
        return 0
    covariance = [[float(f"{value:.4g}") for value in row] for row in band(archives())]
    sys.stdout.write(json.dumps(covariance, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
