"""The archive: tables of four to seven versions, and the exact snapshot of a day."""

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation.errors import InputError
from escalation.events import EventArchive
from escalation.events.archive import _hashed, to_day, weakest_basis


def table(*rows):
    """Versions from (id, happened, known, operation, site, killed), days in January 2020."""
    columns = [
        schema.EVENT_ID, schema.EVENT_DATE, schema.KNOWN_DATE, schema.OPERATION, schema.SITE,
        schema.KILLED,
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    for column in schema.DATE_COLUMNS:
        frame[column] = pd.to_datetime([f"2020-01-{day:02d}" for day in frame[column]])
    frame[schema.KILLED] = frame[schema.KILLED].astype("Int64")
    frame[[schema.SOURCE, schema.SEVERITY]] = ["test", 3]
    return frame.reindex(columns=[*schema.EVENT_COLUMNS, schema.OPERATION])


def shown(events):
    """A snapshot as the same kind of rows: (id, happened, site, killed)."""
    killed = [None if value is pd.NA else value for value in events[schema.KILLED]]
    days = events[schema.EVENT_DATE].dt.day
    return list(zip(events[schema.EVENT_ID], days, events[schema.SITE], killed, strict=True))


VERSIONS = table(
    ("a", 2, 2, "add", "taji", None),
    ("a", 2, 4, "update", "taji", 1),
    ("a", 2, 7, "retract", "taji", 1),
    ("b", 3, 5, "add", "balad", 0),
    ("b", 1, 6, "update", "camp", 2),
)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (1, []),
        (2, [("a", 2, "taji", None)]),
        (3, [("a", 2, "taji", None)]),
        (4, [("a", 2, "taji", 1)]),
        (5, [("a", 2, "taji", 1), ("b", 3, "balad", 0)]),
        (6, [("b", 1, "camp", 2), ("a", 2, "taji", 1)]),
        (7, [("b", 1, "camp", 2)]),
        (9, [("b", 1, "camp", 2)]),
    ],
)
def test_a_snapshot_has_the_last_versions_known_by_then_without_retracted_events(day, expected):
    archive = EventArchive.of(VERSIONS, covered_to="2020-01-09")
    assert shown(archive.as_of(f"2020-01-{day:02d}")) == expected
    cut = archive.until(f"2020-01-{day:02d}")
    assert shown(cut.as_of(f"2020-01-{day:02d}")) == expected


def test_events_are_numbered_from_zero_and_counted():
    archive = EventArchive.of(VERSIONS, covered_to="2020-01-09")
    assert archive.event_numbers.tolist() == [0, 0, 0, 1, 1]
    assert "2 events" in repr(archive)


def test_an_event_may_come_back_after_it_was_retracted():
    restored = table(
        ("a", 2, 2, "add", "taji", 1),
        ("a", 2, 3, "retract", "taji", 1),
        ("a", 2, 5, "add", "taji", 2),
        ("b", 2, 2, "retract", "taji", 2),
    )
    archive = EventArchive.of(restored, covered_to="2020-01-09")
    assert shown(archive.as_of("2020-01-02")) == [("a", 2, "taji", 1)]
    assert shown(archive.as_of("2020-01-04")) == []
    assert shown(archive.as_of("2020-01-09")) == [("a", 2, "taji", 2)]


def test_the_same_identifier_from_two_sources_is_two_events():
    rows = table(("a", 2, 2, "add", "taji", 1), ("a", 2, 3, "retract", "taji", 1))
    rows.loc[1, schema.SOURCE] = "other"
    assert shown(EventArchive.of(rows).as_of("2020-01-03")) == [("a", 2, "taji", 1)]


def test_a_snapshot_has_the_canonical_columns_and_no_operation():
    snapshot = EventArchive.of(VERSIONS).as_of("2020-01-05")
    assert tuple(snapshot.columns) == schema.EVENT_COLUMNS
    assert snapshot.index.tolist() == [0, 1]


def test_the_order_of_rows_and_repeated_rows_change_nothing():
    mixed = pd.concat([VERSIONS, VERSIONS.iloc[[1, 3]]]).iloc[[5, 0, 4, 2, 6, 1, 3]]
    expected = EventArchive.of(VERSIONS).versions
    pd.testing.assert_frame_equal(EventArchive.of(mixed).versions, expected)


def test_identifiers_stay_text():
    rows = table(*((name, 2, 2, "add", "taji", 0) for name in ("007", "NA", "7", "9" * 20)))
    archive = EventArchive.of(rows)
    assert archive.as_of("2020-01-02")[schema.EVENT_ID].tolist() == ["007", "7", "9" * 20, "NA"]


