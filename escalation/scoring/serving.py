"""The pyfunc loader for ``mlflow models serve``; it reads models as safely as everything else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation import schema
from escalation.errors import EscalationError, ModelError
from escalation.scoring.artifact import load_artifact
from escalation.scoring.scorer import checked_input

HASH_FILE = "hash.txt"


class Served:
    """Probability of outcome 1 for rows of input columns and ``unit_key``."""

    def __init__(self, model: Any, columns: list[str]) -> None:
        self.model, self.columns = model, columns

    def predict(
        self, data: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> NDArray[np.float64]:
        """Probabilities, shape (row,).

        Parameters
        ----------
        data : DataFrame
            Input columns and ``unit_key``.
        params : dict, optional
            Ignored; part of MLflow's interface.

        Returns
        -------
        ndarray of float64, shape (row,)

        Raises
        ------
        ModelError
            ``E-SCHEMA`` when a column is missing.
        InputError
            ``E-NOT-FINITE`` when a value is missing, infinite or not a number.

        Under MLflow, both become an MlflowException with the same message: its server answers
        with status 400.
        """
        try:
            X = checked_input(data, self.columns)
            if schema.UNIT_KEY not in data:
                raise ModelError("E-SCHEMA", "a column is missing", column=schema.UNIT_KEY)
        except EscalationError as error:
            raise _mlflow_error(error) from None
        index = pd.MultiIndex.from_arrays(
            [data[schema.UNIT_KEY].astype(str), np.arange(len(data))], names=["unit", "day"]
        )
        return self.model.predict_proba(X.set_axis(index))[:, 1]


def _mlflow_error(error: EscalationError) -> Exception:
    """The error as one that MLflow's server passes on to clients; itself without MLflow."""
    mlflow = sys.modules.get("mlflow.exceptions")
    if mlflow is None:
        return error
    converted: Exception = mlflow.MlflowException.invalid_parameter_value(str(error))
    return converted


def _load_pyfunc(path: str) -> Served:
    folder = Path(path)
    expected = (folder / HASH_FILE).read_text(encoding="utf-8").strip()
    model, manifest = load_artifact(folder, expected_hash=expected)
    return Served(model, manifest.columns)
