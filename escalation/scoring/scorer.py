"""A model that was read back safely, and what it says on a day."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.backtest.table import Prepared, prepare
from escalation.errors import InputError, ModelError
from escalation.events.archive import EventArchive, to_day
from escalation.experiment import Experiment, target_label, target_of
from escalation.scoring.artifact import Manifest
from escalation.targets import Labels, LookBack, Target


def checked_input(X: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Input columns in the model's order, or a refusal that names columns and counts only.

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
            "E-SCHEMA",
            f"expected {len(columns)} columns, {len(missing)} are missing",
            column=missing[0],
        )
    X = X[columns].astype(np.float64)
    bad = ~np.isfinite(X.to_numpy()).all(axis=0)
    if bad.any():
        raise InputError(
            "E-NOT-FINITE",
            f"expected finite numbers, {int(bad.sum())} columns have others",
            column=str(X.columns[bad][0]),
        )
    return X


@dataclass(frozen=True)
class ScoringInputs:
    """A day that was scored, with all that its scores come from.

    Parameters
    ----------
    archive : EventArchive
        As it stood on the day.
    prepared : Prepared
        Right for the day, its last, and for no other.
    back : LookBack
    X : DataFrame
        One row per unit that was known, in the order of the prepared units.
    probability : ndarray of float64, shape (unit,)
    at_risk : ndarray of bool, shape (unit,)
    """

    archive: EventArchive
    prepared: Prepared
    back: LookBack
    X: pd.DataFrame
    probability: NDArray[np.float64]
    at_risk: NDArray[np.bool_]

    @property
    def units(self) -> tuple[str, ...]:
        """Every unit that was known on the day, sorted."""
        return self.prepared.vintages.units

    @property
    def day(self) -> np.datetime64:
        """The day that was scored."""
        return self.prepared.days[-1]


@dataclass(frozen=True)
class Scorer:
    """A model that was read back safely, and what it was.

    Parameters
    ----------
    model : estimator
    manifest : Manifest
    reference : str
        Where it came from, such as ``iraq_crisis@champion v1``.
    model_hash : str
    """

    model: Any
    manifest: Manifest
    reference: str
    model_hash: str

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment that it was trained by."""
        return Experiment(**self.manifest.experiment)

    @cached_property
    def target(self) -> Target:
        """The label that it answers."""
        return target_of(self.manifest.target)

    @property
    def question(self) -> dict[str, Any]:
        """The label's name and its horizon, by which answers are compared."""
        return {"target": target_label(self.target), "horizon": self.target.horizon}

    def inputs(self, archive: EventArchive, day: object) -> ScoringInputs:
        """Scores on a day, from what was known by then, and what they come from."""
        then = archive.until(to_day(day))
        prepared = prepare(
            then, self.experiment, self.target, last_day=to_day(day), latest_only=True
        )
        back, units = prepared.back(self.target), np.arange(len(prepared.vintages.units))
        ahead = Labels(np.full(back.threshold.shape, np.nan), back.threshold, back.at_risk)
        table = prepared.table(back, ahead, (units, np.full(len(units), len(prepared.days) - 1)))
        return ScoringInputs(then, prepared, back, table.X, self.predict(table.X), table.at_risk)

    def predict(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Probabilities of some rows, once their columns are checked."""
        X = checked_input(X, self.manifest.columns)
        return self.model.predict_proba(X)[:, 1] if len(X) else np.empty(0)

    def on(self, archive: EventArchive, day: object) -> pd.DataFrame:
        """Probability and risk set by unit on a day, from what was known by then."""
        inputs = self.inputs(archive, day)
        index = pd.Index(inputs.units, name=schema.UNIT)
        return pd.DataFrame({"probability": inputs.probability, "at_risk": inputs.at_risk}, index)
