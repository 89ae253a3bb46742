"""What a stored model is, as plain data, and how that is read back."""

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


@dataclass(frozen=True)
class Manifest:
    """What a model is, as plain data.

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
        Last day of knowledge that the fit used, ISO.
    data_digest : str
        Hash of the archive that it was fitted on.
    known_basis : str
        How the archive's known dates were obtained.
    base_rate : dict
        ``pool`` and ``units``: shares of positives, shrunk, of all and by the key of a unit; and
        ``names``: name and country of each unit, by its key.
    record : dict
        Its track record, as :meth:`escalation.backtest.intervals.TrackRecord.as_dict` gives it.
    informative : bool
        Whether its record shows skill over climatology.
    null_share : float
        Share of positives that a no-change process gives by chance.
    canary : dict
        ``rows``, ``unit`` (keys), ``day`` and ``probability``: inputs and answers to reproduce.
    versions : dict
        Library versions.
    typical : dict
        Median of each input column over the training rows; explanations compare with it.
    counts : dict
        How many events to expect, as :meth:`escalation.models.counts.CountMixture.as_dict` gives
        it; empty where the label counts none.
    event_types : list of str
        Types that were known by the end of training; empty where that was not recorded.
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
    """A manifest that says all that it must, each of its kind.

    Parameters
    ----------
    data : bytes
        JSON.
    where : str
        Named in refusals.

    Raises
    ------
    ModelError
        ``E-MODEL-MANIFEST``.
    """
    table = plain_json(data, where)
    known = {part.name: part for part in fields(Manifest)}
    if not isinstance(table, dict) or not set(table) <= set(known):
        raise _odd(where, f"expected the keys {', '.join(known)}")
    for name, part in known.items():
        if name not in table and name in {"typical", "event_types"}:
            continue
        kind = str(part.type).partition("[")[0]
        if name not in table or not isinstance(table[name], _JSON_TYPES[kind]):
            raise _odd(where, f"expected a {kind} for {name}", column=name)
    manifest = Manifest(**table)
    try:
        _use(manifest)
    except UsageError as error:
        if error.value is not None and ":" in str(error.value):
            raise ModelError(
                "E-MODEL-MANIFEST",
                "expected the file that defines a feature family of the model",
                where=where,
                column="features",
                value=error.value,
                fix="name it: --plugin FILE",
            ) from None
        raise _odd(where, "expected a manifest that can be used") from None
    except (EscalationError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise _odd(where, "expected a manifest that can be used") from None
    return manifest


def _use(manifest: Manifest) -> None:
    """Use every part once, so that a part that can't be used shows here."""
    Experiment(**manifest.experiment)
    target_of(manifest.target)
    to_day(manifest.trained_to)
    rates = [manifest.base_rate["pool"], *manifest.base_rate["units"].values()]
    rows = canary_frame(manifest).to_numpy()
    answers = manifest.canary["probability"]
    numbers = [*rows.ravel().tolist(), *rates, *answers, *manifest.typical.values()]
    missing = set(manifest.columns) - set(manifest.typical) if manifest.typical else set()
    answered = len(rows) == len(answers) > 0 and not missing
    texts = [*manifest.columns, *manifest.versions, *manifest.event_types]
    texts += [*manifest.canary["unit"], *manifest.versions.values()]
    pairs = manifest.base_rate["names"].items()
    names = {key: UnitName(key, name, country) for key, (name, country) in pairs}
    texts += [text for name in names.values() for text in name]
    finite = all(isinstance(number, int | float) and np.isfinite(number) for number in numbers)
    named = set(names) == set(manifest.base_rate["units"])
    if not (answered and finite and named and all(isinstance(text, str) for text in texts)):
        raise ValueError


def _odd(where: str, message: str, *, column: str = "") -> ModelError:
    return ModelError(
        "E-MODEL-MANIFEST",
        message,
        where=where,
        column=column,
        fix="train again; the stored model was changed",
    )
