"""Invented conflicts in which each site has quiet and violent seasons."""

from __future__ import annotations

import numpy as np
import pandas as pd

from escalation.events.archive import EventArchive


def bursts(*, seed: int, days: int = 600, sites: int = 4) -> EventArchive:
    """Make air strikes from January 2018 on, each known on its day."""
    table = events(seed=seed, days=days, sites=sites)
    names = {"id": "event_id", "date": "event_date", "type": "event_type", "place": "site"}
    return EventArchive.from_pandas(table, columns=names)


def events(*, seed: int, days: int = 600, sites: int = 4) -> pd.DataFrame:
    """Return the events of :func:`bursts` as a user's table."""
    rng = np.random.default_rng(seed)
    seasons = rng.choice([0.01, 0.5], (sites, days // 50 + 1), p=[0.6, 0.4])
    site, day = np.nonzero(rng.poisson(np.repeat(seasons, 50, axis=1)[:, :days]))
    return pd.DataFrame(
        {
            "id": [f"e{k}" for k in range(len(day))],
            "date": pd.Timestamp("2018-01-01") + pd.to_timedelta(day, "D"),
            "type": "air_strike",
            "place": [f"site {k}" for k in site],
        }
    )
