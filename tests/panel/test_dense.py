"""Filters, channels, units and the panel record."""

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation.errors import UsageError
from escalation.panel.dense import (
    BASE_CHANNELS,
    Channel,
    Panel,
    PanelSpec,
    Where,
    day_range,
    pair_channel,
    priogrid,
)
from escalation.panel.membership import unit_keys_of
from escalation.panel.series import Series

EVENTS = pd.DataFrame(
    {
        schema.ACTOR: pd.Series(["iran", "militia", None, "militia"], dtype="str"),
        schema.TARGET: pd.Series(["us", None, "us", "us"], dtype="str"),
        schema.SITE: pd.Series(["taji", "balad", None, "taji"], dtype="str"),
        schema.COUNTRY: pd.Series([None] * 4, dtype=object),
        schema.LATITUDE: [33.36, np.nan, -90.0, 90.0],
        schema.LONGITUDE: [43.79, 44.0, -180.0, 180.0],
        schema.SEVERITY: np.array([6, 1, 3, 5], np.int8),
        schema.KILLED: pd.array([None, 0, 2, 3], dtype="Int64"),
        schema.WEIGHT: np.ones(4, np.int64),
        schema.TAGS: pd.Series(["night", None, "", "rain night"], dtype="str"),
    }
)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Where(), [1, 1, 1, 1]),
        (Where(rung=3), [1, 0, 1, 1]),
        (Where({"actor": ("militia", "iran")}), [1, 1, 0, 1]),
        (Where({"actor": ("militia",)}, rung=2), [0, 0, 0, 1]),
        (Where({"actor": ("militia",), "target": ("us",)}), [0, 0, 0, 1]),
        (Where({"actor": ()}), [0, 0, 0, 0]),
        (Where({"actor": ("nan", "None")}), [0, 0, 0, 0]),
        (Where({"actor": (" Militia",)}), [0, 1, 0, 1]),
        (Where({"tags": ("night",)}), [1, 0, 0, 1]),
        (Where({"tags": ("rain", "snow")}), [0, 0, 0, 1]),
        (Where({"tags": ("nigh", "rain night")}), [0, 0, 0, 0]),
    ],
)
def test_every_condition_of_a_filter_must_hold(where, expected):
    mask = where.mask(EVENTS)
    assert mask.dtype == bool
    assert mask.tolist() == [bool(value) for value in expected]


@pytest.mark.parametrize("where", [Where(), Where({"tags": ("night",)}), Where({"actor": ("us",)})])
def test_a_filter_of_no_events_keeps_none(where):
    assert where.mask(EVENTS.iloc[:0]).tolist() == []


def test_a_filter_on_anything_but_text_is_refused():
    with pytest.raises(
        UsageError,
        match=r"E-CONFIG\] column=where value='killed' events can't be selected by this column",
    ):
        Where({"killed": ("3",)})


def test_channels_count_events_or_killed_or_keep_the_rung():
    where = Where(rung=3)
    assert Channel("n", where).weights(EVENTS).tolist() == [1, 0, 1, 1]
    assert Channel("k", where, "killed").weights(EVENTS).tolist() == [0, 0, 2, 3]
    assert Channel("s", where, "severity").weights(EVENTS).tolist() == [6, 0, 3, 5]


def test_a_row_counts_as_many_events_as_its_weight_and_its_killed_once():
    rows = EVENTS.assign(weight=[1, 7, 1, 2])
    assert Channel("x").weights(rows).tolist() == [1, 7, 1, 2]
    assert Channel("x", measure="killed").weights(rows).tolist() == [0, 0, 2, 3]


def test_a_pair_channel_counts_violence_of_one_side_on_the_other():
    assert pair_channel("militia", "us").name == "militia>us"
    assert pair_channel("militia", "us").weights(EVENTS).tolist() == [0, 0, 0, 1]
    assert pair_channel("us", "militia").weights(EVENTS).tolist() == [0, 0, 0, 0]


def units(kind, events=EVENTS):
    keys = unit_keys_of(events, kind)
    assert keys.dtype == "str"
    assert keys.index.equals(events.index)
    return [None if pd.isna(key) else key for key in keys]


def test_a_dyad_with_a_missing_side_is_no_unit():
    assert units("dyad") == ["iran>us", None, None, "militia>us"]


def test_a_site_that_is_missing_is_no_unit():
    assert units("site") == ["taji", "balad", None, "taji"]


def test_a_column_without_any_value_gives_no_units():
    assert units("country") == [None] * 4
    floats = EVENTS.assign(**{schema.COUNTRY: np.nan, schema.ACTOR: np.nan})
    assert units("country", floats) == [None] * 4
    assert units("dyad", floats) == [None] * 4


def test_all_is_one_unit_and_keeps_the_index():
    assert units("all", EVENTS.set_axis([5, 5, 7, 9])) == ["all"] * 4


def test_a_cell_needs_both_coordinates_and_holds_the_edges_of_the_map():
    assert units("priogrid") == ["177568", None, "1", str(360 * 720)]


@pytest.mark.parametrize(
    ("latitude", "longitude", "cell"),
    [
        (-89.75, -179.75, 1),
        (-89.75, -179.25, 2),
        (-89.25, -179.75, 721),
        (0.25, 0.25, 180 * 720 + 361),
        (89.75, 179.75, 259200),
    ],
)
def test_cells_are_numbered_from_the_south_west(latitude, longitude, cell):
    assert priogrid(np.array([latitude]), np.array([longitude])).tolist() == [cell]


def test_a_specification_has_the_base_channels_first_and_each_name_once():
    spec = PanelSpec(channels=(Channel("x"), Channel("x"), Channel("events")))
    assert [channel.name for channel in spec.all_channels] == ["events", "killed", "severity", "x"]
    assert PanelSpec().all_channels == BASE_CHANNELS


def test_days_run_from_end_to_end():
    days = day_range("2020-02-28", pd.Timestamp("2020-03-01"))
    assert days.astype(str).tolist() == ["2020-02-28", "2020-02-29", "2020-03-01"]
    assert days.dtype == "datetime64[D]"


def test_the_error_for_an_unknown_channel_names_the_others():
    panel = Panel(
        ("all",), day_range("2020-01-01", "2020-01-03"), {"events": np.ones((1, 3), np.float32)},
        np.zeros(1), np.zeros(1), ("",),
    )  # fmt: skip
    assert panel.shape == (1, 3)
    assert panel["events"].sum() == 3
    with pytest.raises(
        UsageError,
        match=r"E-CHANNEL\] value='deaths' the panel has no such channel; channels: events",
    ):
        panel["deaths"]


def test_the_first_day_counts_as_every_other():
    values = Series(np.array([[9, 1, 0, 3]], np.float32))
    quantiles, mean = values.past_quantiles(1, windows=2, quantile=0.5)
    assert mean[0].tolist() == [4.5, 5.0, 0.5, 1.5]
    assert quantiles[0].tolist() == [4.5, 5.0, 0.5, 1.5]
    assert values.gaps(2, 30)[0].tolist() == [[30.0, 1.0, 1.0, 1.5]]
