"""What-if: a line becomes an event, and the score is that of an archive with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from suppositions import difference_of, random_line

from escalation import schema
from escalation.errors import UsageError
from escalation.events.archive import EventArchive
from escalation.scoring.score import score
from escalation.scoring.supposed import SupposedEvent, score_if, suppose

LINE = "rocket_attack militia>us_coalition at taji killed=1"
DAY = "2020-12-31"


def test_a_line_is_parsed():
    event = SupposedEvent.of("air_strike at Green Zone 2020-03-09 us_coalition>militia killed=2")
    assert (event.event_type, event.actor, event.target) == (
        "air_strike", "us_coalition", "militia"
    )  # fmt: skip
    assert (event.place, event.day, event.numbers) == ("Green Zone", "2020-03-09", {"killed": 2})
    assert SupposedEvent.of("air_strike today").day is None


def test_the_row_has_the_location_of_its_place_a_rung_and_tags(scorer, crisis):
    made = suppose(crisis, scorer, [LINE], DAY)
    row = made.versions[made.versions[schema.SOURCE] == "supposed"].iloc[0]
    taji = crisis.as_of(DAY)
    taji = taji[taji["site"] == "taji"].iloc[-1]
    for name in ("site", "admin1", "country", "latitude", "longitude"):
        assert row[name] == taji[name]
    assert (row["severity"], row["killed"], row["tags"]) == (5, 1, "installation_attack")
    assert row["event_date"] == row["known_date"] == pd.Timestamp(DAY)
    assert pd.isna(row["wounded"])
    assert len(made.versions) == len(crisis.versions) + 1


def test_the_scores_equal_those_of_an_archive_with_the_event(scorer, crisis):
    rng = np.random.default_rng(11)
    moved = [difference_of(scorer, crisis, [random_line(rng, crisis, DAY)], DAY) for _ in range(6)]
    assert max(apart for apart, _ in moved) <= 1e-12
    assert max(change for _, change in moved) > 0.0


def test_the_change_is_against_the_same_day_and_the_provenance_lists_the_events(scorer, crisis):
    before = {row.unit_key: row.probability for row in score(scorer, crisis, as_of=DAY, explain=0)}
    rows = score_if(scorer, crisis, [LINE], as_of=DAY, explain=0)
    for row in rows:
        assert row.change == pytest.approx(row.probability - before[row.unit_key], abs=1e-15)
        assert row.changed_since == DAY
        assert row.provenance["supposed"] == [LINE]
    assert {row.unit: row.change for row in rows}["taji"] > 0.0


def test_the_archive_is_unchanged(scorer, crisis):
    digest = EventArchive.of(crisis.versions, covered_to=crisis.covered_to).digest
    score_if(scorer, crisis, [LINE, LINE], as_of=DAY, explain=0)
    assert EventArchive.of(crisis.versions, covered_to=crisis.covered_to).digest == digest


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "needs an event type"),
        ("rocket_atack at taji", "did you mean 'rocket_attack'"),
        ("rocket_attack militias>us_coalition", "did you mean 'militia'"),
        ("rocket_attack at tajji", "did you mean 'taji'"),
        ("rocket_attack at", "needs a place"),
        ("rocket_attack at taji killed=some", "killed=some"),
        ("rocket_attack at taji 2021-01-01", "needs a day up to the scored one, 2020-12-31"),
    ],
)
def test_invalid_lines_and_unknown_names_are_refused(scorer, crisis, line, message):
    with pytest.raises(UsageError, match="E-SUPPOSED") as refused:
        score_if(scorer, crisis, [line], as_of=DAY)
    assert message in str(refused.value)
