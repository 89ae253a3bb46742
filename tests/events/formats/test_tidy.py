"""The canonical columns in a file: which are needed, which are optional, and the severity."""

import datetime as dt

import pytest
from blocks import block, take

from escalation import schema
from escalation.events.formats.tidy import FORMAT
from escalation.events.source import Options

ROW = {"event_id": "a", "event_date": "2020-03-11", "event_type": "rocket_attack"}
HERE = {**ROW, "admin1": "Baghdad"}


def test_a_row_with_an_id_a_day_a_type_and_a_place_is_an_event():
    event = take(FORMAT, HERE).only
    filled = {name: value for name, value in event.items() if value is not None}
    assert filled == {
        "event_id": "a", "event_date": dt.date(2020, 3, 11), "event_type": "rocket_attack",
        "admin1": "Baghdad", "source": "tidy", "severity": 3, "weight": 1,
    }  # fmt: skip


def test_every_canonical_column_is_read_as_given():
    row = {
        **HERE, "known_date": "2020-03-12", "country": "IRQ", "site": "taji", "latitude": "33.5",
        "longitude": "-44.25", "actor": "militia", "target": "us_coalition", "severity": "2",
        "killed": "3", "wounded": "12.0", "source": "press", "confidence": "high",
        "tags": "night rain", "note": "two\nlines", "attribution": "Claimed", "weight": "2",
        "hour": "19", "munitions": "3", "condition": "unless they leave",
    }  # fmt: skip
    event = take(FORMAT, row).only
    numbers = {"latitude": 33.5, "longitude": -44.25, "severity": 2, "killed": 3, "wounded": 12}
    numbers |= {"weight": 2, "hour": 19, "munitions": 3, "attribution": "claimed"}
    days = {"event_date": dt.date(2020, 3, 11), "known_date": dt.date(2020, 3, 12)}
    assert event == {**row, **numbers, **days}


@pytest.mark.parametrize("missing", ["event_id", "event_date", "event_type"])
def test_id_day_and_type_are_needed_in_every_row(missing):
    assert take(FORMAT, {**HERE, missing: " "}, HERE).problems[("Q-REQUIRED", missing)] == [0]


