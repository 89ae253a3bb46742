"""A model that was loaded safely, and its forecasts of a day."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.backtest.day import DayInputs, day_before, day_inputs
from escalation.errors import InputError, ModelError
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment, target_label, target_of
from escalation.scoring.ledger import ForecastSeries, registered_name
from escalation.scoring.manifest import Manifest
from escalation.targets import Target


def checked_input(X: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Input columns as float64 in the model's order; errors quote no value.

    Parameters
    ----------
    X : DataFrame
        One row per forecast.
    columns : list of str
        The model's input, in order.

    Raises
    ------
    ModelError
        ``E-SCHEMA`` when a column is missing.
    InputError
        ``E-NOT-FINITE`` when a value is missing or infinite.
    """
    missing = [name for name in columns if name not in X]
    if missing:
        raise ModelError(
            "E-SCHEMA", f"{len(missing)} of {len(columns)} columns are missing", column=missing[0]
        )
    X = X[columns]
    if not all(map(pd.api.types.is_numeric_dtype, X.dtypes)):
        X = X.apply(pd.to_numeric, errors="coerce")  # text counts as missing
    X = X.astype(np.float64)
    bad = ~np.isfinite(X.to_numpy()).all(axis=0)
    if bad.any():
        raise InputError(
            "E-NOT-FINITE",
            f"missing or infinite values in {int(bad.sum())} columns",
            column=str(X.columns[bad][0]),
        )
    return X


@dataclass(frozen=True)
class ScoringInputs(DayInputs):
    """A day's model inputs, and the probability of each unit."""

    probability: NDArray[np.float64]


@dataclass(frozen=True)
class Scorer:
    """A model that was loaded safely, and its manifest.

    Parameters
    ----------
    model : estimator
    manifest : Manifest
    reference : str
        Registered name with alias and version, such as ``iraq_crisis@champion v1``.
    model_hash : str
    """

    model: Any
    manifest: Manifest
    reference: str
    model_hash: str

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment that trained it."""
        return Experiment(**self.manifest.experiment)

    @cached_property
    def target(self) -> Target:
        """The label that it forecasts."""
        return target_of(self.manifest.target)

    @property
    def series(self) -> ForecastSeries:
        """The series in the ledger that its forecasts continue, whatever its version."""
        name, label = registered_name(self.reference), target_label(self.target)
        return ForecastSeries(name, label, self.target.horizon)

    def inputs(self, archive: EventArchive, day: object) -> ScoringInputs:
        """Scores of a day, from what was known at its end, with the model inputs.

        Parameters
        ----------
        archive : EventArchive
        day : date-like
        """
        of_day = day_inputs(archive, self.experiment, self.target, day)
        return ScoringInputs(**vars(of_day), probability=self.predict(of_day.X))

    def before(self, today: ScoringInputs) -> dict[str, float]:
        """Probabilities of the day before, by the key of each unit at risk on it.

        Raises
        ------
        InputError
            If nothing was known by then, or the axis starts today.
        """
        keys, X, at_risk = day_before(today, self.experiment, self.target)
        rows = zip(keys, self.predict(X), at_risk, strict=True)
        return {key: float(probability) for key, probability, risky in rows if risky}

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Probabilities of rows of input, shape (row,), after :func:`checked_input`."""
        X = checked_input(X, self.manifest.columns)
        return self.model.predict_proba(X)[:, 1] if len(X) else np.empty(0)

    def on(self, archive: EventArchive, day: object) -> pd.DataFrame:
        """Probability and risk set of every unit on a day, from what was known at its end.

        Parameters
        ----------
        archive : EventArchive
        day : date-like

        Returns
        -------
        DataFrame
            Columns ``probability`` and ``at_risk``, indexed by ``unit_key``.
        """
        inputs = self.inputs(archive, day)
        index = pd.Index(inputs.unit_keys, name=schema.UNIT_KEY)
        return pd.DataFrame({"probability": inputs.probability, "at_risk": inputs.at_risk}, index)
