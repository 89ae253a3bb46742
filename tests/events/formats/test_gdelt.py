"""GDELT's layouts and the CAMEO table: the result of each column, and which rows are refused."""

import datetime
import gzip
import zipfile

import pytest
from blocks import UNREPORTED, take, take_file

from escalation import schema
from escalation.events.formats import cameo
from escalation.events.formats.canonical import NO_COUNTRY
from escalation.events.formats.gdelt import (
    COLUMNS_1,
    COLUMNS_2,
    COUNTRY_ONLY,
    FORMAT,
    LATE_KEPT,
)

ROW = {
    "GLOBALEVENTID": "900000007", "SQLDATE": "20200103", "MonthYear": "202001", "Year": "2020",
    "FractionDate": "2020.0082", "Actor1Code": "USAMIL", "Actor1Name": "US ARMY",
    "Actor1CountryCode": "USA", "Actor1Type1Code": "MIL", "Actor2Code": "IRQREB",
    "Actor2Name": "IRAQI MILITIA", "Actor2CountryCode": "IRQ", "Actor2Type1Code": "REB",
    "IsRootEvent": "1", "EventCode": "195", "EventBaseCode": "195", "EventRootCode": "19",
    "QuadClass": "4", "GoldsteinScale": "-10", "NumMentions": "10", "NumSources": "1",
    "NumArticles": "10", "AvgTone": "-7.25", "ActionGeo_Type": "4",
    "ActionGeo_FullName": "Baghdad, Baghdad, Iraq", "ActionGeo_CountryCode": "IZ",
    "ActionGeo_ADM1Code": "IZ07", "ActionGeo_Lat": "33.3386", "ActionGeo_Long": "44.3939",
    "ActionGeo_FeatureID": "-3103581", "DATEADDED": "20200103233000",
    "SOURCEURL": "http://example.org/a",
}  # fmt: skip


day = datetime.date.fromisoformat


def row(change):
    """A row whose base and root follow from its code."""
    code = change.get("EventCode", ROW["EventCode"])
    return {**ROW, "EventBaseCode": code[:3], "EventRootCode": code[:2], **change}


def gdelt(*changes, **options):
    return take(FORMAT, *(row(change) for change in changes or [{}]), **options)


def line(columns, **change):
    return "\t".join({**ROW, **change}.get(name, "") for name in columns) + "\n"


def test_a_row_becomes_a_canonical_event_without_casualties():
    assert gdelt().only == {
        "event_id": "900000007", "event_date": day("2020-01-03"), "known_date": day("2020-01-03"),
        "country": "IRQ", "admin1": "IZ07", "site": "Baghdad, Baghdad, Iraq", "latitude": 33.3386,
        "longitude": 44.3939, "event_type": "air_strike", "actor": "USA_MIL", "target": "IRQ_REB",
        "severity": 3, "killed": None, "wounded": None, "source": "gdelt", "confidence": "medium",
        "tags": "cameo_195 root_event", "note": None, **UNREPORTED,
    }  # fmt: skip


def test_the_layouts_have_61_58_and_57_columns_in_the_order_of_the_codebook():
    assert [len(names) for names in FORMAT.names] == [61, 58, 57]
    places = {
        4: "FractionDate", 5: "Actor1Code", 12: "Actor1Type1Code", 15: "Actor2Code",
        25: "IsRootEvent", 26: "EventCode", 30: "GoldsteinScale", 34: "AvgTone",
        35: "Actor1Geo_Type", 43: "Actor2Geo_Type", 51: "ActionGeo_Type",
        53: "ActionGeo_CountryCode", 56: "ActionGeo_Lat", 59: "DATEADDED", 60: "SOURCEURL",
    }  # fmt: skip
    assert {place: COLUMNS_2[place] for place in places} == places
    assert {COLUMNS_1[49], COLUMNS_1[53], COLUMNS_1[56]} == {
        "ActionGeo_Type", "ActionGeo_Lat", "DATEADDED",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("width", "added"), [(61, "20200103233000"), (58, "20200103"), (57, "20200103")]
)
@pytest.mark.parametrize("ending", [".export.CSV", ".csv.gz", ".zip"])
def test_a_file_of_each_version_is_read_without_a_header(tmp_path, width, added, ending):
    columns = next(names for names in FORMAT.names if len(names) == width)
    text = line(columns, DATEADDED=added) + line(columns, GLOBALEVENTID="007", DATEADDED=added)
    path = tmp_path / f"20200103{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("20200103.export.CSV", text)
    elif ending == ".csv.gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    summary = take_file(FORMAT, path)
    assert (summary.records, summary.refused) == (2, {})
    assert summary.events["event_id"].to_pylist() == ["900000007", "007"]
    assert summary.events["known_date"].to_pylist() == [day("2020-01-03")] * 2


