"""An experiment file: frozen, typed sections, unknown keys refused before any data is read."""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import inspect
import json
import re
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator

from escalation import schema
from escalation.errors import UsageError
from escalation.features import ACROSS, FEATURES
from escalation.models import BASELINES, MODELS, ON_REQUEST
from escalation.panel.dense import Channel, Measure, PanelSpec, Where, pair_channel
from escalation.targets import TARGETS, Target


class Section(BaseModel):
    """Base of all sections: frozen, nothing unknown, nothing coerced from text."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def where_of(table: Mapping[str, Any]) -> Where:
    """A filter from its TOML table: ``{event_type = ["rocket_attack"], rung = 3}``."""
    rest = dict(table)
    rung = rest.pop("rung", 0)
    equal = {k: tuple([v] if isinstance(v, str) else v) for k, v in rest.items()}
    return Where(equal, rung=int(rung))


def _refuse(where: str, key: str, known: Collection[str]) -> UsageError:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "remove it or correct its name"
    if ":" in key:
        hint = "give the file that defines it: --plugin FILE"
    return UsageError(
        "E-CONFIG", f"expected one of {', '.join(known)}", where=where, value=key, fix=hint
    )


GIVEN = frozenset({"panel", "local", "rows", "horizon", "label", "seed"})
"""Arguments that the pipeline supplies, so that an experiment file can't."""


def checked(
    registry: Mapping[str, Callable[..., Any]], section: str, name: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Parameters of a registered member, checked against its signature.

    Parameters
    ----------
    registry : mapping of str to callable
        Keyword-only, annotated parameters are the schema.
    section, name : str
        Where it stands in the experiment file, for the message.
    values : mapping
        Parameters as written.

    Returns
    -------
    dict
        The parameters given, converted to their types.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for an unknown member, an unknown parameter or a wrong type.
    """
    if name not in registry:
        raise _refuse(f"[{section}]", name, registry)
    member = registry[name]
    hints = get_type_hints(member.__init__ if inspect.isclass(member) else member)
    known = {
        key: (hints.get(key, Any), parameter.default)
        for key, parameter in inspect.signature(member).parameters.items()
        if key not in GIVEN and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    return _typed(f"[{section}.{name}]", known, values)


def _typed(
    where: str, known: Mapping[str, tuple[Any, Any]], values: Mapping[str, Any]
) -> dict[str, Any]:
    for key in values:
        if key not in known:
            raise _refuse(where, key, known)
    fields = {k: (h, ... if d is inspect.Parameter.empty else d) for k, (h, d) in known.items()}
    model = create_model(
        "Parameters", __config__=ConfigDict(arbitrary_types_allowed=True), **fields
    )  # type: ignore[call-overload]
    try:
        made = model(**values)
    except ValidationError as error:
        raise from_pydantic(where, error) from None
    return {key: getattr(made, key) for key in values}


def from_pydantic(where: str, error: ValidationError) -> UsageError:
    """The first of several wrong values as an error of ours, ``E-CONFIG``."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return UsageError(
        "E-CONFIG",
        f"invalid value: {first['msg']}",
        where=where,
        column=key,
        value=first.get("input"),
    )


def target_of(table: Mapping[str, Any]) -> Target:
    """A label from its table: ``{name = "any", horizon = 7, where = {rung = 3}}``."""
    rest = dict(table)
    name = str(rest.pop("name", ""))
    if name not in TARGETS:
        raise _refuse("[[targets]]", name, TARGETS)
    where = where_of(rest.pop("where", {}))
    hints = get_type_hints(TARGETS[name])
    known = {
        field.name: (hints[field.name], field.default)
        for field in dataclasses.fields(TARGETS[name])
    }
    values = _typed(f"[[targets]] {name}", known, rest)
    return TARGETS[name](**{**values, "where": where})


class DataSection(Section):
    """Where the events come from, and how they are read."""

    source: str = "tidy"
    events: str | None = Field(None, description="a file, or the folder of an archive")
    encoding: str | None = Field(None, description="of the text; UTF-8 by default")
    separator: str | None = Field(None, description="between two cells; found by default")
    date_format: str | None = Field(None, description="such as %d/%m/%Y; ISO by default")
    zone: str | None = Field(None, description="of time stamps, such as Asia/Baghdad")
    columns: dict[str, str] = Field({}, description="of the format, by the file's own names")
    lag: int = Field(0, ge=0, le=365, description="reporting lag in days")
    first_day: dt.date | None = None
    last_day: dt.date | None = None


_WRITTEN = {"events", "encoding", "separator", "date_format", "zone", "columns"}
"""Where and how events are written; what they say has a digest of its own."""


class ChannelSection(Section):
    """One more channel of the panel."""

    where: dict[str, str | list[str] | int] = {}
    measure: Measure = "count"


