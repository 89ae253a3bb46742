"""An experiment file: frozen, typed sections, unknown keys refused before any data is read."""

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
"""Bytes of an experiment file."""


def target_of(table: Mapping[str, Any]) -> Target:
    """A label from its table: ``{name = "any", horizon = 7, where = {rung = 3}}``."""
    rest = dict(table)
    name = str(rest.pop("name", ""))
    if name not in TARGETS:
        raise unknown_name("[[targets]]", name, TARGETS)
    where = where_of(rest.pop("where", {}), section=f"[[targets]] {name}")
    hints = get_type_hints(TARGETS[name])
    known = {
        field.name: (hints[field.name], field.default)
        for field in dataclasses.fields(TARGETS[name])
    }
    values = check_values(f"[[targets]] {name}", known, rest)
    return TARGETS[name](**{**values, "where": where})


def _require_order(where: str, **days: dt.date | None) -> None:
    """The last day is not before the first."""
    (_, first), (key, last) = days.items()
    if first is not None and last is not None and last < first:
        raise invalid_value(where, key, last, f"needs a day on or after {first}")


class DataSection(Section):
    """Where the events come from, and how they are read."""

    source: str = "tidy"
    events: str | None = Field(None, description="a file, or the folder of an archive")
    encoding: str | None = Field(None, description="of the text; UTF-8 by default")
    separator: str | None = Field(None, description="between two cells; found by default")
    date_format: str | None = Field(None, description="such as %d/%m/%Y; ISO by default")
    zone: str | None = Field(None, description="of time stamps, such as Asia/Baghdad")
    columns: dict[str, str] = Field({}, description="of the format, by the file's own names")
    event_type: str | None = Field(None, description="of rows that have none")
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
    """Counts, strengths and shares of a model that its library would refuse after long work."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    least = _LEAST.get(key, 1 if isinstance(value, int) else 1e-9)
    most = _MOST.get(key, _LARGEST)
    if not least <= value <= most:
        raise invalid_value(where, key, value, f"needs a number from {least:g} to {most:g}")


_WRITTEN = {"events", "encoding", "separator", "date_format", "zone", "columns", "event_type"}
"""Where and how events are written; what they say has a digest of its own."""


class BacktestSection(Section):
    """Rolling origins."""

    first_origin: dt.date | None = None
    last_origin: dt.date | None = None
    every: int = Field(7, ge=1, description="days between origins")
    refit_every: int = Field(4, ge=1, description="origins between refits of all models")
    update_every: int | None = Field(
        None, ge=1, description="origins between updates of what learns from the other models"
    )
    train_every: int = Field(1, ge=1, description="days between training rows")
    window: int | None = Field(None, ge=1, description="training window in days; all by default")

    @model_validator(mode="after")
    def _in_order(self) -> BacktestSection:
        _require_order("[backtest]", first_origin=self.first_origin, last_origin=self.last_origin)
        return self


class MovesSection(Section):
    """What is said of moves and answers between the sides of ``[panel] pairs``."""

    within: list[int] = Field([3, 7, 14], min_length=1, description="days for an answer")

    @field_validator("within")
    @classmethod
    def _within(cls, value: list[int]) -> list[int]:
        if min(value) < 1 or sorted(set(value)) != value:
            raise ValueError("needs numbers of days from 1 up, each once, in rising order")
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
                needed = (
                    f"needs three rungs from 0 to {schema.HIGHEST_RUNG} that do not fall with harm"
                )
                raise invalid_value("[severity]", name, rungs, needed)
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
        """The units and models of a label are among those that there are."""
        there: dict[str, tuple[str, Sequence[str]]]
        there = {"units": ("[panel]", self.panel.units), "models": ("[models]", self.model_names)}
        for label in map(target_of, self.targets):
            for key, (section, known) in there.items():
                chosen = getattr(label, key)
                if not set(chosen) <= set(known):
                    needed = f"needs {key} of {section}: {', '.join(known)}"
                    raise invalid_value(f"[[targets]] {label.name}", key, list(chosen), needed)
        return self

    @cached_property
    def labels(self) -> list[Target]:
        """The targets, built."""
        return [target_of(table) for table in self.targets]

    def reading(self, **settings: Any) -> Experiment:
        """The experiment with other ``[data]``: where its events are, and how they are read."""
        if not settings:
            return self
        return self.model_copy(update={"data": self.data.model_copy(update=settings)})

    def scheduled(self, **settings: Any) -> Experiment:
        """The experiment with another ``[backtest]``."""
        return self.model_copy(update={"backtest": self.backtest.model_copy(update=settings)})

    @property
    def digest(self) -> str:
        """SHA-256 of everything that the experiment says, but not of where its file of events lies.

        The same events have the same digest of their own, wherever and however they were written.
        """
        written = self.model_dump(mode="json")
        written["data"] = {k: v for k, v in written["data"].items() if k not in _WRITTEN}
        text = json.dumps(written, sort_keys=True)
        return sha256(text.encode()).hexdigest()

    @property
    def ladder(self) -> dict[str, schema.Rungs]:
        """The severity ladder, with the experiment's own rungs."""
        own = {name: schema.Rungs(*rungs) for name, rungs in self.severity.items()}
        return {**schema.SEVERITY_LADDER, **own}

    @property
    def model_names(self) -> list[str]:
        """The models that run: the baselines always, then the experiment's, each once."""
        named = self.models or [name for name in MODELS if name not in ON_REQUEST]
        return list(dict.fromkeys([*BASELINES, *named]))


