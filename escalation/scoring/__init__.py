"""Forecasts of registered models: the watch list, its explanations, and the ledger."""
