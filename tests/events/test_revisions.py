"""Lateness and revisions of literal tables with a few versions."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from random_archives import archive as random_archive

from escalation import schema
from escalation.errors import InputError
from escalation.events import EventArchive
from escalation.events.revisions import (
    TOLLS,
    WITHIN_DAYS,
    TollChange,
    events_reported,
    suggested_lag,
    summarise_revisions,
)


def versions(*rows):
    """Versions from (id, type, happened, known, operation, killed, wounded); days of 2020."""
    columns = [
        schema.EVENT_ID, schema.EVENT_TYPE, schema.EVENT_DATE, schema.KNOWN_DATE,
        schema.OPERATION, schema.KILLED, schema.WOUNDED,
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    for column in schema.DATE_COLUMNS:
        frame[column] = pd.Timestamp("2019-12-31") + pd.to_timedelta(frame[column], unit="D")
    for column in TOLLS:
        frame[column] = frame[column].astype("Int64")
    frame[[schema.SOURCE, schema.SEVERITY]] = ["press", 3]
    return frame.reindex(columns=[*schema.EVENT_COLUMNS, schema.OPERATION])


def archive(*rows, basis="observed", **columns):
    return EventArchive.of(versions(*rows).assign(**columns), known_basis=basis)


BASE = (
    # Known on the day, then more wounded were found; as on 8 January 2020.
    ("asad", "missile_strike", 8, 8, "add", 0, 0),
    ("asad", "missile_strike", 8, 17, "update", 0, 11),
    ("asad", "missile_strike", 8, 41, "update", 0, 109),
    # Known two days late, corrected downwards, then restored, and the wounded reported late.
    ("taji", "rocket_attack", 10, 12, "add", 3, None),
    ("taji", "rocket_attack", 10, 13, "update", 2, 14),
    ("taji", "rocket_attack", 10, 20, "update", 3, 12),
    # Never happened.
    ("rumour", "rocket_attack", 11, 11, "add", 1, None),
    ("rumour", "rocket_attack", 11, 14, "retract", 1, None),
    # One version only, a month and a day late.
    ("balad", "rocket_attack", 12, 43, "add", None, 4),
)


def test_events_have_the_lateness_of_the_first_report_and_the_tolls_of_first_and_last():
    table = events_reported(archive(*BASE)).set_index(schema.EVENT_ID)
    columns = ["days_late", "versions", "retracted", "killed_first", "killed_last",
               "wounded_first", "wounded_last"]  # fmt: skip
    assert table.loc["asad", columns].tolist() == [0, 3, False, 0, 0, 0, 109]
    assert table.loc["balad", columns].fillna(-1).tolist() == [31, 1, False, -1, -1, 4, 4]
    assert table.loc["rumour", columns].fillna(-1).tolist() == [0, 2, True, 1, 1, -1, -1]
    assert table.loc["taji", columns].fillna(-1).tolist() == [2, 3, False, 3, 3, -1, 12]


def test_all_events_together():
    summary = summarise_revisions(archive(*BASE))
    total = summary.total
    assert (total.kind, total.name, total.events) == ("all", "", 4)
    assert total.lateness.within == (0.5, 0.5, 0.75, 0.75, 0.75, 0.75)
    assert (total.lateness.median, total.lateness.slowest) == (1.0, 31)
    assert (total.revised, total.retracted) == (0.75, 0.25)
    assert total.killed == TollChange(0.0, 0, 0, 0, 0, None, None)
    assert total.wounded == TollChange(0.5, 1, 0, 1, 0, 109.0, 109)
    assert summary.suggested_lag == 31
    assert [str(day) for day in (summary.first_day, summary.last_day, summary.covered_to)] == [
        "2020-01-08", "2020-01-12", "2020-02-12",
    ]  # fmt: skip


def test_types_are_sorted_by_number_of_events_and_a_single_source_is_a_group():
    groups = summarise_revisions(archive(*BASE)).groups
    assert [(group.kind, group.name, group.events) for group in groups] == [
        ("all", "", 4), ("source", "press", 4), ("event_type", "rocket_attack", 3),
        ("event_type", "missile_strike", 1),
    ]  # fmt: skip


def test_the_type_and_the_day_are_those_of_the_first_report():
    moved = archive(("a", "explosion", 5, 6, "add", 1, 0), ("a", "battle", 3, 9, "update", 2, 0))
    summary = summarise_revisions(moved)
    assert [group.name for group in summary.of("event_type")] == ["explosion"]
    assert summary.total.lateness.slowest == 1
    with pytest.raises(InputError, match="E-EMPTY"):
        summarise_revisions(moved, last_day="2020-01-04")


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (3, 3, TollChange(0.0, 0, 0, 0, 0, None, None)),
        (None, None, TollChange(0.0, 0, 0, 0, 0, None, None)),
        (3, 7, TollChange(1.0, 1, 0, 0, 0, 4.0, 4)),
        (7, 3, TollChange(1.0, 0, 1, 0, 0, 4.0, -4)),
        (None, 7, TollChange(1.0, 0, 0, 1, 0, None, None)),
        (None, 0, TollChange(1.0, 0, 0, 1, 0, None, None)),
        (7, None, TollChange(1.0, 0, 0, 0, 1, None, None)),
    ],
)
def test_a_toll_changes_when_the_last_report_differs_from_the_first(first, last, expected):
    rows = (("a", "battle", 1, 1, "add", first, 1), ("a", "battle", 1, 2, "update", last, 1))
    assert summarise_revisions(archive(*rows)).total.killed == expected


def test_the_largest_change_keeps_its_sign_and_the_median_is_of_sizes():
    rows = [
        row
        for name, last in (("a", 11), ("b", 4), ("c", 12))
        for row in ((name, "battle", 1, 1, "add", 10, 0), (name, "battle", 1, 2, "update", last, 0))
    ]
    assert summarise_revisions(archive(*rows)).total.killed == TollChange(1.0, 2, 1, 0, 0, 2.0, -6)


def test_a_restored_event_counts_as_retracted_and_one_only_retracted_is_not_counted():
    rows = (
        ("a", "battle", 1, 1, "add", 1, 0),
        ("a", "battle", 1, 2, "retract", 1, 0),
        ("a", "battle", 1, 5, "add", 4, 0),
        ("b", "battle", 1, 2, "retract", 9, 9),
    )
    total = summarise_revisions(archive(*rows)).total
    assert (total.events, total.revised, total.retracted, total.killed.largest) == (1, 1.0, 1.0, 3)


def test_the_same_identifier_of_two_sources_is_two_events():
    rows = (("a", "battle", 1, 1, "add", 1, 0), ("a", "battle", 1, 4, "add", 5, 0))
    summary = summarise_revisions(archive(*rows, source=["b", "a"]))
    assert summary.total.revised == 0.0
    late = [(group.name, group.lateness.slowest) for group in summary.of("source")]
    assert late == [("a", 3), ("b", 0)]


def test_a_period_takes_the_events_of_its_days_with_all_their_versions():
    summary = summarise_revisions(archive(*BASE), first_day="2020-01-09", last_day="2020-01-11")
    assert summary.total.events == 2
    assert summary.total.wounded.told_later == 1
    assert summary.total.lateness.slowest == 2


@pytest.mark.parametrize(
    ("days", "lag"),
    [
        ([0], 0),
        ([0] * 9 + [5], 0),
        ([0] * 8 + [5, 6], 5),
        ([3, 1, 2, 0], 3),
        ([*range(100)], 89),
        ([*range(101)], 90),
    ],
)
def test_the_suggested_lag_is_the_shortest_that_holds_nine_in_ten(days, lag):
    days = pd.Series(days)
    assert suggested_lag(days) == lag
    assert (days <= lag).mean() >= 0.9
    assert lag == 0 or (days <= lag - 1).mean() < 0.9


@pytest.mark.parametrize(
    ("basis", "lateness", "lag"),
    [
        ("observed", True, 31),
        ("overwritten", True, 31),
        ("assumed", True, None),
        ("event_date", False, None),
    ],
)
def test_an_unobserved_basis_suggests_no_lag(basis, lateness, lag):
    summary = summarise_revisions(replace(archive(*BASE), known_basis=basis))
    assert summary.known_basis == basis
    assert all((group.lateness is not None) == lateness for group in summary.groups)
    assert summary.suggested_lag == lag


def test_the_dictionary_is_plain_json():
    record = json.loads(json.dumps(summarise_revisions(archive(*BASE)).as_dict(), allow_nan=False))
    assert record["within_days"] == list(WITHIN_DAYS)
    assert record["groups"][0]["wounded"]["largest"] == 109
    assert record["covered_to"] == "2020-02-12"
    assert "90%" in record["lag_rule"]


@pytest.mark.parametrize("seed", range(5))
def test_generated_archives_agree_with_a_loop_over_their_versions(seed):
    generated = replace(random_archive(seed), known_basis="observed")
    late, revised, retracted, rises = [], [], [], []
    for _, rows in generated.versions.groupby([schema.SOURCE, schema.EVENT_ID]):
        reports = rows[rows[schema.OPERATION] != "retract"].sort_values(schema.KNOWN_DATE)
        if reports.empty:
            continue
        first, last = reports.iloc[0], reports.iloc[-1]
        late.append((first[schema.KNOWN_DATE] - first[schema.EVENT_DATE]).days)
        revised.append(len(rows) > 1)
        retracted.append("retract" in set(rows[schema.OPERATION]))
        if pd.notna(first[schema.KILLED]) and pd.notna(last[schema.KILLED]):
            rises.append(int(last[schema.KILLED]) - int(first[schema.KILLED]))
    total = summarise_revisions(generated).total
    assert total.events == len(late)
    expected = [sum(day <= limit for day in late) / len(late) for limit in WITHIN_DAYS]
    np.testing.assert_allclose(total.lateness.within, expected)
    assert (total.lateness.median, total.lateness.slowest) == (np.median(late), max(late))
    assert (total.revised, total.retracted) == (np.mean(revised), np.mean(retracted))
    assert total.killed.raised == sum(rise > 0 for rise in rises)
    assert total.killed.lowered == sum(rise < 0 for rise in rises)
