"""Versions by unit, whole rows and panels of a day against snapshots, one event at a time."""

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation.errors import InputError, UsageError
from escalation.events import EventArchive
from escalation.panel.by_unit import history, openings
from escalation.panel.current_rows import rows_as_known
from escalation.panel.dense import Channel, PanelSpec, RowsNeededError, Where, pair_channel

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
    channels = {name: {} for name in ("events", "killed", "severity")}
    channels |= {channel.name: {} for channel in CHANNELS}
    position = {day: index for index, day in enumerate(pd.DatetimeIndex(days))}

    def note(name, key, value, join=lambda a, b: a + b):
        if value:
            channels[name][key] = join(channels[name].get(key, 0), value)

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
    return channels


def cells(panel_like, rows, width):
    """The same nested dicts from dense arrays, up to a column."""
    channels = {}
    for name, values in panel_like.items():
        part = values[rows, :width]
        channels[name] = {
            (int(i), int(j)): part[i, j].item() for i, j in np.argwhere(part != 0)
        }  # fmt: skip
    return channels


def upto(channels, width):
    return {
        name: {key: value for key, value in table.items() if key[1] < width}
        for name, table in channels.items()
    }


def rows_on_each_day(past, most=7):
    """The whole row that serves each unit on each day: channel, then [unit, day asked, day]."""
    shape = len(past.units), len(past.days), len(past.days)
    channels = {name: np.zeros(shape, np.float32) for name in past.channels}
    served = np.zeros(shape[:2], int)
    for rows in rows_as_known(past, most=most):
        assert 0 < len(rows.owner) <= most
        assert rows.panel.units == tuple(past.unit_keys[unit] for unit in rows.owner)
        for row, stretch in enumerate(zip(rows.owner, rows.first, rows.stop, strict=True)):
            unit, days = stretch[0], slice(*stretch[1:])
            served[unit, days] += 1
            for name, values in channels.items():
                values[unit, days] = rows.panel[name][row]
    np.testing.assert_array_equal(served, past.present)
    return channels


def rows_of(past):
    """How many whole rows there ever were."""
    return sum(len(rows.owner) for rows in rows_as_known(past, most=1000))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("lag", [0, 1, 3])
@pytest.mark.parametrize(("first", "last"), [(0, 49), (9, 44)])
def test_each_row_is_the_panel_known_on_its_days_up_to_the_frontier(
    seed, lag, first, last, random_archive
):
    archive = random_archive(seed)
    start = np.datetime64("2020-01-01")
    spec = PanelSpec(KINDS, CHANNELS)
    past = history(archive, spec, first_day=start + first, last_day=start + last, lag=lag)
    assert rows_of(past) > 2 * len(past.units)
    read = rows_on_each_day(past)
    everything = np.arange(len(past.units))
    for t in range(lag, len(past.days)):
        expected = brute(archive.as_of(past.days[t]), past.units, past.days)
        width = t - lag + 1
        today = {name: values[:, t] for name, values in read.items()}
        assert cells(today, everything, width) == upto(expected, width), t


@pytest.mark.parametrize("lag", [0, 2])
def test_the_number_of_rows_at_a_time_changes_nothing(lag, random_archive):
    past = history(random_archive(3), PanelSpec(KINDS, CHANNELS), lag=lag)
    few, all_at_once = rows_on_each_day(past, 1), rows_on_each_day(past, 10_000)
    for name, values in few.items():
        np.testing.assert_array_equal(values, all_at_once[name])


@pytest.mark.parametrize("lag", [0, 2])
def test_a_series_of_one_day_is_the_value_that_was_known_of_it(lag, random_archive):
    past = history(random_archive(3), PanelSpec(KINDS, CHANNELS), lag=lag)
    read, today, one_day = rows_on_each_day(past), np.arange(len(past.days)), np.array([1])
    panel = past.panel()
    for name in set(past.channels) - past.highest:
        newest = read[name][:, today, np.maximum(today - lag, 0)] * past.present
        got = panel.series(name).window_sums(one_day)[0] * past.present
        np.testing.assert_array_equal(got, newest)
    assert panel.days[lag] == past.days[0]


