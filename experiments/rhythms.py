"""Measure what ``blend`` loses if events follow a rhythm that ``prior`` has never seen.

    python experiments/rhythms.py [--years 3]

Five units, seeded: a strict clock (an event in each unit every tenth day), seasons (a month on, a
month off), and rockets on Fridays only, with battles on any day. Weekly origins from the first day
on which the models can learn. Writes results/rhythms.md: the reduction of the Brier score relative
to ``ewma_nb`` in the first year of forecasts, and the mixture weight of ``prior`` at the end.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from escalation import schema
from escalation.backtest.blend_shares import shares_in_blend
from escalation.backtest.case import make_case
from escalation.backtest.train import train_case
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment

UNITS = 5
FIRST = pd.Timestamp("2015-01-01")
OUT = Path(__file__).with_name("results") / "rhythms.md"
Happened = Iterator[tuple[int, int, str]]
"""Unit, day and type of each event."""


def clock(days: int, rng: np.random.Generator) -> Happened:
    """An event in each unit on every tenth day."""
    for unit in range(UNITS):
        yield from ((unit, day, "rocket_attack") for day in range(int(rng.integers(10)), days, 10))


def seasons(days: int, rng: np.random.Generator) -> Happened:
    """A month with an event on about every third day, then a month without."""
    for unit in range(UNITS):
        on = (np.arange(days) // 30) % 2 == unit % 2
        for day in np.flatnonzero(on & (rng.random(days) < 0.3)):
            yield unit, int(day), "rocket_attack"


def fridays(days: int, rng: np.random.Generator) -> Happened:
    """Rockets on half of all Fridays, and a battle on one day in fifty."""
    friday = (FIRST + pd.to_timedelta(np.arange(days), "D")).day_of_week == 4
    for unit in range(UNITS):
        for day in np.flatnonzero(friday & (rng.random(days) < 0.5)):
            yield unit, int(day), "rocket_attack"
        for day in np.flatnonzero(rng.random(days) < 0.02):
            yield unit, int(day), "battle"


RHYTHMS: dict[str, Callable[[int, np.random.Generator], Happened]] = {
    "clock": clock,
    "seasons": seasons,
    "fridays": fridays,
}


def archive_of(rhythm: str, years: int) -> EventArchive:
    """Return the events of a rhythm, each known on the day it happened."""
    events = RHYTHMS[rhythm](365 * years, np.random.default_rng(list(RHYTHMS).index(rhythm)))
    rows = [
        {
            schema.EVENT_ID: f"{kind} {unit} {day}",
            schema.EVENT_DATE: FIRST + pd.Timedelta(day, "D"),
            schema.COUNTRY: "IRQ",
            schema.ADMIN1: f"province {unit}",
            schema.EVENT_TYPE: kind,
            schema.SEVERITY: 4,
        }
        for unit, day, kind in events
    ]
    return EventArchive.from_pandas(pd.DataFrame(rows))


def measure(rhythm: str, horizon: int, years: int) -> dict[str, object]:
    """Return the gains of blend and prior in the first year, and the prior's final weight."""
    archive = archive_of(rhythm, years)
    experiment = Experiment(
        experiment={"name": "rhythms", "seed": 7},
        panel={"units": ["admin1"]},
        targets=[{"name": "any", "horizon": horizon}],
        models={name: {} for name in ("prior", "logistic", "negbin", "pool", "corrected", "blend")},
        backtest={"every": 7, "refit_every": 8, "update_every": 4, "train_every": 7},
    )
    trained = train_case(make_case(archive, experiment, experiment.labels[0]))
    rows = trained.forecasts
    rows = rows[rows["at_risk"] & rows["outcome"].notna()]
    first = rows["day"] < rows["day"].min() + pd.Timedelta(365, "D")
    loss = (rows["probability"] - rows["outcome"]) ** 2
    brier = loss[first].groupby(rows.loc[first, "model"]).mean()
    gains = 100 * (1 - brier / brier["ewma_nb"])
    weight = shares_in_blend(trained).set_index("model")["share"].get("prior", 0.0)
    return {"rhythm": rhythm, "label": f"any_{horizon}d", "baseline": brier["ewma_nb"],
            "blend": gains["blend"], "prior": gains["prior"], "weight": weight}  # fmt: skip


def main() -> int:
    """Measure each rhythm, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", type=int, default=3)
    years = parser.parse_args().years
    lines = [
        "| rhythm | label | Brier of `ewma_nb` | `blend` | `prior` | final weight of `prior` |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for rhythm in RHYTHMS:
        for horizon in (3, 7):
            row = measure(rhythm, horizon, years)
            lines.append("| {rhythm} | {label} | {baseline:.3f} | {blend:+.1f}% | {prior:+.1f}% | "
                         "{weight:.3f} |".format(**row))  # fmt: skip
    text = "\n".join(lines) + "\n"
    OUT.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
