"""Replay: the same forecasts of a day, whatever the range and the later data."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from escalation import schema
from escalation._util.resources import bundled
from escalation.errors import GateError, InputError, UsageError
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment, load_experiment
from escalation.plots.timeline import most_at_risk, timeline_figure
from escalation.scoring.replay import NO_MODEL, REPLAY_COLUMNS, replay, replay_range

SAID = ["model", "target", "unit", "day", "horizon", "probability", "lower", "upper", "base_rate"]
QUICK = {
    "experiment": {"name": "quick"},
    "data": {"source": "iraq_crisis", "first_day": "2019-10-01", "last_day": "2020-12-31"},
    "panel": {"units": ["site", "all"], "enters": {"tags": "installation_attack"}},
    "features": {"window_sums": {}},
    "targets": [{"name": "any", "horizon": 7, "where": {"tags": "installation_attack"}}],
    "models": {"logistic": {}},
    "backtest": {"first_origin": "2020-01-01", "every": 1, "refit_every": 14},
}


@pytest.fixture(scope="module")
def quick():
    return Experiment(**QUICK)


@pytest.fixture(scope="module")
def march(crisis, quick):
    return replay_range(crisis, quick, "2020-03-08", "2020-03-14")


def on(rows, day):
    return rows[rows["day"] == pd.Timestamp(day)].set_index("unit")


@pytest.mark.parametrize("day", ["2020-03-10", "2020-03-14"])
def test_each_day_of_a_range_is_the_replay_of_that_day(crisis, quick, march, day):
    alone, forecasts = replay(crisis, quick, day, explain=0), on(march, day)
    answered = [score for score in alone if score.probability is not None]
    assert {score.unit for score in answered} == set(forecasts.index)
    for score in answered:
        row = forecasts.loc[score.unit]
        assert row["model"] == score.provenance["family"]
        for name in ("probability", "lower", "upper", "base_rate"):
            assert row[name] == pytest.approx(getattr(score, name), abs=1e-12)


def test_before_the_first_origin_the_probabilities_are_still_those_of_a_replay(crisis, quick):
    day = "2020-01-04"
    forecasts = on(replay_range(crisis, quick, day, day), day)
    for score in replay(crisis, quick, day, explain=0):
        assert score.provenance["family"] == forecasts.loc[score.unit, "model"]
        assert forecasts.loc[score.unit, "probability"] == pytest.approx(
            score.probability, abs=1e-12
        )


def test_later_information_changes_no_forecast(crisis, quick, march):
    late = crisis.versions.iloc[[0]].assign(
        event_id="late", site="taji", tags="installation_attack", severity=5,
        event_date=pd.Timestamp("2020-03-09"), known_date=pd.Timestamp("2020-03-15"),
    )  # fmt: skip
    poisoned = EventArchive.of(
        pd.concat([crisis.versions, late]), covered_to=crisis.covered_to, known_basis="observed"
    )
    for archive in (poisoned, crisis.until("2020-03-14")):
        again = replay_range(archive, quick, "2020-03-08", "2020-03-14")
        pd.testing.assert_frame_equal(again[SAID], march[SAID], check_exact=True)
    assert on(again, "2020-03-14")["outcome"].isna().all()


def test_a_forecast_does_not_depend_on_the_requested_range(crisis, quick, march):
    alone = replay_range(crisis, quick, "2020-03-13", "2020-03-13")
    expected = march[march["day"] == pd.Timestamp("2020-03-13")].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected)


def test_outcomes_are_those_of_the_chronology(crisis, march):
    table = crisis.as_of(crisis.covered_to)
    attacks = table[table[schema.TAGS] == "installation_attack"]
    assert tuple(march.columns) == REPLAY_COLUMNS
    for row in march.itertuples():
        unit_attacks = attacks if row.unit == "all" else attacks[attacks["site"] == row.unit]
        ahead = (unit_attacks["event_date"] - row.day).dt.days
        assert row.outcome == float(ahead.between(1, 7).any())


def test_days_with_too_little_data_have_rows_without_a_probability(crisis, quick):
    rows = replay_range(crisis, quick, "2019-11-04", "2019-12-01", every=9)
    early, later = on(rows, "2019-11-04"), on(rows, "2019-12-01")
    assert set(early["model"]) == {NO_MODEL} and early["probability"].isna().all() and len(early)
    assert later["probability"].notna().all()
    with pytest.raises(GateError, match="E-INSUFFICIENT"):
        replay_range(crisis, quick, "2019-11-03", "2019-11-04")


def test_an_empty_range_and_one_beyond_the_data_are_refused(crisis, quick):
    with pytest.raises(InputError, match="E-RANGE"):
        replay_range(crisis, quick, "2020-03-02", "2020-03-01")
    with pytest.raises(InputError, match="E-COVERAGE"):
        replay_range(crisis, quick, "2020-03-02", "2031-01-01")


def made_up(units=("all", "a", "b", "c")):
    days = pd.date_range("2020-01-01", "2020-01-20")
    level = {"all": 0.9, "a": 0.2, "b": 0.6, "c": 0.4}
    return pd.concat(
        pd.DataFrame({
            "model": "ewma_nb", "target": "any_7d", "unit": unit, "day": days, "horizon": 7,
            "probability": level[unit], "lower": 0.1, "upper": 0.95, "base_rate": 0.3,
            "outcome": (np.arange(20) < 5) * 1.0,
        })
        for unit in units
    )  # fmt: skip


def test_a_timeline_shows_the_riskiest_units_their_outcomes_and_named_events(crisis):
    rows = made_up()
    assert most_at_risk(rows) == ["all", "b", "c"]
    events = crisis.as_of("2020-12-31")
    figure = timeline_figure(rows, events, named={"IQ-2020-01-03-01": "Soleimani killed"})
    panels = figure.axes
    assert [ax.get_title(loc="left") for ax in panels] == ["all", "b", "c", ""]
    for ax in panels[:3]:
        (positive,) = (bars for bars in ax.collections if bars.get_gid() == "outcome 1")
        (negative,) = (bars for bars in ax.collections if bars.get_gid() == "outcome 0")
        assert (len(positive.get_paths()), len(negative.get_paths())) == (5, 15)
    named = [text.get_text() for text in panels[-1].texts if text.get_gid() == "event"]
    assert named == ["Soleimani killed"]
    with pytest.raises(UsageError, match="E-PLOT.*nowhere"):
        timeline_figure(rows, events, units=["nowhere"])


def test_the_subtitle_of_a_timeline_covers_every_label_it_shows(crisis):
    first = made_up()
    second = first[first["unit"] == "all"].assign(target="deadly_14d", horizon=14, model="forest")
    events = crisis.as_of("2020-12-31")
    single, both = (
        "\n".join(text.get_text() for text in timeline_figure(rows, events, note="Any").texts)
        for rows in (first, pd.concat([first, second]))
    )
    assert (
        "probability of any_7d" in single
        and "within 7 days" in single
        and "each other label" not in single
    )
    assert "each panel's outcome" in both and "models ewma_nb, forest" in both
    assert "below, a panel for each other label" in both and "any_7d" not in both


def test_a_late_unit_does_not_lead_a_timeline_by_its_mean():
    rows = made_up()
    rows = rows[(rows["unit"] != "b") | (rows["day"] >= pd.Timestamp("2020-01-18"))]
    assert most_at_risk(rows) == ["all", "c", "a"]


@pytest.fixture
def command(tmp_path):
    from command_line import escalation

    toml = re.sub(r"refit_every = \d+", "refit_every = 60", bundled("iraq_crisis.toml").read_text())
    toml = re.sub(r"(?s)# What follows.*?\[models\].*?\n\n", "[models]\nlogistic = {}\n\n", toml)
    (tmp_path / "quick.toml").write_text(toml)
    return lambda *arguments: escalation("replay", "quick.toml", *arguments, folder=tmp_path)


def test_the_command_prints_writes_and_draws_a_range(command, tmp_path):
    span = ("--from", "2020-03-13", "--to", "2020-03-14")
    result = command(*span, "--unit", "taji", "--out", "film.parquet", "--figure", "film.png")
    assert result.returncode == 0, result.stderr
    assert (
        "2020-03-14" in result.stdout
        and "taji" in result.stdout
        and "green_zone" not in result.stdout
    )
    assert tuple(pd.read_parquet(tmp_path / "film.parquet").columns) == REPLAY_COLUMNS
    assert (tmp_path / "film.png").read_bytes()[:4] == b"\x89PNG"
    rows = json.loads(command(*span, "--json").stdout)
    assert {row["unit"] for row in rows} > {"all", "taji", "green_zone"}


HURT = """
[experiment]
name = "hurt"
[data]
source = "iraq_crisis"
first_day = 2019-10-01
last_day = 2020-12-31
[[targets]]
name = "any"
horizon = 7
where = { rung = 4 }
[[targets]]
name = "any"
called = "never"
horizon = 7
where = { event_type = "picnic" }
[features.window_sums]
[models.logistic]
[backtest]
first_origin = 2020-01-01
every = 1
refit_every = 14
"""


@pytest.mark.parametrize(
    ("day", "toll", "wounded"), [("2020-01-09", "", 0), ("2020-01-30", ", 64 wounded", 64)]
)
def test_a_past_day_names_events_with_the_toll_known_on_that_day(
    tmp_path, monkeypatch, day, toll, wounded
):
    from command_line import escalation

    monkeypatch.setattr("escalation.models.prior.packaged_numbers", dict)

    (tmp_path / "hurt.toml").write_text(HURT)
    arguments = ("replay", "hurt.toml", "--as-of", day, "--explain", "60")
    score, left_out = json.loads(escalation(*arguments, "--json", folder=tmp_path).stdout)
    assert left_out["target"] == "never_7d" and left_out["error"]["code"] == "E-INSUFFICIENT"
    (missiles,) = [
        driver for driver in score["drivers"] if driver["event_id"] == "IQ-2020-01-08-01"
    ]
    assert (missiles["killed"], missiles["wounded"]) == (0, wounded)
    shown = re.sub(r"[│\s]+", " ", escalation(*arguments, folder=tmp_path).stdout)
    assert (
        f"2020-01-08 missile strike, ain_al_asad{toll} ({missiles['contribution']:+.2f})" in shown
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--from", "2020-03-13"),
        ("--as-of", "2020-03-13", "--from", "2020-03-13", "--to", "2020-03-14"),
        ("--as-of", "2020-03-13", "--to", "2020-03-14"),
    ],
)
def test_the_command_needs_one_day_or_a_complete_range(command, arguments):
    result = command(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "E-USAGE" in result.stderr


@pytest.mark.slow
def test_the_stored_days_of_the_crisis_are_those_of_the_command(crisis, root):
    experiment = load_experiment(root / "experiments/iraq_crisis.toml")
    rows = replay_range(crisis, experiment, "2020-03-10", "2020-03-14")
    path = root / "experiments/results/iraq_crisis_march_2020.csv"
    stored = pd.read_csv(path, parse_dates=["day"])
    key = ["target", "unit_key", "day"]
    both = stored.merge(rows, on=key, suffixes=("", "_now"))
    assert len(both) == len(stored) > 0
    for name in ("probability", "lower", "upper", "outcome"):
        np.testing.assert_allclose(both[name], both[f"{name}_now"], atol=1e-6, err_msg=name)
