"""GTD's layout: the result of each column, and which rows are refused or counted."""

import datetime

import pytest
from blocks import UNREPORTED, reader

from escalation import schema
from escalation.events.formats.canonical import NO_COUNTRY
from escalation.events.formats.gtd import ATTACKS, FORMAT

ROW = {
    "eventid": "201401310007", "iyear": "2014", "imonth": "1", "iday": "31", "extended": "0",
    "country_txt": "Iraq", "provstate": "Baghdad", "city": "Baghdad", "latitude": "33.3",
    "longitude": "44.4", "success": "1", "suicide": "0", "attacktype1_txt": "Bombing/Explosion",
    "targtype1_txt": "Military", "gname": "Group A", "nkill": "2", "nwound": "5",
    "doubtterr": "0", "claimed": "1", "summary": "01/31/2014: a bomb",
}  # fmt: skip
gtd = reader(FORMAT, ROW)


def test_a_row_becomes_a_canonical_event_known_a_year_later():
    day = datetime.date(2014, 1, 31)
    assert gtd().only == {
        **UNREPORTED, "event_id": "201401310007", "event_date": day,
        "known_date": datetime.date(2015, 1, 31), "country": "IRQ", "admin1": "Baghdad",
        "site": "Baghdad", "latitude": 33.3, "longitude": 44.4, "event_type": "explosion",
        "actor": "Group A", "target": "Military", "severity": 5, "killed": 2, "wounded": 5,
        "source": "gtd", "confidence": "high", "tags": "bombing/explosion",
        "note": "01/31/2014: a bomb", "attribution": "claimed",
    }  # fmt: skip
    assert gtd(lag=30).only["known_date"] == datetime.date(2014, 3, 2)


def test_the_135_columns_of_a_release_are_known():
    assert len({*FORMAT.columns, *FORMAT.ignored}) == 135


def test_every_attack_type_has_a_rung():
    assert len(ATTACKS) == 9 and set(ATTACKS.values()) <= set(schema.SEVERITY_LADDER)


@pytest.mark.parametrize(
    ("attack", "target", "suicide", "event_type"),
    [
        ("Bombing/Explosion", "Military", "1", "suicide_bombing"),
        ("Armed Assault", "Military", "0", "armed_clash"),
        ("Armed Assault", "Police", "0", "armed_clash"),
        ("Armed Assault", "Private Citizens & Property", "0", "violence_against_civilians"),
        ("ASSASSINATION", "Police", "0", "assassination"),
        ("Hostage Taking (Kidnapping)", "Business", "0", "abduction"),
        ("Facility/Infrastructure Attack", "Utilities", "0", "sabotage"),
        ("Unknown", "Unknown", "0", "attack"),
    ],
)
def test_the_type_follows_attack_target_and_suicide(attack, target, suicide, event_type):
    row = {"attacktype1_txt": attack, "targtype1_txt": target, "suicide": suicide}
    assert gtd(row).only["event_type"] == event_type


@pytest.mark.parametrize(
    ("month", "day", "coarsest", "date"),
    [
        ("2", "0", 7, None), ("2", "0", 31, "2014-02-01"), ("0", "0", 31, None),
        ("0", "0", 366, "2014-01-01"), ("0", "7", 31, None), ("2", "30", 366, "Q-DATE"),
        ("13", "1", 7, "Q-DATE"), ("2.0", "3.0", 7, "2014-02-03"),
    ],
)  # fmt: skip
def test_a_day_or_month_of_zero_is_unknown_and_accepted_if_precise_enough(
    month, day, coarsest, date
):
    result = gtd({"imonth": month, "iday": day}, {}, coarsest=coarsest)
    if date is None or date == "Q-DATE":
        assert result.problems == {(date or "Q-PRECISION", "iday"): [0]}
    else:
        assert not result.problems and str(result.events[0]["event_date"]) == date


@pytest.mark.parametrize("unknown", ["-9", "-99", "-99.0", "", "NA"])
def test_an_unknown_toll_is_not_zero(unknown):
    event = gtd({"nkill": unknown, "nwound": unknown}).only
    assert (event["killed"], event["wounded"], event["severity"]) == (None, None, 3)


@pytest.mark.parametrize(
    ("claimed", "group", "attribution", "actor"),
    [("1", "Group A", "claimed", "Group A"), ("0", "Group A", "blamed", "Group A"),
     ("-9", "Group A", "blamed", "Group A"), ("0", "Unknown", "unknown", None),
     ("", "Unknown", "unknown", None)],
)  # fmt: skip
def test_the_attribution_is_claimed_blamed_or_unknown(claimed, group, attribution, actor):
    event = gtd({"claimed": claimed, "gname": group}).only
    assert (event["attribution"], event["actor"]) == (attribution, actor)


def test_an_event_in_a_former_country_is_kept_without_one_and_counted():
    result = gtd({"country_txt": "Czechoslovakia"}, {"country_txt": "West Germany (FRG)"})
    assert [event["country"] for event in result.events] == [None, "DEU"]
    assert result.notes == {NO_COUNTRY: 1} and not result.problems


@pytest.mark.parametrize(
    ("change", "code", "column"),
    [
        ({"eventid": "1.97E+11"}, "Q-ID", "eventid"),
        ({"iyear": ""}, "Q-REQUIRED", "iyear"),
        ({"attacktype1_txt": "Parade"}, "Q-TYPE", "attacktype1_txt"),
        ({"nkill": "-1"}, "Q-NUMBER", "nkill"),
        ({"nkill": "1.5"}, "Q-NUMBER", "nkill"),
        ({"latitude": "91"}, "Q-PLACE", "latitude"),
    ],
)
def test_an_unreadable_row_is_refused_and_its_neighbours_are_not(change, code, column):
    problems = gtd({}, change, {}).problems
    assert problems[(code, column)] == [1] and all(rows == [1] for rows in problems.values())


def test_failed_and_suicide_attacks_and_doubtful_ones_are_marked():
    event = gtd({"success": "0", "suicide": "1", "doubtterr": "1"}).only
    assert event["tags"] == "bombing/explosion suicide failed" and event["confidence"] == "low"
