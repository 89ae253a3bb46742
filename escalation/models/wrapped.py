"""What the three scikit-learn models share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from escalation import schema
from escalation._util.arrays import Array
from escalation.errors import UsageError
from escalation.models.base import EventModel, columns_of, smoothed_rate


def without_occurrence(X: Any) -> Any:
    """The columns of a frame but those that only ``prior`` reads; a plain array as it is."""
    if not isinstance(X, pd.DataFrame):
        return X
    return X.loc[:, [not schema.is_occurrence(name) for name in X.columns]]


def with_margins(X: Any, horizon: int) -> Array:
    r"""Columns of X, and log((history + 1/2) / (threshold + 1/2)) for each decayed sum in it.

    .. math:: \log \frac{h s_K / K + 1/2}{k + 1/2}

    How far the going rate is from the threshold is what matters most, and a tree can't divide. A
    plain array, or a frame without history or threshold, stays as it is. Columns of how often
    something happened, which only ``prior`` reads, are left out.

    Parameters
    ----------
    X : DataFrame or ndarray, shape (row, column)
    horizon : int
        h, in days.

    Returns
    -------
    ndarray, shape (row, column + margins), C order
    """
    X = without_occurrence(X)
    base = np.ascontiguousarray(np.asarray(X, dtype=np.float64))
    if not isinstance(X, pd.DataFrame) or schema.THRESHOLD not in X.columns:
        return base
    days = _decays([str(name) for name in X.columns])
    sums = columns_of(X, [f"{schema.HISTORY}decay_{k}d" for k in days])
    (threshold,) = columns_of(X, [schema.THRESHOLD])
    bar = np.log(np.maximum(threshold, 0.0) + 0.5)
    margins = [
        np.log(np.maximum(total, 0.0) / k * horizon + 0.5) - bar
        for k, total in zip(days, sums, strict=True)
    ]
    return np.ascontiguousarray(np.column_stack([base, *margins]))


def _decays(names: Sequence[str]) -> list[int]:
    """K of each column ``history_decay_Kd``."""
    start = f"{schema.HISTORY}decay_"
    inner = [name[len(start) : -1] for name in names if name.startswith(start)]
    return [int(days) for days in inner if days.isdigit()]


class Wrapped(EventModel):
    """Base of the scikit-learn models: a constant where training saw one outcome only.

    A classifier of scikit-learn refuses to learn from one class. A backtest's early folds are often
    like that, and the honest answer is the smoothed base rate, not an exception.

    A subclass implements ``_build()``, the unfitted estimator, and may refine ``_predicted(Z)``.

    Attributes
    ----------
    base_ : float
        Share of positives with half a positive and half a negative label added; h rows are a label.
    inner_ : estimator or None
        The fitted scikit-learn estimator; None where training saw one outcome only.
    """

    horizon: int
    inner_: Any

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        self.base_ = smoothed_rate(y, self.horizon)
        self.inner_ = None
        if y.min() < y.max():
            self.inner_ = self._build().fit(self._design(X), y)

    def _probability(self, X: Any) -> Array:
        if self.inner_ is None:
            return np.full(len(X), self.base_)
        return self._predicted(self._design(X))

    def _design(self, X: Any) -> Array:
        """What the estimator sees."""
        return with_margins(X, self.horizon)

    def _build(self) -> Any:
        raise NotImplementedError

    def _predicted(self, Z: Array) -> Array:
        return self.inner_.predict_proba(Z)[:, 1]


class Adapted(Wrapped):
    """Any classifier with ``predict_proba``, a pipeline included, among the models of a backtest.

    It is given the training table as a frame, so that it can choose columns by name; a constant
    stands in where training saw one outcome only.

    Parameters
    ----------
    estimator : estimator
        Unfitted; each fit takes a clone.
    horizon : int
        h, in days.
    """

    def __init__(self, estimator: Any = None, *, horizon: int = 7) -> None:
        self.estimator = estimator
        self.horizon = horizon

    def _build(self) -> Any:
        return clone(self.estimator)

    def _design(self, X: Any) -> Any:
        return without_occurrence(X)


def as_event_model(name: str, estimator: Any, *, horizon: int) -> EventModel:
    """An estimator as a model of a backtest: one of the project's own, or any other.

    Parameters
    ----------
    name : str
        For the message.
    estimator : estimator
    horizon : int
        Of the label, in days.

    Raises
    ------
    UsageError
        ``E-MODEL`` for a class, or where ``fit`` or ``predict_proba`` is missing.
    """
    lacking = [method for method in ("fit", "predict_proba") if not hasattr(estimator, method)]
    if isinstance(estimator, type) or lacking:
        what = "an instance, not a class" if isinstance(estimator, type) else " and ".join(lacking)
        raise UsageError(
            "E-MODEL",
            f"needs an unfitted estimator with fit and predict_proba; missing: {what}",
            column=name,
            value=estimator,
            fix="an instance such as LogisticRegression(), or CalibratedClassifierCV around one "
            "without probabilities",
        )
    if isinstance(estimator, EventModel):
        own = clone(estimator)
        return own.set_params(horizon=horizon) if "horizon" in own.get_params(deep=False) else own
    return Adapted(estimator, horizon=horizon)
