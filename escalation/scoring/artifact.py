"""A fitted model on disk: a file of data, a manifest, and one hash over both.

Reading back trusts nothing that the folder says about how to read it: only two regular files of
known names and bounded size are opened, their hash must be the registered one, types must be on the
fixed list, library versions must be equal, and the canary rows must give the recorded
probabilities.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from escalation import schema
from escalation.backtest.intervals import TrackRecord
from escalation.backtest.resolved import record_of, resolved_in
from escalation.backtest.train import Trained
from escalation.errors import EscalationError, ModelError, UsageError
from escalation.events.archive import to_day
from escalation.events.units import UnitName
from escalation.experiment import Experiment, target_of
from escalation.models.counts import CountMixture
from escalation.models.trusted import TRUSTED_TYPES
from escalation.scoring.untrusted import (
    check_logged,
    checked_zip,
    plain_json,
    read_regular,
    refused,
)

MODEL_FILE = "model.skops"
MANIFEST_FILE = "manifest.json"
PINNED = ("scikit-learn", "numpy", "scipy")
CANARY_TOLERANCE = 1e-9
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "dict": (dict,),
    "list": (list,),
    "float": (int, float),
    "bool": (bool,),
}
OURS = tuple(name for name in TRUSTED_TYPES if name.startswith("escalation."))
"""What a model file may hold at its top."""


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


def canary_of(model: Any, X: pd.DataFrame, *, rows: int = 8) -> dict[str, Any]:
    """A few spread-out training rows and the model's answers, to be reproduced at reading.

    Parameters
    ----------
    model : estimator
        Fitted.
    X : DataFrame
        Training rows by unit's key and day.
    rows : int, optional
        How many, at most.

    Returns
    -------
    dict
        ``unit``, ``day``, ``rows`` and ``probability``.
    """
    some = X.iloc[np.unique(np.linspace(0, len(X) - 1, rows).astype(int))]
    return {
        "unit": [str(unit) for unit, _ in some.index],
        "day": [f"{day:%Y-%m-%d}" for _, day in some.index],
        "rows": some.to_numpy(dtype=np.float64).tolist(),
        "probability": model.predict_proba(some.astype(np.float64))[:, 1].tolist(),
    }


def canary_frame(manifest: Manifest) -> pd.DataFrame:
    """The canary's input rows."""
    canary = manifest.canary
    index = pd.MultiIndex.from_arrays(
        [canary["unit"], pd.to_datetime(canary["day"])], names=["unit", "day"]
    )
    return pd.DataFrame(canary["rows"], index=index, columns=manifest.columns, dtype=np.float64)