def test_a_text_column_without_a_value_is_missing_text():
    events = EventArchive.of(VERSIONS).as_of("2020-01-05")
    for column in schema.TEXT_COLUMNS:
        assert events[column].dtype == "str", column
    assert events[schema.COUNTRY].isna().all()


def test_two_versions_of_one_event_known_on_the_same_day_are_refused():
    conflicting = table(("a", 2, 4, "add", "taji", 0), ("a", 2, 4, "update", "taji", 1))
    with pytest.raises(InputError, match=r"error\[E-CONFLICT\] column=event_id value='a'"):
        EventArchive.of(conflicting)


def test_an_event_known_before_it_happened_is_refused():
    with pytest.raises(InputError, match=r"error\[E-KNOWN\].*value='b'.*in 1 rows"):
        EventArchive.of(table(("a", 2, 2, "add", "taji", 0), ("b", 5, 4, "add", "taji", 0)))


def test_an_empty_table_is_refused():
    with pytest.raises(InputError, match="E-EMPTY"):
        EventArchive.of(VERSIONS.iloc[:0])


def test_an_unknown_operation_is_refused():
    with pytest.raises(
        InputError, match=r"E-OPERATION.*value='delete' invalid value: must be one of add"
    ):
        EventArchive.of(table(("a", 2, 2, "delete", "taji", 0)))


@pytest.mark.parametrize("column", schema.DATE_COLUMNS)
@pytest.mark.parametrize("value", [pd.NaT, pd.Timestamp("2020-01-02 13:00")])
def test_a_date_that_is_missing_or_has_a_time_of_day_is_refused(column, value):
    rows = VERSIONS.copy()
    rows.loc[0, column] = value
    with pytest.raises(InputError, match=rf"E-DATE.*column={column}.*whole day.*1 have none"):
        EventArchive.of(rows)


def test_dates_as_text_are_refused():
    rows = VERSIONS.assign(**{schema.KNOWN_DATE: "2020-01-09"})
    with pytest.raises(InputError, match=r"E-DATE.*needs dates, got str"):
        EventArchive.of(rows)


def test_coverage_ends_with_the_last_known_date_by_default():
    assert EventArchive.of(VERSIONS).covered_to == np.datetime64("2020-01-07")
    archive = EventArchive.of(VERSIONS, covered_to="2020-01-20")
    assert archive.covered_to == np.datetime64("2020-01-20")
    assert shown(archive.as_of("2020-01-20")) == [("b", 1, "camp", 2)]


@pytest.mark.parametrize("method", ["as_of", "until"])
def test_a_day_beyond_the_coverage_is_an_error(method):
    archive = EventArchive.of(VERSIONS, covered_to="2020-01-06")
    with pytest.raises(
        InputError, match=r"E-COVERAGE.*value='2020-01-07' the archive covers days up to"
    ):
        getattr(archive, method)("2020-01-07")


def test_until_drops_later_versions_and_later_coverage():
    cut = EventArchive.of(VERSIONS, covered_to="2020-01-20").until("2020-01-05")
    assert cut.covered_to == np.datetime64("2020-01-05")
    known = zip(cut.versions[schema.EVENT_ID], cut.versions[schema.KNOWN_DATE].dt.day, strict=True)
    assert list(known) == [("a", 2), ("a", 4), ("b", 5)]
    assert list(cut.versions.columns) == list(VERSIONS.columns)
    assert cut.until("2020-01-01").versions.empty


def test_days_after_the_last_version_are_covered_up_to_the_cutoff():
    archive = EventArchive.of(VERSIONS, covered_to="2020-01-20")
    cut = archive.until("2020-01-15")
    assert cut.covered_to == np.datetime64("2020-01-15")
    assert len(cut.versions) == len(VERSIONS)
    with pytest.raises(InputError, match="E-COVERAGE"):
        cut.as_of("2020-01-16")
    assert archive.until("2020-01-20") is archive


def test_a_removed_event_is_gone_and_nothing_else_changes():
    archive = EventArchive.of(VERSIONS, covered_to="2020-01-20")
    smaller = archive.without("a", archive.versions[schema.SOURCE].iloc[0])
    assert list(smaller.versions.columns) == list(archive.versions.columns)
    assert list(smaller.versions[schema.EVENT_ID]) == ["b", "b"]


