"""Learn the numbers of the model ``prior``, with leave-one-conflict-out validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
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
"""Horizons, in days, at which gains are measured."""
YOUNG = 180
PENALTIES = (0.0003, 0.003)
PRIOR_WEIGHTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Weights of the prior on log-odds; the baseline has the rest."""
FURTHEST_BEHIND = 0.01
"""Largest loss, as a share of the baseline's Brier score, that the start may cause anywhere."""
UNMEASURED_START = 0.8
"""Start for a single conflict, which can't be validated."""
FEWEST_OF_A_CLASS = 20
DRAWS = 2000
DIGITS = 6

Losses = dict[tuple[str, int], Array]
"""Summed Brier score by left-out conflict and horizon: shape (archive, all or young, weight)."""


@dataclass(frozen=True)
class LearntLabel:
    """Learnt numbers of one label, with its validation.

    Parameters
    ----------
    label : str
    coefficients : tuple of float
        The intercept first; empty if the label was not learnt.
    penalty : float
    losses : dict
        By left-out conflict and horizon; empty for a single conflict.
    """

    label: str
    coefficients: tuple[float, ...]
    penalty: float
    losses: Losses

    @property
    def gain(self) -> float:
        """Mean saving on left-out conflicts, as a share of the baseline's Brier score."""
        return _mean_gain(self.losses, young=False)

    @property
    def start(self) -> float:
        """Its weight in the pool that ``blend`` starts from."""
        return start_weight(self.losses)

    @property
    def worst(self) -> tuple[str, float]:
        """The conflict with the lowest mean gain over its horizons, and that gain."""
        conflicts = dict.fromkeys(conflict for conflict, _ in self.losses)
        gains = []
        for conflict in conflicts:
            losses = {key: sums for key, sums in self.losses.items() if key[0] == conflict}
            gains.append((conflict, _mean_gain(losses, young=False)))
        return min(gains, key=itemgetter(1))


def learn_prior(archives: Archives, *, progress: Progress = silent) -> list[LearntLabel]:
    """Learn every label and measure its gain on left-out conflicts.

    The penalty with the largest gain is used. A label without a gain, over all days or over the
    first 180, is not learnt. With a single conflict there is no validation: every label is learnt,
    with the stronger penalty.

    Parameters
    ----------
    archives : mapping
        From :func:`escalation.backtest.small_archives.small_archives`.
    progress : callable, optional
    """
    labels = []
    for n_done, label in enumerate(LABELS, start=1):
        labels.append(_learn_label(archives, label))
        progress("labels", n_done, len(LABELS))
    return labels


def numbers_to_write(labels: list[LearntLabel]) -> dict[str, Any]:
    """Content of the file of numbers."""
    return numbers_of(
        {row.label: LabelNumbers(row.coefficients, row.start) for row in labels if row.coefficients}
    )


def start_weight(losses: Losses) -> float:
    """Weight of the prior with the largest mean gain and no large loss in any conflict.

    Parameters
    ----------
    losses : dict
        Of left-out conflicts.

    Returns
    -------
    float
        One of :data:`PRIOR_WEIGHTS` over 0; the lowest if all cause a large loss somewhere.
    """
    sums = [loss[:, 0].sum(axis=0) for loss in losses.values() if loss[:, 0, 0].any()]
    if not sums:
        return UNMEASURED_START
    gains = np.array([1.0 - total[1:] / total[0] for total in sums])
    safe = gains.min(axis=0) >= -FURTHEST_BEHIND
    mean = np.where(safe, gains.mean(axis=0), -np.inf)
    return PRIOR_WEIGHTS[1 + int(mean.argmax())]


def _learn_label(archives: Archives, label: str) -> LearntLabel:
    if not _both_classes(archives, label):
        return LearntLabel(label, (), PENALTIES[-1], {})
    if len(archives) == 1:
        coefficients = fit_coefficients(archives, label, PENALTIES[-1])
        return LearntLabel(label, _rounded(coefficients), PENALTIES[-1], {})
    by_penalty = {penalty: leave_one_out(archives, label, penalty) for penalty in PENALTIES}
    penalty = max(PENALTIES, key=lambda penalty: _mean_gain(by_penalty[penalty], young=False))
    losses = by_penalty[penalty]
    if not min(_mean_gain(losses, young=young) for young in (False, True)) > 0.0:
        return LearntLabel(label, (), penalty, losses)
    coefficients = fit_coefficients(archives, label, penalty)
    return LearntLabel(label, _rounded(coefficients), penalty, losses)


def _rounded(coefficients: Array) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in coefficients)


def _of_label(archives: Sequence[Sequence[SmallRows]], label: str) -> list[SmallRows]:
    return [rows for archive in archives for rows in archive if rows.label == label]


