"""The bundled chronology says what happened, and when it was known."""

import pandas as pd
import pytest

from escalation import schema
from escalation.errors import InputError
from escalation.events import load_events
from escalation.events.formats.iraq_crisis import INSTALLATION_ATTACK


@pytest.fixture(scope="module")
def events(crisis):
    return crisis.as_of(crisis.covered_to).set_index("event_id")


@pytest.fixture(scope="module")
def raw(crisis_csv):
    return pd.read_csv(crisis_csv, dtype=str, keep_default_na=False).set_index("event_id")


# What history books say: day, place, who did what to whom, how many died, which rung.
HAPPENED = [
    ("2019-10-30", "green_zone", "rocket_attack", "militia", "diplomatic", 1, 5),
    ("2019-12-27", "k1", "rocket_attack", "militia", "us_coalition", 1, 5),
    ("2019-12-29", "al_qaim", "air_strike", "us_coalition", "militia", 25, 5),
    ("2019-12-31", "us_embassy", "embassy_assault", "protesters", "diplomatic", 0, 3),
    ("2020-01-03", "baghdad_airport", "assassination", "us_coalition", "iran", 8, 6),
    ("2020-01-05", "parliament", "parliamentary_vote", "iraq_parliament", "us_coalition", None, 1),
    ("2020-01-08", "ain_al_asad", "missile_strike", "iran", "us_coalition", 0, 6),
    ("2020-01-08", "erbil_airport", "missile_strike", "iran", "us_coalition", 0, 6),
    ("2020-03-11", "taji", "rocket_attack", "militia", "us_coalition", 3, 5),
    ("2020-03-13", "jurf_al_sakhar", "air_strike", "us_coalition", "militia", 6, 5),
    ("2020-03-14", "taji", "rocket_attack", "militia", "us_coalition", 0, 4),
    ("2024-01-28", "tower_22", "drone_attack", "militia", "us_coalition", 3, 5),
]


@pytest.mark.parametrize(("day", "site", "kind", "actor", "target", "killed", "rung"), HAPPENED)
def test_what_happened_is_there_once(events, day, site, kind, actor, target, killed, rung):
    found = events[
        (events[schema.EVENT_DATE] == day)
        & (events[schema.SITE] == site)
        & (events[schema.EVENT_TYPE] == kind)
    ]
    assert len(found) == 1
    event = found.iloc[0]
    assert (event[schema.ACTOR], event[schema.TARGET]) == (actor, target)
    assert (None if event[schema.KILLED] is pd.NA else event[schema.KILLED]) == killed
    assert event[schema.SEVERITY] == rung


def test_only_soleimani_and_the_ballistic_missiles_are_on_the_highest_rung(events):
    highest = events[events[schema.SEVERITY] == 6]
    assert list(highest.index) == ["IQ-2020-01-03-01", "IQ-2020-01-08-01", "IQ-2020-01-08-02"]


def test_another_ladder_gives_other_rungs(crisis_csv):
    ladder = {**schema.SEVERITY_LADDER, "parliamentary_vote": schema.Rungs(2, 2, 2)}
    versions = load_events("iraq_crisis", crisis_csv, ladder=ladder).versions
    votes = versions[schema.EVENT_TYPE] == "parliamentary_vote"
    assert set(versions.loc[votes, schema.SEVERITY]) == {2}
    assert set(versions.loc[~votes, schema.SEVERITY]) == {1, 2, 3, 4, 5, 6}


def test_two_of_the_three_dead_of_taji_were_american(raw):
    taji = raw.loc["IQ-2020-03-11-01"]
    assert (taji["killed"], taji["killed_us"], taji["killed_coalition"]) == ("3", "2", "3")


def test_the_one_dead_of_k1_was_an_american_contractor(raw):
    assert raw.loc["IQ-2019-12-27-01", "killed_us"] == "1"


def test_the_second_attack_on_taji_came_by_day(raw):
    assert raw.loc["IQ-2020-03-11-01", "event_time"] == "19:35"
    assert raw.loc["IQ-2020-03-14-01", "event_time"] == "10:50"


def test_there_are_238_events_from_october_2019_to_september_2024(crisis, events):
    assert len(events) == 238
    assert str(crisis.first_day) == "2019-10-01"
    assert str(events[schema.EVENT_DATE].max().date()) == "2024-09-10"


def test_29_installations_were_attacked_up_to_14_march_2020_22_with_high_confidence(events):
    tagged = events[events[schema.TAGS] == INSTALLATION_ATTACK]
    window = tagged[tagged[schema.EVENT_DATE] <= "2020-03-14"]
    assert len(window) == 29
    assert str(window[schema.EVENT_DATE].min().date()) == "2019-10-28"
    assert str(window[schema.EVENT_DATE].max().date()) == "2020-03-14"
    assert (window[schema.CONFIDENCE] == "high").sum() == 22


def test_the_tag_is_the_column_and_nothing_else(events, raw):
    counted = raw["counts_as_installation_attack"] == "1"
    assert set(events.index[events[schema.TAGS] == INSTALLATION_ATTACK]) == set(raw.index[counted])
    assert set(events[schema.TAGS]) == {INSTALLATION_ATTACK, ""}


def test_an_event_that_was_reported_late_was_not_known_before(crisis):
    # The rockets of 28 October 2019 were first reported on 31 October.
    late = "IQ-2019-10-28-01"
    assert late not in set(crisis.as_of("2019-10-30")[schema.EVENT_ID])
    assert late in set(crisis.as_of("2019-10-31")[schema.EVENT_ID])


def test_every_event_enters_on_the_day_it_was_reported(crisis, raw):
    for day in ("2019-10-22", "2020-01-05", "2020-03-13", "2020-12-31"):
        known = set(crisis.as_of(day)[schema.EVENT_ID])
        assert known == set(raw.index[raw["reported_date"] <= day])


def test_the_archive_covers_no_day_after_the_last_report(crisis, raw):
    assert str(crisis.covered_to) == raw["reported_date"].max() == "2024-09-11"
    with pytest.raises(InputError, match="E-COVERAGE"):
        crisis.as_of("2024-09-12")


def test_unknown_casualties_stay_unknown(events, raw):
    for column in (schema.KILLED, schema.WOUNDED):
        assert set(events.index[events[column].isna()]) == set(raw.index[raw[column] == ""])
        whole = pd.to_numeric(raw.loc[raw[column] != "", column]).sum()
        assert events[column].sum() == whole


def test_types_are_those_of_the_event_table(crisis):
    types = crisis.versions.dtypes.astype(str)
    assert set(types[list(schema.TEXT_COLUMNS)]) == {"str"}
    assert set(types[list(schema.DATE_COLUMNS)]) == {"datetime64[s]"}
    assert set(types[list(schema.COUNT_COLUMNS)]) == {"Int64"}
    assert types[schema.SEVERITY] == "int8"
    assert crisis.known_basis == "observed"


def test_another_layout_is_refused_by_name(tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("event_id,event_date\nA,2020-01-01\n")
    with pytest.raises(InputError, match=r"E-COLUMNS.*other\.csv:1.*reported_date"):
        load_events("iraq_crisis", other)
