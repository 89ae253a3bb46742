"""POLECAT's layout: the result of each column, and which rows are refused or counted."""

import datetime

import pytest
from blocks import UNREPORTED, reader

from escalation import schema
from escalation.events.formats.canonical import NO_COUNTRY
from escalation.events.formats.polecat import FORMAT, MODES, TYPES

ROW = {
    "Event ID": "20230502-1", "Event Date": "2023-05-01", "Event Type": "ASSAULT",
    "Event Mode": "explosives", "Contexts": "military;terrorism", "Actor Name": "None",
    "Actor Country": "IRQ", "Primary Actor Sector": "REB", "Recipient Name": "Police",
    "Recipient Country": "IRQ", "Primary Recipient Sector": "COP", "City": "Mosul",
    "Province": "Ninewa", "Country": "Iraq", "Latitude": "36.3", "Longitude": "43.1",
    "Publication Date": "2023-05-02",
}  # fmt: skip
polecat = reader(FORMAT, ROW)


def test_a_row_becomes_a_canonical_event_without_casualties():
    assert polecat().only == {
        **UNREPORTED, "event_id": "20230502-1", "event_date": datetime.date(2023, 5, 1),
        "known_date": datetime.date(2023, 5, 2), "country": "IRQ", "admin1": "Ninewa",
        "site": "Mosul", "latitude": 36.3, "longitude": 43.1, "event_type": "explosion",
        "actor": "IRQ_REB", "target": "Police", "severity": 3, "killed": None, "wounded": None,
        "source": "polecat", "confidence": None, "note": None,
        "tags": "plover_assault explosives military terrorism",
    }  # fmt: skip


def test_the_columns_are_the_40_of_the_codebook():
    assert len(FORMAT.columns) == 40


def test_every_type_and_mode_has_a_rung():
    assert len(TYPES) == 16
    assert set(TYPES.values()) | set(MODES.values()) <= set(schema.SEVERITY_LADDER)
    assert {kind for kind, _ in MODES} <= set(TYPES)


@pytest.mark.parametrize(
    ("kind", "mode", "event_type", "rung"),
    [
        ("ASSAULT", "None", "violence_against_civilians", 3),
        ("assault", "Firearms", "armed_clash", 3),
        ("ASSAULT", "suicide attack", "suicide_bombing", 3), ("ASSAULT", "beat",
         "violence_against_civilians", 3), ("ASSAULT", "massacre", "mass_violence", 5),
        ("PROTEST", "riot", "riot", 3), ("PROTEST", "demo", "protest", 2),
        ("COERCE", "arrest", "arrest", 2), ("THREATEN", "None", "diplomatic_warning", 1),
        ("MOBILIZE", "troops", "troop_movement", 2), ("RETREAT", "ceasefire", "truce", 1),
    ],
)  # fmt: skip
def test_type_and_severity_follow_type_and_mode(kind, mode, event_type, rung):
    event = polecat({"Event Type": kind, "Event Mode": mode}).only
    assert (event["event_type"], event["severity"]) == (event_type, rung)


@pytest.mark.parametrize(
    ("actor", "recipient", "rung"),
    [(("USA", "MIL"), ("IRN", "MIL"), 6), (("IRN", "GOV"), ("USA", "MIL"), 6),
     (("USA", "MIL"), ("USA", "MIL"), 3), (("USA", "MIL"), ("IRN", "REB"), 3),
     (("None", "MIL"), ("IRN", "MIL"), 3)],
)  # fmt: skip
def test_only_state_violence_against_the_military_of_another_state_is_the_highest_rung(
    actor, recipient, rung
):
    row = {"Actor Country": actor[0], "Primary Actor Sector": actor[1],
           "Recipient Country": recipient[0], "Primary Recipient Sector": recipient[1]}  # fmt: skip
    assert polecat(row).only["severity"] == rung


@pytest.mark.parametrize(
    ("place", "country"), [("IRQ", "IRQ"), ("Iraq", "IRQ"), ("None", None), ("NA", None)]
)
def test_the_country_is_found_by_code_or_name(place, country):
    result = polecat({"Country": place})
    assert result.only["country"] == country and result.notes == {}


def test_a_place_outside_any_country_is_kept_and_counted():
    result = polecat({"Country": "Abkhazia"})
    assert result.only["country"] is None and result.notes == {NO_COUNTRY: 1}


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        ({"Event Type": "DANCE"}, "Q-TYPE", "Event Type"),
        ({"Publication Date": "None"}, "Q-REQUIRED", "Publication Date"),
        ({"Event Date": "20230501"}, "Q-DATE", "Event Date"),
        ({"Latitude": "x"}, "Q-PLACE", "Latitude"),
    ],
)
def test_an_unreadable_row_is_refused_and_its_neighbours_are_not(change, code, column):
    assert polecat({}, change, {}).problems == {(code, column): [1]}
