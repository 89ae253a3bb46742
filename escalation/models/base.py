"""The interface of all models: scikit-learn classifiers that may also learn from counts."""

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
from escalation._util.arrays import Array

Column = str | int
"""Name of a column in a frame, or position in a plain array."""
SMALLEST = 1e-6
"""Distance kept from probabilities 0 and 1, so that the log score is finite."""


def columns_of(X: object, names: Sequence[Column]) -> list[Array]:
    """Return columns of a frame by name, or of an array by position, as float64.

    Parameters
    ----------
    X : DataFrame or array, shape (row, column)
    names : sequence of str or int

    Returns
    -------
    list of ndarray, each of shape (row,)

    Raises
    ------
    ValueError
        If a column does not exist.

    Examples
    --------
    >>> columns_of(pd.DataFrame({"threshold": [1, 2]}), ["threshold"])
    [array([1., 2.])]
    """
    if isinstance(X, pd.DataFrame):
        absent = [str(name) for name in names if name not in X.columns]
        if absent:
            raise ValueError(f"X needs a column {', '.join(absent)}")
        return [np.asarray(X[name], dtype=np.float64) for name in names]
    array = np.asarray(X, dtype=np.float64)
    outside = [str(name) for name in names if isinstance(name, str) or name >= array.shape[1]]
    if outside:
        raise ValueError(
            f"invalid columns of a plain array: {', '.join(outside)}; pass a DataFrame, "
            f"or give positions below {array.shape[1]}"
        )
    return [array[:, int(name)] for name in names]


def unit_names(X: object) -> NDArray[np.str_] | None:
    """Unit of each row from the index level ``unit``; None without that level."""
    if isinstance(X, pd.DataFrame) and schema.UNIT in X.index.names:
        return np.asarray(X.index.get_level_values(schema.UNIT), dtype=str)
    return None


def smoothed_rate(y: Array, horizon: int) -> float:
    """Base rate with half a positive and half a negative label added.

    Labels of consecutive days overlap, so ``horizon`` rows count as one label:
    rate = (positives/h + 0.5) / (rows/h + 1).

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
    """Z @ weights, summed column by column.

    The summation order of a matrix product depends on the number of rows; here a row gives the same
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
    """Base class of the estimators in this package.

    A subclass implements ``_fit(X, y, count)`` and ``_probability(X)``, the probability of
    outcome 1. Both get ``X`` as passed in (a frame keeps its names), after scikit-learn's checks.

    Fitting uses one thread and sorts the rows by unit and day if the index has them, so neither row
    order nor the number of threads changes a bit of the model. ``predict_proba`` always has two
    columns, even if training saw a single outcome.
    """

    free_form: ClassVar[bool] = False
    """Whether it learns any outcome from any columns; else history and threshold fix the shape."""

    def fit(self, X: Any, y: Any, *, count: Any = None) -> Self:
        """Learn from a training table.

        Parameters
        ----------
        X : DataFrame or array, shape (row, column)
            Features, ``history_*`` and ``threshold``; a frame has index levels ``unit`` and
            ``day``.
        y : array, shape (row,)
            Outcome.
        count : array, shape (row,), optional
            Events in the days ahead, for count models; ``y`` by default.

        Raises
        ------
        ValueError
            For more than two outcomes, NaN or infinite values, or invalid counts.
        """
        with threadpool_limits(limits=1):
            self._fit(*self._training_rows(X, y, count))
        return self

    def _training_rows(self, X: Any, y: Any, count: Any) -> tuple[Any, Array, Array]:
        """Validated rows, outcomes and counts, sorted by unit and day if the index has them."""
        checked, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, outcome = _two_classes(y)
        counts = outcome if count is None else _checked_count(count, len(outcome))
        frame = X if isinstance(X, pd.DataFrame) else checked
        order = _canonical_order(frame)
        if order is None:
            return frame, outcome, counts
        return frame.iloc[order], outcome[order], counts[order]

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of outcome 0 and 1, shape (row, 2)."""
        check_is_fitted(self)
        checked = validate_data(self, X, dtype=np.float64, reset=False)
        return _two_columns(self._probability(X if isinstance(X, pd.DataFrame) else checked))

    def predict(self, X: Any) -> NDArray[Any]:
        """The likelier class."""
        likelier = self.predict_proba(X)[:, 1] > 0.5
        return self.classes_[likelier * (len(self.classes_) - 1)]

    def __sklearn_tags__(self) -> Any:
        """Binary only; without ``free_form`` it can't learn an arbitrary outcome."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.poor_score = not self.free_form
        return tags

    def _fit(self, X: Any, y: Array, count: Array) -> None:
        raise NotImplementedError

    def _probability(self, X: Any) -> Array:
        raise NotImplementedError