def _both_classes(archives: Archives, label: str) -> bool:
    """Whether every conflict has enough outcomes of both classes."""
    for conflict in archives.values():
        outcomes = [rows.outcome for rows in _of_label(conflict, label)]
        positives = sum(float(outcome.sum()) for outcome in outcomes)
        if min(positives, sum(map(len, outcomes)) - positives) < FEWEST_OF_A_CLASS:
            return False
    return True


def fit_coefficients(archives: Archives, label: str, penalty: float) -> Array:
    """Fit coefficients on unscaled inputs, the intercept first; all conflicts weigh the same.

    Parameters
    ----------
    archives : mapping
    label : str
    penalty : float
        On the squared coefficients of standardised inputs, for a total weight of 1.

    Returns
    -------
    ndarray, shape (1 + input,)
    """
    by_conflict = [_of_label(conflict, label) for conflict in archives.values()]
    X = np.concatenate([rows.inputs for conflict in by_conflict for rows in conflict])
    y = np.concatenate([rows.outcome for conflict in by_conflict for rows in conflict])
    sizes = [sum(len(rows.outcome) for rows in conflict) for conflict in by_conflict]
    weight = np.concatenate([np.full(size, 1.0 / size / len(sizes)) for size in sizes])
    scaler = StandardScaler().fit(X)
    scaler.scale_ = np.where(scaler.scale_ > 1e-6, scaler.scale_, 1.0)
    model = LogisticRegression(C=1.0 / penalty, solver="newton-cholesky")
    model.fit(scaler.transform(X), y, sample_weight=weight)
    slope = model.coef_[0] / scaler.scale_
    return np.array([model.intercept_[0] - slope @ scaler.mean_, *slope])


def leave_one_out(archives: Archives, label: str, penalty: float) -> Losses:
    """Brier scores of each conflict, forecast with coefficients from the others.

    Parameters
    ----------
    archives : mapping
    label : str
    penalty : float
    """
    losses = {}
    for conflict, left_out in archives.items():
        others = {name: rows for name, rows in archives.items() if name != conflict}
        beta = fit_coefficients(others, label, penalty)
        for horizon in SCORED:
            scored = [rows for rows in _of_label(left_out, label) if rows.horizon == horizon]
            losses[conflict, horizon] = np.array([_losses(rows, beta) for rows in scored])
    return {key: sums for key, sums in losses.items() if len(sums)}


def _losses(rows: SmallRows, beta: Array) -> Array:
    """Summed Brier score over all days and the first 180, by weight of the prior."""
    prior = beta[0] + rows.inputs @ beta[1:]
    baseline = logit(rows.baseline)
    mixed = [expit(w * prior + (1 - w) * baseline) for w in PRIOR_WEIGHTS]
    brier = (np.stack(mixed) - rows.outcome) ** 2
    return np.stack([brier.sum(axis=1), brier[:, rows.day < YOUNG].sum(axis=1)])


def _mean_gain(losses: Losses, *, young: bool) -> float:
    """Mean gain over conflicts and horizons; NaN if nothing was scored."""
    scored = [sums[:, int(young)] for sums in losses.values() if sums[:, int(young), 0].any()]
    gains = [1 - sums[:, -1].sum() / sums[:, 0].sum() for sums in scored]
    return float(np.mean(gains)) if gains else np.nan


def gain(sums: Array, *, weight: int = -1, seed: int = 7) -> tuple[float, float, float]:
    """Reduction of the baseline's Brier score in percent, with a 95% interval over archives.

    Parameters
    ----------
    sums : ndarray, shape (archive, weight)
    weight : int
        Index in :data:`PRIOR_WEIGHTS`.
    seed : int
        Of the bootstrap.
    """
    base, mixed = sums[:, 0], sums[:, weight]
    if not base.any():
        return np.nan, np.nan, np.nan
    draw = np.random.default_rng(seed).integers(0, len(sums), (DRAWS, len(sums)))
    value = 100 * (1 - mixed[draw].sum(axis=1) / base[draw].sum(axis=1))
    low, high = np.nanquantile(value, [0.025, 0.975])
    return 100 * (1 - mixed.sum() / base.sum()), float(low), float(high)


def rows_of_gains(label: LearntLabel) -> list[Mapping[str, Any]]:
    """Archives, gains and their intervals in percent, by left-out conflict and horizon."""
    return [
        {
            "label": label.label,
            "horizon": horizon,
            "left_out": conflict,
            "archives": len(sums),
            "all_days": gain(sums[:, 0]),
            "young": gain(sums[:, 1]),
            "by_weight": [gain(sums[:, 0], weight=w)[0] for w in range(1, len(PRIOR_WEIGHTS))],
        }
        for (conflict, horizon), sums in label.losses.items()
    ]
