"""Learns the numbers of the model ``prior``, each conflict forecast from the others first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from escalation._util.arrays import Array
from escalation._util.progress import Progress, silent
from escalation.backtest.small_archives import LABELS, Archives, SmallRows
from escalation.models.prior_numbers import LabelNumbers, numbers_of

SCORED = (7, 30)
"""Horizons, in days, of the gains."""
YOUNG = 180
PENALTIES = (0.0003, 0.003)
PRIOR_WEIGHTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Of the prior on log-odds, the baseline having the rest."""
FURTHEST_BEHIND = 0.01
"""Share of the baseline's Brier score by which no conflict may fall behind with the start."""
UNMEASURED_START = 0.8
"""Of one conflict alone, where nothing can be left out."""
FEWEST_OF_A_CLASS = 20
DRAWS = 2000
DIGITS = 6

Losses = dict[tuple[str, int], Array]
"""Summed Brier score by conflict left out and horizon: shape (archive, all or young, weight)."""


@dataclass(frozen=True)
class LearntLabel:
    """One label of a prior.

    Parameters
    ----------
    label : str
    coefficients : tuple of float
        The intercept first; empty where it was not learnt.
    penalty : float
    losses : dict
        Of each conflict left out, at each scored horizon; empty for a single conflict.
    """

    label: str
    coefficients: tuple[float, ...]
    penalty: float
    losses: Losses

    @property
    def gain(self) -> float:
        """Mean share of the baseline's Brier score that it saves where it has not learnt."""
        return _mean_gain(self.losses, young=False)

    @property
    def start(self) -> float:
        """Its weight in the pool that ``blend`` starts from."""
        return start_weight(self.losses)

    @property
    def worst(self) -> tuple[str, float]:
        """The conflict with the lowest gain over its horizons, and that."""
        conflicts = dict.fromkeys(conflict for conflict, _ in self.losses)
        gains = {name: _mean_gain(self._of(name), young=False) for name in conflicts}
        name = min(gains, key=lambda one: gains[one])
        return name, gains[name]

    def _of(self, conflict: str) -> Losses:
        return {key: sums for key, sums in self.losses.items() if key[0] == conflict}


def learn_prior(archives: Archives, *, progress: Progress = silent) -> list[LearntLabel]:
    """Every label, with what it gains where it has not learnt.

    The penalty is the one that gains most where one conflict after the other is left out, and a
    label that then gains nothing, over all days or over the first 180, is not learnt. With a single
    conflict nothing can be left out: every label is learnt, with the stronger penalty.

    Parameters
    ----------
    archives : mapping
        Of :func:`escalation.backtest.small_archives.small_archives`.
    progress : callable, optional
    """
    found = []
    for number, label in enumerate(LABELS):
        found.append(_learnt(archives, label))
        progress("labels", number + 1, len(LABELS))
    return found


def numbers_to_write(learnt: list[LearntLabel]) -> dict[str, Any]:
    """What the file of numbers says."""
    return numbers_of(
        {one.label: LabelNumbers(one.coefficients, one.start) for one in learnt if one.coefficients}
    )


def start_weight(losses: Losses) -> float:
    """The weight of the prior that gains most on average, and nowhere falls far behind.

    Parameters
    ----------
    losses : dict
        Of conflicts that were left out.

    Returns
    -------
    float
        Of :data:`PRIOR_WEIGHTS`, over 0; the lowest where every one falls behind somewhere.
    """
    sums = [one[:, 0].sum(axis=0) for one in losses.values() if one[:, 0, 0].any()]
    if not sums:
        return UNMEASURED_START
    gains = np.array([1.0 - one[1:] / one[0] for one in sums])
    held = gains.min(axis=0) >= -FURTHEST_BEHIND
    mean = np.where(held, gains.mean(axis=0), -np.inf)
    return PRIOR_WEIGHTS[1 + int(mean.argmax())]


def _learnt(archives: Archives, label: str) -> LearntLabel:
    if not _both_classes(archives, label):
        return LearntLabel(label, (), PENALTIES[-1], {})
    if len(archives) == 1:
        alone = fit_coefficients(archives, label, PENALTIES[-1])
        return LearntLabel(label, _rounded(alone), PENALTIES[-1], {})
    tried = {penalty: leave_one_out(archives, label, penalty) for penalty in PENALTIES}
    penalty = max(tried, key=lambda one: _mean_gain(tried[one], young=False))
    losses = tried[penalty]
    gains = [_mean_gain(losses, young=young) for young in (False, True)]
    kept = min(gains) > 0.0
    return LearntLabel(
        label, _rounded(fit_coefficients(archives, label, penalty)) if kept else (), penalty, losses
    )


def _rounded(coefficients: Array) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in coefficients)


