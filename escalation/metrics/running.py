"""How scores built up, origin after origin."""

from __future__ import annotations

import numpy as np
import pandas as pd

from escalation import schema
from escalation.metrics.paired import pair
from escalation.metrics.summary import skill


def running(
    forecasts: pd.DataFrame, *, reference: str = schema.BASELINE, window: int | None = None
) -> pd.DataFrame:
    """Brier score and skill over all rows issued so far, on each issue date.

    Parameters
    ----------
    forecasts : pandas.DataFrame
        As for :func:`escalation.metrics.summary`.
    reference : str, optional
        Whom the models are held against.
    window : int, optional
        Only the last so many days, instead of all that went before.

    Returns
    -------
    pandas.DataFrame
        One row per label, model and date: ``day``, ``brier``, ``skill`` (NaN without the
        reference, and where it made no error yet).

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
    parts = []
    for paired in pair(forecasts):
        losses = np.cumsum(paired.losses_by_date()[0], axis=-1)
        rows = np.cumsum(paired.by_date(np.ones(len(paired.outcome))))
        if window is not None:
            before = np.searchsorted(paired.days, paired.days - window, side="right")
            losses = losses - np.where(before > 0, losses[:, before - 1], 0.0)
            rows = rows - np.where(before > 0, rows[before - 1], 0.0)
        r = paired.place(reference)
        base = losses[r] if r is not None else np.full(len(rows), np.nan)
        for m, model in enumerate(paired.models):
            saved = skill(losses[m], base)
            parts.append(
                pd.DataFrame(
                    {
                        "target": paired.target,
                        "horizon": paired.horizon,
                        "model": model,
                        "day": paired.days,
                        "brier": losses[m] / rows,
                        "skill": np.where(np.isfinite(saved), saved, np.nan),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)
