"""The event files of the skill table, read as archives.

Israel's alerts name places, not regions. ``israel_regions.csv`` maps words of place names to
regions: a place belongs to the first region with a word that its name contains. The words were
collected from the most frequent places; all other places form the region ``other``, which is large
and far from uniform. This gives units with different histories; it is not a gazetteer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from escalation.events import load_events
from escalation.events.archive import EventArchive
from escalation.events.source import Options

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
REGIONS = Path(__file__).with_name("israel_regions.csv")
ROCKETS = 1
SHOW_OF_FORCE = "SOF"
"""A low pass without firing, which is not an attack."""


def ucdp_iraq(lag: int) -> EventArchive:
    """UCDP GED, Iraq by province."""
    path = SHARED / "ucdp_ged_iraq_hdx.csv.gz"
    return load_events("ucdp", path, options=Options(lag=lag))


def ucdp_syria(lag: int) -> EventArchive:
    """UCDP GED, Syria by governorate."""
    path = SHARED / "ucdp_ged_syria_2016_2019.csv.gz"
    return load_events("ucdp", path, options=Options(lag=lag))


def israel(lag: int) -> EventArchive:
    """Rocket alerts by region: an alert counts once in each region that it names."""
    raw = pd.read_csv(SHARED / "israel_alerts.csv.gz")
    raw = raw[raw["category"] == ROCKETS]
    raw = raw.assign(place=raw["data"].fillna("").str.split(",")).explode("place")
    raw["admin1"] = region_of(raw["place"])
    raw = raw.drop_duplicates(["rid", "admin1"])
    dates = pd.to_datetime(raw["date"], format="%d.%m.%Y")
    return _tidy(raw.assign(event_date=dates, country="ISR", event_type="rocket_attack"), lag)


def region_of(place: pd.Series) -> np.ndarray:
    """Return the region of each place, by the first matching line of ``israel_regions.csv``."""
    names = pd.Series(place.unique())
    region = np.full(len(names), "other", dtype=object)
    table = pd.read_csv(REGIONS)
    for name, word in zip(table["region"][::-1], table["word"][::-1], strict=True):
        region[names.str.contains(word, regex=False).to_numpy()] = name
    return place.map(dict(zip(names, region, strict=True))).to_numpy()


def iraq_cells(lag: int) -> EventArchive:
    """Air strikes and insurgent attacks in Iraq, 2007-08, by half-degree cell."""
    strikes = pd.read_csv(SHARED / "iraq_airstrikes_2007_2008.csv")
    attacks = pd.read_csv(SHARED / "iraq_insurgent_attacks_2007_2008.csv.gz")
    shows = strikes["type"] == SHOW_OF_FORCE
    both = pd.concat(
        [
            strikes.assign(
                event_type=np.where(shows, "troop_movement", "air_strike"), actor="us_coalition"
            ),
            attacks.assign(event_type="battle", actor="insurgents"),
        ]
    )
    return _tidy(both.assign(event_date=pd.to_datetime(both["date"]), country="IRQ"), lag)


def _tidy(raw: pd.DataFrame, lag: int) -> EventArchive:
    """Read the rows with the tidy reader, like any user's file; row numbers become event ids."""
    known = raw["event_date"] + pd.Timedelta(lag, "D")
    table = raw.assign(event_id=[f"e{i}" for i in range(len(raw))], known_date=known)
    names = (
        "event_id",
        "event_date",
        "known_date",
        "country",
        "admin1",
        "latitude",
        "longitude",
        "event_type",
        "actor",
    )
    for name in ("event_date", "known_date"):
        table[name] = table[name].dt.strftime("%Y-%m-%d")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.csv"
        table[[name for name in names if name in table]].to_csv(path, index=False)
        return load_events("tidy", path)


DATA: dict[str, tuple[Callable[[int], EventArchive], str, str | None]] = {
    "ucdp_iraq": (ucdp_iraq, "admin1", "2003-01-01"),
    "israel": (israel, "admin1", None),
    "ucdp_syria": (ucdp_syria, "admin1", None),
    "iraq_2007": (iraq_cells, "priogrid", None),
}
"""Reader, kind of unit and first day of each data set, the longest-running first."""
