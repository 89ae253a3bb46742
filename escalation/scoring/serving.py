"""What ``mlflow models serve`` and ``mlflow.pyfunc`` load: the model by the same safe reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from escalation.scoring.artifact import load_artifact

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
            Ignored; MLflow's interface has it.

        Returns
        -------
        ndarray of float64, shape (row,)
        """
        index = pd.MultiIndex.from_arrays(
            [data["unit_key"].astype(str), np.arange(len(data))], names=["unit", "day"]
        )
        X = data[self.columns].astype(np.float64).set_axis(index)
        return self.model.predict_proba(X)[:, 1]


def _load_pyfunc(path: str) -> Served:
    folder = Path(path)
    expected = (folder / HASH_FILE).read_text(encoding="utf-8").strip()
    model, manifest = load_artifact(folder, expected_hash=expected)
    return Served(model, manifest.columns)
