"""Random archives with late reports, corrections and retractions, and panels built the slow way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from escalation import schema
from escalation.events.archive import EventArchive
from escalation.events.severity import between_states, severity_of
from escalation.panel.dense import Channel, Panel, PanelSpec, Where, pair_channel
from escalation.panel.history import History

FIRST, DAYS = np.datetime64("2020-01-01", "D"), 60
SITES = {
    "Balad": (34.0, 44.1, "Iraq"),
    "Deir ez-Zor": (35.3, 40.1, "Syria"),
    "Erbil": (36.2, 44.0, "Iraq"),
    "Kabul": (34.5, 69.2, "Afghanistan"),
    "Taji": (33.5, 44.3, "Iraq"),
    "at sea": (np.nan, np.nan, None),
}
TYPES = ("rocket_attack", "air_strike", "statement", "protest", "ied_attack")
SIDES = ("militia", "us_coalition", "iran")
SPEC = PanelSpec(
    kinds=("site", "all"),
    channels=(
        Channel("rocket_attack", Where({schema.EVENT_TYPE: ("rocket_attack",)})),
        pair_channel("militia", "us_coalition"),
        pair_channel("us_coalition", "militia"),
    ),
    enters=Where(rung=3),
)


def versions(
    rng: np.random.Generator, count: int, *, first: int = 0, prefix: str = "e", lag: int = 0
) -> pd.DataFrame:
    """Make random events from a day on, each with up to three versions, half of them late."""
    rows: list[dict[str, object]] = []
    for number in range(count):
        happened = int(rng.integers(first, DAYS))
        known = (
            happened + lag * int(rng.integers(0, 2)) + int(rng.integers(0, 2) * rng.integers(0, 9))
        )
        event = _event(rng, f"{prefix}{number}", happened)
        rows.append({**event, schema.KNOWN_DATE: known, schema.OPERATION: "add"})
        for _ in range(int(rng.integers(0, 3))):
            known += int(rng.integers(1, 12))
            changed = {**event, **_changes(rng)}
            operation = "retract" if rng.random() < 0.3 else "update"
            rows.append({**changed, schema.KNOWN_DATE: known, schema.OPERATION: operation})
    return canonical([row for row in rows if row[schema.KNOWN_DATE] < DAYS])


def _event(rng: np.random.Generator, name: str, happened: int) -> dict[str, object]:
    actor, target = rng.choice(SIDES, 2, replace=False)
    return {
        schema.EVENT_ID: name, schema.EVENT_DATE: happened, schema.ACTOR: actor,
        schema.TARGET: target, schema.EVENT_TYPE: str(rng.choice(TYPES)), **_changes(rng),
    }  # fmt: skip


def _changes(rng: np.random.Generator) -> dict[str, object]:
    killed = int(rng.integers(0, 6)) if rng.random() < 0.4 else None
    return {schema.SITE: str(rng.choice(list(SITES))), schema.KILLED: killed}


def canonical(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Convert rows with days as numbers from :data:`FIRST` to the canonical table of versions."""
    table = pd.DataFrame(rows)
    for column in schema.DATE_COLUMNS:
        table[column] = FIRST + table[column].to_numpy().astype("timedelta64[D]")
    places = table[schema.SITE].map(SITES)
    for position, column in enumerate((schema.LATITUDE, schema.LONGITUDE, schema.COUNTRY)):
        table[column] = [place[position] for place in places]
    table[schema.KILLED] = table[schema.KILLED].astype("Int64")
    table[schema.WOUNDED] = pd.array([pd.NA] * len(table), dtype="Int64")
    table[schema.ADMIN1] = table[schema.NOTE] = None
    table[schema.SOURCE], table[schema.CONFIDENCE], table[schema.TAGS] = "test", "high", ""
    types, actor, target, killed = (
        pa.array(table[name])
        for name in (schema.EVENT_TYPE, schema.ACTOR, schema.TARGET, schema.KILLED)
    )
    states = between_states(actor, target)
    rungs = severity_of(types, ladder=schema.SEVERITY_LADDER, killed=killed, interstate=states)
    table[schema.SEVERITY] = rungs.to_numpy()
    return table.reindex(columns=[*schema.EVENT_COLUMNS, schema.OPERATION])


def archive(seed: int, *, count: int = 70, lag: int = 0) -> EventArchive:
    """Make a random archive that covers :data:`DAYS` days."""
    table = versions(np.random.default_rng(seed), count, lag=lag)
    return EventArchive.of(table, covered_to=FIRST + (DAYS - 1), known_basis="observed")


def slow_panel(of: EventArchive, spec: PanelSpec, at: np.datetime64, like: History) -> Panel:
    """Build the panel as known on a day, one event at a time."""
    shape = len(like.units), len(like.days)
    channels = {channel.name: np.zeros(shape, np.float32) for channel in spec.all_channels}
    events = of.as_of(at)
    for channel in spec.all_channels:
        weights, cells = channel.weights(events), channels[channel.name]
        for site, day, weight in zip(
            events[schema.SITE], events[schema.EVENT_DATE], weights, strict=True
        ):
            t = int((np.datetime64(day, "D") - like.days[0]).astype(int))
            for unit in (site, schema.ALL_UNIT):
                if unit in like.units and 0 <= t < shape[1]:
                    cell = like.units.index(unit), t
                    high = channel.measure == "severity"
                    cells[cell] = max(cells[cell], weight) if high else cells[cell] + weight
    places = [SITES.get(unit, (np.nan, np.nan, None)) for unit in like.units]
    return Panel(
        like.units, like.days, channels, np.array([p[0] for p in places]),
        np.array([p[1] for p in places]), tuple(p[2] or "" for p in places),
    )  # fmt: skip


def slow_present(
    of: EventArchive, spec: PanelSpec, at: np.datetime64, units: tuple[str, ...], *, lag: int
) -> list[bool]:
    """Return which units had appeared by a day."""
    table = of.versions
    past = table[
        spec.enters.mask(table)
        & (table[schema.OPERATION] != "retract")
        & (table[schema.KNOWN_DATE] <= at)
        & (table[schema.EVENT_DATE] <= at - lag)
    ]
    return [
        len(past) > 0 if unit == schema.ALL_UNIT else unit in set(past[schema.SITE])
        for unit in units
    ]
