"""Rolling origins as a scikit-learn splitter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator

from escalation import schema
from escalation.errors import UsageError


class RollingOriginSplit(BaseCrossValidator):
    """Train on the past and test on what follows, with an embargo for unresolved labels.

    A label at day t depends on days up to t + horizon and is reported ``lag`` days later: training
    rows are used only if that is before the first test day. Rows of one day are never split.

    Parameters
    ----------
    n_splits : int
        Number of folds. Days are divided into one more part, and the first is for training only.
    horizon : int
        Of the label, in days.
    lag : int
        Reporting lag, in days.

    Examples
    --------
    >>> days = pd.date_range("2020-01-01", periods=12)
    >>> X = pd.DataFrame({"x": range(12)}, index=pd.Index(days, name="day"))
    >>> for train, test in RollingOriginSplit(2, horizon=2).split(X):
    ...     print(train.max(), test.min(), test.max())
    2 4 7
    6 8 11
    """

    def __init__(self, n_splits: int = 5, *, horizon: int = 7, lag: int = 0) -> None:
        self.n_splits = n_splits
        self.horizon = horizon
        self.lag = lag

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Number of folds.

        Parameters
        ----------
        X, y, groups
            Not used.
        """
        return self.n_splits

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Positions of training and test rows, fold by fold.

        Parameters
        ----------
        X : DataFrame
            With an index level ``day``.
        y : ignored
        groups : array of days, shape (row,), optional
            Days of the rows if the index has none.

        Raises
        ------
        UsageError
            ``E-SPLIT`` without days, or with too few.
        """
        days = self._days(X, groups)
        folds = np.array_split(np.unique(days), self.n_splits + 1)
        embargo = np.timedelta64(self.horizon + self.lag, "D")
        for fold in folds[1:]:
            if not len(fold) or not (days + embargo <= fold[0]).any():
                raise UsageError(
                    "E-SPLIT",
                    f"a fold has no training rows: {len(np.unique(days))} days, {self.n_splits} "
                    f"folds, an embargo of {self.horizon + self.lag} days",
                    fix="use fewer n_splits",
                )
            train, test = days + embargo <= fold[0], (days >= fold[0]) & (days <= fold[-1])
            yield np.flatnonzero(train), np.flatnonzero(test)

    def _days(self, X: Any, groups: Any) -> NDArray[np.datetime64]:
        if groups is not None:
            return np.asarray(groups, dtype="datetime64[D]")
        if not isinstance(X, pd.DataFrame) or schema.DAY not in X.index.names:
            raise UsageError(
                "E-SPLIT",
                "needs a DataFrame with an index level 'day'",
                fix="take X from training_table, or pass the days as groups=",
            )
        return X.index.get_level_values(schema.DAY).to_numpy("datetime64[D]")
