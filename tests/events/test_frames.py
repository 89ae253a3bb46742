"""Your own table: accepted as it is, or refused with advice."""

import pandas as pd
import pytest

import escalation as esc

NAMES = {"ref": "event_id", "when": "event_date", "what": "event_type", "where": "site"}


def table():
    return pd.DataFrame(
        {
            "ref": ["007", "b", "c"],
            "when": ["2020-01-01", "2020-01-05", "2020-02-01"],
            "reported": ["2020-01-02", "2020-01-06", "2020-02-03"],
            "what": ["raid", "raid", "shelling"],
            "where": ["X", "Y", "X"],
            "dead": [1.0, None, 3.0],
        }
    )


@pytest.fixture
def quiet():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.usefixtures("quiet")
def test_names_types_and_known_dates_are_taken():
    archive = esc.EventArchive.from_pandas(table(), columns=NAMES, known_date="reported")
    known = archive.as_of("2020-02-03")
    assert known["event_id"].tolist() == ["007", "b", "c"]
    assert known["event_type"].tolist() == ["raid", "raid", "shelling"]
    assert known["killed"].fillna(-1).tolist() == [1, -1, 3]
    assert len(archive.as_of("2020-02-02")) == 2
    assert archive.known_basis == "observed"


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(("known_date", "basis"), [(3, "assumed"), (None, "event_date")])
def test_a_lag_is_an_assumed_basis(known_date, basis):
    archive = esc.EventArchive.from_pandas(table(), columns=NAMES, known_date=known_date)
    assert archive.known_basis == basis


@pytest.mark.usefixtures("quiet")
def test_time_stamps_of_pandas_are_days():
    stamped = table().assign(when=pd.to_datetime(table()["when"]))
    text = esc.EventArchive.from_pandas(table(), columns=NAMES)
    assert esc.EventArchive.from_pandas(stamped, columns=NAMES).digest == text.digest


def test_types_without_a_rung_are_reported():
    with pytest.warns(UserWarning, match="^DataFrame: event types without a rung: 'raid'"):
        esc.EventArchive.from_pandas(table(), columns=NAMES)


@pytest.mark.parametrize(
    ("df", "columns", "code", "advice"),
    [
        ("acled.csv", {}, "E-FRAME", r"read_events\(path\)"),
        (table(), {"whn": "event_date"}, "E-COLUMNS", "did you mean 'when'"),
        (table(), {**NAMES, "what": "event_tpye"}, "E-COLUMNS", "did you mean 'event_type'"),
        (table().drop(columns="when"), {"ref": "event_id", "what": "event_type"}, "E-COLUMNS",
         "columns={'YOUR NAME': 'event_date'}"),
        (table(), {}, "E-COLUMNS", "the table has: .*when.* 'YOUR NAME 2': 'event_type'"),
        (table().drop(columns="when").assign(year=2020, month=1, day=1), {"what": "event_type"},
         "E-COLUMNS", "fix: join year, month, day into one column event_date$"),
        (table().assign(when=["2020-01-01", "05/01/2020", "2020-02-01"]), NAMES, "E-QUARANTINE",
         "one format for all dates"),
        (table().head(0), NAMES, "E-EMPTY", "check the table"),
    ],
)  # fmt: skip
def test_invalid_tables_are_refused_with_advice(df, columns, code, advice):
    with pytest.raises(esc.EscalationError, match=advice) as caught:
        esc.EventArchive.from_pandas(df, columns=columns)
    assert caught.value.code == code
    assert "/tmp" not in str(caught.value)


def test_the_archive_shows_itself_in_few_lines():
    archive = esc.datasets.load_iraq_crisis()
    assert repr(archive).splitlines()[0] == "EventArchive: 302 events in 355 versions,"
    assert len(repr(archive).splitlines()) <= 3


@pytest.mark.parametrize(
    "call",
    [
        lambda df: esc.backtest(df, esc.targets.AnyEvent(horizon=7)),
        lambda df: esc.build_features(df),
        lambda df: esc.training_table(df, esc.targets.AnyEvent(horizon=7)),
        lambda df: esc.read_events(df),
    ],
    ids=["backtest", "build_features", "training_table", "read_events"],
)
def test_a_table_in_place_of_an_archive_is_refused_with_the_way_to_make_one(call):
    with pytest.raises(esc.EscalationError, match="got DataFrame; fix: .*from_pandas") as caught:
        call(table())
    assert caught.value.code == "E-CONFIG"


def test_anything_but_a_result_is_not_logged():
    with pytest.raises(esc.EscalationError, match="expected a BacktestResult object, got int"):
        esc.log_run(3)