def save_artifact(model: Any, manifest: Manifest, folder: Path) -> str:
    """Write a model and its manifest; give their hash.

    Parameters
    ----------
    model : estimator
        One of our own, fitted.
    manifest : Manifest
    folder : Path
        Made if need be.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    import skops.io

    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, folder / MODEL_FILE, compression=zipfile.ZIP_DEFLATED, compresslevel=6)
    text = json.dumps(asdict(manifest), sort_keys=True, indent=1, allow_nan=False)
    (folder / MANIFEST_FILE).write_text(text, encoding="utf-8")
    return artifact_hash(_contents(folder))


def artifact_hash(contents: dict[str, bytes]) -> str:
    """SHA-256 over names and contents."""
    digest = sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{len(contents[name])}\0".encode())
        digest.update(contents[name])
    return digest.hexdigest()


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: read_regular(folder / name) for name in (MODEL_FILE, MANIFEST_FILE)}


def load_logged(
    root: Path, *, expected_hash: str, allow_version_skew: bool = False
) -> tuple[Any, Manifest]:
    """Read a model back from where MLflow put it; its description is checked and not obeyed.

    Parameters and refusals are those of :func:`load_artifact`.
    """
    folder = check_logged(root)
    return load_artifact(folder, expected_hash=expected_hash, allow_version_skew=allow_version_skew)


def load_artifact(
    folder: Path, *, expected_hash: str, allow_version_skew: bool = False
) -> tuple[Any, Manifest]:
    """Read a model back, or refuse.

    Parameters
    ----------
    folder : Path
        The artifact's folder.
    expected_hash : str
        The hash that was registered.
    allow_version_skew : bool
        Read a model of other library versions; the canaries still have to be reproduced.

    Returns
    -------
    model, manifest

    Raises
    ------
    ModelError
        ``E-MODEL-UNTRUSTED``, ``E-MODEL-HASH``, ``E-MODEL-VERSION`` or ``E-MODEL-CANARY``.
    """
    contents = _contents(folder)
    got = artifact_hash(contents)
    if got != expected_hash:
        raise ModelError(
            "E-MODEL-HASH",
            f"registered with hash {expected_hash}, now {got}",
            where=str(folder),
            fix="train again; the stored model was changed",
        )
    manifest = read_manifest(contents[MANIFEST_FILE], str(folder))
    _check_versions(manifest, allow_version_skew)
    model = _read_model(contents[MODEL_FILE], str(folder))
    _check_canary(model, manifest, str(folder))
    return model, manifest


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


def _check_canary(model: Any, manifest: Manifest, where: str) -> None:
    frame = canary_frame(manifest)
    try:
        answers = model.predict_proba(frame)[:, 1]
        worst = float(np.abs(answers - np.array(manifest.canary["probability"])).max())
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        worst = np.inf
    if not worst <= CANARY_TOLERANCE:
        raise ModelError(
            "E-MODEL-CANARY",
            f"the recorded probabilities are not reproduced, they differ by up to {worst:.3g}",
            where=where,
            fix="train again on this machine",
        )


def _check_versions(manifest: Manifest, allow: bool) -> None:
    for name in PINNED:
        here, wanted = version(name), manifest.versions.get(name)
        if here != wanted and not allow:
            raise ModelError(
                "E-MODEL-VERSION",
                f"the model needs {name} {wanted}, installed is {here}",
                fix="train again, or score with --allow-version-skew",
            )


def _read_model(data: bytes, where: str) -> Any:
    held = checked_zip(data, where)
    if held not in OURS:
        raise refused(where, "expected one of our own models", value=held)
    import skops.io

    try:
        foreign = sorted(set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED_TYPES))
        if foreign:
            raise refused(where, "expected only types of the fixed list", value=foreign[0])
        return skops.io.loads(data, trusted=list(TRUSTED_TYPES))
    except ModelError:
        raise
    except Exception:
        # Whatever a made-up file makes the reader stumble over, it is no model of ours.
        raise refused(where, "expected a model file that can be read") from None


def manifest_of(trained: Trained, family: str) -> Manifest:
    """Everything about a fitted model that is data.

    Parameters
    ----------
    trained : Trained
    family : str
        Which of its models.
    """
    case, X = trained.case, trained.table.X
    return Manifest(
        family=family,
        experiment=case.experiment.model_dump(mode="json"),
        target=case.experiment.targets[case.experiment.labels.index(case.target)],
        columns=list(X.columns),
        trained_to=str(trained.trained_to),
        data_digest=case.prepared.archive.until(trained.trained_to).digest,
        known_basis=case.prepared.archive.known_basis,
        base_rate=base_rates(trained),
        record=track_record_of(trained, family).as_dict(),
        informative=_informative(trained, family),
        null_share=trained.null_share,
        canary=canary_of(trained.models[family], X),
        typical={str(name): float(value) for name, value in X.median().items()},
        counts=_counts(trained),
        event_types=sorted(case.prepared.archive.as_of(trained.trained_to)["event_type"].unique()),
    )


def _counts(trained: Trained) -> dict[str, Any]:
    """The mixture of counts, learnt from the training rows; none of what is no count of events."""
    target, table = trained.case.target, trained.table
    if target.falls:
        return {}
    return CountMixture.fitted(table.X, table.count, horizon=target.horizon).as_dict()


def track_record_of(trained: Trained, family: str) -> TrackRecord:
    """Track record of one model of a training, from what had resolved by its last day.

    Parameters
    ----------
    trained : Trained
    family : str
    """
    case = trained.case
    known = case.known_on(trained.trained_to)
    last = len(case.prepared.days) - 1
    issued = resolved_in(case.prepared, trained.forecasts, known, at=last)
    return record_of(issued, family, horizon=case.target.horizon)


def _informative(trained: Trained, family: str) -> bool:
    """Whether a model's whole interval of skill over climatology lies above zero."""
    own = trained.summary[trained.summary["model"] == family]
    return bool((own["skill_vs_climatology_lower"].astype(float) > 0.0).any())


def base_rates(trained: Trained) -> dict[str, Any]:
    """The climatology of every unit, and of one never seen (``pool``), and the units' names."""
    units = [*trained.case.prepared.unit_keys, "\x00never seen"]
    index = pd.MultiIndex.from_product([units, [pd.NaT]], names=[schema.UNIT, schema.DAY])
    row = trained.table.X.iloc[[0] * len(units)].set_index(index)
    rates = trained.models["climatology"].predict_proba(row)[:, 1]
    named = dict(zip(units, rates.tolist(), strict=True))
    pool = named.pop(units[-1])
    names = {unit.key: [unit.name, unit.country] for unit in trained.case.prepared.past.unit_names}
    return {"pool": pool, "units": named, "names": names}
