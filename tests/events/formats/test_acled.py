"""ACLED's layouts, new and old: the result of each column, and which rows are refused."""

import datetime

import pytest
from blocks import UNREPORTED, reader, take

from escalation import schema
from escalation.events.formats.acled import ASSUMED, FORMAT
from escalation.events.formats.acled_types import EVENTS, SUB_EVENTS

# 1747785600 is 2025-05-21 00:00:00 UTC.
ROW = {
    "event_id_cnty": "IRQ12345", "event_date": "2025-05-16", "year": "2025", "time_precision": "1",
    "disorder_type": "Political violence", "event_type": "Explosions/Remote violence",
    "sub_event_type": "Air/drone strike", "actor1": "Military Forces of Iraq (2022-)",
    "inter1": "State forces", "actor2": "Islamic State (Iraq)", "iso": "368",
    "country": "Iraq", "admin1": "Ninewa", "location": "Mosul", "latitude": "36.335",
    "longitude": "43.1189", "geo_precision": "1", "notes": "On 16 May,\nan air strike.",
    "fatalities": "3", "tags": "crowd size=no report; armed", "timestamp": "1747785600",
}  # fmt: skip
acled = reader(FORMAT, ROW)
day = datetime.date.fromisoformat
NOW = [
    "event_id_cnty", "event_date", "year", "time_precision", "disorder_type", "event_type",
    "sub_event_type", "actor1", "assoc_actor_1", "inter1", "actor2", "assoc_actor_2", "inter2",
    "interaction", "civilian_targeting", "iso", "region", "country", "admin1", "admin2",
    "admin3", "location", "latitude", "longitude", "geo_precision", "source", "source_scale",
    "notes", "fatalities", "tags", "timestamp", "population_1km", "population_2km",
    "population_5km", "population_best",
]  # fmt: skip


def test_a_row_becomes_a_canonical_event():
    assert acled().only == {
        "event_id": "IRQ12345", "event_date": day("2025-05-16"), "known_date": day("2025-05-21"),
        "country": "IRQ", "admin1": "Ninewa", "site": "Mosul", "latitude": 36.335,
        "longitude": 43.1189, "event_type": "air_strike",
        "actor": "Military Forces of Iraq (2022-)", "target": "Islamic State (Iraq)",
        "severity": 5, "killed": 3, "wounded": None, "source": "acled", "confidence": None,
        "tags": "air/drone_strike crowd_size=no_report armed",
        "note": "On 16 May,\nan air strike.", **UNREPORTED,
    }  # fmt: skip


def test_the_35_columns_of_now_are_known_and_three_of_older_exports():
    assert len(NOW) == 35
    known = {*FORMAT.required, *FORMAT.optional}
    assert known - set(NOW) == {
        "data_id",
        "event_id_no_cnty",
        "iso3",
    }


def test_an_older_export_without_sub_events_and_numbers_is_read():
    old = {
        "data_id": "7", "event_id_cnty": "7SYR", "event_id_no_cnty": "7", "iso3": "SYR",
        "event_date": "06 March 2018", "event_type": "Riots/Protests", "actor1": "Protesters",
        "country": "Syria", "latitude": "33.5", "longitude": "36.3", "fatalities": "0",
    }  # fmt: skip
    event = take(FORMAT, old).only
    assert (event["event_date"], event["event_type"]) == (day("2018-03-06"), "protest")
    assert (event["country"], event["killed"], event["target"]) == ("SYR", 0, None)


@pytest.mark.parametrize("text", ["2025-05-16", "16 May 2025"])
def test_both_of_its_date_formats_are_read(text):
    assert acled({"event_date": text}).only["event_date"] == day("2025-05-16")


@pytest.mark.parametrize(
    ("event", "finer", "killed", "event_type", "rung"),
    [
        ("Battles", "Armed clash", "0", "armed_clash", 3),
        ("Battles", "Government regains territory", "1", "battle", 5),
        ("Battles", "", "0", "battle", 3),
        ("Explosions/Remote violence", "Air/drone strike", "0", "air_strike", 3),
        ("Explosions/Remote violence", "Shelling/artillery/missile attack", "2", "shelling", 5),
        ("Explosions/Remote violence", "Remote explosive/landmine/IED", "0", "ied_attack", 3),
        ("Explosions/Remote violence", "Suicide bomb", "9", "suicide_bombing", 5),
        ("Explosions/Remote violence", "Grenade", "0", "explosion", 3),
        ("Explosions/Remote violence", "Chemical weapon", "0", "chemical_attack", 3),
        ("Violence against civilians", "Attack", "0", "violence_against_civilians", 3),
        ("Violence against civilians", "Sexual violence", "0", "sexual_violence", 4),
        ("Violence against civilians", "Abduction/forced disappearance", "0", "abduction", 3),
        ("Protests", "Peaceful protest", "0", "protest", 2),
        ("Protests", "Protest with intervention", "0", "protest_intervention", 2),
        ("Protests", "Protest with intervention", "1", "protest_intervention", 5),
        ("Protests", "Excessive force against protesters", "0", "protest_violence", 3),
        ("Riots", "Mob violence", "0", "riot", 3),
        ("Strategic developments", "Agreement", "0", "agreement", 1),
        ("Strategic developments", "Arrests", "0", "arrest", 2),
        ("Strategic developments", "Other", "0", "strategic_development", 2),
        ("Remote violence", "", "0", "explosion", 3),
    ],
)
def test_type_and_severity_follow_the_table(event, finer, killed, event_type, rung):
    row = {"event_type": event, "sub_event_type": finer, "fatalities": killed}
    result = acled(row).only
    assert (result["event_type"], result["severity"]) == (event_type, rung)


