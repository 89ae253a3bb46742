"""The tables: same rows for all, laws of skill, verdicts, alert budgets."""

import numpy as np
import pandas as pd
import pytest

from escalation.errors import GateError, InputError, UsageError
from escalation.metrics import METRICS, alert_budget, compare, summary
from escalation.metrics.budget import alert_shares, weighted_median
from escalation.metrics.murphy import THRESHOLDS
from escalation.metrics.paired import pair
from escalation.metrics.scores import auc, average_precision, brier, log_score
from escalation.metrics.summary import verdict

SKILLS = [
    f"{kind}_vs_{base}" for kind in ("skill", "log_skill") for base in ("climatology", "ewma_nb")
]
WITH_ENDS = ["brier", "log_score", "average_precision", "auc", *SKILLS]


def of(table, model):
    return table.set_index("model").loc[model]


def test_each_model_has_one_row_with_every_number_and_its_interval_around_it(forecasts):
    table = summary(forecasts)
    assert table["model"].tolist() == ["climatology", "ewma_nb", "sharp"]
    for name in WITH_ENDS:
        assert (table[f"{name}_lower"] <= table[name]).all(), name
        assert (table[name] <= table[f"{name}_upper"]).all(), name
    assert table["rows"].tolist() == [320] * 3
    assert table["units"].tolist() == [4] * 3
    assert table["dates"].tolist() == [80] * 3


def test_numbers_of_the_table_are_those_of_the_plain_metrics(forecasts):
    table = summary(forecasts)
    for model, rows in forecasts.groupby("model"):
        p, y = rows["probability"].to_numpy(), rows["outcome"].to_numpy()
        for name, metric in METRICS.items():
            assert of(table, model)[name] == pytest.approx(metric(p, y), abs=1e-12), name


def test_skill_is_the_share_of_the_reference_score_that_is_saved(forecasts):
    table = summary(forecasts)
    saved = 1 - of(table, "sharp")["brier"] / of(table, "ewma_nb")["brier"]
    assert of(table, "sharp")["skill_vs_ewma_nb"] == pytest.approx(saved)


@pytest.mark.parametrize("base", ["climatology", "ewma_nb"])
@pytest.mark.parametrize("kind", ["skill", "log_skill"])
def test_the_reference_has_no_skill_against_itself_for_certain(forecasts, base, kind):
    row, name = of(summary(forecasts), base), f"{kind}_vs_{base}"
    assert (row[name], row[f"{name}_lower"], row[f"{name}_upper"]) == (0.0, 0.0, 0.0)


def test_permuted_rows_give_the_same_table_to_the_last_bit(forecasts):
    shuffled = forecasts.sample(frac=1.0, random_state=1)
    pd.testing.assert_frame_equal(summary(shuffled), summary(forecasts), check_exact=True)


def test_another_seed_changes_only_the_intervals(forecasts):
    first, second = summary(forecasts, seed=1), summary(forecasts, seed=2)
    assert first["brier"].equals(second["brier"])
    assert not first["brier_lower"].equals(second["brier_lower"])


def test_rows_that_one_model_lacks_are_left_out_for_all(forecasts):
    missing = forecasts["model"].eq("sharp") & forecasts["unit"].eq("u0")
    gone, unknown = forecasts[~missing], forecasts.copy()
    unknown.loc[missing, "probability"] = np.nan
    for partial in (gone, unknown):
        table = summary(partial)
        assert table["rows"].tolist() == [240] * 3
        assert table["left_out"].tolist() == [80] * 3
    alone = summary(forecasts[forecasts["unit"] != "u0"])
    assert table["brier"].tolist() == alone["brier"].tolist()


def test_rows_not_at_risk_or_without_an_outcome_are_ignored(forecasts):
    off, open_ = forecasts["unit"].eq("u1"), forecasts["unit"].eq("u2")
    marked = forecasts.assign(
        at_risk=~off, outcome=forecasts["outcome"].mask(open_), probability=forecasts["probability"]
    )
    marked.loc[off, "probability"] = np.nan
    table = summary(marked)
    kept = summary(forecasts[~off & ~open_])
    assert table["rows"].tolist() == [160] * 3
    pd.testing.assert_frame_equal(table, kept)


def test_targets_and_horizons_get_separate_rows(forecasts):
    other = forecasts.assign(target="surge")
    later = forecasts.assign(horizon=14)
    table = summary(pd.concat([forecasts, other, later]))
    labels = table[["target", "horizon"]].drop_duplicates().to_numpy().tolist()
    assert labels == [["any", 7], ["any", 14], ["surge", 7]]
    assert summary(pd.concat([forecasts, later]), horizon=14)["horizon"].tolist() == [14] * 3


