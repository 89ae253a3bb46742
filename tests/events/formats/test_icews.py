"""ICEWS's layout: the result of each column, and which rows are refused or counted."""

import datetime

import pytest
from blocks import UNREPORTED, reader, take_file
from shared_data import shared

from escalation.events.formats.canonical import NO_COUNTRY
from escalation.events.formats.icews import FORMAT

ROW = {
    "Event ID": "32889836", "Event Date": "2018-06-01", "Source Name": "Military (Iran)",
    "Source Sectors": "Military,Government", "Source Country": "Iran", "Event Text": "fight",
    "CAMEO Code": "190", "Intensity": "-10", "Target Name": "Kurdish Fighter",
    "Target Sectors": "Rebel,Dissident", "Target Country": "Iraq", "Story ID": "47400351",
    "Sentence Number": "2", "Publisher": "Agence", "City": "Mosul", "District": "NA",
    "Province": "Ninawa", "Country": "Iraq", "Latitude": "36.34", "Longitude": "43.13",
}  # fmt: skip
icews = reader(FORMAT, ROW)
day = datetime.date.fromisoformat


def test_a_row_becomes_a_canonical_event_without_casualties():
    assert icews().only == {
        "event_id": "32889836-2018-06-01", "event_date": day("2018-06-01"),
        "known_date": day("2018-06-08"), "country": "IRQ", "admin1": "Ninawa", "site": "Mosul",
        "latitude": 36.34, "longitude": 43.13, "event_type": "battle", "actor": "Military (Iran)",
        "target": "Kurdish Fighter", "severity": 3, "killed": None, "wounded": None,
        "source": "icews", "confidence": None, "tags": "cameo_190", "note": "fight",
        **UNREPORTED,
    }  # fmt: skip


def test_the_layout_has_20_columns():
    assert len(set(FORMAT.required + FORMAT.optional)) == 20


def test_a_number_identifies_an_event_only_together_with_its_day():
    result = icews({}, {"Event Date": "2018-06-02"})
    assert [event["event_id"] for event in result.events] == [
        "32889836-2018-06-01", "32889836-2018-06-02",
    ]  # fmt: skip


def test_na_of_r_is_missing_in_every_column():
    row = dict.fromkeys(("City", "Province", "Country", "Source Name", "Latitude"), "NA")
    result = icews(row)
    event = result.only
    names = ("site", "admin1", "country", "actor", "latitude")
    assert [event[name] for name in names] == [None] * 5
    assert result.notes == {}, "a missing country is not an unknown one"
    assert icews({"Province": "NAB"}).only["admin1"] == "NAB"


@pytest.mark.parametrize(
    ("change", "rung"),
    [
        ({"Target Sectors": "Government,Military"}, 6),
        ({"Source Sectors": "Government", "Target Sectors": "Military"}, 6),
        ({"Target Sectors": "Military", "Target Country": "Iran"}, 3),
        ({"Target Sectors": "Government"}, 3),
        ({"Target Sectors": "Former Military"}, 3),
        ({"Target Sectors": "Military", "CAMEO Code": "112"}, 1),
        ({"CAMEO Code": "1823"}, 5),
        ({"CAMEO Code": "145"}, 3),
    ],
)
def test_severity_follows_the_table_and_is_highest_between_states(change, rung):
    assert icews(change).only["severity"] == rung


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        ({"Event ID": ""}, "Q-REQUIRED", "Event ID"),
        ({"Event Date": "06/01/2018"}, "Q-DATE", "Event Date"),
        ({"CAMEO Code": "40.5"}, "Q-TYPE", "CAMEO Code"),
        ({"CAMEO Code": "20"}, "Q-TYPE", "CAMEO Code"),
        ({"Latitude": "361"}, "Q-PLACE", "Latitude"),
        ({"City": "Mo\x00sul"}, "Q-TEXT", "City"),
    ],
)
def test_an_unreadable_row_is_refused_and_its_neighbours_are_not(change, code, column):
    assert icews({}, change, {}).problems == {(code, column): [1]}


def test_a_place_outside_any_country_is_kept_and_counted():
    result = icews({"Country": "Gulf of Aden"}, {})
    assert result.events[0]["country"] is None and result.notes == {NO_COUNTRY: 1}


def test_the_lag_may_be_declared():
    assert icews(lag=0).only["known_date"] == day("2018-06-01")


def test_every_row_of_the_sample_is_accepted():
    summary = take_file(FORMAT, shared("icews_events_2018_sample.tab"))
    assert (summary.records, summary.refused, summary.notes) == (119, {}, {})
    ids = summary.events["event_id"].to_pylist()
    assert len(set(ids)) == 119
    assert "NA" not in summary.events["site"].to_pylist()
    assert summary.events["country"].null_count == 0
