"""Rules for every row of the bundled chronology and its tallies, read as plain text."""

import csv
from collections import defaultdict
from datetime import date
from itertools import pairwise

import pytest

COLUMNS = """
event_id event_date reported_date event_time location site admin1 country latitude longitude
event_type actor actor_name attribution target munitions_count killed killed_us killed_coalition
wounded killed_low killed_high counts_as_installation_attack confidence source_url notes condition
version_note
"""
COUNTS = (
    "munitions_count", "killed", "killed_us", "killed_coalition", "wounded", "killed_low",
    "killed_high",
)  # fmt: skip
FIXED = ("event_date", "event_type", "site", "country")
"""The same in all versions of an event."""
NOT_CODED = {"reported_date", "source_url", "version_note", "notes"}
WORDS = {
    "attribution": {"claimed", "blamed", "unknown"},
    "confidence": {"high", "medium", "low"},
    "counts_as_installation_attack": {"0", "1"},
    "country": {"IRQ", "USA", "SYR", "JOR"},
    "actor": {
        "militia", "unknown", "us_coalition", "iraq_government", "iraq_parliament", "iran",
        "protesters", "isis",
    },
    "target": {
        "us_coalition", "diplomatic", "militia", "iraq_government", "civilians", "iran",
    },
    "event_type": {
        "rocket_attack", "drone_attack", "ied_attack", "diplomatic_warning", "political_decision",
        "air_strike", "troop_movement", "protest_violence", "parliamentary_vote", "missile_strike",
        "sanction", "truce", "assassination", "mortar_attack", "drone_strike", "embassy_assault",
    },
}  # fmt: skip


def rows_of(path):
    raw = path.read_bytes()
    assert b"\r" not in raw and raw.endswith(b"\n")
    header, *cells = csv.reader(raw.decode("utf-8").split("\n")[:-1])
    assert {len(row) for row in cells} == {len(header)}
    return header, [dict(zip(header, row, strict=True)) for row in cells]


@pytest.fixture(scope="module")
def rows(crisis_csv):
    header, rows = rows_of(crisis_csv)
    assert header == COLUMNS.split()
    return rows


@pytest.fixture(scope="module")
def versions(rows):
    """The rows of each event, in the order of the file."""
    events = defaultdict(list)
    for row in rows:
        events[row["event_id"]].append(row)
    return events


def name(row):
    return row["event_id"], row["reported_date"]


def wrong(rows, holds):
    return [name(row) for row in rows if not holds(row)]


def is_day(text):
    return date.fromisoformat(text).isoformat() == text


def ascending(row, *columns):
    counts = [int(row[column]) for column in columns if row[column]]
    return counts == sorted(counts)


def is_pages(text):
    return bool(text) and all(u.startswith("http") and " " not in u for u in text.split(" ; "))


RULES = {
    "days are ISO": lambda row: is_day(row["event_date"]) and is_day(row["reported_date"]),
    "reported on the day or later": lambda row: row["reported_date"] >= row["event_date"],
    "counts are whole or unknown": lambda row: all(
        row[column] == "" or row[column].isdigit() for column in COUNTS
    ),
    "Americans are of the coalition, and those of the killed": lambda row: ascending(
        row, "killed_us", "killed_coalition", "killed"
    ),
    "the killed lie between low and high": lambda row: ascending(
        row, "killed_low", "killed", "killed_high"
    ),
    "words are of the vocabulary": lambda row: all(
        row[column] in words for column, words in WORDS.items()
    ),
    "places lie in the region": lambda row: (
        row["country"] == "USA" or 29 <= float(row["latitude"]) <= 40
    ),
    "pages are addresses": lambda row: is_pages(row["source_url"]),
    "ids are of this table": lambda row: row["event_id"].startswith("IQ-20"),
}


@pytest.mark.parametrize("rule", RULES)
def test_in_every_version(rows, rule):
    assert wrong(rows, RULES[rule]) == []


def test_rows_are_sorted_by_day_event_and_day_of_report(rows):
    keys = [(row["event_date"], row["event_id"], row["reported_date"]) for row in rows]
    assert keys == sorted(set(keys))


def later(versions):
    """Each version with the one before it."""
    return [pair for rows in versions.values() for pair in pairwise(rows)]


def test_no_later_version_moves_or_renames_its_event(versions):
    moved = [
        name(after)
        for before, after in later(versions)
        if any(before[column] != after[column] for column in FIXED)
    ]
    assert moved == []


def test_every_later_version_changes_a_coded_column_and_has_a_note(versions):
    coded = [column for column in COLUMNS.split() if column not in NOT_CODED]
    idle = [
        name(after)
        for before, after in later(versions)
        if all(before[column] == after[column] for column in coded) or not after["version_note"]
    ]
    assert idle == []


def test_every_tally_has_a_number_its_days_in_order_and_a_page(root):
    header, tallies = rows_of(root / "data/iraq_crisis_tallies.csv")
    assert header == [
        "as_of_date", "published_date", "publisher", "what", "since_date", "value", "unit",
        "source_url",
    ]  # fmt: skip
    for tally in tallies:
        assert is_day(tally["as_of_date"]) and is_day(tally["published_date"]), tally
        assert (tally["since_date"] or tally["as_of_date"]) <= tally["as_of_date"], tally
        assert tally["as_of_date"] <= tally["published_date"], tally
        assert tally["value"].isdigit() and is_pages(tally["source_url"]), tally
