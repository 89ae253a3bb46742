"""Find the data next to the checkout, or skip; write three of its files as tidy tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"
ALERTS = {"1": "rocket_attack", "2": "drone_attack", "10": "armed_clash"}
"""Event types by category; drills and early warnings are not attacks."""
STRIKES = {"Airstrike": "air_strike", "SOF": "troop_movement"}
"""A show of force (SOF) is a low pass without a shot."""
ATTACKS = {"IED": "ied_attack", "SAF": "armed_clash", "other": "battle"}
"""Small arms fire (SAF); the others are unspecified."""


def shared(name: str) -> Path:
    """Return a file of the shared data; skip the test if it is absent."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{name} is not in shared/data beside the checkout")
    return path


def tidy_israel_alerts(out: Path) -> Path:
    """Write one row per alert and place; a cell of the source holds several places."""
    raw = pd.read_csv(shared("israel_alerts.csv.gz"), dtype=str, keep_default_na=False)
    raw["site"] = raw["data"].str.split(",")
    raw = raw.explode("site", ignore_index=True)
    raw["event_date"] = raw["date"].str.replace(
        r"^(\d\d)\.(\d\d)\.(\d{4})$", r"\3-\2-\1", regex=True
    )
    raw["event_type"] = raw["category"].map(ALERTS).fillna("none")
    raw["site"] = raw["site"].str.strip()
    return _written(raw.assign(country="ISR"), "alert", out)


def tidy_iraq_airstrikes(out: Path) -> Path:
    """Write air strikes and shows of force in Iraq, February 2007 to July 2008."""
    raw = pd.read_csv(shared("iraq_airstrikes_2007_2008.csv"), dtype=str)
    sides = {"actor": "us_coalition", "target": "insurgents", "country": "IRQ"}
    return _written(_typed(raw, STRIKES).assign(**sides), "strike", out)


def tidy_iraq_attacks(out: Path) -> Path:
    """Write insurgent attacks in Iraq, February 2007 to July 2008."""
    raw = pd.read_csv(shared("iraq_insurgent_attacks_2007_2008.csv.gz"), dtype=str)
    sides = {"actor": "insurgents", "target": "us_coalition", "country": "IRQ"}
    return _written(_typed(raw, ATTACKS).assign(**sides), "attack", out)


def _typed(raw: pd.DataFrame, types: dict[str, str]) -> pd.DataFrame:
    return raw.assign(event_date=raw["date"], event_type=raw["type"].map(types))


TIDY = (
    "event_id", "event_date", "country", "site", "latitude", "longitude", "event_type", "actor",
    "target",
)  # fmt: skip


def _written(table: pd.DataFrame, prefix: str, out: Path) -> Path:
    """Number the rows in file order, because the sources have no ids."""
    table["event_id"] = [f"{prefix}-{number}" for number in range(1, len(table) + 1)]
    table[[name for name in TIDY if name in table]].to_csv(out, index=False)
    return out
