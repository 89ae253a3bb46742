"""Cells are parsed strictly: anything malformed is bad, and nothing is guessed."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from escalation.events.reading import checks

ARABIC = {ord("0") + digit: chr(0x660 + digit) for digit in range(10)}


def cells(*values):
    return pa.array(values, pa.string())


def verdicts(checked):
    """Return the result for every cell: a value, None for empty, or "bad"."""
    values, bad = checked
    assert len(values) == len(bad)
    assert not any(
        wrong and value is not None for value, wrong in zip(values.to_pylist(), bad, strict=True)
    )
    return ["bad" if wrong else value for value, wrong in zip(values.to_pylist(), bad, strict=True)]


DATES = [
    ("2024-02-29", dt.date(2024, 2, 29)),
    ("1900-01-01", dt.date(1900, 1, 1)),
    ("2100-12-31", dt.date(2100, 12, 31)),
    (None, None),
    ("01/02/2024", "bad"),
    ("2024-02-30", "bad"),
    ("2023-02-29", "bad"),
    ("2024-13-01", "bad"),
    ("2024-00-10", "bad"),
    ("2024-01-00", "bad"),
    ("2024-01-32", "bad"),
    ("0025-01-01", "bad"),
    ("1899-12-31", "bad"),
    ("2101-01-01", "bad"),
    ("20240102", "bad"),
    ("1704153600", "bad"),
    ("2024-1-2", "bad"),
    (" 2024-01-02", "bad"),
    ("2024-01-02\n", "bad"),
    ("2024-01-02 00:00:00", "bad"),
    ("2024-01-02".translate(ARABIC), "bad"),
    ("45293", "bad"),
    ("today", "bad"),
]


@pytest.mark.parametrize(("cell", "day"), DATES)
def test_a_date_is_an_iso_day_of_1900_to_2100_or_bad(cell, day):
    assert verdicts(checks.dates(cells(cell))) == [day]


def test_dates_of_a_column_do_not_depend_on_their_neighbours():
    values = [cell for cell, _ in DATES] * 3
    expected = [day for _, day in DATES] * 3
    assert verdicts(checks.dates(cells(*values))) == expected
    halves = pa.chunked_array([cells(*values[:20]), cells(*values[20:])])
    assert verdicts(checks.dates(halves)) == expected


def test_every_day_of_two_centuries_is_read():
    days = np.arange(np.datetime64("1900-01-01"), np.datetime64("2101-01-01"))
    checked, bad = checks.dates(pa.array(days.astype(str)))
    assert not bad.any() and (checked.to_numpy(zero_copy_only=False) == days).all()


def test_another_format_is_read_only_if_declared():
    column = cells("16 May 2025", "2025-05-16", "16/05/2025")
    day = dt.date(2025, 5, 16)
    assert verdicts(checks.dates(column)) == ["bad", day, "bad"]
    assert verdicts(checks.dates(column, other=["%d %B %Y"])) == [day, day, "bad"]
    assert verdicts(checks.dates(column, format="%d/%m/%Y")) == ["bad", "bad", day]
    assert verdicts(checks.dates(cells("02/01/2024".translate(ARABIC)), format="%d/%m/%Y")) == [
        "bad"
    ]


def test_midnight_is_a_day_only_if_requested():
    column = cells("2024-01-02 00:00:00.000", "2024-01-02 00:00", "2024-01-02 01:00:00.000")
    day = dt.date(2024, 1, 2)
    assert verdicts(checks.dates(column, midnight=True)) == [day, day, "bad"]
    assert verdicts(checks.dates(column)) == ["bad", "bad", "bad"]


NEW_YORK = [
    ("2024-03-10T01:59", dt.date(2024, 3, 10)),
    ("2024-03-10T02:30", "bad"),  # the clocks went from 2 to 3
    ("2024-11-03 01:30:00", dt.date(2024, 11, 3)),  # twice that night, on one day
    ("2024-03-10T02:30:00Z", dt.date(2024, 3, 9)),
    ("2024-03-10T23:30:00-05:00", dt.date(2024, 3, 11)),
    ("2024-03-10T02:30:00.250+01:00", dt.date(2024, 3, 9)),
    ("2024-03-10", dt.date(2024, 3, 10)),
    ("2024-03-10T24:00", "bad"),
    ("2024-03-10T12:60", "bad"),
    ("2024-02-30T12:00", "bad"),
    (None, None),
]


@pytest.mark.parametrize(("cell", "day"), NEW_YORK)
def test_a_timestamp_is_a_local_day_of_the_declared_zone(cell, day):
    assert verdicts(checks.dates(cells(cell), zone="America/New_York")) == [day]
    if cell and len(cell) > 10:
        assert verdicts(checks.dates(cells(cell))) == ["bad"]


def test_a_day_that_a_zone_skipped_is_bad_there():
    column = cells("2011-12-29", "2011-12-30", "2011-12-30T10:00", "2011-12-31")
    expected = [dt.date(2011, 12, 29), "bad", "bad", dt.date(2011, 12, 31)]
    assert verdicts(checks.dates(column, zone="Pacific/Apia")) == expected


NUMBERS = [
    ("0", 0), ("12", 12), ("007", 7), ("4.0", 4), ("4.00", 4),
    ("10000000", 10_000_000), (None, None),
    *((cell, "bad") for cell in (
        "-1", "+1", "1.5", "NaN", "nan", "inf", "-inf", "1e400", "1e3", "1,200", "1_000", "1 000",
        "٣", "²", "10000001", "9" * 40, " 5", "5 ", "0x10", "true", "-0", ".", "1.",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "number"), NUMBERS)
def test_a_count_is_plain_digits_or_bad(cell, number):
    assert verdicts(checks.whole_numbers(cells(cell))) == [number]


def test_a_count_may_end_in_point_zero_only():
    assert verdicts(checks.whole_numbers(cells("4.0", "4.5", "4.", ".0"))) == [
        4,
        "bad",
        "bad",
        "bad",
    ]


def test_a_range_includes_its_ends():
    column = cells("0", "1", "6", "7")
    assert verdicts(checks.whole_numbers(column, least=1, most=6)) == ["bad", 1, 6, "bad"]


DEGREES = [
    ("33.3", 33.3), ("-90", -90.0), ("90.000", 90.0), ("0", 0.0), ("1e-5", 1e-5), (None, None),
    *((cell, "bad") for cell in (
        "90.01", "-91", "inf", "NaN", "33,3", "33°", "+33", "1e9", "1e99", "٣٣", "33.3N", " 33",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "value"), DEGREES)
def test_degrees_have_a_decimal_point_and_a_limit(cell, value):
    assert verdicts(checks.degrees(cells(cell), limit=90)) == [value]


@pytest.mark.parametrize("cell", ["007", "NA", "nan", "null", "1" * 20, "../../x", "a/b", "=1+1",
                                  "באר שבע", "é", "\u200fabc", "a b", " "])  # fmt: skip
def test_text_is_kept_as_it_is(cell):
    assert verdicts(checks.text(cells(cell))) == [cell]


@pytest.mark.parametrize("cell", ["a\0b", "a\x1bb", "a\x7fb", "a\x85b", "\u202eabc", "a\u2066b",
                                  "a\nb", "a\tb", "a\rb", "a\u2028b", "x" * 1001])  # fmt: skip
def test_text_with_hidden_characters_or_too_long_is_bad(cell):
    assert verdicts(checks.text(cells("good", cell))) == ["good", "bad"]


def test_notes_may_have_lines_but_no_hidden_characters():
    column = cells("a\nb\tc\r\n", "a\0b", "\u202eabc")
    assert verdicts(checks.text(column, lines=True)) == ["a\nb\tc\r\n", "bad", "bad"]


def test_length_is_counted_in_characters():
    assert verdicts(checks.text(cells("ééé", "éééé"), longest=3)) == ["ééé", "bad"]


def test_a_slice_of_a_column_is_judged_by_its_own_cells():
    column = cells("a\0", "b", "c\u202e", None)
    assert verdicts(checks.text(column.slice(1, 1))) == ["b"]
    assert verdicts(checks.text(column.slice(1, 3))) == ["b", "bad", None]


def test_invisible_characters_in_a_description_are_repaired():
    column = cells("it\x92s", "a\x00b\u202ec", "x\x81y", "a\nb\tc", "longer", None)
    values, changed = checks.repaired(column, longest=5)
    assert values.to_pylist() == ["it\u2019s", "abc", "xy", "a\nb\tc", "longe", None]
    assert changed.tolist() == [True, True, True, False, True, False]


@pytest.mark.parametrize("check", [
    checks.dates, checks.whole_numbers, checks.text,
    lambda column: checks.degrees(column, limit=90),
    lambda column: checks.dates(column, zone="UTC"),
])  # fmt: skip
@pytest.mark.parametrize("length", [0, 3])
def test_columns_without_a_value_are_valid(check, length):
    values, bad = check(pa.nulls(length, pa.string()))
    assert values.null_count == length and not bad.any()
