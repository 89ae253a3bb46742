"""The bundled crisis, and the command that tests retaliation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import escalation
from iraq_2020 import experiment_of_2020

from escalation._util.resources import bundled
from escalation.errors import UsageError
from escalation.panel.sides import pair_counts


@pytest.fixture(scope="module")
def experiment():
    return experiment_of_2020()


def counts_of(archive, experiment):
    data = experiment.data
    return pair_counts(
        archive,
        experiment.panel.spec,
        first_day=data.first_day,
        last_day=data.last_day,
        lag=data.lag,
    )


def test_counts_are_the_violent_acts_of_each_side(crisis, experiment):
    counts = counts_of(crisis, experiment)
    events = crisis.as_of("2020-12-31")
    events = events[(events["severity"] >= 3) & (events["event_date"] >= "2019-10-01")]
    for name, days in counts.items():
        actor, target = name.split(">")
        acts = events[(events["actor"] == actor) & (events["target"] == target)]
        assert len(days) == 458
        assert days.sum() == len(acts)
        assert days[(acts["event_date"].iloc[0] - events["event_date"].min()).days] >= 0
    assert counts["militia>us_coalition"].sum() > 30


def test_days_that_are_not_yet_reported_are_left_out(crisis, experiment):
    late = experiment.model_copy(update={"data": experiment.data.model_copy(update={"lag": 10})})
    early, all_counts = counts_of(crisis, late), counts_of(crisis, experiment)
    for name, days in early.items():
        assert days.tolist() == all_counts[name][:-10].tolist()


def test_an_experiment_without_pairs_is_refused(crisis, experiment):
    panel = experiment.panel.model_copy(update={"pairs": []})
    with pytest.raises(UsageError, match="at least one pair"):
        counts_of(crisis, experiment.model_copy(update={"panel": panel}))


def moves(*options):
    run = escalation("moves", bundled("iraq_crisis.toml"), *options, folder=Path.cwd())
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.slow
def test_in_the_bundled_crisis_attacks_follow_attacks_and_no_retaliation_can_be_tested():
    answer = json.loads(moves("--json"))
    assert answer["events"]["us_coalition>militia"] < 10
    tested = [row for row in answer["answers"] if row["p_value"] is not None]
    assert [(row["source"], row["target"]) for row in tested] == [("militia>us_coalition",) * 2]
    assert len(answer["answers"]) == 16
    (row,) = tested
    assert row["lower"] > 0
    assert answer["branching_ratio"] == pytest.approx(row["excitation"])
    printed = moves("--shuffles", "19")
    assert "15 pairs are not tested" in printed
    assert "can't be ordered" in printed
