"""Cumulative and moving scores by issue date."""

from __future__ import annotations

import numpy as np
import pandas as pd

from escalation import schema
from escalation.metrics.paired import pair
from escalation.metrics.summary import skill


def running(
    forecasts: pd.DataFrame, *, reference: str = schema.BASELINE, window: int | None = None
) -> pd.DataFrame:
    """Brier score and skill on each issue date, over all rows issued so far.

    Parameters
    ----------
    forecasts : pandas.DataFrame
        As for :func:`escalation.metrics.summary`.
    reference : str, optional
        Model that the others are compared with.
    window : int, optional
        Length in days of a moving window, instead of all earlier dates.

    Returns
    -------
    pandas.DataFrame
        One row per label, model and date: ``day``, ``brier``, ``skill`` (NaN without the
        reference, or while the reference has made no error).

    Raises
    ------
    GateError, InputError
        As :func:`escalation.metrics.summary`.

    Examples
    --------
    >>> day = pd.to_datetime(["2020-01-06", "2020-01-13"])
    >>> rows = pd.DataFrame({"target": "any", "unit": "a", "day": day, "horizon": 7, "model": "m",
    ...     "probability": [0.0, 0.5], "outcome": [0.0, 1.0], "at_risk": True})
    >>> running(rows)["brier"].tolist(), running(rows, window=7)["brier"].tolist()
    ([0.0, 0.125], [0.0, 0.25])
    """
    tables = []
    for paired in pair(forecasts):
        losses = np.cumsum(paired.losses_by_date()[0], axis=-1)
        rows = np.cumsum(paired.by_date(np.ones(len(paired.outcome))))
        if window is not None:
            before = np.searchsorted(paired.days, paired.days - window, side="right")
            losses = losses - np.where(before > 0, losses[:, before - 1], 0.0)
            rows = rows - np.where(before > 0, rows[before - 1], 0.0)
        r = paired.position(reference)
        reference_losses = losses[r] if r is not None else np.full(len(rows), np.nan)
        for m, model in enumerate(paired.models):
            model_skill = skill(losses[m], reference_losses)
            tables.append(
                pd.DataFrame(
                    {
                        "target": paired.target,
                        "horizon": paired.horizon,
                        "model": model,
                        "day": paired.days,
                        "brier": losses[m] / rows,
                        "skill": np.where(np.isfinite(model_skill), model_skill, np.nan),
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)