def test_a_panel_with_late_news_has_no_rows(random_archive):
    past = history(random_archive(3), PanelSpec(KINDS))
    with pytest.raises(RowsNeededError):
        past.panel()["events"]
    prompt = history(archive_of(event(1, 2, 2), event(2, 5, 5)), SITES)
    assert prompt.panel()["events"].astype(int).tolist() == [[1, 0, 0, 1, 0, 0, 0]]
    with pytest.raises(UsageError, match="E-CHANNEL"):
        prompt.panel()["rockets"]


@pytest.mark.parametrize("lag", [0, 2])
def test_some_units_alone_are_the_same_as_among_all(lag, random_archive):
    past = history(random_archive(8), PanelSpec(KINDS, CHANNELS), lag=lag)
    whole, windows = past.panel(), np.array([1, 5])
    for start, stop in ((0, 1), (2, 5), (3, len(past.units)), (4, 4)):
        part = past.part(start, stop)
        assert part.units == past.units[start:stop]
        np.testing.assert_array_equal(part.entry, past.entry[start:stop])
        for name in past.channels:
            got = part.panel().series(name).window_sums(windows)
            np.testing.assert_array_equal(
                got, whole.series(name).window_sums(windows)[:, start:stop]
            )
            np.testing.assert_array_equal(
                part.panel_at(30)[name], past.panel_at(30)[name][start:stop]
            )


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("enters", [Where(), Where({schema.ACTOR: ("militia",)}, rung=4)])
def test_a_unit_enters_on_the_first_day_that_shows_an_event_of_the_kind(
    lag, enters, random_archive
):
    archive = random_archive(4)
    past = history(archive, PanelSpec(KINDS, enters=enters), lag=lag)
    entry = {}
    for t, day in enumerate(past.days):
        for row in archive.as_of(day).itertuples():
            opens = row.severity >= enters.rung and (
                not enters.equal or row.actor in enters.equal[schema.ACTOR]
            )
            if opens and row.event_date <= pd.Timestamp(day) - pd.Timedelta(days=lag):
                for unit in units_of(row):
                    entry.setdefault(unit, t)
    assert dict(zip(past.units, past.entry.tolist(), strict=True)) == entry
    assert list(past.unit_keys) == sorted(past.unit_keys)
    assert past.present.sum(axis=1).tolist() == [len(past.days) - entry[u] for u in past.units]


@pytest.mark.parametrize("at", [0, 17, -1])
def test_the_panel_of_a_day_is_the_one_known_at_its_end(at, random_archive):
    archive, spec = random_archive(6), PanelSpec(KINDS, CHANNELS)
    past = history(archive, spec)
    index = at % len(past.days)
    panel = past.panel_at(index)
    everything = np.arange(len(past.units))
    expected = brute(archive.as_of(past.days[index]), past.units, past.days)
    assert cells(panel.channels, everything, len(past.days)) == expected
    assert panel.units == past.unit_keys
    assert {values.dtype for values in panel.channels.values()} == {np.dtype("float32")}


def test_an_unknown_channel_is_refused(random_archive):
    panel = history(random_archive(6), PanelSpec(KINDS, CHANNELS)).panel_at(3)
    assert len(panel.channels) == len(list(panel.channels)) == 7
    with pytest.raises(KeyError):
        panel.channels["no such"]
    with pytest.raises(UsageError, match="E-CHANNEL"):
        panel["no such"]


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
    past = history(archive, SITES)
    assert past.units == ("balad", "taji")
    assert past.entry.tolist() == [4, 1]
    (rows,) = rows_as_known(past, most=9)
    assert rows.panel.units == ("irq/balad",) * 2 + ("irq/taji",) * 3
    # The first of balad's rows ends before its unit is known, so it serves nobody.
    assert rows.first.tolist() == [4, 4, 1, 3, 4]
    assert rows.stop.tolist() == [4, 8, 3, 4, 8]
    assert rows.panel["events"].astype(int).tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0, 0, 0],
        [0, 1, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0, 0, 0],
    ]
    total = past.panel().series("events").window_sums(np.array([8]))[0]
    assert total.astype(int).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 1, 2, 1, 1, 1, 1]]


def test_news_within_the_lag_needs_no_further_row():
    archive = archive_of(event(1, 2, 4), event(2, 3, 3))
    assert rows_of(history(archive, SITES, lag=2)) == 1
    assert rows_of(history(archive, SITES, lag=1)) == 2