PLACES = [
    ({"country": "IRQ"}, True), ({"admin1": "Basra"}, True), ({"site": "taji"}, True),
    ({"latitude": "33", "longitude": "44"}, True), ({"actor": "a", "target": "b"}, True),
    ({}, False), ({"latitude": "33"}, False), ({"longitude": "44"}, False),
    ({"country": "IRQ", "latitude": "33"}, False), ({"actor": "a"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("place", "fine"), PLACES)
def test_a_row_needs_a_place_or_two_sides(place, fine):
    codes = {code for code, _ in take(FORMAT, {**ROW, **place}).problems}
    assert codes == (set() if fine else {"Q-PLACE"})


BAD = [
    ("event_date", "01/02/2024", "Q-DATE"), ("known_date", "2024-02-30", "Q-DATE"),
    ("event_date", "2020-03-11 10:00", "Q-DATE"),
    ("latitude", "91", "Q-PLACE"), ("longitude", "181", "Q-PLACE"), ("latitude", "x", "Q-PLACE"),
    ("killed", "-1", "Q-NUMBER"), ("killed", "1.5", "Q-NUMBER"), ("wounded", "NaN", "Q-NUMBER"),
    ("wounded", "inf", "Q-NUMBER"), ("killed", "1e400", "Q-NUMBER"),
    ("killed", "1,200", "Q-NUMBER"), ("killed", "1_000", "Q-NUMBER"),
    ("killed", "\u0663", "Q-NUMBER"),
    ("severity", "7", "Q-NUMBER"), ("severity", "-1", "Q-NUMBER"), ("severity", "x", "Q-NUMBER"),
    ("weight", "0", "Q-NUMBER"), ("weight", "1.5", "Q-NUMBER"), ("hour", "24", "Q-NUMBER"),
    ("munitions", "-1", "Q-NUMBER"), ("attribution", "rumoured", "Q-VALUE"),
    ("site", "a\u202eb", "Q-TEXT"), ("event_id", "a\nb", "Q-TEXT"),
    ("event_id", "x" * 201, "Q-TEXT"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "value", "code"), BAD)
def test_a_malformed_cell_is_a_problem_of_its_row_alone(column, value, code):
    place = {"latitude": "33", "longitude": "44"}
    result = take(FORMAT, {**HERE, **place}, {**HERE, **place, column: value})
    assert result.problems == {(code, column): [1]}


@pytest.mark.parametrize("text", ["../../x", "a/b", "007", "Nan", "12345678901234567890",
                                  "=1+1", "באר שבע", "\u200fx"])  # fmt: skip
def test_names_are_stored_unchanged(text):
    event = take(FORMAT, {**ROW, "event_id": text, "site": text, "actor": text}).only
    assert (event["event_id"], event["site"], event["actor"]) == (text, text, text)


def test_a_word_for_a_missing_value_is_no_admin1_or_site_but_any_other_name():
    names = {"event_id": "NA", "country": "NA", "actor": "NA", "target": "None"}
    event = take(FORMAT, {**HERE, **names, "admin1": "NA", "site": "nan"}).only
    assert {**event, **names} == event and (event["admin1"], event["site"]) == (None, None)
    assert take(FORMAT, {**ROW, "admin1": "NA"}).problems == {("Q-PLACE", "country"): [0]}


def test_blanks_around_a_cell_are_ignored():
    padded = {name: f" {text}\u00a0" for name, text in {**HERE, "killed": "3"}.items()}
    event = take(FORMAT, padded).only
    assert (event["event_id"], event["admin1"], event["killed"]) == ("a", "Baghdad", 3)
    assert event["event_date"] == dt.date(2020, 3, 11)


def test_a_note_is_repaired_and_cut_and_never_refuses_a_row():
    result = take(FORMAT, {**HERE, "note": "x" * 20_001}, {**HERE, "tags": "a\x92b"}, HERE)
    assert not result.problems and sum(result.notes.values()) == 2
    assert len(result.events[0]["note"]) == 20_000 and result.events[1]["tags"] == "a\u2019b"


SEVERITIES = [
    ({}, 3), ({"killed": "0"}, 3), ({"wounded": "1"}, 4), ({"killed": "1", "wounded": "9"}, 5),
    ({"actor": "iran", "target": "us_coalition"}, 6), ({"actor": "iran", "target": "iran"}, 3),
    ({"event_type": "statement", "killed": "5"}, 1),
    ({"severity": "0", "killed": "5"}, 0), ({"severity": "6"}, 6), ({"severity": "4.0"}, 4),
    ({"event_type": "picnic", "severity": "2"}, 2),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "rung"), SEVERITIES)
def test_severity_is_as_given_or_from_the_ladder(cells, rung):
    assert take(FORMAT, {**HERE, **cells}).only["severity"] == rung


def test_a_custom_type_gets_3_4_or_5_by_its_casualties_unless_it_has_a_rung():
    custom = {**HERE, "event_type": "picnic"}
    changes = ({}, {"wounded": "2"}, {"killed": "1"}, {"severity": "1"})
    rows = [*({**custom, **change} for change in changes), HERE]
    converted = FORMAT.convert(block(FORMAT, rows), Options())
    assert converted.events["severity"].to_pylist() == [3, 4, 5, 1, 3]
    assert converted.unrated.tolist() == [True, True, True, False, False]
    assert not converted.problems
    ladder = {**schema.SEVERITY_LADDER, "picnic": schema.Rungs(0, 1, 2)}
    assert take(FORMAT, custom, ladder=ladder).only["severity"] == 0


@pytest.mark.parametrize("word", ["Parliamentary Vote", "parliamentary vote", "PARLIAMENTARY_VOTE"])
def test_a_type_of_the_ladder_is_recognised_in_any_case_and_keeps_its_spelling(word):
    event = take(FORMAT, {**HERE, "event_type": word, "killed": "1"}).only
    assert (event["event_type"], event["severity"]) == (word, 1)


def test_dates_in_another_format_or_with_a_time_are_read_as_declared():
    row = {**HERE, "event_date": "11/03/2020"}
    assert take(FORMAT, row, date_format="%d/%m/%Y").only["event_date"] == dt.date(2020, 3, 11)
    row = {**HERE, "event_date": "2020-03-11T22:00:00Z"}
    assert take(FORMAT, row, zone="Asia/Baghdad").only["event_date"] == dt.date(2020, 3, 12)


@pytest.mark.parametrize(("columns", "lag", "basis"), [
    (["known_date"], None, "observed"), (["known_date"], 3, "observed"),
    (["note"], 3, "assumed"), (["note"], 0, "assumed"), (["note"], None, "event_date"),
])  # fmt: skip
def test_the_basis_of_known_dates_depends_on_the_column_and_the_lag(columns, lag, basis):
    assert FORMAT.basis(columns, Options(lag=lag)) == basis