class PanelSection(Section):
    """Units and channels."""

    units: list[schema.UnitKind] = ["all"]
    enters: dict[str, str | list[str] | int] = {}
    channels: dict[str, ChannelSection] = {}
    pairs: list[tuple[str, str]] = []

    @property
    def spec(self) -> PanelSpec:
        """The panel's specification, pairs in both directions."""
        extra = [Channel(n, where_of(c.where), c.measure) for n, c in self.channels.items()]
        both = [pair for a, b in self.pairs for pair in ((a, b), (b, a))]
        return PanelSpec(
            tuple(self.units), (*extra, *(pair_channel(*p) for p in both)), where_of(self.enters)
        )


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


class ExperimentSection(Section):
    """Name and seed."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    seed: int = 0
    description: str = ""


class Experiment(Section):
    """A whole experiment file."""

    experiment: ExperimentSection
    data: DataSection = DataSection()
    panel: PanelSection = PanelSection()
    features: dict[str, dict[str, Any]] = {}
    targets: list[dict[str, Any]] = Field(min_length=1)
    models: dict[str, dict[str, Any]] = {}
    backtest: BacktestSection = BacktestSection()
    severity: dict[str, tuple[int, int, int]] = {}

    @field_validator("features")
    @classmethod
    def _features(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {
            name: checked({**FEATURES, **ACROSS}, "features", name, p) for name, p in value.items()
        }

    @field_validator("models")
    @classmethod
    def _models(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {name: checked(MODELS, "models", name, p) for name, p in value.items()}

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

    @cached_property
    def labels(self) -> list[Target]:
        """The targets, built."""
        return [target_of(table) for table in self.targets]

    def reading(self, **settings: Any) -> Experiment:
        """The experiment with other ``[data]``: where its events are, and how they are read."""
        if not settings:
            return self
        return self.model_copy(update={"data": self.data.model_copy(update=settings)})

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


def target_label(target: Target) -> str:
    """Short name of a label and its horizon, such as ``any_7d``, or the one it is called by."""
    return f"{target.called or target.name}_{target.horizon}d"


def load_experiment(path: Path, *, changes: Sequence[str] = ()) -> Experiment:
    """Read and check an experiment file.

    Parameters
    ----------
    path : Path
        Relative ``events`` in it start at its folder.
    changes : sequence of str, optional
        ``KEY=VALUE`` in place of what the file says, such as
        ``features.window_sums.windows=[3,14]``; labels are numbered from 0.

    Raises
    ------
    UsageError
        ``E-FILE`` when it can't be read, ``E-TOML`` when it is not TOML, ``E-CONFIG`` for an
        unknown key, an unknown registered name or a value of the wrong type.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "E-FILE", f"could not read the experiment file: {error}", where=str(path)
        ) from None
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("E-TOML", f"not valid TOML: {error}", where=str(path)) from None
    for change in changes:
        _change(table, change)
    _known_keys(path.name, Experiment, table)
    try:
        experiment = Experiment(**table)
    except ValidationError as error:
        raise from_pydantic(str(path), error) from None
    events = experiment.data.events
    return experiment if events is None else experiment.reading(events=str(path.parent / events))


def _change(table: dict[str, Any], change: str) -> None:
    """Put one ``KEY=VALUE`` into the table of a file."""
    dotted, equals, text = change.partition("=")
    *above, last = [part.strip() for part in dotted.split(".")]
    if not (equals and last and all(above)):
        raise _refused_change(change, "expected KEY=VALUE")
    place: Any = table
    try:
        for part in above:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        place[int(last) if isinstance(place, list) else last] = _value(text)
    except tomllib.TOMLDecodeError:
        raise _refused_change(change, "the value is not valid TOML") from None
    except (AttributeError, IndexError, TypeError, ValueError):
        raise _refused_change(change, "the experiment has no such key") from None


def _value(text: str) -> Any:
    """A TOML value; a bare word is a text."""
    try:
        (value,) = tomllib.loads(f"value = {text}").values()
    except tomllib.TOMLDecodeError:
        if not re.fullmatch(r"[A-Za-z_][\w-]*", text.strip()):
            raise
        return text.strip()
    except ValueError:
        raise tomllib.TOMLDecodeError from None
    return value


def _refused_change(change: str, message: str) -> UsageError:
    return UsageError(
        "E-CONFIG",
        message,
        where="--set",
        value=change,
        fix="write it as --set features.window_sums.windows=[3,14]",
    )


def _known_keys(where: str, section: type[BaseModel], table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        if key not in section.model_fields:
            raise _refuse(where, key, section.model_fields)
        inner = section.model_fields[key].annotation
        if inspect.isclass(inner) and issubclass(inner, BaseModel) and isinstance(value, Mapping):
            _known_keys(f"{where} [{key}]", inner, value)