class MetaEstimator(EventModel):
    """Base class of models that combine other models, the base estimators.

    A subclass implements ``_combine_fit(X, y, count, estimators, record)``, which sets
    ``estimators_`` and ``names_``, and ``_combine(X, probabilities)``.

    Attributes
    ----------
    names_ : list of str
        Registered names of the base estimators.
    estimators_ : list of estimator
        Fitted base estimators, in the same order.
    """

    names_: list[str]
    estimators_: list[Any]

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        count: Any = None,
        estimators: Mapping[str, Any] | None = None,
        record: Any = None,
    ) -> Self:
        """Learn how to combine base estimators, fitting those that are missing.

        Parameters
        ----------
        X, y, count
            As in :meth:`EventModel.fit`.
        estimators : mapping of str to estimator, optional
            Base estimators by registered name, already fitted on the same rows.
        record : ResolvedForecasts, optional
            Their earlier forecasts with a known outcome.

        Raises
        ------
        ValueError
            As :meth:`EventModel.fit`.
        """
        with threadpool_limits(limits=1):
            rows = self._training_rows(X, y, count)
            self._combine_fit(*rows, estimators=estimators or {}, record=record)
        return self

    def predict_proba(self, X: Any, *, probabilities: Mapping[str, Array] | None = None) -> Array:
        """Probabilities of outcome 0 and 1.

        Parameters
        ----------
        X : DataFrame or array, shape (row, column)
        probabilities : mapping of str to ndarray, shape (row,), optional
            Probabilities of outcome 1 that the base estimators gave for these rows; all are
            computed if one is missing.

        Returns
        -------
        ndarray, shape (row, 2)
        """
        if probabilities is None or not set(self.names_) <= set(probabilities):
            return super().predict_proba(X)
        return _two_columns(self._combine(X, probabilities))

    def _probability(self, X: Any) -> Array:
        return self._combine(X, self._base_probabilities(X))

    def _base_probabilities(self, X: Any) -> dict[str, Array]:
        """Each base estimator's probability of outcome 1."""
        pairs = zip(self.names_, self.estimators_, strict=True)
        return {name: estimator.predict_proba(X)[:, 1] for name, estimator in pairs}

    def _combine_fit(
        self, X: Any, y: Array, count: Array, *, estimators: Mapping[str, Any], record: Any
    ) -> None:
        raise NotImplementedError

    def _combine(self, X: Any, probabilities: Mapping[str, Array]) -> Array:
        raise NotImplementedError


def fit_missing(
    estimators: Mapping[str, Any],
    required: Mapping[str, EventModel],
    X: Any,
    y: Array,
    count: Array,
) -> dict[str, Any]:
    """Fit the base estimators that are missing, and return all of them.

    Parameters
    ----------
    estimators : mapping of str to estimator
        Fitted.
    required : mapping of str to EventModel
        Unfitted; a meta-estimator comes after the models it combines.
    X : DataFrame or array, shape (row, column)
    y, count : ndarray, shape (row,)
    """
    fitted = dict(estimators)
    for name, model in required.items():
        if name not in fitted:
            options = {"estimators": fitted} if isinstance(model, MetaEstimator) else {}
            fitted[name] = model.fit(X, y, count=count, **options)
    return fitted


def _two_columns(probability: Array) -> Array:
    """Probabilities of outcome 0 and 1, clipped away from both ends."""
    clipped = np.clip(probability, SMALLEST, 1.0 - SMALLEST)
    return np.column_stack([1.0 - clipped, clipped])


def _two_classes(y: NDArray[Any]) -> tuple[NDArray[Any], Array]:
    """The classes, and the outcome as 0.0 and 1.0; a single class other than 0 counts as 1."""
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
    counts = np.asarray(count, dtype=np.float64)
    if counts.shape != (rows,):
        raise ValueError(f"needs one count per row, shape ({rows},), got {counts.shape}")
    if not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError("invalid counts: needs finite numbers, not below 0")
    return counts


def _canonical_order(X: object) -> NDArray[np.intp] | None:
    """Row order by unit and day; None without these levels, or if sorted already."""
    if not isinstance(X, pd.DataFrame) or not {schema.UNIT, schema.DAY} <= set(X.index.names):
        return None
    codes = [
        np.unique(np.asarray(X.index.get_level_values(level)), return_inverse=True)[1]
        for level in (schema.DAY, schema.UNIT)
    ]
    order = np.lexsort(codes)
    return None if (np.diff(order) == 1).all() else order
