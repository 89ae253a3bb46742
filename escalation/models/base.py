"""The one interface of all models: scikit-learn classifiers that may also learn from the count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from escalation import schema

Array = NDArray[np.float64]
Column = str | int
"""A column by its name in a frame, or by its position in a plain array."""
SMALLEST = 1e-6
"""Probabilities are kept this far from 0 and 1, so that a log score is finite."""


def columns_of(X: object, names: Sequence[Column]) -> list[Array]:
    """Columns of a frame by name or of an array by position, as float64.

    Raises
    ------
    ValueError
        When there is no such column.

    Examples
    --------
    >>> columns_of(pd.DataFrame({"threshold": [1, 2]}), ["threshold"])
    [array([1., 2.])]
    """
    if isinstance(X, pd.DataFrame):
        absent = [str(name) for name in names if name not in X.columns]
        if absent:
            raise ValueError(f"expected a column {', '.join(absent)} in X, none found")
        return [np.asarray(X[name], dtype=np.float64) for name in names]
    array = np.asarray(X, dtype=np.float64)
    outside = [str(name) for name in names if isinstance(name, str) or name >= array.shape[1]]
    if outside:
        raise ValueError(
            f"expected positions below {array.shape[1]} for the columns of a plain array, "
            f"got {', '.join(outside)}: pass a DataFrame, or give columns by position"
        )
    return [array[:, int(name)] for name in names]


def unit_names(X: object) -> NDArray[np.str_] | None:
    """Unit of each row from the index level ``unit``; None where there is none."""
    if isinstance(X, pd.DataFrame) and schema.UNIT in X.index.names:
        return np.asarray(X.index.get_level_values(schema.UNIT), dtype=str)
    return None


def smoothed_rate(y: Array, horizon: int) -> float:
    """Base rate with half a positive and half a negative label added.

    Labels of consecutive days share all but one of their days, so ``horizon`` rows are counted as
    one label: rate = (positives/h + 0.5) / (rows/h + 1).

    Parameters
    ----------
    y : ndarray, shape (row,)
        Outcomes, 0 or 1.
    horizon : int
        h, in days.

    Examples
    --------
    >>> smoothed_rate(np.zeros(14), horizon=7)
    0.16666666666666666
    """
    return float((y.sum() / horizon + 0.5) / (len(y) / horizon + 1.0))


def weighted_sum(Z: Array, weights: Array) -> Array:
    """Z @ weights, added up column by column.

    A matrix product adds in an order that depends on the number of rows; here a row gives the same
    bits alone, in a batch, or shuffled.

    Parameters
    ----------
    Z : ndarray, shape (row, column)
    weights : ndarray, shape (column,)

    Returns
    -------
    ndarray, shape (row,)
    """
    total = np.zeros(Z.shape[0])
    for j, weight in enumerate(weights):
        total += Z[:, j] * weight
    return total


class EventModel(ClassifierMixin, BaseEstimator):
    """Base of the project's own estimators.

    A subclass implements ``_fit(X, y, count)`` and ``_probability(X)``, the probability of
    outcome 1. ``X`` reaches them as given (a frame keeps its names), after scikit-learn's checks.

    A fit uses one thread and, where the index says unit and day, takes the rows in that order: the
    same rows in another order, or another number of threads, give the same model bit for bit.
    ``predict_proba`` has two columns even where training saw one outcome only.
    """

    free_form: ClassVar[bool] = True
    """Learns any outcome from any columns; False where history and threshold decide the shape."""
    light: ClassVar[bool] = False
    """Builds on other models (:class:`LightModel`)."""

    def fit(self, X: Any, y: Any, *, count: Any = None) -> Self:
        """Learn from a training table.

        Parameters
        ----------
        X : DataFrame or array, shape (row, column)
            Features, ``history_*`` and ``threshold``; index levels ``unit`` and ``day`` if a frame.
        y : array, shape (row,)
            Outcome.
        count : array, shape (row,), optional
            What was counted in the days ahead; count models need it and fall back to ``y``.

        Returns
        -------
        EventModel
            Itself.

        Raises
        ------
        ValueError
            For more than two outcomes, NaN or infinite values, counts below 0 or of another length.
        """
        checked, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, outcome = _two_classes(y)
        counted = outcome if count is None else _checked_count(count, len(outcome))
        frame = X if isinstance(X, pd.DataFrame) else checked
        order = _canonical_order(frame)
        if order is not None:
            frame, outcome, counted = frame.iloc[order], outcome[order], counted[order]
        with threadpool_limits(limits=1):
            self._fit(frame, outcome, counted)
        return self

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of outcome 0 and 1, shape (row, 2)."""
        check_is_fitted(self)
        checked = validate_data(self, X, dtype=np.float64, reset=False)
        one = self._probability(X if isinstance(X, pd.DataFrame) else checked)
        one = np.clip(one, SMALLEST, 1.0 - SMALLEST)
        return np.column_stack([1.0 - one, one])

    def predict(self, X: Any) -> NDArray[Any]:
        """The likelier class."""
        likelier = self.predict_proba(X)[:, 1] > 0.5
        return self.classes_[likelier * (len(self.classes_) - 1)]

    def __sklearn_tags__(self) -> Any:
        """Two outcomes only; what history decides can't learn an arbitrary outcome."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.poor_score = not self.free_form
        return tags

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        raise NotImplementedError

    def _probability(self, X: Any) -> Array:
        raise NotImplementedError


class LightModel(EventModel):
    """Base of models that build on others, and are fitted after them in little time.

    ``fit`` takes fitted models as ``members`` and their forecasts that have matured as ``record``;
    ``predict_proba`` takes probabilities that the members gave for the same rows. Without them, it
    fits and asks its own. A subclass implements ``_learn(X, y, count, members, record)``,
    ``_parts()``, the models that it asks by name, and ``_joined(X, probability)``.
    """

    light: ClassVar[bool] = True

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        count: Any = None,
        members: Mapping[str, Any] | None = None,
        record: Any = None,
    ) -> Self:
        self._around = dict(members or {}), record
        try:
            return super().fit(X, y, count=count)
        finally:
            del self._around

    def predict_proba(self, X: Any, *, members: Mapping[str, Array] | None = None) -> Array:
        if members is None or not set(self._parts()) <= set(members):
            return super().predict_proba(X)
        one = np.clip(self._joined(X, members), SMALLEST, 1.0 - SMALLEST)
        return np.column_stack([1.0 - one, one])

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        self._learn(X, y, count, *self._around)

    def _probability(self, X: Any) -> Array:
        asked = {name: model.predict_proba(X)[:, 1] for name, model in self._parts().items()}
        return self._joined(X, asked)

    def _learn(self, X: Any, y: Array, count: Array, members: dict[str, Any], record: Any) -> None:
        raise NotImplementedError

    def _parts(self) -> dict[str, Any]:
        raise NotImplementedError

    def _joined(self, X: Any, probability: Mapping[str, Array]) -> Array:
        raise NotImplementedError


def _two_classes(y: NDArray[Any]) -> tuple[NDArray[Any], Array]:
    """The classes, and the outcome as 0.0 and 1.0.

    A single class that is 0 or 1 is what it says; a single class of another name is outcome 1.
    """
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) > 2:
        raise ValueError(
            "Only binary classification is supported. "
            f"The type of the target is multiclass with {len(classes)} classes."
        )
    if len(classes) == 2:
        return classes, codes.astype(np.float64)
    if classes[0] in (0, 1):
        return np.array([0, 1], dtype=classes.dtype), y.astype(np.float64)
    return classes, np.ones(len(y))


def _checked_count(count: object, rows: int) -> Array:
    counted = np.asarray(count, dtype=np.float64)
    if counted.shape != (rows,):
        raise ValueError(f"expected one count per row, shape ({rows},), got {counted.shape}")
    if not np.isfinite(counted).all() or (counted < 0).any():
        raise ValueError("expected counts that are finite and not below 0")
    return counted


def _canonical_order(X: object) -> NDArray[np.intp] | None:
    """Row order by unit and day; None where the index doesn't say or the rows lie so already."""
    if not isinstance(X, pd.DataFrame) or not {schema.UNIT, schema.DAY} <= set(X.index.names):
        return None
    codes = [
        np.unique(np.asarray(X.index.get_level_values(level)), return_inverse=True)[1]
        for level in (schema.DAY, schema.UNIT)
    ]
    order = np.lexsort(codes)
    return None if (np.diff(order) == 1).all() else order