def _of_label(parts: Any, label: str) -> list[SmallRows]:
    return [rows for part in parts for rows in part if rows.label == label]


def _both_classes(archives: Archives, label: str) -> bool:
    """Whether every conflict has enough of either outcome."""
    for parts in archives.values():
        outcome = [rows.outcome for rows in _of_label(parts, label)]
        came = sum(float(one.sum()) for one in outcome)
        if min(came, sum(map(len, outcome)) - came) < FEWEST_OF_A_CLASS:
            return False
    return True


def fit_coefficients(archives: Archives, label: str, penalty: float) -> Array:
    """Coefficients on the plain inputs, the intercept first; each conflict has the same weight.

    Parameters
    ----------
    archives : mapping
    label : str
    penalty : float
        Of the squared coefficients on standardised inputs, for a total weight of 1.

    Returns
    -------
    ndarray, shape (1 + input,)
    """
    by_conflict = [_of_label(parts, label) for parts in archives.values()]
    X = np.concatenate([rows.inputs for part in by_conflict for rows in part])
    y = np.concatenate([rows.outcome for part in by_conflict for rows in part])
    sizes = [sum(len(rows.outcome) for rows in part) for part in by_conflict]
    weight = np.concatenate([np.full(size, 1.0 / size / len(sizes)) for size in sizes])
    scaler = StandardScaler().fit(X)
    scaler.scale_ = np.where(scaler.scale_ > 1e-6, scaler.scale_, 1.0)
    fit = LogisticRegression(C=1.0 / penalty, solver="newton-cholesky")
    fit.fit(scaler.transform(X), y, sample_weight=weight)
    slope = fit.coef_[0] / scaler.scale_
    return np.array([fit.intercept_[0] - slope @ scaler.mean_, *slope])


def leave_one_out(archives: Archives, label: str, penalty: float) -> Losses:
    """Brier scores of each conflict, forecast from what was learnt on the others.

    Parameters
    ----------
    archives : mapping
    label : str
    penalty : float
    """
    losses = {}
    for conflict, parts in archives.items():
        others = {name: part for name, part in archives.items() if name != conflict}
        beta = fit_coefficients(others, label, penalty)
        for horizon in SCORED:
            rows = [one for one in _of_label(parts, label) if one.horizon == horizon]
            losses[conflict, horizon] = np.array([_losses(one, beta) for one in rows])
    return {key: sums for key, sums in losses.items() if len(sums)}


def _losses(rows: SmallRows, beta: Array) -> Array:
    """Summed Brier score over all days and the first 180, by weight of the prior."""
    own = beta[0] + rows.inputs @ beta[1:]
    odds = logit(rows.baseline)
    mixed = [expit(w * own + (1 - w) * odds) for w in PRIOR_WEIGHTS]
    brier = (np.stack(mixed) - rows.outcome) ** 2
    return np.stack([brier.sum(axis=1), brier[:, rows.day < YOUNG].sum(axis=1)])


def _mean_gain(losses: Losses, *, young: bool) -> float:
    """Mean over conflicts and horizons, where any was scored; NaN where none was."""
    parts = [sums[:, int(young)] for sums in losses.values() if sums[:, int(young), 0].any()]
    gains = [1 - part[:, -1].sum() / part[:, 0].sum() for part in parts]
    return float(np.mean(gains)) if gains else np.nan


def gain(sums: Array, *, weight: int = -1, seed: int = 7) -> tuple[float, float, float]:
    """Percent less Brier score than the baseline, with a 95% interval over archives.

    Parameters
    ----------
    sums : ndarray, shape (archive, weight)
    weight : int
        Position among :data:`PRIOR_WEIGHTS`.
    seed : int
        Of the draws.
    """
    base, own = sums[:, 0], sums[:, weight]
    if not base.any():
        return np.nan, np.nan, np.nan
    draw = np.random.default_rng(seed).integers(0, len(sums), (DRAWS, len(sums)))
    value = 100 * (1 - own[draw].sum(axis=1) / base[draw].sum(axis=1))
    low, high = np.nanquantile(value, [0.025, 0.975])
    return 100 * (1 - own.sum() / base.sum()), float(low), float(high)


def rows_of_gains(learnt: LearntLabel) -> list[Mapping[str, Any]]:
    """Each conflict left out at each horizon: archives, gains and their intervals, in percent."""
    return [
        {
            "label": learnt.label,
            "horizon": horizon,
            "left_out": conflict,
            "archives": len(sums),
            "all_days": gain(sums[:, 0]),
            "young": gain(sums[:, 1]),
            "by_weight": [gain(sums[:, 0], weight=w)[0] for w in range(1, len(PRIOR_WEIGHTS))],
        }
        for (conflict, horizon), sums in learnt.losses.items()
    ]