def test_an_archive_without_a_version_shows_no_events():
    empty = EventArchive.of(VERSIONS, covered_to="2020-01-20").until("2020-01-01")
    assert repr(empty).startswith("EventArchive: 0 events in 0 versions,")


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_an_empty_column_has_the_hash_of_each_of_its_cells(rows):
    nothing = pd.Series([None] * rows, dtype=object)
    expected = pd.util.hash_pandas_object(nothing, index=False).to_numpy()
    assert _hashed(nothing).tolist() == expected.tolist()


def test_plus_adds_versions_and_grows_the_coverage():
    archive = EventArchive.of(VERSIONS, covered_to="2020-01-08", known_basis="observed")
    more = archive.plus(table(("c", 9, 12, "add", "taji", 5)))
    assert more.covered_to == np.datetime64("2020-01-12")
    assert more.known_basis == "observed"
    assert shown(more.as_of("2020-01-12")) == [("b", 1, "camp", 2), ("c", 9, "taji", 5)]
    assert shown(archive.as_of("2020-01-08")) == [("b", 1, "camp", 2)]


def test_plus_the_same_rows_or_none_changes_nothing():
    first = VERSIONS[VERSIONS[schema.OPERATION] == "add"].drop(columns=schema.OPERATION)
    archive = EventArchive.of(first, covered_to="2020-01-08")
    for more in (first, first.iloc[:0]):
        again = archive.plus(more)
        pd.testing.assert_frame_equal(again.versions, archive.versions)
        assert again.covered_to == archive.covered_to


def test_plus_refuses_a_different_version_of_the_same_day():
    archive = EventArchive.of(VERSIONS)
    with pytest.raises(InputError, match="E-CONFLICT"):
        archive.plus(table(("b", 1, 6, "update", "camp", 3)))
    assert len(archive.versions) == 5


def test_without_an_event_needs_its_source_too():
    rows = VERSIONS.copy()
    rows.loc[rows[schema.EVENT_ID] == "b", schema.SOURCE] = "other"
    archive = EventArchive.of(rows, covered_to="2020-01-08")
    assert len(archive.without("a", "other").versions) == 5
    smaller = archive.without("a", "test")
    assert set(smaller.versions[schema.EVENT_ID]) == {"b"}
    assert smaller.covered_to == archive.covered_to


def test_the_first_day_is_that_of_the_earliest_event():
    assert EventArchive.of(VERSIONS).first_day == np.datetime64("2020-01-01")


def test_the_digest_depends_on_every_cell_and_not_on_the_order_of_rows():
    digest = EventArchive.of(VERSIONS).digest
    assert EventArchive.of(VERSIONS.iloc[::-1]).digest == digest
    for column, value in ((schema.SITE, "x"), (schema.KILLED, 9), (schema.OPERATION, "add")):
        changed = VERSIONS.copy()
        changed.loc[2, column] = value
        assert EventArchive.of(changed).digest != digest, column


@pytest.mark.parametrize(
    "value",
    [
        "2020-03-11",
        pd.Timestamp("2020-03-11 14:00"),
        np.datetime64("2020-03-11"),
        "2020-03-11T14:00",
    ],
)
def test_a_day_is_read_from_iso_text_or_a_timestamp(value):
    assert to_day(value) == np.datetime64("2020-03-11")


@pytest.mark.parametrize(
    "value",
    [
        "11/03/2020",
        "20200311",
        "2020-02-30",
        "\u0662\u0660\u0662\u0660-\u0660\u0663-\u0661\u0661",
        "now",
        "",
        20200311,
        1.5e9,
        None,
        pd.NaT,
    ],
)
def test_a_day_is_never_guessed(value):
    with pytest.raises(InputError, match="E-DATE"):
        to_day(value)


def test_the_weakest_basis_is_the_one_to_report():
    assert weakest_basis(["observed", "overwritten"]) == "overwritten"
    assert weakest_basis(["event_date", "assumed", "observed"]) == "event_date"


def test_omitted_columns_mean_one_event_of_unknown_attribution():
    columns = [name for name in VERSIONS if name not in schema.OPTIONAL_COLUMNS]
    versions = EventArchive.of(VERSIONS[columns]).versions
    assert set(versions[schema.WEIGHT]) == {1}
    assert versions[[*set(schema.OPTIONAL_COLUMNS) - {schema.WEIGHT}]].isna().all(axis=None)
    assert EventArchive.of(VERSIONS).digest == EventArchive.of(VERSIONS[columns]).digest


@pytest.mark.parametrize("weight", [0, -1, 1.5])
def test_a_weight_is_a_whole_number_of_at_least_one(weight):
    with pytest.raises(InputError, match=f"E-WEIGHT.*value='{weight}"):
        EventArchive.of(VERSIONS.assign(weight=[weight, *[1] * (len(VERSIONS) - 1)]))
