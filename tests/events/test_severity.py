"""The severity ladder, against a table written out by hand."""

import pyarrow as pa
import pytest

from escalation import schema
from escalation.events.severity import between_states, severity_of, unrated

MILITIA, US, IRAN, CIVILIANS = "militia", "us_coalition", "iran", "civilians"


def rungs(*rows, ladder=schema.SEVERITY_LADDER):
    """Rungs of (type, actor, target, killed, wounded)."""
    kinds = [pa.string()] * 3 + [pa.int32()] * 2
    columns = list(zip(*rows, strict=True)) or [()] * 5
    types, actor, target, killed, wounded = map(pa.array, columns, kinds)
    result = severity_of(
        types, ladder=ladder, killed=killed, wounded=wounded,
        interstate=between_states(actor, target),
    )  # fmt: skip
    assert result.type == pa.int8()
    return result.to_pylist()


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


def test_an_experiment_may_have_its_own_ladder():
    ladder = {**schema.SEVERITY_LADDER, "dance": schema.Rungs(0, 2, 4)}
    assert rungs(("dance", MILITIA, US, 0, 1), ladder=ladder) == [2]


def test_a_type_without_a_rung_counts_as_violence_and_a_missing_type_has_no_rung():
    rows = [("dance", MILITIA, US, 1, 0), ("none", US, US, 0, 0), (None, IRAN, US, 0, 0)]
    assert rungs(*rows) == [5, 0, None]


def test_a_source_without_casualties_gives_the_lowest_rung_of_a_type():
    types = pa.array(["rocket_attack", "killing", "protest_intervention"])
    assert severity_of(types, ladder=schema.SEVERITY_LADDER).tolist() == [3, 5, 2]


def test_rungs_of_a_type_rise_with_harm_and_stay_on_the_ladder():
    for name, row in schema.SEVERITY_LADDER.items():
        assert 0 <= row[0] <= row[1] <= row[2] <= schema.HIGHEST_RUNG, name


def test_a_missing_type_is_not_unrated():
    types = pa.array(["battle", "picnic", None])
    assert unrated(types, ladder=schema.SEVERITY_LADDER).tolist() == [False, True, False]
