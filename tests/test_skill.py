"""The skill table: what it runs, counts and reports; and that every experiment can be imported."""

import argparse
import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from escalation.models import MODELS

EXPERIMENTS = Path(__file__).parents[1] / "experiments"


@pytest.fixture
def modules(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "experiments"))
    import skill
    import skill_data
    import skill_report

    return skill, skill_data, skill_report


@pytest.mark.parametrize("name", sorted(path.stem for path in EXPERIMENTS.glob("*.py")))
def test_every_experiment_finds_what_it_imports(name, monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    importlib.import_module(name)


def row(data, lag, model, **values):
    given = {
        "data": data,
        "target": "any",
        "lag": lag,
        "model": model,
        "horizon": 7,
        "positives": 200,
        "brier": 0.1,
        "log_score": 0.3,
        "miscalibration": 0.001,
        "discrimination": 0.02,
        "skill_vs_ewma_nb": 0.05,
        "skill_vs_ewma_nb_lower": 0.01,
        "skill_vs_ewma_nb_upper": 0.09,
        "log_skill_vs_ewma_nb": 0.02,
        "log_skill_vs_ewma_nb_lower": -0.01,
        "log_skill_vs_ewma_nb_upper": 0.04,
        "verdict": "",
        "seconds": 14.0,
        "inside": 10.0,
        "ratio_if_calibrated": 0.05,
        "recoverable": -0.0001,
        "brier_over_best_lower": 0.02,
        "log_score_over_best_lower": -0.02,
    }
    return given | values


def test_the_summary_counts_pairs_above_below_and_behind_the_best(modules):
    table = pd.DataFrame(
        [
            row("a", 0, "blend"),
            row("a", 0, "pool", brier=0.095, log_score=0.31),
            row(
                "b",
                0,
                "blend",
                skill_vs_ewma_nb=-0.05,
                skill_vs_ewma_nb_lower=-0.09,
                skill_vs_ewma_nb_upper=-0.01,
                miscalibration=0.004,
                ratio_if_calibrated=0.15,
                recoverable=0.003,
                brier_over_best_lower=0.005,
            ),
            row("b", 0, "pool", brier=0.1, log_score=0.3),
            row("thin", 0, "blend", positives=99, skill_vs_ewma_nb_lower=0.2),
            row("thin", 0, "pool", positives=99, brier=0.01),
        ]
    )
    said = modules[2].sentences(table, seconds=120)
    assert "Brier: blend better than ewma_nb on 1 of 2 pairs, worse on 1; mean gain 0.0%" in said
    assert "log score: blend better than ewma_nb on 0 of 2 pairs, worse on 0" in said
    assert (
        "Brier: blend more than 1% worse than the best single model on 1 of 2 pairs, at worst "
        "5.3%; by the whole interval on 1" in said
    )
    assert "log score: blend more than 1% worse than the best single model on 0 of 2 pairs" in said
    assert (
        "at most a tenth of discrimination on 1 of 2 pairs, at worst 0.20 times; if the forecasts "
        "were calibrated, on 1" in said
    )
    assert (
        "recalibration learnt on other dates gains nothing on 1 of 2 pairs, at most a tenth "
        "of discrimination on 1, at worst 0.15" in said
    )
    assert "2.0 minutes; total time over time inside fit and predict: 1.40" in said


def test_the_table_names_the_best_other_model(modules):
    table = pd.DataFrame(
        [
            row("a", 14, "blend"),
            row("a", 14, "pool", brier=0.2),
            row("a", 14, "levels", brier=0.09, skill_vs_ewma_nb=0.11),
        ]
    )
    line = modules[2].markdown(table).splitlines()[2]
    assert line.startswith("| a | any | 14 | 200 | +5.0% [+1.0, +9.0] | +2.0% [-1.0, +4.0] |")
    assert "`levels` (+11.0%)" in line


def test_every_data_set_label_and_lag_is_run_once(modules):
    skill, data, _ = modules
    asked = argparse.Namespace(events=None, forecasts=None)
    jobs = skill.jobs_of(asked)
    assert len(set(jobs)) == len(jobs) == len(data.DATA) * 5 * 2
    own = argparse.Namespace(
        events=Path("mine.csv"), source="tidy", units="country", forecasts=None
    )
    assert {(job.data, job.units, job.lag) for job in skill.jobs_of(own)} == {
        ("mine", "country", 0),
        ("mine", "country", 14),
    }


def test_places_belong_to_the_first_region_that_matches_and_the_rest_is_other(modules):
    region = modules[1].region_of(pd.Series(["שדרות", "אשקלון - דרום", "חיפה", "nowhere", "שדרות"]))
    assert region.tolist() == ["envelope", "ashkelon", "haifa", "other", "envelope"]


def test_without_the_shared_files_it_says_so_and_is_no_failure(
    modules, monkeypatch, capsys, tmp_path
):
    skill = modules[0]
    monkeypatch.setattr(skill, "SHARED", tmp_path / "nowhere")
    monkeypatch.setattr(sys, "argv", ["skill.py"])
    assert skill.main() == 0
    assert f"skipped: no event files at {tmp_path / 'nowhere'}" in capsys.readouterr().err


@pytest.mark.slow
def test_a_file_of_ones_own_is_compared_and_reported(modules, tmp_path):
    skill, _, report = modules
    random = np.random.default_rng(0)
    days = pd.date_range("2018-01-01", periods=700)
    drift = np.exp(np.cumsum(random.normal(0, 0.06, (3, 700)), axis=1))
    counts = random.poisson(np.clip(0.25 * drift, 0.02, 2.0))
    unit, day = np.nonzero(counts)
    events = pd.DataFrame(
        {
            "event_id": np.arange(len(day)).astype(str),
            "event_date": days[day].strftime("%Y-%m-%d"),
            "country": "IRQ",
            "admin1": [f"p{k}" for k in unit],
            "event_type": "battle",
        }
    )
    events.to_csv(tmp_path / "mine.csv", index=False)
    job = skill.Job("mine", "any", 7, 0, str(tmp_path / "mine.csv"), "tidy", "admin1")
    table = skill.run(job)
    assert set(table["model"]) == set(MODELS)
    assert 0 < table["inside"].iloc[0] < table["seconds"].iloc[0]
    said = report.write_report(table, tmp_path, seconds=60)
    assert "better than ewma_nb on" in said
    assert (tmp_path / "skill.png").stat().st_size > 10_000
    assert len(pd.read_csv(tmp_path / "skill.csv")) == len(MODELS)
    assert said in (tmp_path / "skill.md").read_text(encoding="utf-8")