def require_experiment(value: object) -> None:
    """Refuse what is no experiment, such as a path to one; ``E-CONFIG``."""
    require_instance(value, Experiment, fix="esc.load_experiment(path)")


def label_words(experiment: Experiment, target: Target) -> str:
    """What a label asks, in the words of its file; its definition where the file has none."""
    first = experiment.experiment.description if target == experiment.labels[0] else ""
    return target.description or first or question(target)


def label_described(experiment: Experiment, target: Target) -> str:
    """When the outcome of a label is 1, and what its file says it asks, where that says more."""
    own = label_words(experiment, target)
    return definition(target) if own == question(target) else f"{definition(target)} {own}"


def target_label(target: Target) -> str:
    """Short name of a label and its horizon, such as ``any_7d``, or the one it is called by."""
    return f"{target.called or target.name}_{target.horizon}d"


_MEND_TOML = (
    "mend that line: text needs quotation marks, and a table or key stands once "
    "(`[models.prior]` and `prior = {}` under `[models]` are the same one)"
)


def load_experiment(path: str | Path | None = None, *, changes: Sequence[str] = ()) -> Experiment:
    """Read and check an experiment file.

    Parameters
    ----------
    path : str or Path, optional
        Relative ``events`` in it, and ``numbers`` of ``prior``, start at its folder; the Iraq
        crisis by default.
    changes : sequence of str, optional
        ``KEY=VALUE`` in place of what the file says, such as
        ``features.window_sums.windows=[3,14]``; labels are numbered from 0.

    Raises
    ------
    UsageError
        ``E-FILE`` when it can't be read, ``E-TOML`` when it is not TOML, ``E-CONFIG`` for an
        unknown key, an unknown registered name or a value of the wrong type.
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
            fix=_MEND_TOML
            if path.suffix == ".toml"
            else "an experiment ends in .toml; of a file of events `escalation init` makes one",
        ) from None
    for change in changes:
        apply_change(change, table)
    require_known_keys(path.name, Experiment, table)
    _put_numbers(table, path.parent)
    try:
        experiment = Experiment(**table)
    except ValidationError as error:
        raise from_pydantic(str(path), error) from None
    events = experiment.data.events
    return experiment if events is None else experiment.reading(events=str(path.parent / events))


def _put_numbers(table: Mapping[str, Any], folder: Path) -> None:
    """Put what a named file of numbers says in place of its name: it stays with the models."""
    models = table.get("models")
    prior = models.get("prior") if isinstance(models, Mapping) else None
    if isinstance(prior, dict) and isinstance(prior.get("numbers"), str):
        prior["numbers"] = read_numbers(folder / prior["numbers"])


def _text_of(path: Path) -> str:
    """What an experiment file says, where it is a file and no longer than one may be."""
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is no regular file")
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
            fix="name one that is here, or write one: `escalation init EVENTS.csv`",
        ) from None