def test_a_unit_waits_for_the_frontier():
    """An event before the first day must not be read before the first day is in view."""
    archive = archive_of(event(1, 1, 1), event(2, 4, 5))
    past = history(archive, SITES, first_day="2020-01-04", lag=3)
    assert past.entry.tolist() == [3]
    today = past.panel().series("events").window_sums(np.array([1]))[0]
    assert today[past.present].astype(int).tolist() == [1, 0]


def test_a_unit_whose_only_event_was_retracted_before_the_frontier_never_enters():
    archive = archive_of(
        event(1, 2, 2), event(1, 2, 3, operation="retract"), event(2, 3, 3, site="balad")
    )
    assert history(archive, SITES, lag=2).units == ("balad",)
    assert history(archive, SITES, lag=0).units == ("balad", "taji")


def test_versions_that_ended_before_the_first_day_leave_no_trace():
    archive = archive_of(
        event(1, 1, 1),
        event(1, 1, 2, operation="retract"),
        event(2, 6, 6),
        event(3, 6, 6, site="balad"),
        event(4, 1, 1, site="camp"),
        event(4, 1, 2, site="taji", operation="update"),
    )
    past = history(archive, SITES, first_day="2020-01-05")
    assert past.units == ("balad", "taji")
    assert past.entry.tolist() == [1, 0]
    assert past.panel_at(3)["events"].astype(int).tolist() == [[0, 1, 0, 0], [0, 1, 0, 0]]


def test_a_unit_lies_where_it_was_first_seen_despite_later_news():
    archive = archive_of(
        event(1, 3, 3, latitude=33.0),
        event(2, 1, 4, latitude=35.0),
        event(1, 3, 6, latitude=31.0, operation="update"),
    )
    past = history(archive, SITES)
    for panel in (past, past.panel(), past.panel_at(7)):
        assert panel.country == ("IRQ",)
        assert panel.latitude.tolist() == [33.0]
    first, other = openings(archive, past)
    assert first[[schema.EVENT_ID, schema.LATITUDE]].to_numpy().tolist() == [["e1", 33.0]]
    assert other[[schema.EVENT_ID, schema.LATITUDE]].to_numpy().tolist() == [["e2", 35.0]]
    assert first.index.tolist() == other.index.tolist() == [0]
    assert past.unit_keys == ("irq/taji",)


def test_a_place_that_is_unknown_is_empty_and_not_a_number():
    archive = archive_of(event(1, 3, 3, country=None, latitude=None))
    past = history(archive, SITES)
    assert past.country == ("",)
    assert np.isnan(past.latitude).all()


def test_an_archive_of_retracted_events_gives_no_rows():
    archive = archive_of(event(1, 1, 1), event(1, 1, 1 + 1, operation="retract"))
    for first in ("2020-01-01", "2020-01-04"):
        past = history(archive, PanelSpec(("dyad",)), first_day=first)
        assert past.units == ()
        assert list(rows_as_known(past, most=5)) == []
        for panel in (past.panel(), past.panel_at(0)):
            assert panel.shape == panel["events"].shape == (0, len(past.days))


def test_units_of_two_kinds_with_one_key_are_refused():
    archive = archive_of(event(1, 1, 1, site=" irq", country=None), event(2, 1, 1))
    with pytest.raises(InputError, match=r"E-UNIT\] column=country value='irq'"):
        history(archive, PanelSpec(("site", "country")))


def test_a_site_with_the_name_of_its_country_is_another_unit():
    past = history(archive_of(event(1, 1, 1, site="IRQ")), PanelSpec(("site", "country")))
    assert (past.unit_keys, past.units) == (("irq", "irq/irq"), ("IRQ", "IRQ (IRQ)"))


def test_a_kind_named_twice_counts_once():
    archive = archive_of(event(1, 1, 1))
    assert history(archive, PanelSpec(("site", "site"))).panel()["events"].sum() == 1


def test_an_empty_stretch_of_days_is_refused():
    archive = archive_of(event(1, 5, 5))
    with pytest.raises(InputError, match="E-RANGE"):
        history(archive, SITES, last_day="2020-01-04")


def test_days_beyond_the_coverage_are_refused():
    with pytest.raises(InputError, match="E-COVERAGE"):
        history(archive_of(event(1, 5, 5)), SITES, last_day="2020-01-09")
