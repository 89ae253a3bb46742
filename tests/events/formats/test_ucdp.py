"""UCDP's layouts: the result of each column, and which rows are refused or counted."""

import datetime

import pytest
from blocks import UNREPORTED, reader, take, take_file
from shared_data import shared

from escalation.events.formats.ucdp import BEYOND, FORMAT, SPANS

ROW = {
    "id": "214797", "date_start": "2020-01-03", "date_end": "2020-01-03", "date_prec": "1",
    "type_of_violence": "1", "side_a": "Government of Iraq", "side_b": "IS", "country": "Iraq",
    "country_id": "645", "latitude": "33.36", "longitude": "43.79", "best": "8", "low": "8",
    "high": "9", "adm_1": "Al Anbār province", "where_coordinates": "Al Fallūjah town",
    "event_clarity": "1", "code_status": "Clear",
}  # fmt: skip
ucdp = reader(FORMAT, ROW)
day = datetime.date.fromisoformat


def test_a_row_becomes_a_canonical_event():
    assert ucdp().only == {
        "event_id": "214797", "event_date": day("2020-01-03"), "known_date": day("2020-02-02"),
        "country": "IRQ", "admin1": "Al Anbār province", "site": "Al Fallūjah town",
        "latitude": 33.36, "longitude": 43.79, "event_type": "state_based_conflict",
        "actor": "Government of Iraq", "target": "IS", "severity": 5, "killed": 8,
        "wounded": None, "source": "ucdp", "confidence": "high", "tags": "clear", "note": None,
        **UNREPORTED,
    }  # fmt: skip


def test_the_columns_are_the_49_of_now_and_those_of_the_regional_variant():
    known = {*FORMAT.required, *FORMAT.optional}
    assert len(known) == 49 + len(("start_year", "end_year", "iso3"))


def test_the_required_columns_are_enough():
    core = take(FORMAT, {name: ROW[name] for name in FORMAT.required}).only
    assert (core["country"], core["confidence"], core["tags"], core["admin1"]) == ("IRQ",) + 3 * (
        None,
    )


def test_whole_numbers_may_have_the_decimal_of_a_table_with_gaps():
    change = {"id": "214797.0", "date_prec": "1.0", "type_of_violence": "1.0", "best": "4.0",
              "low": "4.0", "high": "4.0", "country_id": "652.0", "country": "Syria",
              "event_clarity": "2.0"}  # fmt: skip
    event = ucdp(change).only
    assert (event["event_id"], event["killed"], event["country"]) == ("214797", 4, "SYR")
    assert (event["event_type"], event["confidence"]) == ("state_based_conflict", "low")


@pytest.mark.parametrize(
    ("code", "killed", "side_b", "event_type", "rung"),
    [
        ("1", "0", "IS", "state_based_conflict", 3),
        ("1", "", "IS", "state_based_conflict", 3),
        ("1", "1", "IS", "state_based_conflict", 5),
        ("1", "0", "Government of Kuwait", "state_based_conflict", 6),
        ("2", "2", "IS", "non_state_conflict", 5),
        ("3", "0", "Civilians", "one_sided_violence", 3),
    ],
)
def test_type_and_severity_follow_the_table(code, killed, side_b, event_type, rung):
    event = ucdp({"type_of_violence": code, "best": killed, "side_b": side_b}).only
    assert (event["event_type"], event["severity"]) == (event_type, rung)
    assert event["killed"] == (int(killed) if killed else None)


@pytest.mark.parametrize(
    ("iso3", "number", "name", "country"),
    [
        ("IRQ", "", "Iraq", "IRQ"),
        ("", "645.0", "Iraq", "IRQ"),
        ("", "", "Yemen (North Yemen)", "YEM"),
        ("", "678", "Yemen (North Yemen)", "YEM"),
        ("???", "490", "DR Congo (Zaire)", "COD"),
        ("", "345", "Serbia (Yugoslavia)", "SRB"),
    ],
)
def test_the_country_is_found_by_code_number_or_name(iso3, number, name, country):
    assert ucdp({"iso3": iso3, "country_id": number, "country": name}).only["country"] == country


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        ({"id": ""}, "Q-REQUIRED", "id"),
        ({"id": "214797.5"}, "Q-ID", "id"),
        ({"id": "../../x"}, "Q-ID", "id"),
        ({"id": "\u0667"}, "Q-ID", "id"),
        ({"date_start": "01/03/2020"}, "Q-DATE", "date_start"),
        ({"date_start": "20200103"}, "Q-DATE", "date_start"),
        ({"date_start": "2020-02-30"}, "Q-DATE", "date_start"),
        ({"date_start": "2020-01-03 14:00:00.000"}, "Q-DATE", "date_start"),
        ({"date_start": "2020-01-04"}, "Q-SPAN", "date_end"),
        ({"type_of_violence": "4"}, "Q-TYPE", "type_of_violence"),
        ({"type_of_violence": "1.5"}, "Q-TYPE", "type_of_violence"),
        ({"date_prec": "0"}, "Q-NUMBER", "date_prec"),
        ({"date_prec": "3"}, "Q-PRECISION", "date_prec"),
        ({"date_prec": "4.0"}, "Q-PRECISION", "date_prec"),
        ({"date_prec": "5"}, "Q-PRECISION", "date_prec"),
        ({"best": "-1"}, "Q-NUMBER", "best"),
        ({"best": "1.5"}, "Q-NUMBER", "best"),
        ({"best": "1,200"}, "Q-NUMBER", "best"),
        ({"best": "1e400"}, "Q-NUMBER", "best"),
        ({"best": "\u0664"}, "Q-NUMBER", "best"),
        ({"latitude": "91"}, "Q-PLACE", "latitude"),
        ({"longitude": "43,79"}, "Q-PLACE", "longitude"),
        ({"country": "Irak", "country_id": ""}, "Q-COUNTRY", "country"),
        ({"side_b": "I\u202eS"}, "Q-TEXT", "side_b"),
        ({"side_a": ""}, "Q-REQUIRED", "side_a"),
    ],
)
def test_an_unreadable_row_is_refused_and_its_neighbours_are_not(change, code, column):
    assert ucdp({}, change, {}).problems == {(code, column): [1]}


