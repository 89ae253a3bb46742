"""Experiment files: frozen, typed sections, validated before any data is read."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import Field, ValidationError, field_validator, model_validator

from escalation import schema
from escalation._util.changes import apply_change
from escalation._util.checked import (
    Section,
    check_parameters,
    check_values,
    from_pydantic,
    invalid_value,
    require_known_keys,
    unknown_name,
)
from escalation._util.resources import bundled
from escalation.errors import UsageError, require_instance
from escalation.features import ACROSS, FEATURES
from escalation.models import BASELINES, MODELS, ON_REQUEST
from escalation.models.prior_numbers import read_numbers
from escalation.panel.section import PanelSection, where_of
from escalation.targets import TARGETS, Target
from escalation.targets.wording import definition, question

LARGEST_EXPERIMENT = 1 << 20
"""Maximum size of an experiment file in bytes."""


def target_of(table: Mapping[str, Any]) -> Target:
    """Build a label from its table: ``{name = "any", horizon = 7, where = {rung = 3}}``."""
    parameters = dict(table)
    name = str(parameters.pop("name", ""))
    if name not in TARGETS:
        raise unknown_name("[[targets]]", name, TARGETS)
    section, target = f"[[targets]] {name}", TARGETS[name]
    where = where_of(parameters.pop("where", {}), section=section)
    hints = get_type_hints(target)
    known = {field.name: (hints[field.name], field.default) for field in dataclasses.fields(target)}
    return target(**{**check_values(section, known, parameters), "where": where})


def _require_order(where: str, **days: dt.date | None) -> None:
    """Refuse a last day before the first."""
    (_, first), (key, last) = days.items()
    if first is not None and last is not None and last < first:
        raise invalid_value(where, key, last, f"needs a day on or after {first}")


class DataSection(Section):
    """The source of the events, and how to read them."""

    source: str = "tidy"
    events: str | None = Field(None, description="a file, or the folder of an archive")
    encoding: str | None = Field(None, description="of the text; UTF-8 by default")
    separator: str | None = Field(None, description="between two cells; detected by default")
    date_format: str | None = Field(None, description="such as %d/%m/%Y; ISO by default")
    zone: str | None = Field(None, description="time zone of time stamps, such as Asia/Baghdad")
    columns: dict[str, str] = Field({}, description="column names of the format, by the file's")
    event_type: str | None = Field(None, description="for rows that have none")
    lag: int = Field(0, ge=0, le=365, description="reporting lag in days")
    first_day: dt.date | None = None
    last_day: dt.date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> DataSection:
        _require_order("[data]", first_day=self.first_day, last_day=self.last_day)
        return self


_LEAST = {"shrink": 0.0, "leaves": 2}
_MOST = {"share": 1.0}
_LARGEST = 1_000_000


def _require_usable(where: str, key: str, value: Any) -> None:
    """Refuse numbers that a model's library would reject only after long work."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    least = _LEAST.get(key, 1 if isinstance(value, int) else 1e-9)
    most = _MOST.get(key, _LARGEST)
    if not least <= value <= most:
        raise invalid_value(where, key, value, f"needs a number from {least:g} to {most:g}")


_STORAGE_KEYS = {"events", "encoding", "separator", "date_format", "zone", "columns", "event_type"}
"""Keys on where and how events are stored; their content has its own digest."""


class BacktestSection(Section):
    """Rolling origins."""

    first_origin: dt.date | None = None
    last_origin: dt.date | None = None
    every: int = Field(7, ge=1, description="days between origins")
    refit_every: int = Field(4, ge=1, description="origins between refits of all models")
    update_every: int | None = Field(
        None, ge=1, description="origins between updates of models that learn from the other models"
    )
    train_every: int = Field(1, ge=1, description="days between training rows")
    window: int | None = Field(None, ge=1, description="training window in days; all by default")

    @model_validator(mode="after")
    def _in_order(self) -> BacktestSection:
        _require_order("[backtest]", first_origin=self.first_origin, last_origin=self.last_origin)
        return self