@pytest.mark.parametrize(("horizon", "words"), [(None, ""), (3, " at horizon 3")])
def test_without_a_known_outcome_the_message_names_a_requested_horizon(forecasts, horizon, words):
    unresolved = forecasts.assign(outcome=np.nan)
    with pytest.raises(GateError, match=f"with a known outcome{words} among {len(forecasts)}; fix"):
        pair(unresolved, horizon=horizon)


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"outcome": np.nan}, GateError, "E-INSUFFICIENT"),
        ({"at_risk": False}, GateError, "E-INSUFFICIENT"),
        ({"probability": 1.01}, InputError, "E-PROBABILITY"),
        ({"probability": -np.inf}, InputError, "E-PROBABILITY"),
        ({"outcome": 2.0}, InputError, "E-OUTCOME"),
        ({"unit": "u0"}, InputError, "E-DUPLICATE"),
    ],
)
def test_forecasts_that_cannot_be_scored_are_refused_with_a_code(forecasts, change, error, code):
    with pytest.raises(error) as caught:
        summary(forecasts.assign(**change))
    assert caught.value.code == code


def test_models_without_a_common_row_are_refused(forecasts):
    sharp, early = forecasts["model"].eq("sharp"), forecasts["day"] < "2020-06-01"
    with pytest.raises(GateError) as caught:
        summary(forecasts[sharp == early])
    assert caught.value.code == "E-INSUFFICIENT"
    assert "sharp" in str(caught.value)


def test_models_that_disagree_on_what_happened_are_refused(forecasts):
    forecasts.loc[5, "outcome"] = 1.0 - forecasts.loc[5, "outcome"]
    with pytest.raises(InputError) as caught:
        summary(forecasts)
    assert caught.value.code == "E-CONFLICT"


def test_verdicts_say_better_worse_or_no_difference(make):
    forecasts = make(dates=200, models=("climatology", "ewma_nb", "sharp", "same"))
    base = forecasts["model"].eq("ewma_nb").to_numpy()
    same = forecasts["model"].eq("same").to_numpy()
    nudge = np.where(np.arange(base.sum()) % 2, 0.02, -0.02)
    forecasts.loc[same, "probability"] = (
        (forecasts.loc[base, "probability"] + nudge).clip(0.001, 0.999).to_numpy()
    )
    bad = forecasts[base].assign(model="bad", probability=0.95)
    verdicts = summary(pd.concat([forecasts, bad])).set_index("model")["verdict"]
    assert verdicts["sharp"] == "better than ewma_nb"
    assert verdicts["bad"] == "worse than ewma_nb"
    assert verdicts["same"] == verdicts["ewma_nb"] == "no difference shown"


def test_fewer_than_twenty_positives_show_intervals_but_no_ranking(forecasts):
    day = forecasts["day"].rank(method="dense").astype(int)
    rare = forecasts.assign(outcome=(day.mod(5).eq(0) & forecasts["unit"].eq("u0")) * 1.0)
    row = of(summary(rare), "sharp")
    assert row["verdict"] == "no ranking claimed: 16 positives"
    assert row["skill_vs_ewma_nb_lower"] < row["skill_vs_ewma_nb_upper"]


def test_too_few_dates_give_no_interval_and_no_ranking(make):
    row = of(summary(make(dates=9, units=20)), "sharp")
    assert row["positives"] >= 20
    assert row["skill_vs_ewma_nb"] > 0
    assert row["skill_vs_ewma_nb_lower"] is pd.NA
    assert row["verdict"] == "no ranking claimed: 9 dates"


def test_what_cannot_be_computed_is_missing_never_nan_or_infinite(forecasts):
    row = of(summary(forecasts.assign(outcome=0.0)), "sharp")
    assert row["auc"] is pd.NA
    assert row["average_precision"] is pd.NA
    assert row["brier"] > 0
    certain = forecasts.assign(probability=1.0)
    table = summary(certain)
    assert table["log_score"].isna().all()
    numbers = table.select_dtypes("number").astype("Float64").to_numpy(float, na_value=0.0)
    assert np.isfinite(numbers).all()


def test_without_the_baseline_there_is_no_skill_and_no_ranking(forecasts):
    table = summary(forecasts[forecasts["model"] != "ewma_nb"])
    assert table["skill_vs_ewma_nb"].isna().all()
    assert table["verdict"].unique().tolist() == ["no ranking claimed: no skill against ewma_nb"]


def test_comparison_has_the_differences_of_the_plain_metrics(forecasts):
    row = of(compare(forecasts, reference="ewma_nb"), "sharp")
    p = {m: g["probability"].to_numpy() for m, g in forecasts.groupby("model")}
    y = forecasts.loc[forecasts["model"] == "sharp", "outcome"].to_numpy()
    for name, metric in {
        "brier": brier, "log_score": log_score, "average_precision": average_precision, "auc": auc
    }.items():  # fmt: skip
        expected = metric(p["sharp"], y) - metric(p["ewma_nb"], y)
        assert row[f"{name}_difference"] == pytest.approx(expected, abs=1e-12)
        assert row[f"{name}_difference_lower"] < expected < row[f"{name}_difference_upper"]
    assert row["skill_lower"] > 0
    assert row["brier_dm"] < -2
    assert row["brier_dm_p"] < 0.05


