"""A small experiment with two baselines and two models, which takes a few seconds."""

SMALL = """
[experiment]
name = "small"
description = "At least one attack on an installation in 7 days"
[data]
source = "iraq_crisis"
first_day = 2019-10-01
last_day = 2020-12-31
[panel]
units = ["site", "all"]
enters = { tags = "installation_attack" }
[features.window_sums]
[[targets]]
name = "any"
horizon = 7
where = { tags = "installation_attack" }
[models.ewma_nb]
[models.logistic]
[backtest]
first_origin = 2020-03-01
every = 7
refit_every = 20
"""
