"""Explanations: without an event or family, the score changes by its contribution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from escalation import schema
from escalation._util.resources import bundled
from escalation.backtest.table import family_columns
from escalation.experiment import load_experiment
from escalation.scoring.counterfactual import Counterfactual
from escalation.scoring.explain import (
    CANDIDATES,
    CANDIDATES_BY_RUNG,
    MOST_FURTHER,
    candidates,
    drivers_of,
    events_to,
    families_of,
)  # fmt: skip
from escalation.scoring.perturbation import REMOVED, Perturbations
from escalation.scoring.score import score
from escalation.scoring.scorer import Scorer


def odds(scored):
    return {row.unit: logit(row.probability) for row in scored if row.probability is not None}


@pytest.mark.parametrize(
    "model",
    ["ewma_nb", *(pytest.param(m, marks=pytest.mark.slow) for m in ("logistic", "boosting"))],
)
def test_twenty_random_scores_change_by_the_contribution_of_their_top_event(
    trained, scorer, crisis, model
):
    rng = np.random.default_rng(11)
    model_scorer = Scorer(trained.models[model], scorer.manifest, "test", "hash")
    days = np.arange("2019-11-15", "2021-01-01", dtype="datetime64[D]")
    checked, moved = 0, set()
    while checked < 20:
        day = str(rng.choice(days))
        rows = score(model_scorer, crisis, as_of=day, allow_in_sample=True, explain=1)
        named = [row for row in rows if row.drivers]
        for i in rng.permutation(len(named))[:5]:
            row, driver = named[i], named[i].drivers[0]
            without = crisis.without(driver.event_id, "iraq_crisis")
            after = odds(score(model_scorer, without, as_of=day, allow_in_sample=True, explain=0))
            assert logit(row.probability) - after[row.unit] == pytest.approx(
                driver.contribution, abs=1e-9
            )
            checked += 1
            moved.add(round(driver.contribution, 6))
    assert len(moved) > 8


@pytest.mark.parametrize("first_day", [None, "2019-12-01"])
@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("seed", range(2))
def test_removing_all_events_at_once_equals_removing_them_one_by_one(
    trained, scorer, random_archive, first_day, lag, seed
):
    """With late news, moved and retracted events, units of one event, and differing locations."""
    archive = random_archive(seed, days=60, events=30)
    experiment = load_experiment(bundled("iraq_crisis.toml")).model_dump(mode="json")
    experiment["data"] |= {"last_day": None, "first_day": first_day and "2020-01-20", "lag": lag}
    experiment["panel"] |= {"units": ["site", "country", "dyad", "all"], "enters": {"rung": 3}}
    experiment["targets"] = [{"name": "any", "horizon": 7, "where": {"rung": 4}}]
    manifest = replace(scorer.manifest, experiment=experiment, target=experiment["targets"][0])
    model_scorer = Scorer(trained.models["logistic"], manifest, "test", "hash")
    counterfactual = Counterfactual(model_scorer, model_scorer.inputs(archive, "2020-02-20"))
    events = counterfactual.events
    every = np.arange(len(events))
    fast = counterfactual.probabilities(Perturbations(every, np.full(len(every), REMOVED)))
    assert len(every) > 10
    for row, event in enumerate(events.itertuples()):
        slow = model_scorer.on(archive.without(event.event_id, event.source), "2020-02-20")
        slow = slow["probability"].reindex(list(counterfactual.inputs.unit_keys)).to_numpy()
        assert np.array_equal(fast[row], slow, equal_nan=True), event.event_id


def more_like(archive, event, times, day):
    rows = archive.versions[archive.versions["event_id"] == event].tail(1)
    more = pd.concat([rows] * times).assign(
        event_id=[f"more-{i}" for i in range(times)], event_date=pd.Timestamp(day),
        known_date=pd.Timestamp(day), operation="add",
    )  # fmt: skip
    more = more.astype({c: archive.versions[c].dtype for c in schema.DATE_COLUMNS})
    return archive.plus(more)


def test_added_events_equal_an_archive_with_them(scorer, crisis):
    then = crisis.until("2020-03-10")
    counterfactual = Counterfactual(scorer, scorer.inputs(then, "2020-03-10"))
    rng = np.random.default_rng(5)
    events, times = rng.integers(len(counterfactual.events), size=12), rng.integers(1, 6, size=12)
    fast = counterfactual.probabilities(Perturbations(events, times))
    for row, (event, n) in enumerate(zip(events, times, strict=True)):
        name = counterfactual.events["event_id"].iloc[event]
        slow = scorer.on(more_like(then, name, int(n), "2020-03-10"), "2020-03-10")
        slow = slow["probability"].reindex(list(counterfactual.inputs.unit_keys)).to_numpy()
        assert np.array_equal(fast[row], slow), name


def test_the_events_to_an_alert_raise_it_and_one_fewer_does_not(trained, scorer, crisis):
    model_scorer = Scorer(trained.models["ewma_nb"], scorer.manifest, "test", "hash")
    then = crisis.until("2020-03-10")
    counterfactual = Counterfactual(model_scorer, model_scorer.inputs(then, "2020-03-10"))
    keys = counterfactual.inputs.unit_keys
    needed = dict(zip(keys, events_to(counterfactual, 0.6), strict=True))
    base = dict(zip(keys, counterfactual.inputs.probability, strict=True))
    assert set(needed.values()) & set(range(1, MOST_FURTHER + 1))
    for unit, n in needed.items():
        if n == 0:
            assert base[unit] >= 0.6
            continue
        attacks = counterfactual.events[
            counterfactual.events["tags"].str.contains("installation_attack", na=False)
        ]
        attacks = attacks if unit == "all" else attacks[attacks["site"] == unit.partition("/")[2]]
        name = attacks["event_id"].iloc[-1]
        for times, reached in ((n, True), (n - 1, False)):
            more = more_like(then, name, times, "2020-03-10") if times else then
            assert (model_scorer.on(more, "2020-03-10")["probability"][unit] >= 0.6) is np.bool_(
                reached
            )


def test_a_line_out_of_reach_needs_no_number_of_events(scorer, crisis):
    counterfactual = Counterfactual(scorer, scorer.inputs(crisis, "2020-12-31"))
    assert set(events_to(counterfactual, 1.0)) == {None}
    assert set(events_to(counterfactual, 0.0)) == {0}


def test_the_only_event_of_a_unit_is_not_a_driver(scorer, crisis):
    counterfactual = Counterfactual(scorer, scorer.inputs(crisis, "2019-11-20"))
    named = dict(zip(counterfactual.inputs.units, drivers_of(counterfactual, most=99), strict=True))
    attacks = counterfactual.events[
        counterfactual.events["tags"].str.contains("installation_attack", na=False)
    ]
    single = attacks.groupby("site")["event_id"].agg(list)
    alone = [(site, ids[0]) for site, ids in single.items() if len(ids) == 1]
    assert alone
    for site, event in alone:
        assert event not in {driver.event_id for driver in named[site]}


def test_every_column_belongs_to_one_family(trained):
    experiment, columns = trained.case.experiment, list(trained.table.X.columns)
    by_family = family_columns(experiment, columns)
    assert sorted(name for names in by_family.values() for name in names) == sorted(columns)
    assert set(by_family) == {*experiment.features, "own_history"}
    assert by_family["neighbours"][0] == "installation_attack_sum_7d_others"
    assert "installation_attack_sum_7d" in by_family["window_sums"]
    assert by_family["own_history"][-1] == "threshold"


def test_a_family_contributes_relative_to_the_medians_of_its_columns(trained, scorer, crisis):
    medians = dict(zip(trained.table.X.columns, trained.table.X.median(), strict=True))
    assert scorer.manifest.typical == pytest.approx(medians)
    inputs = scorer.inputs(crisis, "2020-12-31")
    added = families_of(Counterfactual(scorer, inputs))
    X = inputs.X.astype(float).copy()
    X["days_since_events"] = medians["days_since_events"]
    for name in ("days_since_installation_attack", "days_since_rung_3", "days_since_rung_5"):
        X[name] = medians[name]
    X["days_since_rung_6"] = medians["days_since_rung_6"]
    other = trained.models["logistic"].predict_proba(X[scorer.manifest.columns])[:, 1]
    expected = logit(inputs.probability) - logit(other)
    assert [row["recency"] for row in added] == pytest.approx(list(expected), abs=1e-9)
    assert np.abs(expected).max() > 0.01


def test_a_model_without_medians_has_no_family_contributions(scorer, crisis):
    old = replace(scorer, manifest=replace(scorer.manifest, typical={}))
    assert {
        tuple(row) for row in families_of(Counterfactual(old, old.inputs(crisis, "2020-12-31")))
    } == {()}


def test_the_newest_events_and_those_of_each_rung_are_tried():
    count = CANDIDATES + 500
    events = pd.DataFrame({schema.SEVERITY: [6] * 30 + [3] * (count - 30)})
    tried = candidates(events)
    assert set(range(count - CANDIDATES, count)) <= set(tried)
    assert set(range(30 - CANDIDATES_BY_RUNG, 30)) <= set(tried)
    assert len(tried) == CANDIDATES + CANDIDATES_BY_RUNG
    assert list(candidates(events.head(7))) == list(range(7))
