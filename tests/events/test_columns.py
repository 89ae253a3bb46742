"""Operations on whole Arrow columns, with nulls."""

import datetime as dt

import pyarrow as pa

from escalation.events.columns import add_days, became_null, blanked, flags, is_one_of

LETTERS = pa.array(["a", "b", None])


def test_null_is_no_flag():
    assert flags(pa.array([True, None])).tolist() == [True, False]
    assert flags(pa.chunked_array([[True], [False, None]])).tolist() == [True, False, False]
    assert is_one_of(LETTERS, ["b"]).tolist() == [False, True, False]


def test_a_null_mask_blanks_nothing():
    assert blanked(LETTERS, pa.array([True, None, False])).to_pylist() == [None, "b", None]


def test_only_a_value_can_become_null():
    assert became_null(LETTERS, pa.nulls(3)).tolist() == [True, True, False]


def test_days_are_shifted_across_months_in_both_directions():
    days = pa.array([dt.date(2024, 2, 28), None])
    assert add_days(days, 2).to_pylist() == [dt.date(2024, 3, 1), None]
    assert add_days(days, -28).to_pylist() == [dt.date(2024, 1, 31), None]
