"""Exchanges: the rule on literal acts, the crisis as it stood in March 2020."""

from __future__ import annotations

import numpy as np
import pytest

from escalation.errors import UsageError
from escalation.models.excitation.exchanges import exchanges_of, rounds_of, state_in_words

PAIR = [("us_coalition", "militia")]
FIRST = "2019-10-01"


@pytest.mark.parametrize(
    ("days", "sides", "exchange", "number"),
    [
        ([0], "a", [0], [1]),
        ([0, 3, 17], "aba", [0, 0, 0], [1, 2, 3]),
        ([0, 3, 18], "aba", [0, 0, 1], [1, 2, 1]),
        ([0, 30, 61], "aaa", [0, 0, 1], [1, 1, 1]),
        ([0, 20, 25], "aab", [0, 0, 0], [1, 1, 2]),
        ([5, 5, 6], "aba", [0, 0, 0], [1, 2, 3]),
    ],
)
def test_answers_open_rounds_and_quiet_ends_an_exchange(days, sides, exchange, number):
    found = rounds_of(np.array(days), np.array([side == "b" for side in sides]))
    assert [part.tolist() for part in found] == [exchange, number]


@pytest.mark.parametrize(
    ("day", "number", "due", "days"),
    [
        ("2020-03-10", 3, "us_coalition", 0),
        ("2020-03-12", 3, "us_coalition", 13),
        ("2020-03-13", 4, "militia", 14),
        ("2020-03-14", 5, "us_coalition", 14),
    ],
)
def test_who_was_due_after_taji(crisis, day, number, due, days):
    (state,) = exchanges_of(crisis, PAIR, first_day=FIRST, last_day=day)[1]
    assert (state.open, state.round, state.due, state.days_left) == (True, number, due, days)
    assert due in state_in_words(state)


def test_the_exchanges_of_the_crisis(crisis):
    table, (state,) = exchanges_of(crisis, PAIR, first_day=FIRST, last_day="2021-12-31")
    several = table[table["rounds"] > 1]
    columns = ["first", "last", "rounds", "opened", "closed", "highest_rung"]
    assert several[columns].to_numpy().tolist() == [
        ["2019-12-03", "2020-03-16", 5, "militia", "militia", 5],
        ["2021-01-22", "2021-04-18", 3, "militia", "militia", 5],
        ["2021-06-28", "2021-07-07", 2, "us_coalition", "militia", 5],
    ]
    assert table["over"].all() and not state.open
    assert "no exchange under way" in state_in_words(state)


def test_what_became_known_later_changes_nothing(crisis):
    day = "2020-03-14"
    from_all = exchanges_of(crisis, PAIR, first_day=FIRST, last_day=day)
    earlier = exchanges_of(crisis.until(day), PAIR, first_day=FIRST, last_day=day)
    assert from_all[0].equals(earlier[0]) and from_all[1] == earlier[1]


def test_without_an_act_there_is_no_exchange(crisis):
    table, (state,) = exchanges_of(crisis, [("iran", "nobody")])
    assert table.empty and not state.open


def test_fewer_quiet_days_than_an_answer_may_take_are_refused(crisis):
    with pytest.raises(UsageError, match="quiet days"):
        exchanges_of(crisis, PAIR, within=14, quiet=7)
