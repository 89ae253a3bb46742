"""A registered model's forecasts: the watch list, its explanations, and the record kept of it."""