def test_all_25_sub_events_have_a_rung():
    assert len(SUB_EVENTS) == 25
    assert set(SUB_EVENTS.values()) | set(EVENTS.values()) <= set(schema.SEVERITY_LADDER)


@pytest.mark.parametrize(
    ("actor", "target", "rung"),
    [
        ("Military Forces of Iran (1989-)", "Military Forces of Israel (2022-)", 6),
        ("Military Forces of Iran (1989-) Guards", "Military Forces of Iran (1989-)", 3),
        ("Military Forces of Iraq (2014-2018)", "Military Forces of Iraq (2018-2020)", 3),
        ("Military Forces of Iraq (2022-)", "Police Forces of Iran (1989-)", 3),
        ("Islamic State (Iraq)", "Military Forces of Iraq (2022-)", 3),
    ],
)
def test_only_the_militaries_of_two_states_are_the_highest_rung(actor, target, rung):
    row = {"actor1": actor, "actor2": target, "fatalities": "0"}
    assert acled(row).only["severity"] == rung


def test_the_time_stamp_is_the_day_of_the_last_change_and_never_before_the_event():
    last_second = acled({"timestamp": "1747871999"}).only
    assert last_second["known_date"] == day("2025-05-21")
    same_day = acled({"timestamp": "1747353600"}).only
    assert same_day["known_date"] == same_day["event_date"]
    assert acled({}, {"timestamp": "1747353599"}).problems == {("Q-KNOWN-EARLY", "timestamp"): [1]}


def test_without_a_time_stamp_it_is_assumed_to_be_known_a_week_later_and_counted():
    result = acled({"timestamp": ""}, {})
    assert [event["known_date"] for event in result.events] == [
        day("2025-05-23"),
        day("2025-05-21"),
    ]
    assert result.notes == {ASSUMED: 1} and not result.problems
    assert acled({"timestamp": ""}, lag=3).events[0]["known_date"] == day("2025-05-19")


@pytest.mark.parametrize(
    ("iso", "iso3", "name", "country"),
    [
        ("4", "", "Afghanistan", "AFG"),
        ("004", "", "Afghanistan", "AFG"),
        ("0", "", "Kosovo", "XKX"),
        ("", "YEM", "Yemen", "YEM"),
        ("", "", "Democratic Republic of Congo", "COD"),
        ("", "", "Bailiwick of Jersey", "JEY"),
        ("", "", "Palestine", "PSE"),
    ],
)
def test_the_country_is_found_by_number_code_or_name(iso, iso3, name, country):
    assert acled({"iso": iso, "iso3": iso3, "country": name}).only["country"] == country


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        ({"event_id_cnty": ""}, "Q-REQUIRED", "event_id_cnty"),
        ({"event_date": "05/16/2025"}, "Q-DATE", "event_date"),
        ({"event_date": "16 Mai 2025"}, "Q-DATE", "event_date"),
        ({"event_date": "31 April 2025"}, "Q-DATE", "event_date"),
        ({"time_precision": "3"}, "Q-PRECISION", "time_precision"),
        ({"time_precision": "4"}, "Q-NUMBER", "time_precision"),
        ({"event_type": "Skirmish"}, "Q-TYPE", "event_type"),
        ({"sub_event_type": "Air strike"}, "Q-TYPE", "sub_event_type"),
        ({"fatalities": "-1"}, "Q-NUMBER", "fatalities"),
        ({"fatalities": "4.5"}, "Q-NUMBER", "fatalities"),
        ({"fatalities": "1_000"}, "Q-NUMBER", "fatalities"),
        ({"timestamp": "2025-05-21"}, "Q-NUMBER", "timestamp"),
        ({"latitude": "NaN"}, "Q-PLACE", "latitude"),
        ({"country": "Atlantis", "iso": "999"}, "Q-COUNTRY", "country"),
        ({"location": "Mo\x07sul"}, "Q-TEXT", "location"),
    ],
)
def test_an_unreadable_row_is_refused_and_its_neighbours_are_not(change, code, column):
    assert acled({}, change, {}).problems == {(code, column): [1]}


def test_a_month_is_accepted_if_it_is_precise_enough():
    assert not acled({"time_precision": "3"}, coarsest=31).problems
    assert acled({"time_precision": "2"}, coarsest=1).problems


def test_missing_fatalities_are_unknown():
    event = acled({"fatalities": ""}).only
    assert (event["killed"], event["severity"]) == (None, 3)


def test_a_row_without_a_tag_shifts_no_other():
    none = {"sub_event_type": "", "tags": ""}
    tags = [event["tags"] for event in acled(none, {"tags": ""}, none).events]
    assert tags == [None, "air/drone_strike", None]


def test_attacks_on_civilians_are_tagged():
    row = {"civilian_targeting": "Civilian targeting", "tags": "", "sub_event_type": ""}
    assert acled(row).only["tags"] == "civilian_targeting"
