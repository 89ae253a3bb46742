"""Laws of the look back of every registered target: causal, and blind to the order of rows."""

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation.events import EventArchive
from escalation.panel.by_unit import history
from escalation.panel.dense import PanelSpec, Where
from escalation.targets import TARGETS, look_back

KINDS = ("site", "dyad", "all")
ACTORS = Where({schema.ACTOR: ("militia", "coalition")}, rung=1)
NEEDED = {"retaliation": {"pairs": (("militia", "coalition"), ("civilians", "coalition"))}}
"""Parameters without a default."""


@pytest.fixture(params=TARGETS)
def target(request):
    """Every registered target, with a filter."""
    return TARGETS[request.param](horizon=3, where=ACTORS, **NEEDED.get(request.param, {}))


def backs(target, archive, *, first_day, lag):
    """Every array of a look back, by unit: from its entry to the last day."""
    past = history(archive, PanelSpec(KINDS, target.channels()), first_day=first_day, lag=lag)
    back = look_back(target, past)
    arrays = {"threshold": back.threshold, "at_risk": back.at_risk, **back.history, **back.extra}
    return {
        (unit, name): (past.entry[i], values[i])
        for i, unit in enumerate(past.units)
        for name, values in arrays.items()
    }


def until(arrays, day):
    """The arrays up to a day index, as bytes."""
    return {
        key: (entry, values[entry : day + 1].tobytes())
        for key, (entry, values) in arrays.items()
        if entry <= day
    }


@pytest.mark.parametrize("lag", [0, 3])
def test_the_archive_known_by_a_day_and_the_full_one_give_the_same(target, lag, random_archive):
    archive = random_archive(21, days=40)
    first = archive.first_day
    full = backs(target, archive, first_day=first, lag=lag)
    for day in range(lag, 40, 3):
        part = backs(target, archive.until(first + day), first_day=first, lag=lag)
        assert until(part, day) == until(full, day)
        assert until(part, day)


@pytest.mark.parametrize("lag", [0, 3])
def test_later_news_does_not_change_the_past(target, lag, random_archive):
    archive, other = random_archive(22, days=40), random_archive(23, days=40)
    first = archive.first_day
    clean = backs(target, archive, first_day=first, lag=lag)
    for day in (lag, 7, 18, 30):
        known = archive.versions[archive.versions[schema.KNOWN_DATE] <= first + day]
        # Same identifiers, other days, places, sides and rungs, and retractions of what was known.
        late = other.versions[other.versions[schema.KNOWN_DATE] > first + day]
        retractions = (
            known.drop_duplicates([schema.EVENT_ID])
            .iloc[::2]
            .assign(
                **{schema.OPERATION: "retract", schema.KNOWN_DATE: pd.Timestamp(first + day + 1)}
            )
        )
        late = late[
            ~late[schema.EVENT_ID].isin(retractions[schema.EVENT_ID])
            | (late[schema.KNOWN_DATE] > first + day + 1)
        ]
        poisoned = EventArchive.of(
            pd.concat([known, late, retractions], ignore_index=True), covered_to=archive.covered_to
        )
        rebuilt = backs(target, poisoned, first_day=first, lag=lag)
        assert until(rebuilt, day) == until(clean, day)
        assert until(rebuilt, 39) != until(clean, 39), "expected the poison to do something"


def test_the_order_of_rows_and_repeated_rows_change_nothing(target, random_archive):
    archive = random_archive(24, days=40)
    rows = archive.versions
    shuffled = pd.concat([rows, rows.iloc[::3]]).sample(frac=1, random_state=1)
    reordered = EventArchive.of(shuffled, covered_to=archive.covered_to, known_basis="observed")
    pd.testing.assert_frame_equal(reordered.versions, rows)
    first = archive.first_day
    straight = until(backs(target, archive, first_day=first, lag=1), 39)
    assert until(backs(target, reordered, first_day=first, lag=1), 39) == straight


def test_renamed_units_change_only_names(target, random_archive):
    archive = random_archive(25, days=40)
    names = {"base": "zulu", "camp": "alpha", "port": "mike"}
    rows = archive.versions.assign(**{schema.SITE: archive.versions[schema.SITE].replace(names)})
    renamed = EventArchive.of(rows, covered_to=archive.covered_to)
    first = archive.first_day
    before = until(backs(target, archive, first_day=first, lag=0), 39)
    after = until(backs(target, renamed, first_day=first, lag=0), 39)
    assert {(names.get(unit, unit), name): v for (unit, name), v in before.items()} == after


def test_thresholds_are_whole_numbers_from_one(target, random_archive):
    past = history(random_archive(26), PanelSpec(KINDS, target.channels()))
    back = look_back(target, past)
    np.testing.assert_array_equal(back.threshold, np.floor(back.threshold))
    assert back.threshold.min() >= 1
    assert not back.at_risk[~past.present].any()
