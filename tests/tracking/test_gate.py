"""The gate of promotion: a lead that may be due to chance is refused."""

import numpy as np
import pandas as pd
import pytest

from escalation.errors import GateError
from escalation.tracking.gate import Decision, Lead, common_rows, judge, require_significant_lead


def table(model, probability, outcome, *, units=4, every=7, horizon=7):
    """Forecasts of one model, rows by date and unit."""
    dates = len(outcome) // units
    day = np.datetime64("2020-01-01") + every * np.arange(dates)
    return pd.DataFrame(
        {
            "model": model, "target": "any_7d",
            "unit": np.tile([f"U{i}" for i in range(units)], dates),
            "unit_key": np.tile([f"u{i}" for i in range(units)], dates),
            "day": np.repeat(day, units).astype("datetime64[ns]"), "horizon": horizon,
            "probability": probability, "outcome": outcome, "at_risk": True,
        }
    )  # fmt: skip


def world(seed, *, dates=120, units=4):
    """A slow common tension, and the share of positives that it makes."""
    rng = np.random.default_rng(seed)
    tension = np.zeros(dates)
    for t in range(1, dates):
        tension[t] = 0.9 * tension[t - 1] + 0.4 * rng.normal()
    truth = 1.0 / (1.0 + np.exp(1.2 - np.repeat(tension, units)))
    return truth, (rng.random(len(truth)) < truth) * 1.0, rng


def blurred(truth, rng, *, noise=0.8):
    """Probabilities of a forecaster who sees the log-odds with noise."""
    steps = rng.normal(size=len(truth)) * noise
    odds = np.log(truth / (1.0 - truth))
    return 1.0 / (1.0 + np.exp(-(odds + steps)))


def compared(challenger, champion, baseline):
    """The rows that three models have in common."""
    roles = {"challenger": challenger, "champion": champion, "ewma_nb": baseline}
    return common_rows(roles, newest="challenger")


def trial(seed, *, noise=0.8):
    """A decision on a challenger of some noise and two rivals of 0.8."""
    truth, outcome, rng = world(seed)
    tables = []
    for model, own_noise in (("c", noise), ("b", 0.8), ("ewma_nb", 0.8)):
        tables.append(table(model, blurred(truth, rng, noise=own_noise), outcome))
    return judge(compared(*tables), seed=seed)


@pytest.mark.slow
def test_a_challenger_that_is_better_only_by_chance_is_refused_nine_times_in_ten():
    decisions = [trial(seed) for seed in range(60)]
    ahead = [decision for decision in decisions if all(lead.skill > 0 for lead in decision.leads)]
    assert len(ahead) > 12
    assert np.mean([decision.justified for decision in decisions]) <= 0.1


def test_a_challenger_that_knows_the_true_risk_passes_and_its_numbers_are_printed():
    truth, outcome, rng = world(3)
    blind = [table(name, blurred(truth, rng, noise=2.0), outcome) for name in ("b", "e")]
    decision = judge(compared(table("c", truth, outcome), *blind))
    assert decision.justified
    require_significant_lead(decision)
    assert "skill over champion +" in str(decision)


def test_a_refusal_names_both_intervals_and_the_positives():
    with pytest.raises(GateError) as caught:
        require_significant_lead(trial(4))
    assert caught.value.code == "E-NOT-EARNED"
    assert "skill over champion" in str(caught.value)
    assert "skill over ewma_nb" in str(caught.value)
    assert "positives" in str(caught.value)


@pytest.mark.parametrize("unknown", ["skill", "lower", "upper"])
def test_a_lead_with_an_unknown_number_is_printed_as_unknown(unknown):
    numbers = {"skill": 0.1, "lower": 0.02, "upper": 0.2}
    assert str(Lead("champion", **numbers)) == "skill over champion +10.0% [+2.0%, +20.0%]"
    assert str(Lead("champion", **{**numbers, unknown: None})) == "skill over champion unknown"


def test_beating_the_champion_but_not_the_baseline_is_not_enough():
    truth, outcome, rng = world(5)
    decision = judge(
        compared(
            table("c", blurred(truth, rng, noise=0.3), outcome),
            table("b", rng.random(len(truth)), outcome),
            table("e", truth, outcome),
        )
    )
    champion, baseline = decision.leads
    assert champion.significant and not baseline.significant
    assert not decision.justified


def test_few_positives_are_never_enough():
    truth, _, _ = world(6)
    outcome = np.zeros(len(truth))
    outcome[::40] = 1.0
    flat = np.full(len(truth), 0.5)
    decision = judge(
        compared(table("c", 0.05 + 0.9 * outcome, outcome), table("b", flat, outcome),
                    table("e", flat, outcome))
    )  # fmt: skip
    assert decision.positives == 12
    assert all(lead.significant for lead in decision.leads)
    assert not decision.justified


@pytest.mark.parametrize(("positives", "justified"), [(19, False), (20, True)])
def test_twenty_positives_are_enough_if_both_leads_are_significant(positives, justified):
    leads = (Lead("champion", 0.2, 0.1, 0.3), Lead("ewma_nb", 0.2, 1e-9, 0.3))
    assert Decision(100, 50, positives, leads).justified is justified
    touching = Lead("ewma_nb", 0.2, 0.0, 0.3)
    assert not Decision(100, 50, positives, (leads[0], touching)).justified


def test_the_same_forecasts_have_no_lead():
    truth, outcome, _ = world(7)
    forecasts = table("m", truth, outcome)
    decision = judge(compared(forecasts, forecasts, forecasts))
    assert [lead.skill for lead in decision.leads] == [0.0, 0.0]
    assert not decision.justified


def test_only_common_rows_count_and_outcomes_come_from_the_newest_table():
    truth, outcome, _ = world(8)
    newest = table("c", truth, outcome)
    older = table("b", truth, 1.0 - outcome).iloc[40:400]
    rows = compared(newest, older, newest)
    sizes = rows.groupby("model").size().to_dict()
    assert sizes == {"challenger": 480, "champion": 360, "ewma_nb": 480}
    assert judge(rows).rows == 360
    assert judge(rows) == judge(rows, seed=0)
    assert rows.index.tolist() == list(range(1320))
    joined = rows[rows["model"] == "champion"].merge(newest, on=["unit", "day"])
    assert (joined["outcome_x"] == joined["outcome_y"]).all()


def test_models_without_common_rows_cannot_be_compared():
    truth, outcome, _ = world(9)
    forecasts = table("c", truth, outcome)
    with pytest.raises(GateError, match="E-NOT-COMPARABLE"):
        compared(forecasts, forecasts.assign(horizon=30), forecasts)
