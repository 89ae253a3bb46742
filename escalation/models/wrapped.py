"""Models that wrap a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import clone

from escalation import schema
from escalation._util.arrays import Array
from escalation.errors import UsageError
from escalation.models.base import EventModel, columns_of, smoothed_rate


def without_occurrence(X: Any) -> Any:
    """Drop the columns of a frame that only ``prior`` reads; a plain array is unchanged."""
    if not isinstance(X, pd.DataFrame):
        return X
    return X.loc[:, [not schema.is_occurrence(name) for name in X.columns]]


def with_margins(X: Any, horizon: int) -> Array:
    r"""Columns of X, and the log ratio of history to threshold for each decayed sum in it.

    .. math:: \log \frac{h s_K / K + 1/2}{k + 1/2}

    How far the current rate is from the threshold matters most, and a tree can't divide. A plain
    array, or a frame without history or threshold, gets no ratios. Columns that only ``prior``
    reads are dropped.

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
    """Base class of models around a scikit-learn classifier.

    A classifier refuses to learn from one class, which early folds of a backtest often have; then
    the smoothed base rate is predicted. A subclass implements ``_build()``, the unfitted estimator,
    and may override ``_predicted(Z)``.

    Attributes
    ----------
    base_ : float
        Smoothed share of positives; h rows count as a label.
    inner_ : estimator or None
        The fitted scikit-learn estimator; None if training saw a single outcome.
    """

    free_form: ClassVar[bool] = True
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
        """Input of the estimator."""
        return with_margins(X, self.horizon)

    def _build(self) -> Any:
        raise NotImplementedError

    def _predicted(self, Z: Array) -> Array:
        return self.inner_.predict_proba(Z)[:, 1]


class Adapted(Wrapped):
    """Any classifier with ``predict_proba``, including a pipeline, as a model of a backtest.

    It gets the training table as a frame, so that it can select columns by name.

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
    """Turn an estimator, of this package or not, into a model of a backtest.

    Parameters
    ----------
    name : str
        Name of the model, for the message.
    estimator : estimator
    horizon : int
        Of the label, in days.

    Raises
    ------
    UsageError
        ``E-MODEL`` for a class, or if ``fit`` or ``predict_proba`` is missing.
    """
    missing = [method for method in ("fit", "predict_proba") if not hasattr(estimator, method)]
    is_class = isinstance(estimator, type)
    if is_class or missing:
        problem = "got a class" if is_class else f"missing: {' and '.join(missing)}"
        raise UsageError(
            "E-MODEL",
            f"needs an unfitted estimator with fit and predict_proba; {problem}",
            column=name,
            value=estimator,
            fix="pass an instance such as LogisticRegression(); wrap one without probabilities in "
            "CalibratedClassifierCV",
        )
    if isinstance(estimator, EventModel):
        model = clone(estimator)
        has_horizon = "horizon" in model.get_params(deep=False)
        return model.set_params(horizon=horizon) if has_horizon else model
    return Adapted(estimator, horizon=horizon)
