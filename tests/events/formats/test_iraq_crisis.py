"""The bundled chronology: what happened, and when it became known."""

import pandas as pd
import pytest

from escalation import schema
from escalation._util.resources import bundled
from escalation.backtest.table import features_history
from escalation.errors import InputError, UsageError
from escalation.events import SOURCES, Options, load_events
from escalation.events.formats.iraq_crisis import INSTALLATION_ATTACK
from escalation.events.store.ingest import validate_files
from escalation.experiment import load_experiment
from escalation.features.build import build
from escalation.panel.dense import Where


@pytest.fixture(scope="module")
def events(crisis):
    return crisis.as_of(crisis.covered_to).set_index("event_id")


@pytest.fixture(scope="module")
def raw(crisis_csv):
    """The last row of each event."""
    table = pd.read_csv(crisis_csv, dtype=str, keep_default_na=False)
    return table.groupby("event_id").tail(1).set_index("event_id")


@pytest.fixture(scope="module")
def rows(crisis_csv):
    return pd.read_csv(crisis_csv, dtype=str, keep_default_na=False)


# What history books say: day, place, who did what to whom, how many died, which rung.
HAPPENED = [
    ("2019-10-30", "green_zone", "rocket_attack", "militia", "diplomatic", 1, 5),
    ("2019-12-27", "k1", "rocket_attack", "militia", "us_coalition", 1, 5),
    ("2019-12-29", "al_qaim", "air_strike", "us_coalition", "militia", 25, 5),
    ("2019-12-31", "us_embassy", "embassy_assault", "protesters", "diplomatic", 0, 3),
    ("2020-01-03", "baghdad_airport", "assassination", "us_coalition", "iran", 10, 6),
    ("2020-01-05", "parliament", "parliamentary_vote", "iraq_parliament", "us_coalition", None, 1),
    ("2020-01-08", "ain_al_asad", "missile_strike", "iran", "us_coalition", 0, 6),
    ("2020-01-08", "erbil_airport", "missile_strike", "iran", "us_coalition", 0, 6),
    ("2020-03-11", "taji", "rocket_attack", "militia", "us_coalition", 3, 5),
    ("2020-03-13", "jurf_al_sakhar", "air_strike", "us_coalition", "militia", 6, 5),
    ("2020-03-14", "taji", "rocket_attack", "militia", "us_coalition", 0, 4),
    ("2024-01-28", "tower_22", "drone_attack", "militia", "us_coalition", 3, 5),
]


@pytest.mark.parametrize(("day", "site", "kind", "actor", "target", "killed", "rung"), HAPPENED)
def test_what_happened_is_there_once(events, day, site, kind, actor, target, killed, rung):
    matches = events[
        (events[schema.EVENT_DATE] == day)
        & (events[schema.SITE] == site)
        & (events[schema.EVENT_TYPE] == kind)
    ]
    assert len(matches) == 1
    event = matches.iloc[0]
    assert (event[schema.ACTOR], event[schema.TARGET]) == (actor, target)
    assert (None if event[schema.KILLED] is pd.NA else event[schema.KILLED]) == killed
    assert event[schema.SEVERITY] == rung


def test_only_soleimani_and_the_ballistic_missiles_are_on_the_highest_rung(events):
    highest = events[events[schema.SEVERITY] == 6]
    assert list(highest.index) == ["IQ-2020-01-03-01", "IQ-2020-01-08-01", "IQ-2020-01-08-02"]


def test_another_ladder_gives_other_rungs(crisis_csv):
    ladder = {**schema.SEVERITY_LADDER, "parliamentary_vote": schema.Rungs(2, 2, 2)}
    versions = load_events("iraq_crisis", crisis_csv, options=Options(ladder=ladder)).versions
    votes = versions[schema.EVENT_TYPE] == "parliamentary_vote"
    assert set(versions.loc[votes, schema.SEVERITY]) == {2}
    assert set(versions.loc[~votes, schema.SEVERITY]) == {1, 2, 3, 4, 5, 6}


def test_two_of_the_three_dead_of_taji_were_american(raw):
    taji = raw.loc["IQ-2020-03-11-01"]
    assert (taji["killed"], taji["killed_us"], taji["killed_coalition"]) == ("3", "2", "3")


def test_the_one_dead_of_k1_was_an_american_contractor(raw):
    assert raw.loc["IQ-2019-12-27-01", "killed_us"] == "1"


def test_the_second_attack_on_taji_came_by_day(raw):
    assert raw.loc["IQ-2020-03-11-01", "event_time"] == "19:35"
    assert raw.loc["IQ-2020-03-14-01", "event_time"] == "10:51"


def test_the_tag_is_the_column_and_nothing_else(events, raw):
    counted = raw["counts_as_installation_attack"] == "1"
    assert set(events.index[events[schema.TAGS] == INSTALLATION_ATTACK]) == set(raw.index[counted])
    assert set(events[schema.TAGS]) == {INSTALLATION_ATTACK, ""}


