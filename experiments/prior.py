"""Learn the numbers of the model ``prior`` from open data of conflicts, seeded.

    python experiments/prior.py        # writes escalation/models/prior.json and prior.md

Small archives are cut at random from each conflict: 450 days, some of its units, nothing after
2019. The penalty is chosen by leaving one conflict out. So are the figures of the card: each
conflict is forecast with numbers learnt on the others. The two files of Iraq are one conflict.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from skill_data import DATA, SHARED

from escalation import models
from escalation.backtest.prior_learning import (
    LearntLabel,
    learn_prior,
    numbers_to_write,
    rows_of_gains,
    start_weight,
)
from escalation.backtest.small_archives import ConflictFiles, SmallRows, small_archives

FOLDER = Path(models.__file__).parent
CONFLICTS = {"Iraq": ("ucdp_iraq", "iraq_2007"), "Syria": ("ucdp_syria",), "Israel": ("israel",)}
LAST_DAY = np.datetime64("2019-12-31")


def archives() -> dict[str, list[list[SmallRows]]]:
    """Cut small archives of each conflict from the open files."""
    conflicts: dict[str, ConflictFiles] = {
        name: [(DATA[file][0](0), DATA[file][1]) for file in files]  # type: ignore[misc]
        for name, files in CONFLICTS.items()
    }
    return small_archives(conflicts, last_day=LAST_DAY)


@cache
def numbers_without(conflict: str) -> dict[str, Any]:
    """Return the numbers learnt on the other conflicts; computed once per process.

    The start of ``blend`` is chosen on the gains in the other conflicts, each forecast from all
    conflicts but itself: a single conflict to learn from would say little about a start.
    """
    others = {name: parts for name, parts in _archives().items() if name != conflict}
    numbers = numbers_to_write(learn_prior(others))
    measured = {result.label: result.losses for result in _learnt()}
    for label in numbers["start"]:
        rest = {key: sums for key, sums in measured[label].items() if key[0] != conflict}
        numbers["start"][label] = start_weight(rest)
    return numbers


@cache
def _learnt() -> list[LearntLabel]:
    return learn_prior(_archives())


@cache
def _archives() -> dict[str, list[list[SmallRows]]]:
    return archives()


def main() -> int:
    """Learn, measure and write both files."""
    if not SHARED.is_dir():
        sys.stderr.write(f"skipped: no event files at {SHARED}\n")
        return 0
    learnt, lines, weights = learn_prior(archives()), [], []
    for row in (row for result in learnt for row in rows_of_gains(result)):
        place = f"| {row['label']} | {row['horizon']} | {row['left_out']} |"
        cells = [row["all_days"], row["young"]]
        gains = " | ".join(f"{a:+.1f} [{b:+.1f}, {c:+.1f}]" for a, b, c in cells)
        lines.append(f"{place} {row['archives']} | {gains} |")
        weights.append(f"{place} " + " | ".join(f"{v:+.1f}" for v in row["by_weight"]) + " |")
    for result in learnt:
        sys.stderr.write(
            f"{result.label}: penalty {result.penalty}, gain {result.gain}, {result.worst}\n"
        )
    numbers = json.dumps(numbers_to_write(learnt), indent=1) + "\n"
    (FOLDER / "prior.json").write_text(numbers, "utf-8")
    card = Path(__file__).with_name("prior_card.md").read_text("utf-8")
    card = card.replace("{gains}", "\n".join(lines)).replace("{weights}", "\n".join(weights))
    (FOLDER / "prior.md").write_text(card, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
