"""Event types that are nonviolent by their words, and types that only mention such words."""

import pytest

from escalation.events.type_words import rungs_by_words, rungs_of_types

WORDS = {
    "vote": 1,
    "Vote on air strikes": 1,
    "VotePassed": 1,
    "parliament_voting": 1,
    "bill to arrest militants": 1,
    "UN resolution": 1,
    "Committee session": 1,
    "joint statement": 1,
    "talks held": 1,
    "sanctions": 2,
    "mass arrests": 2,
    "troop deployment": 2,
    "Protest march": 2,
    "protesters gathered": 2,
    "amendment adopted": 1,
    "no-confidence motion": 1,
    "motion on the bombing": 1,
    "first reading": 1,
    "peace agreement signed": 1,
    "Strategic developments": 1,
    "mobilisation": 2,
    "boycott": 2,
    "protest violence": None,
    "declared dead": None,
    "in law killed": None,
    "armed protest": None,
    "attack on a session": None,
    "bombing explosion": None,
    "ambush": None,
    "devoted": None,
    "billion": None,
    "": None,
}


@pytest.mark.parametrize("event_type", WORDS)
def test_rungs_by_words(event_type):
    rungs = rungs_by_words(event_type)
    assert (rungs and rungs[0]) == WORDS[event_type]


TABLES = [
    ({"vote": 5, "quorum call": 2}, False, 1),
    ({"vote": 5, "quorum call": 2}, True, None),
    ({"vote": 2, "quorum call": 3}, False, None),
    ({"vote": 9, "quorum call": 1, "bombing": 1}, False, None),
    ({"vote": 9, "quorum call": 1, "rocket_attack": 1}, True, None),
    ({"statement": 3, "quorum call": 2}, False, 1),
]


@pytest.mark.parametrize(("types", "violent", "rung"), TABLES)
def test_an_unclear_type_is_like_the_rest_of_a_nonviolent_table(types, violent, rung):
    without_rung = [name for name in types if name not in ("statement", "rocket_attack")]
    rungs = rungs_of_types(types, without_rung, violent=violent)["quorum call"]
    assert (rungs and rungs[0]) == rung
