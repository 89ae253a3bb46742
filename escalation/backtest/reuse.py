"""Forecasts of earlier backtests that need not be computed again, model by model.

A model's forecasts follow from the events, the settings, the model and the code, and from nothing
else. Each model of a label is kept under a digest of all of those.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from escalation._util.arrays import Array
from escalation._util.number_cache import NumberCache
from escalation._util.package_digest import package_digest
from escalation.backtest.case import Case
from escalation.backtest.fitting import build_models, is_meta
from escalation.events.archive import EventArchive
from escalation.experiment import Experiment
from escalation.features import ACROSS, FEATURES
from escalation.models import MODELS
from escalation.targets import Target

_APART = {"models", "moves", "targets"}
"""Of an experiment: what no forecast depends on, or what is said for each model or label."""
Blocks = Sequence[NDArray[np.int64]]


@dataclass(frozen=True)
class Reuse:
    """The kept forecasts of one case.

    Parameters
    ----------
    case : Case
    blocks : sequence of ndarray of int64
        Day indices of the origins, from refit to refit.
    cache : NumberCache
    """

    case: Case
    blocks: Blocks
    cache: NumberCache

    @cached_property
    def keys(self) -> dict[str, str]:
        """Under what each model is kept; only those that can be."""
        return model_keys(self.case, self.blocks) if self.cache.folder is not None else {}

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum([len(self.case.rows_at(block)[0]) for block in self.blocks])

    @cached_property
    def found(self) -> list[dict[str, Array]]:
        """Probabilities by model, for each block; meta-estimators only where all models are there.

        A model that combines others learns from all of them.
        """
        rows = int(self._ends[-1])
        read = {name: self.cache.read(key, rows=rows) for name, key in self.keys.items()}
        there = {name: values for name, values in read.items() if values is not None}
        if set(there) != set(self.case.model_names):
            there = {name: values for name, values in there.items() if name not in self._meta}
        parts = {name: np.split(values, self._ends[:-1]) for name, values in there.items()}
        return [{name: parts[name][i] for name in parts} for i in range(len(self.blocks))]

    @cached_property
    def _meta(self) -> set[str]:
        models = build_models(self.case.experiment, self.case.target, self.case.custom_models)
        return {name for name, model in models.items() if is_meta(model)}

    def keep(self, probability: Sequence[Mapping[str, Array]]) -> None:
        """Keep what was computed.

        Parameters
        ----------
        probability : sequence of mapping of str to ndarray, shape (row,)
            By model, for each block.
        """
        for name in self.keys.keys() - self.found[0].keys():
            self.cache.write(self.keys[name], np.concatenate([part[name] for part in probability]))


def model_keys(case: Case, blocks: Blocks) -> dict[str, str]:
    """A digest of all that each model's forecasts follow from.

    Whatever was written by the user is computed anew each time: its file may call others. So are
    the models that combine such ones.

    Parameters
    ----------
    case : Case
    blocks : sequence of ndarray of int64
        Day indices of the origins, from refit to refit.

    Returns
    -------
    dict of str to str
        Hexadecimal digits by model.
    """
    families = {**FEATURES, **ACROSS}
    common = [families[name] for name in case.experiment.features]
    if not all(map(_ours, [*common, type(case.target)])):
        return {}
    base = _case_digest(case, blocks)
    own = set(case.custom_models or ())
    ours = [name for name in case.model_names if name not in own and _ours(MODELS[name])]
    whole = len(ours) == len(case.model_names)
    models = build_models(case.experiment, case.target, case.custom_models)
    said = {name: [name, case.experiment.models.get(name, {})] for name in ours}
    return {
        name: _digest([base, said[name], [*said.values()] if is_meta(models[name]) else []])
        for name in ours
        if whole or not is_meta(models[name])
    }


def _case_digest(case: Case, blocks: Blocks) -> str:
    """A digest of what a case's models share: code, events, panel, features, label, origins."""
    archive, prepared = case.prepared.archive, case.prepared
    return _digest(
        [
            package_digest(),
            _events(archive),
            _settings(case.experiment),
            _label(case.target),
            list(prepared.features.names),
            [str(prepared.days[0]), str(prepared.days[-1])],
            [block.tolist() for block in blocks],
        ]
    )


def _events(archive: EventArchive) -> list[str]:
    return [archive.digest, archive.known_basis]


def _settings(experiment: Experiment) -> dict[str, Any]:
    """What the experiment says of panel, features, schedule and seed."""
    said = experiment.model_dump(mode="json", exclude=_APART)
    said["experiment"] = {"seed": experiment.experiment.seed}
    said["data"] = {"lag": experiment.data.lag}
    return said


def _label(target: Target) -> dict[str, Any]:
    """What the label asks, but not its words, nor which models it is asked of."""
    return {"kind": target.name, **asdict(target), "models": None, "description": None}


def _ours(member: Any) -> bool:
    return str(member.__module__).startswith("escalation.")


def _digest(said: Any) -> str:
    return sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