class MovesSection(Section):
    """Moves and answers between the sides of ``[panel] pairs``."""

    within: list[int] = Field([3, 7, 14], min_length=1, description="days for an answer")

    @field_validator("within")
    @classmethod
    def _within(cls, value: list[int]) -> list[int]:
        if min(value) < 1 or sorted(set(value)) != value:
            raise ValueError("needs distinct numbers of days from 1 up, in ascending order")
        return value


class ExperimentSection(Section):
    """Name and seed."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    seed: int = Field(0, ge=0, le=2**32 - 1)
    description: str = ""


class Experiment(Section):
    """A whole experiment file."""

    experiment: ExperimentSection
    data: DataSection = DataSection()
    panel: PanelSection = PanelSection()
    features: dict[str, dict[str, Any]] = Field({})
    targets: list[dict[str, Any]] = Field(min_length=1)
    models: dict[str, dict[str, Any]] = Field({})
    backtest: BacktestSection = BacktestSection()
    moves: MovesSection = MovesSection()
    severity: dict[str, tuple[int, int, int]] = Field({})

    @field_validator("severity")
    @classmethod
    def _severity(cls, value: dict[str, tuple[int, int, int]]) -> dict[str, tuple[int, int, int]]:
        for name, rungs in value.items():
            if list(rungs) != sorted(rungs) or not 0 <= rungs[0] <= rungs[2] <= schema.HIGHEST_RUNG:
                message = f"needs three rungs from 0 to {schema.HIGHEST_RUNG} that never decrease"
                raise invalid_value("[severity]", name, rungs, message)
        return value

    @field_validator("features")
    @classmethod
    def _features(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {
            name: check_parameters({**FEATURES, **ACROSS}, "features", name, p)
            for name, p in value.items()
        }

    @field_validator("models")
    @classmethod
    def _models(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        models = {name: check_parameters(MODELS, "models", name, p) for name, p in value.items()}
        for name, parameters in models.items():
            for key, number in parameters.items():
                _require_usable(f"[models.{name}]", key, number)
        return models

    @field_validator("targets")
    @classmethod
    def _targets(cls, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        labels = [target_label(target_of(table)) for table in value]
        for label in labels:
            if labels.count(label) > 1:
                raise UsageError(
                    "E-CONFIG",
                    "two labels have the same name",
                    where="[[targets]]",
                    value=label,
                    fix='name one of them, such as called = "any_deadly"',
                )
        return value

    @model_validator(mode="after")
    def _label_choices(self) -> Experiment:
        """The units and models of a label are among those of the experiment."""
        available: dict[str, tuple[str, Sequence[str]]] = {
            "units": ("[panel]", self.panel.units),
            "models": ("[models]", self.model_names),
        }
        for label in map(target_of, self.targets):
            for key, (section, names) in available.items():
                chosen = getattr(label, key)
                if not set(chosen) <= set(names):
                    message = f"needs {key} of {section}: {', '.join(names)}"
                    raise invalid_value(f"[[targets]] {label.name}", key, list(chosen), message)
        return self

    @cached_property
    def labels(self) -> list[Target]:
        """The labels, built from ``targets``."""
        return [target_of(table) for table in self.targets]

    def reading(self, **settings: Any) -> Experiment:
        """A copy with other settings in ``[data]``."""
        if not settings:
            return self
        return self.model_copy(update={"data": self.data.model_copy(update=settings)})

    def scheduled(self, **settings: Any) -> Experiment:
        """A copy with other settings in ``[backtest]``."""
        return self.model_copy(update={"backtest": self.backtest.model_copy(update=settings)})

    @property
    def digest(self) -> str:
        """SHA-256 of the experiment, except for where and how its events are stored.

        The events' own digest does not depend on that either.
        """
        content = self.model_dump(mode="json")
        content["data"] = {k: v for k, v in content["data"].items() if k not in _STORAGE_KEYS}
        return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def ladder(self) -> dict[str, schema.Rungs]:
        """The severity ladder with the experiment's own rungs."""
        custom = {name: schema.Rungs(*rungs) for name, rungs in self.severity.items()}
        return {**schema.SEVERITY_LADDER, **custom}

    @property
    def model_names(self) -> list[str]:
        """Models to run: the baselines, then those of ``[models]``, or the default ones."""
        chosen = self.models or [name for name in MODELS if name not in ON_REQUEST]
        return list(dict.fromkeys([*BASELINES, *chosen]))