@pytest.mark.parametrize(
    ("code", "event_type", "rung"),
    [
        ("010", "statement", 1), ("0231", "statement", 1), ("030", "cooperation", 1),
        ("040", "statement", 1), ("046", "statement", 1), ("051", "cooperation", 1),
        ("057", "agreement", 1), ("070", "cooperation", 1), ("084", "cooperation", 1),
        ("0871", "truce", 1), ("090", "statement", 1), ("112", "statement", 1),
        ("138", "diplomatic_warning", 1), ("1383", "diplomatic_warning", 1),
        ("141", "protest", 2), ("145", "riot", 3), ("1451", "riot", 3),
        ("154", "troop_movement", 2), ("163", "sanction", 2), ("171", "coercion", 2),
        ("173", "arrest", 2),
        ("175", "violence_against_civilians", 3), ("180", "violence_against_civilians", 3),
        ("181", "abduction", 3), ("1821", "sexual_violence", 4),
        ("1822", "violence_against_civilians", 3), ("1823", "killing", 5),
        ("183", "ied_attack", 3), ("1831", "suicide_bombing", 3),
        ("1833", "ied_attack", 3), ("185", "assassination", 3), ("186", "killing", 5),
        ("190", "battle", 3), ("191", "troop_movement", 2), ("192", "battle", 3),
        ("193", "armed_clash", 3), ("194", "shelling", 3), ("1951", "air_strike", 3),
        ("1952", "drone_strike", 3), ("196", "battle", 3), ("200", "mass_violence", 5),
        ("201", "violence_against_civilians", 3), ("202", "mass_violence", 5),
        ("2042", "mass_violence", 5),
    ],
)  # fmt: skip
def test_type_and_severity_follow_the_cameo_table(code, event_type, rung):
    event = gdelt({"EventCode": code}).only
    assert (event["event_type"], event["severity"]) == (event_type, rung)
    assert event["tags"] == f"cameo_{code} root_event"


def test_every_root_has_a_type_and_every_type_a_rung():
    assert {f"{root:02}" for root in range(1, 21)} <= set(cameo.EVENT_TYPES)
    assert set(cameo.EVENT_TYPES.values()) <= set(schema.SEVERITY_LADDER)


@pytest.mark.parametrize("code", ["1", "21", "00", "---", "X", "01234", "19.5", "\u0661\u0669"])
def test_other_text_than_a_cameo_code_is_refused(code):
    assert gdelt({}, {"EventCode": code}).problems == {("Q-TYPE", "EventCode"): [1]}


@pytest.mark.parametrize(
    ("country", "group", "kind", "code", "side"),
    [
        ("IRN", "", "GOV", "IRNGOV", "IRN_GOV"),
        ("IRN", "", "", "IRN", "IRN"),
        ("", "", "REB", "REB", "REB"),
        ("", "UNO", "", "IGOUNO", "UNO"),
        ("", "HEZ", "REB", "HEZREB", "HEZ_REB"),
        ("", "", "", "MOS", "MOS"),
        ("", "", "", "", None),
    ],
)
def test_a_side_is_its_country_or_group_and_its_type(country, group, kind, code, side):
    row = {
        "Actor1CountryCode": country, "Actor1KnownGroupCode": group, "Actor1Type1Code": kind,
        "Actor1Code": code,
    }  # fmt: skip
    assert gdelt(row).only["actor"] == side


