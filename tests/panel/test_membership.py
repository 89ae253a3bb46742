"""Which unit each event belongs to, and that spellings of a name change nothing but names."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest
import random_archives as archives

from escalation import schema
from escalation.audit import laws
from escalation.audit.cases import causal_columns, forecast_columns
from escalation.backtest.rolling import make_case
from escalation.events.archive import EventArchive
from escalation.events.units import place_key
from escalation.experiment import BacktestSection, Experiment
from escalation.panel.by_unit import history
from escalation.panel.dense import PanelSpec
from escalation.panel.membership import members, unit_keys_of

KINDS = ("admin1", "dyad", "all")


def table(*rows):
    """Versions from (identifier, happened, known, country, admin1, actor, target)."""
    columns = (schema.EVENT_ID, schema.EVENT_DATE, schema.KNOWN_DATE, schema.COUNTRY,
               schema.ADMIN1, schema.ACTOR, schema.TARGET)  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    for column in schema.DATE_COLUMNS:
        frame[column] = pd.Timestamp("2020-01-01") + pd.to_timedelta(frame[column] - 1, unit="D")
    frame = frame.assign(severity=3, source="test", operation="add")
    return frame.reindex(columns=[*schema.EVENT_COLUMNS, schema.OPERATION])


def archive_of(*rows):
    return EventArchive.of(table(*rows), covered_to=pd.Timestamp("2020-01-09"))


PUNJAB = ("e1", 1, 1, "IND", "Punjab", "a", "b")
OTHER_PUNJAB = ("e2", 2, 5, "PAK", "Punjab", "a", "b")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("admin1", ["ind/punjab", "pak/punjab", "ind/punjab", None, "bay", None]),
        ("country", ["ind", "pak", "ind", "pak", None, None]),
        ("dyad", ["a>b", "a>b", "a>b", None, None, "b>a"]),
        ("all", ["all"] * 6),
    ],
)
def test_each_event_belongs_to_the_unit_of_its_normalised_names(kind, expected):
    events = table(
        PUNJAB,
        ("e2", 1, 1, "PAK", "PUNJAB", "A", " b"),
        ("e3", 1, 1, "ind ", "punjab\u00a0", "a ", "B"),
        ("e4", 1, 1, "PAK", None, "a", None),
        ("e5", 1, 1, None, " Bay", " ", "b"),
        ("e6", 1, 1, " ", " ", "b", "a"),
    )
    keys = unit_keys_of(events, kind)
    assert [None if pd.isna(key) else key for key in keys] == expected
    code, distinct = members(events, kind)
    assert [distinct[i] if i >= 0 else None for i in code] == expected
    assert len(set(distinct)) == len(distinct)


def test_namesakes_in_two_countries_are_two_rows_with_different_names():
    past = history(archive_of(PUNJAB, OTHER_PUNJAB), PanelSpec(("admin1",)))
    assert past.unit_keys == ("ind/punjab", "pak/punjab")
    assert past.units == ("Punjab (IND)", "Punjab (PAK)")
    assert past.panel_at(8)["events"].sum(axis=1).tolist() == [1, 1]
    assert past.part(1, 2).units == ("Punjab (PAK)",)


def test_a_name_that_becomes_shared_later_changes_and_its_key_does_not():
    archive = archive_of(PUNJAB, OTHER_PUNJAB)
    before = history(archive, PanelSpec(("admin1",)), last_day="2020-01-04")
    assert (before.unit_keys, before.units) == (("ind/punjab",), ("Punjab",))


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ([("b", 1, 2, "SOM", "BAY", "a", "b"), ("a", 2, 3, "SOM", "Bay", "a", "b")], "BAY"),
        ([("b", 2, 2, "SOM", "BAY", "a", "b"), ("a", 1, 2, "SOM", "Bay", "a", "b")], "Bay"),
        ([("b", 1, 2, "SOM", "BAY", "a", "b"), ("a", 1, 2, "SOM", "Bay ", "a", "b")], "Bay"),
        ([("b", 1, 2, "som", "BAY", "a", "b"), ("a", 1, 9, "SOM", "Bay", "a", "b")], "BAY"),
    ],
)
def test_a_unit_is_spelled_as_in_the_first_version_known(rows, shown):
    past = history(archive_of(*rows), PanelSpec(("admin1",)))
    assert (past.unit_keys, past.units) == (("som/bay",), (shown,))


@pytest.mark.parametrize(
    ("lag", "units"), [(0, {"Punjab", "Sindh"}), (1, {"Sindh"}), (2, {"Sindh"})]
)
def test_a_version_replaced_before_it_is_visible_lets_no_unit_enter(lag, units):
    corrected = table(PUNJAB, ("e1", 1, 2, "PAK", "Sindh", "a", "b"))
    corrected.loc[1, schema.OPERATION] = "update"
    archive = EventArchive.of(corrected, covered_to=pd.Timestamp("2020-01-09"))
    past = history(archive, PanelSpec(("admin1",)), lag=lag)
    assert set(past.units) == units


def test_sides_that_are_written_differently_are_one_pair():
    rows = [(f"e{i}", 1, 1, "IRQ", "x", actor, "US ") for i, actor in enumerate(["Is", "IS "])]
    past = history(archive_of(*rows), PanelSpec(("dyad",)))
    assert (past.unit_keys, past.units) == (("is>us",), ("Is>US",))


def test_each_distinct_pair_of_texts_becomes_a_key_once(monkeypatch):
    """Five million rows of three provinces must not cost five million calls."""
    calls = []

    def counted(name, country):
        calls.append((name, country))
        return place_key(name, country)

    monkeypatch.setattr("escalation.panel.membership.place_key", counted)
    some = [("IND", "Punjab"), ("PAK", "Punjab"), ("PAK", "Sindh")]
    events = pd.DataFrame(some * 5000, columns=["country", "admin1"])
    code, keys = members(events, "admin1")
    assert len(calls) == 3 and len(keys) == 3
    assert np.bincount(code).tolist() == [5000] * 3


def respelled(archive, seed):
    """The same archive with names padded, in other case, decomposed, row by row at random."""
    rng = np.random.default_rng(seed)
    ways = (
        str.upper, str.lower, str.title, lambda text: f" {text}\u00a0",
        lambda text: text.replace(" ", "   "), lambda text: unicodedata.normalize("NFD", text),
    )  # fmt: skip
    versions = archive.versions.copy()
    for column in (schema.COUNTRY, schema.SITE):
        chosen = rng.integers(len(ways), size=len(versions))
        versions[column] = [
            text if pd.isna(text) else ways[way](text)
            for text, way in zip(versions[column], chosen, strict=True)
        ]
    return EventArchive.of(versions, covered_to=archive.covered_to, known_basis=archive.known_basis)


def accented(archive):
    """Two countries share a name, and one has a letter that can be written in two ways."""
    names = {"Taji": "S\u00e9gou", "Kabul": "S\u00e9gou", "Erbil": "Deir ez-Zor"}
    sites = archive.versions[schema.SITE].replace(names)
    return EventArchive.of(
        archive.versions.assign(**{schema.SITE: sites}),
        covered_to=archive.covered_to,
        known_basis=archive.known_basis,
    )


SMALL = Experiment(
    experiment={"name": "small", "seed": 1},
    data={"source": "tidy"},
    panel={"units": ["site", "country", "all"], "enters": {"rung": 3}},
    features={"window_sums": {"windows": [7, 28]}, "neighbours": {"windows": [7]}},
    targets=[{"name": "any", "horizon": 3}],
    models={"climatology": {}, "logistic": {}},
)


@pytest.mark.parametrize("seed", range(3))
def test_spellings_change_nothing_but_shown_names(seed):
    archive = accented(archives.archive(seed, count=150))
    end = archive.covered_to
    schedule = BacktestSection(every=7, refit_every=2)
    cases = [
        make_case(source, SMALL, SMALL.labels[0]) for source in (archive, respelled(archive, seed))
    ]
    straight, other = cases
    assert straight.prepared.unit_keys == other.prepared.unit_keys
    assert len(set(other.prepared.units)) == len(other.prepared.units)
    shared = [name for name in straight.prepared.units if name.startswith("S\u00e9gou")]
    assert shared == ["S\u00e9gou (Afghanistan)", "S\u00e9gou (Iraq)"]
    assert laws.differences(*map(causal_columns, cases), upto=end) == []
    forecasts = [forecast_columns(case, schedule) for case in cases]
    assert len(forecasts[0]) > 20
    assert laws.differences(*forecasts, upto=end) == []
