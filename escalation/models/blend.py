"""``blend``: all models, trusted by what they have earned on forecasts that have matured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import expit

from escalation.models.base import Array, Column, LightModel
from escalation.models.corrected import Corrected, fit_absent
from escalation.models.ewma_nb import EwmaNB
from escalation.models.mixture import BASELINE, START, Matured, Mixture, bend_of, mixture_of
from escalation.models.penalised import log_odds
from escalation.models.pool import LEVELS, Pool


class Blend(LightModel):
    r"""Mixture of the models, shares learnt from matured forecasts.

    .. math:: \operatorname{logit} P = a + b \operatorname{logit} \sum_c e_c P_c

    Candidates c are a fixed mixture (the baseline, the pool, and the averages corrected), the mean
    of the learners, and every model alone; :mod:`escalation.models.mixture` moves shares between
    them. While little has matured it is the fixed mixture, and a quarter stays with that for good,
    a tenth of all with the baseline. Shift a and stretch b are what the forecasts of the past one
    or two years asked for. A record without the mixture's models can't say how they did, and is
    not used.

    Parameters
    ----------
    horizon : int
        h, in days.
    levels, since, past, threshold
        Columns for the mixture's members, where they are fitted here.

    Attributes
    ----------
    names_ : list of str
        Members that have a weight in a candidate that has a share.
    weights_ : ndarray, shape (candidate, member)
        On log-odds.
    shares_ : ndarray, shape (candidate,)
        e; adds up to one.
    bend_ : ndarray, shape (2,)
        a, in log-odds, and b.
    members_ : list of estimator
    """

    free_form: ClassVar[bool] = False

    def __init__(
        self,
        horizon: int = 7,
        levels: Sequence[Column] = LEVELS,
        since: Column = "history_days_since",
        past: Column = "history_sum_28d",
        threshold: Column = "threshold",
    ) -> None:
        self.horizon = horizon
        self.levels = levels
        self.since = since
        self.past = past
        self.threshold = threshold

    def _learn(
        self, X: Any, y: Array, count: Array, members: dict[str, Any], record: Matured | None
    ) -> None:
        horizon, levels, past, threshold = self.horizon, self.levels, self.past, self.threshold
        made = {
            BASELINE: EwmaNB(horizon, levels[2], past, threshold),
            "pool": Pool(horizon, levels, threshold),
            "corrected": Corrected(horizon, levels, self.since, past, threshold),
        }
        fit_absent(members, made, X, y, count)
        if record is None or not set(START) <= set(record.names):
            names, record = tuple(START), None
        else:
            names = tuple(name for name in members if name in record.names)
        mixture = mixture_of(record, names, horizon=self.horizon)
        self.bend_ = bend_of(record, mixture, names, horizon=self.horizon)
        kept = np.flatnonzero(mixture.weights.any(axis=0))
        self.names_ = [names[i] for i in kept]
        self.weights_, self.shares_ = mixture.weights[:, kept], mixture.shares
        self.members_ = [members[name] for name in self.names_]

    def _parts(self) -> dict[str, Any]:
        return dict(zip(self.names_, self.members_, strict=True))

    def _joined(self, X: Any, probability: Mapping[str, Array]) -> Array:
        odds = np.column_stack([log_odds(probability[name]) for name in self.names_])
        shift, stretch = self.bend_
        return expit(shift + stretch * log_odds(Mixture(self.weights_, self.shares_).of(odds)))


def blend(*, horizon: int = 7, seed: int = 0) -> Blend:
    """All models, trusted by what they have earned.

    Parameters
    ----------
    horizon : int
        In days.
    seed : int
        Not used.

    Returns
    -------
    Blend

    Examples
    --------
    >>> blend(horizon=30).horizon
    30
    """
    return Blend(horizon=horizon)