@pytest.mark.parametrize(
    ("actor", "target", "code", "rung"),
    [
        (("USA", "MIL"), ("IRN", "MIL"), "195", 6),
        (("IRN", "GOV"), ("USA", "MIL"), "190", 6),
        (("USA", "MIL"), ("USA", "MIL"), "190", 3),
        (("USA", "MIL"), ("IRN", "REB"), "190", 3),
        (("USA", "MIL"), ("IRN", "MIL"), "010", 1),
        (("", "MIL"), ("IRN", "MIL"), "190", 3),
    ],
)
def test_only_state_violence_against_the_military_of_another_state_is_the_highest_rung(
    actor, target, code, rung
):
    row = {
        "Actor1CountryCode": actor[0], "Actor1Type1Code": actor[1], "Actor2CountryCode": target[0],
        "Actor2Type1Code": target[1], "EventCode": code,
    }  # fmt: skip
    assert gdelt(row).only["severity"] == rung


def test_late_reports_are_kept_and_those_over_a_year_late_are_counted():
    result = gdelt({"SQLDATE": "19850103"}, {"SQLDATE": "20190103"}, {"SQLDATE": "20190102"})
    assert not result.problems and result.notes == {LATE_KEPT: 2}
    assert result.events[0]["event_date"] == day("1985-01-03")
    assert result.events[0]["known_date"] == day("2020-01-03")


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        ({"SQLDATE": "20200230"}, "Q-DATE", "SQLDATE"),
        ({"SQLDATE": "2020103"}, "Q-DATE", "SQLDATE"),
        ({"SQLDATE": "2020-01-03"}, "Q-DATE", "SQLDATE"),
        ({"SQLDATE": "1578009600"}, "Q-DATE", "SQLDATE"),
        ({"SQLDATE": "20200104"}, "Q-KNOWN-EARLY", "DATEADDED"),
        ({"DATEADDED": "20200103240000"}, "Q-DATE", "DATEADDED"),
        ({"DATEADDED": "202001032330"}, "Q-DATE", "DATEADDED"),
        ({"DATEADDED": ""}, "Q-REQUIRED", "DATEADDED"),
        ({"GLOBALEVENTID": ""}, "Q-REQUIRED", "GLOBALEVENTID"),
        ({"ActionGeo_Lat": "33#3386"}, "Q-PLACE", "ActionGeo_Lat"),
        ({"NumSources": "-1"}, "Q-NUMBER", "NumSources"),
    ],
)
def test_an_unreadable_row_is_refused_and_its_neighbours_are_not(change, code, column):
    assert gdelt({}, change, {}).problems == {(code, column): [1]}


@pytest.mark.parametrize(
    ("fips", "country"),
    [("IZ", "IRQ"), ("SY", "SYR"), ("GM", "DEU"), ("CH", "CHN"), ("RB", "SRB"), ("GZ", "PSE")],
)
def test_countries_are_fips_codes(fips, country):
    assert gdelt({"ActionGeo_CountryCode": fips}).only["country"] == country


def test_a_place_outside_any_country_is_kept_and_counted():
    result = gdelt({"ActionGeo_CountryCode": "OS"}, {"ActionGeo_CountryCode": ""}, {})
    assert [event["country"] for event in result.events] == [None, None, "IRQ"]
    assert result.notes == {NO_COUNTRY: 1} and not result.problems


@pytest.mark.parametrize(
    ("kind", "admin1", "site", "latitude"),
    [
        ("1", None, None, None),
        ("2", "IZ07", None, 33.3386),
        ("3", "IZ07", "Baghdad, Baghdad, Iraq", 33.3386),
        ("4", "IZ07", "Baghdad, Baghdad, Iraq", 33.3386),
        ("5", "IZ07", None, 33.3386),
        ("", "IZ07", "Baghdad, Baghdad, Iraq", 33.3386),
    ],
)
def test_the_centre_of_a_country_is_not_a_place(kind, admin1, site, latitude):
    result = gdelt({"ActionGeo_Type": kind})
    event = result.only
    assert (event["admin1"], event["site"], event["latitude"]) == (admin1, site, latitude)
    assert event["country"] == "IRQ" and result.notes == ({COUNTRY_ONLY: 1} if kind == "1" else {})


@pytest.mark.parametrize(
    ("sources", "mentions", "confidence"),
    [("3", "3", "high"), ("2", "2", "medium"), ("1", "5", "medium"), ("1", "4", "low"),
     ("", "", None)],
)  # fmt: skip
def test_confidence_counts_sources_and_mentions(sources, mentions, confidence):
    row = {"NumSources": sources, "NumMentions": mentions}
    assert gdelt(row).only["confidence"] == confidence
