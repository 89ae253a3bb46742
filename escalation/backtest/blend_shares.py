"""What the blend trusts, and since when."""

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
TRUSTED = 0.1
"""Share of the mixture from which a model counts as trusted."""
LOOKS = 24
"""Evenly spread days of the record on which its shares are looked at."""


def shares_in_blend(trained: Trained) -> pd.DataFrame:
    """The share of each model in the blend, and since when it has been a tenth or more.

    Returns
    -------
    DataFrame
        Columns model, share, since: the largest share first; ``since`` is empty below a tenth,
        and is the first of the days looked at where that was so from the start. No row without a
        blend, or where it has no record of the models of its start.
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
    looks = np.unique(np.linspace(record.day.min(), last, LOOKS).astype(np.int64))
    wait = case.target.horizon + case.prepared.lag
    shares = np.array(
        [
            _shares(record, names, case.target.horizon, start, known=record.day + wait <= at)
            for at in looks
        ]
    )
    table = pd.DataFrame({"model": names, "share": shares[-1]})
    since = [_since(column >= TRUSTED, looks) for column in shares.T]
    table["since"] = ["" if at is None else str(days[at]) for at in since]
    return table.sort_values(["share", "model"], ascending=[False, True], ignore_index=True)


def _mixed(trained: Trained, name: str) -> bool:
    """Whether the blend mixes a model: not itself, and no prior that stands back."""
    stands_back = getattr(trained.models.get(name), "stands_back_", False)
    return name != BLEND and not (name == PRIOR_MODEL and stands_back)


def _shares(
    record: ResolvedForecasts,
    names: tuple[str, ...],
    horizon: int,
    start: Mapping[str, float],
    *,
    known: NDArray[np.bool_],
) -> list[float]:
    """Shares by model, from what had resolved by a day."""
    then = replace(
        record,
        probability=record.probability[known],
        outcome=record.outcome[known],
        day=record.day[known],
        unit=None,
    )
    mixture = mixture_of(then, names, horizon=horizon, start=start)
    return list(shares_of(mixture, names).values())


def _since(trusted: NDArray[np.bool_], looks: NDArray[np.int64]) -> int | None:
    """The first of the days of the last stretch in which it was trusted."""
    if not trusted[-1]:
        return None
    doubted = np.flatnonzero(~trusted)
    return int(looks[doubted[-1] + 1 if len(doubted) else 0])


def blend_sentence(trust: pd.DataFrame) -> str:
    """What the blend trusts, in a line.

    Parameters
    ----------
    trust : DataFrame
        Of :func:`shares_in_blend`.

    Examples
    --------
    >>> rows = [("ewma_nb", 0.55, "2019-12-01"), ("prior", 0.42, "2020-03-01"), ("pool", 0.03, "")]
    >>> blend_sentence(pd.DataFrame(rows, columns=["model", "share", "since"]))
    'The blend trusts ewma_nb 55% since 2019-12-01, prior 42% since 2020-03-01.'
    """
    held = trust[trust["since"] != ""]
    told = [f"{row.model} {row.share:.0%} since {row.since}" for row in held.itertuples()]
    return f"The blend trusts {', '.join(told)}." if told else ""