def require_experiment(value: object) -> None:
    """Refuse anything but an experiment, such as a path to one; ``E-CONFIG``."""
    require_instance(value, Experiment, fix="esc.load_experiment(path)")


def label_question(experiment: Experiment, target: Target) -> str:
    """A label's question: its description in the file, else one generated from its definition."""
    first = experiment.experiment.description if target == experiment.labels[0] else ""
    return target.description or first or question(target)


def label_description(experiment: Experiment, target: Target) -> str:
    """A label's definition, followed by its description in the file, if any."""
    label = label_question(experiment, target)
    return definition(target) if label == question(target) else f"{definition(target)} {label}"


def target_label(target: Target) -> str:
    """Name of a label with its horizon, such as ``any_7d``; ``called`` replaces ``name``."""
    return f"{target.called or target.name}_{target.horizon}d"


_TOML_FIX = (
    "correct that line: text needs quotation marks, and a table or key may occur only once "
    "(`[models.prior]` and `prior = {}` under `[models]` are the same)"
)


def load_experiment(path: str | Path | None = None, *, changes: Sequence[str] = ()) -> Experiment:
    """Read and check an experiment file.

    Parameters
    ----------
    path : str or Path, optional
        The Iraq crisis by default. Relative paths in it (``events``, and ``numbers`` of ``prior``)
        start at its folder.
    changes : sequence of str, optional
        ``KEY=VALUE`` overrides, such as ``features.window_sums.windows=[3,14]``; labels are
        numbered from 0.

    Raises
    ------
    UsageError
        ``E-FILE`` if it can't be read, ``E-TOML`` if it is not TOML, ``E-CONFIG`` for an unknown
        key, an unknown registered name or a value of the wrong type.
    """
    path = bundled("iraq_crisis.toml") if path is None else Path(path)
    try:
        table = tomllib.loads(_text_of(path))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise UsageError(
            "E-TOML",
            f"not valid TOML: {reason}",
            where=str(path),
            fix=_TOML_FIX
            if path.suffix == ".toml"
            else "an experiment file ends in .toml; `escalation init EVENTS.csv` writes one",
        ) from None
    for change in changes:
        apply_change(change, table)
    require_known_keys(path.name, Experiment, table)
    _load_prior_numbers(table, path.parent)
    try:
        experiment = Experiment(**table)
    except ValidationError as error:
        raise from_pydantic(str(path), error) from None
    events = experiment.data.events
    return experiment if events is None else experiment.reading(events=str(path.parent / events))


def _load_prior_numbers(table: Mapping[str, Any], folder: Path) -> None:
    """Replace the file name in ``numbers`` of ``prior`` by the file's content."""
    models = table.get("models")
    prior = models.get("prior") if isinstance(models, Mapping) else None
    if isinstance(prior, dict) and isinstance(prior.get("numbers"), str):
        prior["numbers"] = read_numbers(folder / prior["numbers"])


def _text_of(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is not a regular file")
        with path.open("rb") as file:
            data = file.read(LARGEST_EXPERIMENT + 1)
        if len(data) > LARGEST_EXPERIMENT:
            raise OSError(f"it has more than {LARGEST_EXPERIMENT} bytes")
        return data.decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error
        raise UsageError(
            "E-FILE",
            f"could not read the experiment file: {reason}",
            where=str(path),
            fix="check the path, or write an experiment file: `escalation init EVENTS.csv`",
        ) from None
