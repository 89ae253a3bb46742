"""Check that `score --if` equals the score of an archive that really contains the event.

    python tests/benchmarks/suppositions_equal.py [--events 100]

Trains the bundled experiment's logistic model on its first fifteen months, supposes random events
one at a time, and prints the largest difference of any unit's probability.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from iraq_2020 import experiment_of_2020
from suppositions import difference_of, random_line

from escalation.backtest.train import train_target
from escalation.events import load_events
from escalation.scoring.described import manifest_of
from escalation.scoring.scorer import Scorer


def main() -> None:
    """Print the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100)
    given = parser.parse_args()
    archive = load_events("iraq_crisis", None)
    quick = experiment_of_2020(models={"logistic": {}}, every=7, refit_every=26)
    trained = train_target(archive, quick, quick.labels[0])
    scorer = Scorer(trained.models["logistic"], manifest_of(trained, "logistic"), "test", "hash")
    rng = np.random.default_rng(11)
    found = [
        difference_of(scorer, archive, [random_line(rng, archive, "2020-12-31")], "2020-12-31")
        for _ in range(given.events)
    ]
    moved = sum(change > 1e-6 for _, change in found)
    print(
        f"{given.events} events: largest difference {max(apart for apart, _ in found):.3g}; "
        f"{moved} of them change a probability"
    )


if __name__ == "__main__":
    main()
