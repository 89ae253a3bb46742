"""Types whose words say that they are no violence, and those that only mention such words."""

import pytest

from escalation.events.type_words import rungs_by_words

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
    "protest violence": None,
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
