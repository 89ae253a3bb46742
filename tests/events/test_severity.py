"""The severity ladder, against a table written out by hand."""

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from escalation import schema
from escalation.errors import InputError
from escalation.events.severity import severity, severity_of

MILITIA, US, IRAN, CIVILIANS = "militia", "us_coalition", "iran", "civilians"


def rungs(*rows, **options):
    """Rungs of (type, actor, target, killed, wounded)."""
    columns = [schema.EVENT_TYPE, schema.ACTOR, schema.TARGET, schema.KILLED, schema.WOUNDED]
    events = pd.DataFrame(rows, columns=columns)
    events[[schema.KILLED, schema.WOUNDED]] = events[[schema.KILLED, schema.WOUNDED]].astype(
        "Int64"
    )
    return severity(events, **options).tolist()


@pytest.mark.parametrize(
    ("row", "rung"),
    [
        (("none", MILITIA, US, 0, 0), 0),
        (("parliamentary_vote", MILITIA, US, 9, 9), 1),
        (("sanction", US, IRAN, 0, 0), 2),
        (("rocket_attack", MILITIA, US, 0, 0), 3),
        (("rocket_attack", MILITIA, US, None, None), 3),
        (("rocket_attack", MILITIA, US, 0, 2), 4),
        (("rocket_attack", MILITIA, US, None, 2), 4),
        (("rocket_attack", MILITIA, US, 1, None), 5),
        (("rocket_attack", MILITIA, US, 1, 5), 5),
        (("missile_strike", IRAN, US, 0, 0), 6),
        (("missile_strike", IRAN, IRAN, 0, 0), 3),
        (("missile_strike", IRAN, None, 0, 0), 3),
        (("missile_strike", None, None, 0, 0), 3),
        (("missile_strike", IRAN, CIVILIANS, 3, 0), 5),
        (("statement", IRAN, US, 0, 0), 1),
        (("troop_movement", US, IRAN, 0, 0), 2),
        (("leader_killed", MILITIA, CIVILIANS, None, None), 6),
        (("interstate_attack", None, None, 0, 0), 6),
    ],
)
def test_a_rung_is_that_of_type_sides_and_harm(row, rung):
    assert rungs(row) == [rung]


def test_rungs_come_in_the_order_of_the_rows():
    rows = [("rocket_attack", MILITIA, US, 1, 0), ("none", MILITIA, US, 0, 0)]
    assert rungs(*rows, *rows[::-1]) == [5, 0, 0, 5]


def test_no_events_have_no_rungs():
    assert rungs() == []


def test_rungs_are_small_whole_numbers():
    events = pd.DataFrame(
        {"event_type": ["none"], "actor": ["a"], "target": ["b"], "killed": [0], "wounded": [0]}
    )
    assert severity(events).dtype == np.int8


def test_an_experiment_may_bring_its_own_ladder():
    own = {**schema.SEVERITY_LADDER, "dance": schema.Rungs(0, 2, 4)}
    assert rungs(("dance", MILITIA, US, 0, 1), ladder=own) == [2]


def test_a_type_without_a_rung_is_refused_by_name():
    with pytest.raises(InputError, match=r"E-LADDER\] column=event_type value='dance' .*dance, x"):
        rungs(("x", MILITIA, US, 0, 0), ("dance", MILITIA, US, 0, 0), ("none", US, US, 0, 0))


def test_a_missing_type_is_refused():
    with pytest.raises(InputError, match=r"E-LADDER\] column=event_type"):
        rungs(("none", MILITIA, US, 0, 0), (None, MILITIA, US, 0, 0))


def test_every_ladder_row_climbs_with_harm_and_stays_on_the_ladder():
    for name, row in schema.SEVERITY_LADDER.items():
        assert 0 <= row[0] <= row[1] <= row[2] <= schema.HIGHEST_RUNG, name


def test_an_arrow_table_gets_the_same_rungs_and_null_where_there_is_none():
    types = ["rocket_attack", "statement", "sanction", "leader_killed", "none"]
    sides, counts = [IRAN, US, MILITIA, None], [None, 0, 2]
    rows = list(itertools.product(types, sides, sides, counts, counts))
    names = [schema.EVENT_TYPE, schema.ACTOR, schema.TARGET, schema.KILLED, schema.WOUNDED]
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    assert severity_of(pa.table(columns)).to_pylist() == rungs(*rows)
    columns[schema.EVENT_TYPE] = ["picnic", None] * (len(rows) // 2)
    assert severity_of(pa.table(columns)).null_count == len(rows)
