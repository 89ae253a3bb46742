"""Experiments from keyword arguments, for notebooks."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any

import pandas as pd
from pydantic import ValidationError

from escalation import schema
from escalation._util.checked import from_pydantic
from escalation.backtest.case import make_case
from escalation.backtest.table import features_history
from escalation.errors import UsageError
from escalation.events.archive import EventArchive, require_archive, to_day
from escalation.experiment import Experiment
from escalation.features import ACROSS, FEATURES
from escalation.features.build import Families, build
from escalation.models.wrapped import without_occurrence
from escalation.targets.any import AnyEvent
from escalation.targets.base import Target


def _default_features() -> dict[str, dict[str, Any]]:
    """All feature families without required parameters."""
    families = {**FEATURES, **ACROSS}
    return {
        name: {}
        for name, family in families.items()
        if all(
            parameter.default is not inspect.Parameter.empty
            for parameter in inspect.signature(family).parameters.values()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        )
    }


def _target_table(target: Target) -> dict[str, Any]:
    """A label as a table of an experiment file."""
    values = {field.name: getattr(target, field.name) for field in dataclasses.fields(target)}
    where = values.pop("where")
    filters: dict[str, Any] = {key: list(words) for key, words in where.equal.items()}
    if where.rung:
        filters["rung"] = where.rung
    return {"name": target.name, **values, "where": filters}


def experiment_of(
    target: Target,
    *,
    units: schema.UnitKind | Sequence[schema.UnitKind] = "all",
    features: Families | None = None,
    lag: int = 0,
    name: str = "notebook",
    **schedule: Any,
) -> Experiment:
    """Build an experiment from a label and keyword arguments.

    Parameters
    ----------
    target : Target
    units : str or sequence of str, optional
        Kinds of units, such as ``site``.
    features : mapping, optional
        Parameters by family, as in an experiment file; by default all families that need none.
    lag : int, optional
        Reporting lag, in days.
    name : str, optional
        Name of the experiment.
    **schedule
        Keys of ``[backtest]``.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for a ``target`` that is not a label or a value that is not allowed.
    """
    if not isinstance(target, Target):
        raise UsageError(
            "E-CONFIG",
            f"needs a label, got {type(target).__name__}",
            fix="pass one such as escalation.targets.AnyEvent(horizon=7)",
        )
    kinds = [units] if isinstance(units, str) else list(units)
    dates = {
        key: str(to_day(value)) if key.endswith("_origin") else value
        for key, value in schedule.items()
        if value is not None
    }
    try:
        return Experiment.model_validate(
            {
                "experiment": {"name": name},
                "data": {"lag": lag},
                "panel": {"units": kinds},
                "features": {k: dict(v) for k, v in (features or _default_features()).items()},
                "targets": [_target_table(target)],
                "models": {},
                "backtest": dates,
            }
        )
    except ValidationError as error:
        raise from_pydantic(name, error) from None


def build_features(
    archive: EventArchive,
    *,
    units: schema.UnitKind | Sequence[schema.UnitKind] = "all",
    features: Families | None = None,
    lag: int = 0,
) -> pd.DataFrame:
    """Compute the features of every unit and day, each value as known on its day.

    Parameters
    ----------
    archive : EventArchive
    units, features, lag
        As for :func:`experiment_of`.

    Returns
    -------
    DataFrame
        Indexed by unit and day.
    """
    require_archive(archive)
    experiment = experiment_of(AnyEvent(horizon=1), units=units, features=features, lag=lag)
    return build(features_history(archive, experiment), experiment.features).frame()


def training_table(
    archive: EventArchive,
    target: Target | Experiment,
    *,
    units: schema.UnitKind | Sequence[schema.UnitKind] = "all",
    features: Families | None = None,
    as_of: object = None,
    lag: int = 0,
) -> tuple[pd.DataFrame, pd.Series]:
    """Build the training rows that had resolved by a day, and their outcomes.

    Parameters
    ----------
    archive : EventArchive
    target : Target or Experiment
        For an experiment, its first label and its settings are used.
    units, features, lag
        As for :func:`experiment_of`.
    as_of : date-like, optional
        The day; the last one of the archive by default.

    Returns
    -------
    X : DataFrame
        Indexed by unit and day, without the columns that only ``prior`` reads.
    y : Series
        Outcome, 0 or 1.
    """
    require_archive(archive)
    experiment = (
        target
        if isinstance(target, Experiment)
        else experiment_of(target, units=units, features=features, lag=lag)
    )
    case = make_case(archive, experiment, experiment.labels[0])
    table = case.training_table(case.prepared.days[-1] if as_of is None else to_day(as_of))
    y = pd.Series(table.outcome.astype(int), index=table.X.index, name=schema.OUTCOME)
    return without_occurrence(table.X), y