def test_an_event_that_was_reported_late_was_not_known_before(crisis):
    # The rockets of 7 March 2020 were first reported on 13 March.
    late = "IQ-2020-03-07-01"
    assert late not in set(crisis.as_of("2020-03-12")[schema.EVENT_ID])
    assert late in set(crisis.as_of("2020-03-13")[schema.EVENT_ID])


@pytest.mark.parametrize("day", ["2019-10-22", "2020-01-05", "2020-03-13", "2021-12-31"])
def test_as_of_a_day_is_the_last_row_of_each_event_that_was_reported_by_then(crisis, rows, day):
    last = rows[rows["reported_date"] <= day].groupby("event_id").tail(1).set_index("event_id")
    known = crisis.as_of(day).set_index("event_id")
    assert set(known.index) == set(last.index)
    for column in ("reported_date", "killed", "wounded", "actor", "attribution", "notes"):
        name = {"reported_date": schema.KNOWN_DATE, "notes": schema.NOTE}.get(column, column)
        cells = known[name].astype("str").fillna("").reindex(last.index)
        assert cells.tolist() == last[column].tolist(), column


def test_the_archive_covers_no_day_after_the_last_report(crisis, rows):
    assert str(crisis.covered_to) == rows["reported_date"].max() == "2024-10-01"
    with pytest.raises(InputError, match="E-COVERAGE"):
        crisis.as_of("2024-10-02")


def test_unknown_casualties_stay_unknown(events, raw):
    for column in (schema.KILLED, schema.WOUNDED):
        assert set(events.index[events[column].isna()]) == set(raw.index[raw[column] == ""])
        whole = pd.to_numeric(raw.loc[raw[column] != "", column]).sum()
        assert events[column].sum() == whole


def test_types_are_those_of_the_event_table(crisis):
    types = crisis.versions.dtypes.astype(str)
    assert set(types[list(schema.TEXT_COLUMNS)]) == {"str"}
    assert set(types[list(schema.DATE_COLUMNS)]) == {"datetime64[s]"}
    assert set(types[[*schema.COUNT_COLUMNS, schema.HOUR]]) == {"Int64"}
    assert types[schema.SEVERITY] == "int8"
    assert crisis.known_basis == "observed"


def test_another_layout_is_refused_with_the_missing_column(tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("event_id,event_date\nA,2020-01-01\n")
    with pytest.raises(InputError, match=r"E-COLUMNS.*other\.csv:1.*reported_date"):
        load_events("iraq_crisis", other)


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("event_time", "7 pm", "Q-TIME"), ("event_time", "24:00", "Q-TIME"),
        ("attribution", "rumoured", "Q-VALUE"), ("munitions_count", "some", "Q-NUMBER"),
    ],
)  # fmt: skip
def test_an_unreadable_cell_is_refused(rows, tmp_path, column, value, code):
    rows.head(1).assign(**{column: value}).to_csv(tmp_path / "a.csv", index=False)
    reports = validate_files(SOURCES["iraq_crisis"], [tmp_path / "a.csv"])
    assert [(row.code, row.column) for row in reports[0].first] == [(code, column)]


def test_a_file_without_the_optional_columns_is_read(rows, tmp_path):
    optional = ["attribution", "event_time", "munitions_count", "condition", "version_note"]
    rows.drop(columns=optional).to_csv(tmp_path / "a.csv", index=False)
    versions = load_events("iraq_crisis", tmp_path / "a.csv").versions
    assert len(versions) == 355
    assert versions[[schema.ATTRIBUTION, schema.HOUR, schema.MUNITIONS]].isna().all(axis=None)


DESCRIPTIVE = ("notes", "version_note", "source_url", "actor_name", "location", "killed_high")


def test_descriptive_columns_reach_no_feature(rows, tmp_path, crisis):
    changed = rows.assign(**{name: [f"1{n}" for n in range(len(rows))] for name in DESCRIPTIVE})
    changed.to_csv(tmp_path / "a.csv", index=False)
    other = load_events("iraq_crisis", tmp_path / "a.csv")
    experiment = load_experiment(bundled("iraq_crisis.toml"))
    before, after = (
        build(features_history(archive, experiment), experiment.features).frame()
        for archive in (crisis, other)
    )
    pd.testing.assert_frame_equal(after, before, check_exact=True)


def test_no_channel_can_select_by_note():
    with pytest.raises(UsageError, match="E-CONFIG.*note"):
        Where({"note": ("x",)})


def test_a_channel_can_select_by_attribution_and_condition(crisis, rows):
    events = crisis.as_of("2020-03-15")
    claimed = Where({"attribution": ("claimed",), "tags": (INSTALLATION_ATTACK,)})
    ids = set(events.loc[claimed.mask(events), "event_id"])
    assert {"IQ-2020-03-11-01", "IQ-2020-03-14-01"} <= ids
    before = crisis.as_of("2020-03-14")
    assert "IQ-2020-03-11-01" not in set(before.loc[claimed.mask(before), "event_id"])
    text = "attacks go on until the foreign troops leave"
    assert Where({"condition": (text,)}).mask(events).sum() == 1
