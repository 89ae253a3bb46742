"""Reuse of cached forecasts of earlier backtests, model by model.

A model's forecasts depend only on the events, the settings, the model and the code. The forecasts
of each model of a label are cached under a digest of all of these.
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
from escalation.features import ACROSS, FEATURES
from escalation.models import MODELS

_NOT_SHARED = {"models", "moves", "targets"}
"""Sections of an experiment that no forecast depends on, or that differ by model or label."""
Blocks = Sequence[NDArray[np.int64]]


@dataclass(frozen=True)
class Reuse:
    """Cached forecasts of one case.

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
        """Cache key of each model that can be cached."""
        return model_keys(self.case, self.blocks) if self.cache.folder is not None else {}

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum([len(self.case.rows_at(block)[0]) for block in self.blocks])

    @cached_property
    def cached(self) -> list[dict[str, Array]]:
        """Cached probabilities by model, for each block.

        Meta-estimators learn from all models, so theirs are used only if all models are cached.
        """
        rows = int(self._ends[-1])
        entries = {name: self.cache.read(key, rows=rows) for name, key in self.keys.items()}
        complete = {n for n, v in entries.items() if v is not None} == set(self.case.model_names)
        by_block = {
            name: np.split(values, self._ends[:-1])
            for name, values in entries.items()
            if values is not None and (complete or name not in self._meta)
        }
        return [{name: by_block[name][i] for name in by_block} for i in range(len(self.blocks))]

    @cached_property
    def _meta(self) -> set[str]:
        models = build_models(self.case.experiment, self.case.target, self.case.custom_models)
        return {name for name, model in models.items() if is_meta(model)}

    def keep(self, probability: Sequence[Mapping[str, Array]]) -> None:
        """Cache the forecasts that were computed.

        Parameters
        ----------
        probability : sequence of mapping of str to ndarray, shape (row,)
            By model, for each block.
        """
        for name in self.keys.keys() - self.cached[0].keys():
            self.cache.write(
                self.keys[name], np.concatenate([block[name] for block in probability])
            )


def model_keys(case: Case, blocks: Blocks) -> dict[str, str]:
    """Digest of everything that the forecasts of each model depend on.

    Code written by the user is never cached, because it may call other code; neither are models
    that combine such models.

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
    custom = case.custom_models or {}
    cacheable = [name for name in case.model_names if name not in custom and _ours(MODELS[name])]
    all_cacheable = len(cacheable) == len(case.model_names)
    models = build_models(case.experiment, case.target, case.custom_models)
    settings = {name: [name, case.experiment.models.get(name, {})] for name in cacheable}
    return {
        name: _digest([base, settings[name], [*settings.values()] if is_meta(models[name]) else []])
        for name in cacheable
        if all_cacheable or not is_meta(models[name])
    }


def _case_digest(case: Case, blocks: Blocks) -> str:
    """Digest of what the models of a case share: code, events, panel, features, label, origins."""
    prepared, experiment = case.prepared, case.experiment
    settings = experiment.model_dump(mode="json", exclude=_NOT_SHARED)
    settings["experiment"] = {"seed": experiment.experiment.seed}
    settings["data"] = {"lag": experiment.data.lag}
    # The label's description and its list of models change no forecast.
    label = {**asdict(case.target), "models": None, "description": None}
    return _digest(
        [
            package_digest(),
            [prepared.archive.digest, prepared.archive.known_basis],
            settings,
            {"kind": case.target.name, **label},
            list(prepared.features.names),
            [str(prepared.days[0]), str(prepared.days[-1])],
            [block.tolist() for block in blocks],
        ]
    )


def _ours(member: Any) -> bool:
    """Whether a class or function is part of this package."""
    return str(member.__module__).startswith("escalation.")


def _digest(value: Any) -> str:
    return sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
