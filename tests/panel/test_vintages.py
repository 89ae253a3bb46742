"""The stack of vintages against panels built from each day's snapshot, one event at a time."""

import numpy as np
import pandas as pd
import pytest
from escalation.panel.snapshots import Snapshots
from escalation.panel.vintages import vintages

from escalation import schema
from escalation.errors import InputError
from escalation.events import EventArchive
from escalation.panel.dense import Channel, PanelSpec, Where, pair_channel

VIOLENT = Where(rung=3)
CHANNELS = (
    Channel("strikes", Where({schema.EVENT_TYPE: ("air_strike",), schema.TAGS: ("night",)})),
    Channel("worst", VIOLENT, "severity"),
    Channel("dead", VIOLENT, "killed"),
    pair_channel("militia", "coalition"),
)
KINDS = ("site", "country", "dyad", "priogrid", "all")


def cell_of(row):
    return str(int((row.latitude + 90) // 0.5) * 720 + int((row.longitude + 180) // 0.5) + 1)


def units_of(row):
    """Every unit of an event, in plain Python."""
    yield "all"
    if isinstance(row.site, str):
        yield row.site
    if isinstance(row.country, str):
        yield row.country
        yield cell_of(row)
    if isinstance(row.actor, str) and isinstance(row.target, str):
        yield f"{row.actor}>{row.target}"


def brute(events, units, days):
    """Channels of a snapshot as nested dicts: channel, then (unit, day), only what is not zero."""
    found = {name: {} for name in ("events", "killed", "severity")}
    found |= {channel.name: {} for channel in CHANNELS}
    position = {day: index for index, day in enumerate(pd.DatetimeIndex(days))}

    def note(name, key, value, join=lambda a, b: a + b):
        if value:
            found[name][key] = join(found[name].get(key, 0), value)

    for row in events.itertuples():
        killed = 0 if row.killed is pd.NA else int(row.killed)
        for unit in units_of(row):
            if unit not in units or row.event_date not in position:
                continue
            key = units.index(unit), position[row.event_date]
            violent = row.severity >= 3
            night = isinstance(row.tags, str) and "night" in row.tags.split()
            note("events", key, 1)
            note("killed", key, killed)
            note("severity", key, row.severity, max)
            note("strikes", key, int(row.event_type == "air_strike" and night))
            note("worst", key, row.severity if violent else 0, max)
            note("dead", key, killed if violent else 0)
            note("militia>coalition", key,
                 int(violent and row.actor == "militia" and row.target == "coalition"))  # fmt: skip
    return found


def cells(panel_like, rows, width):
    """The same nested dicts from dense arrays, up to a column."""
    found = {}
    for name, values in panel_like.items():
        part = values[rows, :width]
        found[name] = {
            (int(i), int(j)): part[i, j].item() for i, j in np.argwhere(part != 0)
        }  # fmt: skip
    return found


def upto(found, width):
    return {
        name: {key: value for key, value in table.items() if key[1] < width}
        for name, table in found.items()
    }


def current_rows(stack):
    """Which row serves each unit on each day."""
    rows, days = len(stack.owner), len(stack.days)
    return stack.gather(np.repeat(np.arange(rows)[:, None], days, axis=1))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("lag", [0, 1, 3])
@pytest.mark.parametrize(("first", "last"), [(0, 49), (9, 44)])
def test_each_row_is_the_panel_known_on_its_days_up_to_the_frontier(
    seed, lag, first, last, random_archive
):
    archive = random_archive(seed)
    start = np.datetime64("2020-01-01")
    spec = PanelSpec(KINDS, CHANNELS)
    stack = vintages(archive, spec, first_day=start + first, last_day=start + last, lag=lag)
    assert len(stack.owner) > 2 * len(stack.units)
    rows = current_rows(stack)
    for t in range(lag, len(stack.days)):
        expected = brute(archive.as_of(stack.days[t]), stack.units, stack.days)
        width = t - lag + 1
        assert cells(stack.stack.channels, rows[:, t], width) == upto(expected, width), t


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("enters", [Where(), Where({schema.ACTOR: ("militia",)}, rung=4)])
def test_a_unit_enters_on_the_first_day_that_shows_an_event_of_the_kind(
    lag, enters, random_archive
):
    archive = random_archive(4)
    stack = vintages(archive, PanelSpec(KINDS, enters=enters), lag=lag)
    entry = {}
    for t, day in enumerate(stack.days):
        for row in archive.as_of(day).itertuples():
            opens = row.severity >= enters.rung and (
                not enters.equal or row.actor in enters.equal[schema.ACTOR]
            )
            if opens and row.event_date <= pd.Timestamp(day) - pd.Timedelta(days=lag):
                for unit in units_of(row):
                    entry.setdefault(unit, t)
    assert dict(zip(stack.units, stack.entry.tolist(), strict=True)) == entry
    assert list(stack.units) == sorted(entry)
    assert stack.present.sum(axis=1).tolist() == [len(stack.days) - entry[u] for u in stack.units]


def test_the_last_vintage_alone_is_right_on_the_last_day(random_archive):
    archive, spec = random_archive(5), PanelSpec(KINDS, CHANNELS)
    full = vintages(archive, spec, lag=2)
    last = vintages(archive, spec, lag=2, latest_only=True)
    assert last.units == full.units
    assert last.stack.units == full.units
    rows = current_rows(full)[:, -1]
    for name, values in last.stack.channels.items():
        np.testing.assert_array_equal(values, full.stack[name][rows])


@pytest.mark.parametrize("at", [0, 17, -1])
def test_a_snapshot_is_the_panel_known_at_the_end_of_its_day(at, random_archive):
    archive, spec = random_archive(6), PanelSpec(KINDS, CHANNELS)
    stack = vintages(archive, spec)
    day = stack.days[at]
    panel = Snapshots(archive, spec, stack).at(day)
    everything = np.arange(len(stack.units))
    expected = brute(archive.as_of(day), stack.units, stack.days)
    assert cells(panel.channels, everything, len(stack.days)) == expected
    assert panel.units == stack.units
    assert {values.dtype for values in panel.channels.values()} == {np.dtype("float32")}


def test_a_snapshot_knows_nothing_of_days_that_are_not_covered(random_archive):
    archive, spec = random_archive(6), PanelSpec(KINDS, CHANNELS)
    shots = Snapshots(archive, spec, vintages(archive, spec))
    with pytest.raises(InputError, match="E-COVERAGE"):
        shots.at(archive.covered_to + 1)
    with pytest.raises(KeyError):
        shots.at(archive.covered_to).channels["no such"]


def event(number, happened, known, *, site="taji", operation="add", country="IRQ", latitude=33.5):
    """One version; days in January 2020."""
    return {
        schema.EVENT_ID: f"e{number}",
        schema.EVENT_DATE: pd.Timestamp(2020, 1, happened),
        schema.KNOWN_DATE: pd.Timestamp(2020, 1, known),
        schema.SITE: site,
        schema.COUNTRY: country,
        schema.LATITUDE: latitude,
        schema.LONGITUDE: 44.0,
        schema.SEVERITY: 3,
        schema.SOURCE: "test",
        schema.OPERATION: operation,
    }


def archive_of(*versions, covered=8):
    frame = pd.DataFrame(versions).reindex(columns=[*schema.EVENT_COLUMNS, schema.OPERATION])
    return EventArchive.of(frame, covered_to=pd.Timestamp(2020, 1, covered))


SITES = PanelSpec(("site",))


def test_an_event_that_moves_leaves_its_first_unit_and_enters_its_second():
    archive = archive_of(
        event(1, 2, 2), event(1, 2, 5, site="balad", operation="update"), event(2, 1, 4)
    )
    stack = vintages(archive, SITES)
    assert stack.units == ("balad", "taji")
    assert stack.entry.tolist() == [4, 1]
    assert stack.stack.units == ("balad", "balad", "taji", "taji", "taji")
    assert stack.first.tolist() == [0, 4, 0, 3, 4]
    assert stack.stack["events"].astype(int).tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0],
    ]
    total = stack.gather(np.cumsum(stack.stack["events"], axis=1))
    assert total.astype(int).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 1, 2, 1, 1, 1, 1]]


