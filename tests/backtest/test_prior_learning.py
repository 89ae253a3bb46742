"""A prior of one's own: the same bytes twice, none for what gains nothing, read back as written."""

import json

import numpy as np
import pandas as pd
import pytest
from wars import bursts

from escalation.backtest import small_archives as cutting
from escalation.backtest.prior_learning import (
    PRIOR_WEIGHTS,
    LearntLabel,
    gain,
    learn_prior,
    leave_one_out,
    numbers_to_write,
    rows_of_gains,
    start_weight,
)
from escalation.backtest.small_archives import LABELS, cut, rows_of, small_archives
from escalation.errors import GateError, UsageError
from escalation.models.prior_numbers import TERMS, checked_numbers, read_numbers


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(cutting, "ARCHIVES", 2)


def conflicts(count=2):
    return {f"war {k}": [(bursts(seed=k), "site")] for k in range(count)}


@pytest.fixture(scope="module")
def archives():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "ARCHIVES", 2)
        return small_archives(conflicts())


def test_the_same_files_give_the_same_bytes():
    texts = [json.dumps(numbers_to_write(learn_prior(small_archives(conflicts(1))))) for _ in "12"]
    assert texts[0] == texts[1]
    assert "any" in json.loads(texts[0])["coefficients"]


def test_a_cut_holds_its_days_and_units_and_nothing_after_the_last_day():
    archive, last = bursts(seed=1), np.datetime64("2019-06-30")
    for seed in range(5):
        small = cut(archive, "site", np.random.default_rng(seed), last_day=last)
        table = small.as_of(small.covered_to)
        days = table["event_date"]
        assert days.max() <= pd.Timestamp(last)
        assert days.max() - days.min() <= pd.Timedelta(cutting.DAYS, "D")
        assert table["site"].nunique() <= cutting.UNITS[1] - 1


def test_rows_are_every_seventh_day_and_resolved():
    rows = rows_of(bursts(seed=2, days=200), "site")
    assert {(one.label, one.horizon) for one in rows} >= {("any", 7), ("onset", 30)}
    for one in rows:
        assert (one.day % 7 == 0).all() and (one.day >= 7).all()
        assert one.day.max() + one.horizon <= 199
        assert one.inputs.shape == (len(one.day), len(TERMS))
        assert np.isfinite(one.inputs).all() and not np.isnan(one.baseline).any()


def test_a_conflict_left_out_is_forecast_by_the_others_alone(archives):
    less = {**archives, "war 0": archives["war 0"][:1]}
    full, part = (leave_one_out(small, "any", 0.003) for small in (archives, less))
    np.testing.assert_array_equal(full["war 0", 7][:1], part["war 0", 7])
    assert not np.array_equal(full["war 1", 7], part["war 1", 7])


def test_from_one_conflict_all_is_learnt_and_nothing_measured(archives):
    (one, *_) = learnt = learn_prior({"war 0": archives["war 0"]})
    assert one.label == LABELS[0] and len(one.coefficients) == len(TERMS) + 1
    assert all(not label.losses for label in learnt)


def test_a_label_that_gains_nothing_is_not_among_the_numbers():
    lost = LearntLabel("any", (), 0.003, {})
    won = LearntLabel("onset", (0.0,) * (len(TERMS) + 1), 0.003, {})
    assert list(numbers_to_write([lost, won])["coefficients"]) == ["onset"]


def test_the_gain_is_what_it_saves_of_the_baselines_score():
    sums = np.linspace(2.0, 1.0, len(PRIOR_WEIGHTS))[None].repeat(4, axis=0)
    assert gain(sums) == pytest.approx((50.0, 50.0, 50.0))
    losses = {(c, h): np.stack([sums, sums], axis=1) * f for c, h, f in
              (("a", 7, 1.0), ("a", 30, 2.0), ("b", 7, 1.0))}  # fmt: skip
    learnt = LearntLabel("any", (), 0.003, losses)
    assert learnt.gain == pytest.approx(0.5) and learnt.worst == ("a", pytest.approx(0.5))
    assert [row["left_out"] for row in rows_of_gains(learnt)] == ["a", "a", "b"]


def losses_of(*gains):
    """One archive for each row of gains, by weight of the prior, over a baseline of 100."""
    rows = [100.0 * (1.0 - np.array([0.0, *row])) for row in gains]
    return {(str(k), 7): np.stack([row, row])[None] for k, row in enumerate(rows)}


@pytest.mark.parametrize(
    ("gains", "start"),
    [
        ([[0.02, 0.04, 0.06, 0.08, 0.10], [0.01, 0.02, 0.02, 0.01, -0.005]], 1.0),
        ([[0.02, 0.04, 0.06, 0.08, 0.10], [0.01, 0.02, 0.02, 0.01, -0.02]], 0.8),
        ([[0.02, 0.04, 0.06, 0.05, 0.04], [0.01, 0.02, 0.02, 0.01, 0.00]], 0.6),
        ([[-0.02, -0.04, -0.06, -0.08, -0.10]], 0.2),
        ([], 0.8),
    ],
)
def test_the_start_gains_most_and_falls_far_behind_nowhere(gains, start):
    assert start_weight(losses_of(*gains)) == start


def test_where_nothing_was_scored_the_gain_is_not_known_and_nothing_warns(recwarn):
    unscored = {("a", 7): np.zeros((4, 2, len(PRIOR_WEIGHTS)))}
    assert np.isnan(LearntLabel("any", (), 0.003, unscored).gain) and not list(recwarn)


def test_an_archive_with_too_little_is_refused():
    with pytest.raises(GateError, match="E-INSUFFICIENT.*too little to learn from"):
        small_archives({"quiet": [(bursts(seed=0, days=9), "site")]})


@pytest.mark.parametrize(
    "written",
    ["", "[1]", "{}", '{"inputs": ["intercept"], "coefficients": {}}'],
)
def test_a_file_of_anything_else_is_refused(tmp_path, written):
    path = tmp_path / "my_prior.json"
    path.write_text(written, encoding="utf-8")
    with pytest.raises(UsageError, match=r"E-CONFIG.*escalation prior"):
        read_numbers(path)


COUNT = 1 + len(TERMS)
NO_ROW, NO_SHARE = "needs 32 numbers for any", "needs a start over 0 and at most 1 for any"


@pytest.mark.parametrize(
    ("row", "start", "message"),
    [
        ([1.0], {"any": 1.0}, NO_ROW),
        ([True] * COUNT, {"any": 1.0}, NO_ROW),
        *(
            ([1.0] * COUNT, start, NO_SHARE)
            for start in ({}, {"any": 0.0}, {"any": 1.5}, {"any": "1"}, {"any": True})
        ),
    ],
)
def test_numbers_that_make_no_sense_are_refused(row, start, message):
    numbers = {"inputs": ["intercept", *TERMS], "start": start, "coefficients": {"any": row}}
    with pytest.raises(UsageError, match=message):
        checked_numbers(numbers)


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(UsageError, match=r"E-FILE.*escalation prior FILES"):
        read_numbers(tmp_path / "none.json")
