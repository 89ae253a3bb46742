"""What the blend trusts, and since when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from escalation.backtest.blend_shares import _since, blend_sentence, shares_in_blend

MIXED = ["climatology", "corrected", "ewma_nb", "last_value", "pool", "prior"]


def with_blend(trained):
    """The trained experiment as if its learners were the models of a blend."""
    renamed = {"corrected": "logistic", "pool": "ewma_nb", "prior": "boosting", "blend": "ewma_nb"}
    table = trained.forecasts[~trained.forecasts["model"].isin(["logistic", "boosting"])]
    renamed_tables = [
        trained.forecasts[trained.forecasts["model"] == old].assign(model=new)
        for new, old in renamed.items()
    ]
    models = {**trained.models, "blend": None}
    return replace(trained, forecasts=pd.concat([table, *renamed_tables]), models=models)


def test_the_shares_are_of_all_models_and_add_up_to_one(trained):
    shares = shares_in_blend(with_blend(trained))
    assert sorted(shares["model"]) == MIXED
    assert shares["share"].sum() == pytest.approx(1.0)
    assert shares["share"].is_monotonic_decreasing
    assert ((shares["share"] >= 0.1) == (shares["since"] != "")).all()
    first = trained.forecasts["day"].min()
    assert all(first <= pd.Timestamp(day) for day in shares["since"] if day)
    assert blend_sentence(shares).count(" since ") == (shares["since"] != "").sum()


def test_without_a_blend_nothing_is_said(trained):
    assert shares_in_blend(trained).empty
    assert blend_sentence(shares_in_blend(trained)) == ""


def test_since_is_the_start_of_the_last_stretch():
    looks = np.array([10, 20, 30, 40])
    first_days = [
        _since(np.array(substantial, dtype=bool), looks)
        for substantial in ([1, 1, 1, 1], [1, 0, 1, 1], [0, 0, 0, 1], [1, 1, 1, 0])
    ]
    assert first_days == [10, 30, 40, None]