def test_news_within_the_lag_needs_no_vintage_of_its_own():
    archive = archive_of(event(1, 2, 4), event(2, 3, 3))
    assert len(vintages(archive, SITES, lag=2).owner) == 1
    assert len(vintages(archive, SITES, lag=1).owner) == 2


def test_a_unit_waits_for_the_frontier():
    """An event before the first day must not be read before the first day is in view."""
    archive = archive_of(event(1, 1, 1), event(2, 4, 5))
    stack = vintages(archive, SITES, first_day="2020-01-04", lag=3)
    assert stack.entry.tolist() == [3]
    seen = stack.gather(stack.stack["events"])[stack.present]
    assert seen.astype(int).tolist() == [1, 0]


def test_a_unit_whose_only_event_was_retracted_before_the_frontier_never_enters():
    archive = archive_of(
        event(1, 2, 2), event(1, 2, 3, operation="retract"), event(2, 3, 3, site="balad")
    )
    assert vintages(archive, SITES, lag=2).units == ("balad",)
    assert vintages(archive, SITES, lag=0).units == ("balad", "taji")


def test_versions_that_ended_before_the_first_day_leave_no_trace():
    archive = archive_of(
        event(1, 1, 1),
        event(1, 1, 2, operation="retract"),
        event(2, 6, 6),
        event(3, 6, 6, site="balad"),
        event(4, 1, 1, site="camp"),
        event(4, 1, 2, site="taji", operation="update"),
    )
    stack = vintages(archive, SITES, first_day="2020-01-05")
    assert stack.units == ("balad", "taji")
    assert stack.entry.tolist() == [1, 0]
    assert stack.stack["events"].astype(int).tolist() == [[0, 1, 0, 0], [0, 1, 0, 0]]