def test_comparison_and_summary_give_the_same_skill(forecasts):
    comparison = of(compare(forecasts, reference="ewma_nb", seed=4), "sharp")
    table = of(summary(forecasts, seed=4), "sharp")
    for end in ("", "_lower", "_upper"):
        assert comparison[f"skill{end}"] == table[f"skill_vs_ewma_nb{end}"]


def test_comparison_with_a_model_that_did_not_forecast_is_refused(forecasts):
    with pytest.raises(UsageError, match="climatology, ewma_nb, sharp"):
        compare(forecasts, reference="champion")


def day_of(probability, outcome, *, day="2020-01-01", model="m"):
    units = [f"u{i}" for i in range(len(probability))]
    return pd.DataFrame(
        {
            "model": model, "target": "any", "unit": units, "day": pd.Timestamp(day), "horizon": 7,
            "probability": probability, "outcome": outcome, "at_risk": True,
        }
    )  # fmt: skip


def test_alerts_go_to_the_highest_and_ties_at_the_cut_share_the_rest():
    table = pd.concat(
        [
            day_of([0.9, 0.5, 0.5, 0.5, 0.1], [1.0, 0.0, 1.0, 0.0, 0.0]),
            day_of([0.2, 0.1], [0.0, 1.0], day="2020-01-08"),
        ]
    )
    (paired,) = pair(table)
    share = alert_shares(paired, "m", budget=3)
    np.testing.assert_allclose(share, [1, 2 / 3, 2 / 3, 2 / 3, 0, 1, 1])


def test_alert_budget_counts_hits_and_false_alarms_as_by_hand():
    table = pd.concat(
        [
            day_of([0.9, 0.5, 0.4, 0.1], [1.0, 0.0, 1.0, 0.0]),
            day_of([0.2, 0.8, 0.7, 0.1], [0.0, 0.0, 1.0, 1.0], day="2020-01-08"),
        ]
    )
    row = alert_budget(table, budget=2).iloc[0]
    assert row["recall"] == 2 / 4
    assert row["precision"] == 2 / 4
    assert row["false_alarms_per_hit"] == 1.0
    assert row["median_lead_days"] is pd.NA


def test_lead_time_is_the_median_over_hits_of_the_days_to_the_first_event():
    table = day_of([0.9, 0.8, 0.7, 0.1], [1.0, 1.0, 0.0, 1.0])
    index = pd.MultiIndex.from_arrays(
        [["u3", "u1", "u0"], pd.to_datetime(["2020-01-01"] * 3)], names=["unit", "day"]
    )
    lead = pd.Series([7.0, 2.0, 5.0], index=index)
    assert alert_budget(table, budget=3, first_event_days=lead)["median_lead_days"][0] == 3.5


def test_no_hit_means_no_false_alarms_per_hit():
    row = alert_budget(day_of([0.9, 0.1], [0.0, 1.0]), budget=1).iloc[0]
    assert (row["recall"], row["precision"]) == (0.0, 0.0)
    assert row["false_alarms_per_hit"] is pd.NA


def test_the_unit_all_gets_no_alert():
    table = day_of([0.9, 0.8, 0.1], [1.0, 1.0, 0.0])
    table["unit"] = ["all", "anbar", "basra"]
    row = alert_budget(table, budget=1).iloc[0]
    assert (row["positives"], row["recall"]) == (1, 1.0)
    assert alert_budget(table.iloc[:1], budget=1)["hits"][0] == 1.0


def test_a_budget_below_one_is_refused():
    with pytest.raises(UsageError, match="at least one alert"):
        alert_budget(day_of([0.9], [1.0]), budget=0)


def test_alert_budget_does_not_depend_on_row_order_or_unit_names(forecasts):
    coarse = forecasts.assign(probability=forecasts["probability"].round(1))
    expected = alert_budget(coarse, budget=1)
    renamed = coarse.assign(unit=coarse["unit"].map({"u0": "z", "u1": "y", "u2": "x", "u3": "w"}))
    got = alert_budget(renamed.sample(frac=1.0, random_state=0), budget=1)
    pd.testing.assert_frame_equal(got, expected)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [([1, 1, 1], 2.0), ([2, 1, 1], 1.5), ([3, 1, 1], 1.0), ([0, 0, 0], None)],
)
def test_weighted_median_by_hand(weights, expected):
    got = weighted_median(np.array([1.0, 2.0, 9.0]), np.array(weights, dtype=float))
    assert np.isnan(got) if expected is None else got == expected


@pytest.mark.parametrize(
    ("blocks", "expected"), [(4.9, "no ranking claimed: 35 dates"), (5.0, "better than ewma_nb")]
)
def test_five_stretches_of_time_are_enough_for_a_verdict(blocks, expected):
    ends = {"skill_vs_ewma_nb_lower": 0.1, "skill_vs_ewma_nb_upper": 0.3}
    assert verdict({"positives": 20, "dates": 35, **ends}, blocks=blocks) == expected


def test_thresholds_are_whole_percents():
    assert THRESHOLDS[[0, 49, 98]].tolist() == [0.01, 0.5, 0.99] and len(THRESHOLDS) == 99
