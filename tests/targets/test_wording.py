"""Definitions and questions name the horizon and the events that count."""

import pytest

from escalation.panel.dense import Where
from escalation.targets import TARGETS
from escalation.targets.wording import definition, question


def label(name, **parameters):
    pairs = {"pairs": (("a", "b"),)} if name == "retaliation" else {}
    return TARGETS[name](horizon=9, **pairs, **parameters)


@pytest.mark.parametrize("name", TARGETS)
def test_the_definition_names_horizon_and_filter(name):
    text = definition(label(name))
    assert text.startswith("Outcome 1 when")
    assert "9 days" in text or "9-day" in text or name in {"climb", "retaliation"}
    assert "h-day" not in text and "t+h" not in text


@pytest.mark.parametrize("name", TARGETS)
def test_the_question_is_the_definition_as_a_title(name):
    target = label(name, where=Where(rung=5))
    words = question(target)
    assert words.endswith("(events count with severity 5 or more)")
    assert not words[0].isupper() and "`" not in words and "Outcome" not in words