@pytest.mark.parametrize(
    ("coarsest", "accepted"), [(1, [1]), (7, [1, 2]), (31, [1, 2, 3, 4]), (366, [1, 2, 3, 4, 5])]
)
def test_dates_are_accepted_up_to_the_allowed_precision(coarsest, accepted):
    rows = [{"date_prec": str(code)} for code in range(1, 6)]
    refused = ucdp(*rows, coarsest=coarsest).problems.get(("Q-PRECISION", "date_prec"), [])
    assert [code for code in range(1, 6) if code - 1 not in refused] == accepted


def test_a_span_is_dated_on_its_first_day_counted_and_known_from_its_last():
    span = {"date_start": "2020-01-30 00:00:00.000", "date_end": "2020-02-02 00:00:00.000"}
    result = ucdp(span, {}, lag=10)
    assert result.events[0]["event_date"] == day("2020-01-30")
    assert result.events[0]["known_date"] == day("2020-02-12")
    assert result.notes == {SPANS: 1} and not result.problems


def test_spans_are_refused_on_request():
    span = {"date_end": "2020-01-05"}
    assert ucdp({}, span, spans="refuse").problems == {("Q-SPAN", "date_end"): [1]}


def test_estimates_that_contradict_each_other_are_kept_and_counted():
    result = ucdp({"low": "9"}, {"high": "7"}, {"low": "", "high": ""}, {})
    assert result.notes == {BEYOND: 2} and [event["killed"] for event in result.events] == [8] * 4


def test_dates_of_articles_and_lists_of_countries_are_never_parsed():
    assert ucdp({"source_date": "1753-01-01;2919-13-45", "gwnoa": "2;200;900"}).only


@pytest.mark.parametrize(
    ("clarity", "status", "confidence", "tag"),
    [
        ("1", "Clear", "high", "clear"),
        ("1", "", "high", None),
        ("1", "Check dyad", "medium", "check_dyad"),
        ("2", "Check deaths", "low", "check_deaths"),
        ("", "Clear", None, "clear"),
    ],
)
def test_confidence_depends_on_clarity_and_pending_checks(clarity, status, confidence, tag):
    event = ucdp({"event_clarity": clarity, "code_status": status}).only
    assert (event["confidence"], event["tags"]) == (confidence, tag)


def test_a_declared_lag_of_a_yearly_release_replaces_the_default():
    assert ucdp(lag=365).only["known_date"] == day("2021-01-02")


def test_a_declared_date_format_replaces_the_default():
    american = {"date_start": "01/03/2020", "date_end": "01/04/2020"}
    result = ucdp(american, date_format="%m/%d/%Y")
    assert result.only["event_date"] == day("2020-01-03")


@pytest.mark.parametrize(
    ("name", "records", "coarse", "spans", "beyond", "countries"),
    [
        ("ucdp_ged_iraq_hdx.csv.gz", 7473, 186, 627, 69, {"IRQ"}),
        ("ucdp_ged_syria_2016_2019.csv.gz", 16566, 258, 1086, 101, {"SYR"}),
        ("ucdp_candidate_v23_0_10.csv.gz", 2391, 35, 594, 15, None),
    ],
)
def test_every_row_of_a_release_is_taken_or_too_coarse(
    name, records, coarse, spans, beyond, countries
):
    summary = take_file(FORMAT, shared(name))
    assert (summary.records, summary.refused) == (records, {"Q-PRECISION": coarse})
    assert summary.notes == {SPANS: spans, BEYOND: beyond}
    codes = set(summary.events["country"].to_pylist())
    assert None not in codes and (codes == countries if countries else len(codes) > 40)


@pytest.mark.parametrize("tags", [",#date+start", "#event+id,#date+start"])
def test_a_second_header_line_of_hxl_tags_is_no_row(tmp_path, tags):
    lines = (list(ROW), (tags + "," * len(ROW)).split(",")[: len(ROW)], list(ROW.values()))
    path = tmp_path / "ged.csv"
    path.write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8")
    summary = take_file(FORMAT, path)
    assert (summary.records, summary.refused) == (1, {})
    assert summary.events["event_id"].to_pylist() == ["214797"]


def test_a_release_with_every_precision_allowed_is_taken_whole():
    summary = take_file(FORMAT, shared("ucdp_ged_iraq_hdx.csv.gz"), coarsest=366)
    assert (summary.records, summary.refused) == (7473, {})
