"""The table of features: its names, its rows, its frame, and where each value comes from."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import random_archives as archives

from escalation.errors import UsageError
from escalation.features import ACROSS, FEATURES
from escalation.features.build import build, feature_names, on_one_day
from escalation.panel.by_unit import history

ALL = {name: {} for name in (*FEATURES, *ACROSS)}
FEW = {"neighbours": {"windows": [7]}, "window_sums": {"windows": [1, 7]}}


@pytest.fixture(scope="module")
def past():
    return history(archives.archive(0), archives.SPEC)


def test_columns_are_known_before_anything_is_computed(past):
    assert feature_names(archives.SPEC.all_channels, ALL) == list(build(past, ALL).names)


def test_local_columns_come_first_and_each_family_keeps_its_order(past):
    assert list(build(past, FEW).names) == [
        "events_sum_1d", "events_sum_7d", "killed_sum_1d", "killed_sum_7d",
        "events_sum_7d_others", "events_sum_7d_same_country", "events_sum_7d_within_250km",
    ]  # fmt: skip


def test_each_value_is_that_of_its_family(past):
    built = build(past, FEW)
    for name, values in FEATURES["window_sums"](past.panel(), windows=[1, 7]).items():
        np.testing.assert_array_equal(built[name][built.present], values[built.present])


def test_a_frame_has_the_present_rows_unit_by_unit(past):
    built = build(past, FEW)
    frame = built.frame()
    assert list(frame.columns) == list(built.names)
    assert frame.index.names == ["unit", "day"]
    assert len(frame) == built.present.sum() < built.present.size
    assert built.frame(by_key=True).index.is_monotonic_increasing
    assert set(frame.dtypes) == {np.dtype(np.float32)}
    unit, day = frame.index[37]
    row, column = built.units.index(unit), int((day - pd.Timestamp(built.days[0])).days)
    assert frame.iloc[37].tolist() == [built[name][row, column] for name in built.names]


@pytest.mark.parametrize("lag", [0, 3])
@pytest.mark.parametrize("day", [20, archives.DAYS - 1])
def test_a_day_alone_is_that_day_of_all(day, lag):
    past = history(archives.archive(0), archives.SPEC, lag=lag)
    families = {name: {} for name in FEATURES}
    alone, built = on_one_day(past.panel_at(day), day - lag, ALL), build(past, families)
    known = built.present[:, day]
    np.testing.assert_allclose(alone[:, known], built.values[:, known, day], rtol=1e-6, atol=1e-6)


def test_rows_are_those_of_the_frame(past):
    built = build(past, FEW)
    np.testing.assert_array_equal(built.rows(*np.nonzero(built.present)), built.frame().to_numpy())


def test_a_frame_of_units_that_are_always_there_is_no_copy():
    built = build(history(archives.archive(0), archives.SPEC), FEW)
    whole = replace(built, present=built.present | True)
    frame = whole.frame()
    assert np.shares_memory(frame.to_numpy(), built.values)
    days = pd.DatetimeIndex(built.days)
    assert frame.index.equals(pd.MultiIndex.from_product([built.units, days]))


def test_values_cannot_be_written_to(past):
    with pytest.raises(ValueError, match="read-only"):
        build(past, FEW).values[0, 0, 0] = 1


def test_a_column_of_two_families_is_refused(past, monkeypatch):
    monkeypatch.setitem(FEATURES, "again", FEATURES["window_sums"])
    with pytest.raises(UsageError, match=r"E-FEATURE.*events_sum_1d"):
        build(past, {"window_sums": {}, "again": {}})


def test_an_unknown_family_is_refused(past):
    with pytest.raises(UsageError, match=r"E-FEATURE.*window_sum'"):
        build(past, {"window_sum": {}})


def test_an_unknown_channel_is_refused_before_the_data_is_read():
    with pytest.raises(UsageError, match=r"E-CHANNEL.*rockets"):
        feature_names(archives.SPEC.all_channels, {"tempo": {"channels": ["rockets"]}})


def test_a_family_with_the_wrong_shape_is_refused(past, monkeypatch):
    def short(panel):
        return {"short": panel["events"][:, :1]}

    monkeypatch.setitem(FEATURES, "short", short)
    with pytest.raises(UsageError, match=r"E-FEATURE.*short"):
        build(past, {"short": {}})


def test_a_family_whose_columns_depend_on_the_data_is_refused(past, monkeypatch):
    def moody(panel):
        names = ["a", "b"] if panel["events"].any() else ["a", "b", "c"]
        return dict.fromkeys(names, panel["events"])

    monkeypatch.setitem(FEATURES, "moody", moody)
    with pytest.raises(UsageError, match=r"E-FEATURE.*'c'.*same columns"):
        build(past, {"moody": {}})


def test_no_family_and_no_unit_give_an_empty_table(past):
    assert build(past, {}).frame().shape == (int(past.present.sum()), 0)
    nobody = archives.PanelSpec(kinds=("site",), enters=archives.Where(rung=7))
    empty = build(history(archives.archive(0), nobody), FEW)
    assert empty.frame().shape == (0, 7)


def test_importing_the_families_brings_in_no_model_library():
    code = (
        "import sys, escalation.features; heavy = 'sklearn', 'statsmodels', 'mlflow'\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[]"
