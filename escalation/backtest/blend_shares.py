"""Shares of the models in the blend, and since when each has a substantial one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation.backtest.resolved import resolved_forecasts
from escalation.backtest.train import Trained
from escalation.models import ResolvedForecasts
from escalation.models.mixture import PRIOR_MODEL, mixture_of, shares_of, start_of

BLEND = "blend"
SUBSTANTIAL = 0.1
"""Smallest share of the mixture that is reported."""
CHECKS = 24
"""Evenly spaced days of the record on which the shares are computed."""


def shares_in_blend(trained: Trained) -> pd.DataFrame:
    """Share of each model in the blend, and since when it has been a tenth or more.

    Returns
    -------
    DataFrame
        Columns model, share and since, the largest share first; ``since`` is empty below a tenth.
        Without rows if there is no blend, or no record of the models of its start.
    """
    case, empty = trained.case, pd.DataFrame(columns=["model", "share", "since"])
    if BLEND not in trained.models:
        return empty
    days = case.prepared.days
    last = len(days) - 1
    record = resolved_forecasts(case.prepared, trained.forecasts, case.labels_on(days[-1]), at=last)
    names = tuple(name for name in record.names if _mixed(trained, name))
    start = start_of(trained.models)
    if not set(start) <= set(names) or not len(record.day):
        return empty
    checks = np.unique(np.linspace(record.day.min(), last, CHECKS).astype(np.int64))
    wait = case.target.horizon + case.prepared.lag
    shares = np.array(
        [
            _shares(record, names, case.target.horizon, start, resolved=record.day + wait <= day)
            for day in checks
        ]
    )
    table = pd.DataFrame({"model": names, "share": shares[-1]})
    since = [_since(column >= SUBSTANTIAL, checks) for column in shares.T]
    table["since"] = ["" if day is None else str(days[day]) for day in since]
    return table.sort_values(["share", "model"], ascending=[False, True], ignore_index=True)


def _mixed(trained: Trained, name: str) -> bool:
    """Whether the blend can use a model: not itself, nor a prior that has not learnt the label."""
    stands_back = getattr(trained.models.get(name), "stands_back_", False)
    return name != BLEND and not (name == PRIOR_MODEL and stands_back)


def _shares(
    record: ResolvedForecasts,
    names: tuple[str, ...],
    horizon: int,
    start: Mapping[str, float],
    *,
    resolved: NDArray[np.bool_],
) -> list[float]:
    """Shares by model, from the forecasts resolved by a day."""
    columns = {n: getattr(record, n)[resolved] for n in ("probability", "outcome", "day")}
    mixture = mixture_of(replace(record, **columns, unit=None), names, horizon=horizon, start=start)
    return list(shares_of(mixture, names).values())


def _since(substantial: NDArray[np.bool_], checks: NDArray[np.int64]) -> int | None:
    """First day of the last period in which a share was substantial; None if it is not now."""
    if not substantial[-1]:
        return None
    small = np.flatnonzero(~substantial)
    return int(checks[small[-1] + 1 if len(small) else 0])


def blend_sentence(shares: pd.DataFrame) -> str:
    """Describe a table of :func:`shares_in_blend` in one sentence.

    Examples
    --------
    >>> rows = [("ewma_nb", 0.55, "2019-12-01"), ("prior", 0.42, "2020-03-01"), ("pool", 0.03, "")]
    >>> blend_sentence(pd.DataFrame(rows, columns=["model", "share", "since"]))
    'Shares in the blend: ewma_nb 55% since 2019-12-01, prior 42% since 2020-03-01.'
    """
    substantial = shares[shares["since"] != ""]
    weights = [f"{row.model} {row.share:.0%} since {row.since}" for row in substantial.itertuples()]
    return f"Shares in the blend: {', '.join(weights)}." if weights else ""
