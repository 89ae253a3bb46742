"""Features as known on each day, as a user would write them, and ours; for ``known_when.py``."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from known_when_events import FIRST_DAY, RETRACTED, UPDATED, blocks, later

from escalation import schema
from escalation.backtest.table import features_history
from escalation.events import EventArchive
from escalation.experiment import Experiment
from escalation.features.build import build

PEER_UNITS, PEER_DAYS, PEER_WINDOWS, PEER_HALF_LIVES = 20, 1_000, (7, 28, 90), (7, 28)
PEER_FAMILIES = {
    "window_sums": {"channels": ["events", "killed"], "windows": list(PEER_WINDOWS)},
    "decayed_sums": {"channels": ["events", "killed"], "half_lives": list(PEER_HALF_LIVES)},
    "recency": {"channels": ["events"], "rungs": []},
}
PEER_CAP = 365


def with_pandas(versions: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    """For each day, take what was known, roll, and keep the last row."""
    rows = {}
    for day in days:
        known = versions[versions[schema.KNOWN_DATE] <= day]
        last = known.drop_duplicates([schema.SOURCE, schema.EVENT_ID], keep="last")
        alive = last[last[schema.OPERATION] != "retract"]
        if len(known):
            rows[day] = _rolled(alive, days[days <= day], known[schema.ADMIN1].unique())
    return pd.concat(rows, names=[schema.DAY])


def _rolled(alive: pd.DataFrame, days: pd.DatetimeIndex, units: np.ndarray) -> pd.DataFrame:
    """Return the features of every unit on the last day; zeros for a unit without events."""
    keys = [alive[schema.EVENT_DATE], alive[schema.ADMIN1]]
    killed = alive[schema.KILLED].fillna(0).astype(float)
    tables = {"events": alive.groupby(keys).size(), "killed": killed.groupby(keys).sum()}
    columns = {}
    for name, counts in tables.items():
        daily = counts.unstack(fill_value=0).reindex(days, columns=units, fill_value=0)
        for w in PEER_WINDOWS:
            columns[f"{name}_sum_{w}d"] = daily.rolling(w, min_periods=1).sum().iloc[-1]
        for h in PEER_HALF_LIVES:
            keep = 0.5 ** (1 / h)
            weights = (1 - keep ** len(days)) / (1 - keep)
            columns[f"{name}_decay_{h}d"] = daily.ewm(halflife=h).mean().iloc[-1] * weights
    since = (days[-1] - alive.groupby(schema.ADMIN1)[schema.EVENT_DATE].max()).dt.days
    columns["days_since_events"] = since.reindex(units, fill_value=PEER_CAP).clip(upper=PEER_CAP)
    return pd.DataFrame(columns).rename_axis(schema.UNIT)


def peer_archive(count: int) -> EventArchive:
    """Make late events, corrections and retractions in memory."""
    parts = []
    for block in blocks(count, units=PEER_UNITS, days=PEER_DAYS):
        changed = later(block, UPDATED, 0, killed=2, wounded=5)
        gone = later(block, RETRACTED, 1)
        moved = pd.to_datetime(gone[schema.KNOWN_DATE].to_pandas()) + pd.Timedelta(days=60)
        gone = gone.to_pandas().assign(known_date=moved, operation="retract")
        parts += [block.to_pandas().assign(operation="add"), gone]
        parts.append(changed.to_pandas().assign(operation="update"))
    versions = pd.concat(parts, ignore_index=True)
    for column in schema.DATE_COLUMNS:
        versions[column] = pd.to_datetime(versions[column])
    tolls = [schema.KILLED, schema.WOUNDED]
    versions[tolls] = versions[tolls].astype("Int64")
    columns = [*schema.EVENT_COLUMNS, schema.OPERATION]
    return EventArchive.of(versions.reindex(columns=columns), known_basis="observed")


def compare(count: int) -> str:
    """Print the CPU seconds of both, and the difference of their values."""
    last = FIRST_DAY + (PEER_DAYS - 1)
    data = {"source": "tidy", "first_day": str(FIRST_DAY), "last_day": str(last)}
    experiment = Experiment.model_validate({
        "experiment": {"name": "peer"}, "data": data, "panel": {"units": ["admin1"]},
        "features": PEER_FAMILIES, "targets": [{"name": "any", "horizon": 7}],
    })  # fmt: skip
    archive, days = peer_archive(count), pd.date_range(FIRST_DAY, last)
    ours(archive, experiment)
    mine, quick = timed(lambda: ours(archive, experiment), repeats=5)
    theirs, slow = timed(lambda: with_pandas(archive.versions, days))
    difference, compared = apart(mine, theirs)
    return (
        f"{count:,} events, {PEER_UNITS} units x {PEER_DAYS:,} days: ours {quick:.3f} s of CPU, "
        f"pandas {slow:.1f} s, {slow / quick:.0f} times as long; {compared:,} values, largest "
        f"|a - b| / max(1, |b|) {difference:.1e}"
    )


def ours(archive: EventArchive, experiment: Experiment) -> pd.DataFrame:
    """Return the same columns by the package, from the archive to the frame."""
    return build(features_history(archive, experiment), experiment.features).frame()


def timed(call: Callable[[], pd.DataFrame], *, repeats: int = 1) -> tuple[pd.DataFrame, float]:
    """Return a result and its CPU seconds, the mean of the repeats."""
    start = time.process_time()
    for _ in range(repeats):
        result = call()
    return result, (time.process_time() - start) / repeats


def apart(mine: pd.DataFrame, theirs: pd.DataFrame) -> tuple[float, int]:
    """Return the largest |a - b| / max(1, |b|) over all our rows, and the number of values.

    Raises
    ------
    ValueError
        When a row or a column of ours is missing from theirs.
    """
    theirs = theirs.reorder_levels([schema.UNIT, schema.DAY])
    index = mine.index.set_levels(pd.to_datetime(mine.index.levels[1]), level=1)
    wanted = theirs.reindex(index)[list(mine.columns)]
    if wanted.isna().any(axis=None):
        raise ValueError(f"{int(wanted.isna().any(axis=1).sum())} rows that pandas did not give")
    a, b = mine.to_numpy(float), wanted.to_numpy(float)
    return float((np.abs(a - b) / np.maximum(1.0, np.abs(b))).max()), a.size
