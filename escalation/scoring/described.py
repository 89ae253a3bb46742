"""The manifest of a fitted model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from escalation import schema
from escalation.backtest.intervals import TrackRecord
from escalation.backtest.resolved import records_of, resolved_forecasts
from escalation.backtest.train import Trained
from escalation.models.counts import CountMixture
from escalation.scoring.manifest import Manifest


def manifest_of(trained: Trained, family: str) -> Manifest:
    """The manifest of one of a training's models.

    Parameters
    ----------
    trained : Trained
    family : str
        Name of the model.
    """
    case, X = trained.case, trained.table.X
    counts: dict[str, Any] = {}
    if not case.target.falls:
        mixture = CountMixture.fitted(X, trained.table.count, horizon=case.target.horizon)
        counts = mixture.as_dict()
    skill = trained.summary.loc[trained.summary["model"] == family, "skill_vs_climatology_lower"]
    return Manifest(
        family=family,
        experiment=case.experiment.model_dump(mode="json"),
        target=case.experiment.targets[case.experiment.labels.index(case.target)],
        columns=list(X.columns),
        trained_to=str(trained.trained_to),
        data_digest=case.prepared.archive.until(trained.trained_to).digest,
        known_basis=case.prepared.archive.known_basis,
        base_rate=_base_rates(trained),
        record=track_record_of(trained, family).as_dict(),
        informative=bool((skill.astype(float) > 0.0).any()),
        null_share=trained.null_share,
        canary=canary_of(trained.models[family], X),
        typical={str(name): float(value) for name, value in X.median().items()},
        counts=counts,
        event_types=sorted(case.prepared.archive.as_of(trained.trained_to)["event_type"].unique()),
    )


def canary_of(model: Any, X: pd.DataFrame, *, rows: int = 8) -> dict[str, Any]:
    """A few training rows and the model's probabilities, which loading has to reproduce.

    Parameters
    ----------
    model : estimator
        Fitted.
    X : DataFrame
        Training rows, indexed by unit key and day.
    rows : int, optional
        At most this many, evenly spaced.

    Returns
    -------
    dict
        ``unit``, ``day``, ``rows`` and ``probability``.
    """
    sample = X.iloc[np.unique(np.linspace(0, len(X) - 1, rows).astype(int))]
    return {
        "unit": [str(unit) for unit, _ in sample.index],
        "day": [f"{day:%Y-%m-%d}" for _, day in sample.index],
        "rows": sample.to_numpy(dtype=np.float64).tolist(),
        "probability": model.predict_proba(sample.astype(np.float64))[:, 1].tolist(),
    }


def track_record_of(trained: Trained, family: str) -> TrackRecord:
    """Track record of one of a training's models, from what had resolved by the last day.

    Parameters
    ----------
    trained : Trained
    family : str
        Name of the model.
    """
    case = trained.case
    known = case.labels_on(trained.trained_to)
    last = len(case.prepared.days) - 1
    issued = resolved_forecasts(case.prepared, trained.forecasts, known, at=last)
    return records_of(issued, (family,), horizon=case.target.horizon)[family]


def _base_rates(trained: Trained) -> dict[str, Any]:
    """Climatology of every unit and of a new one (``pool``), and the units' names."""
    units = [*trained.case.prepared.unit_keys, "\x00never seen"]
    index = pd.MultiIndex.from_product([units, [pd.NaT]], names=[schema.UNIT, schema.DAY])
    row = trained.table.X.iloc[[0] * len(units)].set_index(index)
    rates = trained.models["climatology"].predict_proba(row)[:, 1]
    by_unit = dict(zip(units, rates.tolist(), strict=True))
    pool = by_unit.pop(units[-1])
    names = {unit.key: [unit.name, unit.country] for unit in trained.case.prepared.past.unit_names}
    return {"pool": pool, "units": by_unit, "names": names}