def test_a_unit_lies_where_it_was_first_seen_whatever_comes_later():
    archive = archive_of(
        event(1, 3, 3, country="IRQ", latitude=33.0),
        event(2, 1, 4, country="SYR", latitude=35.0),
        event(1, 3, 6, country="JOR", latitude=31.0, operation="update"),
    )
    stack = vintages(archive, SITES)
    assert set(stack.stack.country) == {"IRQ"}
    assert set(stack.stack.latitude) == {33.0}
    panel = Snapshots(archive, SITES, stack).at("2020-01-08")
    assert panel.country == ("IRQ",)
    assert panel.latitude.tolist() == [33.0]


def test_a_place_that_is_unknown_is_empty_and_not_a_number():
    archive = archive_of(event(1, 3, 3, country=None, latitude=None))
    stack = vintages(archive, SITES).stack
    assert stack.country == ("",)
    assert np.isnan(stack.latitude).all()


def test_an_archive_in_which_nothing_is_left_gives_a_stack_without_rows():
    archive = archive_of(event(1, 1, 1), event(1, 1, 1 + 1, operation="retract"))
    for first in ("2020-01-01", "2020-01-04"):
        stack = vintages(archive, PanelSpec(("dyad",)), first_day=first)
        assert stack.units == ()
        assert stack.gather(stack.stack["events"]).shape == (0, len(stack.days))
        panel = Snapshots(archive, PanelSpec(("dyad",)), stack).at("2020-01-01")
        assert panel.shape == (0, len(stack.days))


def test_units_of_two_kinds_with_one_name_are_refused():
    archive = archive_of(event(1, 1, 1, site="IRQ"))
    with pytest.raises(InputError, match=r"E-UNIT\] column=country value='IRQ'"):
        vintages(archive, PanelSpec(("site", "country")))


def test_a_kind_named_twice_counts_once():
    archive = archive_of(event(1, 1, 1))
    assert vintages(archive, PanelSpec(("site", "site"))).stack["events"].sum() == 1


def test_an_empty_stretch_of_days_is_refused():
    archive = archive_of(event(1, 5, 5))
    with pytest.raises(InputError, match="E-RANGE"):
        vintages(archive, SITES, last_day="2020-01-04")


def test_days_beyond_the_coverage_are_refused():
    with pytest.raises(InputError, match="E-COVERAGE"):
        vintages(archive_of(event(1, 5, 5)), SITES, last_day="2020-01-09")


def test_each_gathers_every_array_of_a_causal_function(random_archive):
    stack = vintages(random_archive(7), PanelSpec(("site",)), lag=1)
    got = stack.each(lambda panel: {"sum": np.cumsum(panel["events"], axis=1)})
    assert set(got) == {"sum"}
    rows = current_rows(stack)
    for t in range(1, len(stack.days)):
        expected = stack.stack["events"][rows[:, t], :t].sum(axis=1)
        np.testing.assert_array_equal(got["sum"][:, t], expected)
