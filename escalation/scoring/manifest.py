"""The manifest of a stored model: plain data, validated when read."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from escalation.errors import EscalationError, ModelError, UsageError
from escalation.events.archive import to_day
from escalation.events.units import UnitName
from escalation.experiment import Experiment, target_of
from escalation.scoring.untrusted import plain_json

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "dict": (dict,),
    "list": (list,),
    "float": (int, float),
    "bool": (bool,),
}
PINNED = ("scikit-learn", "numpy", "scipy")
"""Libraries whose versions a model depends on."""


@dataclass(frozen=True)
class Manifest:
    """A stored model as plain data.

    Parameters
    ----------
    family : str
        Name in the registry of models.
    experiment : dict
        The whole experiment file.
    target : dict
        The label's table within it.
    columns : list of str
        Input columns in order.
    trained_to : str
        ISO day; the fit used what was known at its end.
    data_digest : str
        Hash of the archive that it was fitted on.
    known_basis : str
        How the archive's known dates were obtained.
    base_rate : dict
        ``pool`` and ``units``: shrunk shares of positives over all units and by unit key;
        ``names``: name and country by unit key.
    record : dict
        From :meth:`escalation.backtest.intervals.TrackRecord.as_dict`.
    informative : bool
        Whether its record shows skill over climatology.
    null_share : float
        Share of positives that a no-change process gives by chance.
    canary : dict
        ``rows``, ``unit`` (keys), ``day`` and ``probability``: inputs, and outputs to reproduce.
    versions : dict
        Library versions.
    typical : dict
        Median of each input column over the training rows; explanations compare with it.
    counts : dict
        From :meth:`escalation.models.counts.CountMixture.as_dict`; empty if the label counts no
        events.
    event_types : list of str
        Types known by the end of training; empty if not recorded.
    """

    family: str
    experiment: dict[str, Any]
    target: dict[str, Any]
    columns: list[str]
    trained_to: str
    data_digest: str
    known_basis: str
    base_rate: dict[str, Any]
    record: dict[str, Any]
    informative: bool
    null_share: float
    canary: dict[str, Any]
    versions: dict[str, str] = field(default_factory=lambda: {n: version(n) for n in PINNED})
    typical: dict[str, float] = field(default_factory=dict)
    event_types: list[str] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)


def canary_frame(manifest: Manifest) -> pd.DataFrame:
    """The canary's input rows."""
    canary = manifest.canary
    index = pd.MultiIndex.from_arrays(
        [canary["unit"], pd.to_datetime(canary["day"])], names=["unit", "day"]
    )
    return pd.DataFrame(canary["rows"], index=index, columns=manifest.columns, dtype=np.float64)


def read_manifest(data: bytes, where: str) -> Manifest:
    """Parse and validate a manifest.

    Parameters
    ----------
    data : bytes
        JSON.
    where : str
        Quoted in errors.

    Raises
    ------
    ModelError
        ``E-MODEL-MANIFEST``.
    """
    table = plain_json(data, where)
    types = {column.name: str(column.type).partition("[")[0] for column in fields(Manifest)}
    if not isinstance(table, dict) or not set(table) <= set(types):
        raise _invalid(where, f"needs the keys {', '.join(types)} and no others")
    for name, kind in types.items():
        if name not in table and name in {"typical", "event_types"}:
            continue
        if name not in table or not isinstance(table[name], _JSON_TYPES[kind]):
            raise _invalid(where, f"needs a {kind} for {name}", column=name)
    manifest = Manifest(**table)
    try:
        _check_usable(manifest)
    except UsageError as error:
        if error.value is not None and ":" in str(error.value):
            raise ModelError(
                "E-MODEL-MANIFEST",
                "the model uses a feature family that a plugin file defines",
                where=where,
                column="features",
                value=error.value,
                fix="add the file with --plugin FILE",
            ) from None
        raise _invalid(where, "the manifest is invalid") from None
    except (EscalationError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise _invalid(where, "the manifest is invalid") from None
    return manifest


def _check_usable(manifest: Manifest) -> None:
    """Use every part once, so that an invalid one raises here."""
    Experiment(**manifest.experiment)
    target_of(manifest.target)
    to_day(manifest.trained_to)
    rates = [manifest.base_rate["pool"], *manifest.base_rate["units"].values()]
    rows = canary_frame(manifest).to_numpy()
    probabilities = manifest.canary["probability"]
    numbers = [*rows.ravel().tolist(), *rates, *probabilities, *manifest.typical.values()]
    missing = set(manifest.columns) - set(manifest.typical) if manifest.typical else set()
    complete = len(rows) == len(probabilities) > 0 and not missing
    texts = [*manifest.columns, *manifest.versions, *manifest.event_types]
    texts += [*manifest.canary["unit"], *manifest.versions.values()]
    pairs = manifest.base_rate["names"].items()
    names = {key: UnitName(key, name, country) for key, (name, country) in pairs}
    texts += [text for name in names.values() for text in name]
    finite = all(isinstance(number, int | float) and np.isfinite(number) for number in numbers)
    same_units = set(names) == set(manifest.base_rate["units"])
    if not (complete and finite and same_units and all(isinstance(text, str) for text in texts)):
        raise ValueError


def _invalid(where: str, message: str, *, column: str = "") -> ModelError:
    return ModelError(
        "E-MODEL-MANIFEST",
        message,
        where=where,
        column=column,
        fix="train again; the stored model was changed",
    )
