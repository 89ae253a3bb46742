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

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    create_model,
    field_validator,
    model_validator,
)

from escalation import schema
from escalation._util.as_written import require_as_written
from escalation._util.resources import bundled
from escalation.errors import UsageError
from escalation.features import ACROSS, FEATURES
from escalation.models import BASELINES, MODELS, ON_REQUEST
from escalation.panel.dense import BASE_CHANNELS, Channel, Measure, PanelSpec, Where, pair_channel
from escalation.targets import TARGETS, Target


class _AsWritten(BaseModel):
    """A check of types that turns nothing into a number or a day."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _require_as_written(cls, value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        made = check(value)
        require_as_written(value, made)
        return made


class Section(_AsWritten):
    """Base of all sections: frozen, nothing unknown, nothing coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def where_of(table: object, *, section: str = "where") -> Where:
    """A filter from its TOML table: ``{event_type = ["rocket_attack"], rung = 3}``.

    Parameters
    ----------
    table : object
        As the file has it.
    section : str, optional
        Where it stands, for the message.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for anything but columns with text, and a rung from 0 to 6.
    """
    if not isinstance(table, Mapping):
        raise _invalid(section, "", table, "needs a table such as { rung = 3 }")
    rest = dict(table)
    rung = rest.pop("rung", 0)
    if isinstance(rung, bool) or not isinstance(rung, int) or not 0 <= rung <= schema.HIGHEST_RUNG:
        raise _invalid(section, "rung", rung, f"needs a rung from 0 to {schema.HIGHEST_RUNG}")
    equal = {k: tuple([v] if isinstance(v, str) else v) for k, v in rest.items() if _is_words(v)}
    for key in rest:
        if key not in equal:
            raise _invalid(section, key, rest[key], "needs a text, or a list of texts")
    return Where(equal, rung=rung)


def _is_words(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(v, str) for v in value)
    )


def _invalid(where: str, key: str, value: object, message: str) -> UsageError:
    return UsageError("E-CONFIG", f"invalid value: {message}", where=where, column=key, value=value)


def _refuse(where: str, key: str, known: Collection[str]) -> UsageError:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "remove it or correct its name"
    if ":" in key:
        hint = "give the file that defines it: --plugin FILE"
    return UsageError(
        "E-CONFIG", f"expected one of {', '.join(known)}", where=where, value=key, fix=hint
    )


LARGEST_EXPERIMENT = 1 << 20
"""Bytes of an experiment file."""
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


class _Parameters(_AsWritten):
    """Of a registered member."""

    model_config = ConfigDict(arbitrary_types_allowed=True)


def _typed(
    where: str, known: Mapping[str, tuple[Any, Any]], values: Mapping[str, Any]
) -> dict[str, Any]:
    for key in values:
        if key not in known:
            raise _refuse(where, key, known)
    fields = {k: (h, ... if d is inspect.Parameter.empty else d) for k, (h, d) in known.items()}
    model = create_model("Parameters", __base__=_Parameters, **fields)  # type: ignore[call-overload]
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
        f"invalid value: {first['msg'].removeprefix('Value error, ')}",
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
    where = where_of(rest.pop("where", {}), section=f"[[targets]] {name}")
    hints = get_type_hints(TARGETS[name])
    known = {
        field.name: (hints[field.name], field.default)
        for field in dataclasses.fields(TARGETS[name])
    }
    values = _typed(f"[[targets]] {name}", known, rest)
    return TARGETS[name](**{**values, "where": where})


def _require_order(where: str, **days: dt.date | None) -> None:
    """The last day is not before the first."""
    (_, first), (key, last) = days.items()
    if first is not None and last is not None and last < first:
        raise _invalid(where, key, last, f"needs a day on or after {first}")


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
        raise _invalid(where, key, value, f"needs a number from {least:g} to {most:g}")


_WRITTEN = {"events", "encoding", "separator", "date_format", "zone", "columns", "event_type"}
"""Where and how events are written; what they say has a digest of its own."""


_TAKEN = frozenset({
    *(channel.name for channel in BASE_CHANNELS), *schema.EVENT_COLUMNS, *schema.FORECAST_COLUMNS,
    *schema.SCORE_COLUMNS, schema.OPERATION, schema.ALL_UNIT, "",
})  # fmt: skip
"""Names of columns and of channels that are always there: no other channel can have them."""
_TAKEN_STARTS = (f"{schema.TARGET}_", schema.HISTORY)


def is_taken(name: str) -> bool:
    """Whether a channel can't have a name, because it means something else.

    Examples
    --------
    >>> is_taken("events"), is_taken("air_strike")
    (True, False)
    """
    return name in _TAKEN or name.startswith(_TAKEN_STARTS)


class ChannelSection(Section):
    """One more channel of the panel."""

    where: dict[str, Any] = {}
    measure: Measure = "count"

    @field_validator("where")
    @classmethod
    def _where(cls, value: dict[str, Any]) -> dict[str, Any]:
        where_of(value, section="[panel.channels] where")
        return value


class PanelSection(Section):
    """Units and channels."""

    units: list[schema.UnitKind] = Field(["all"], min_length=1)
    enters: dict[str, Any] = {}
    channels: dict[str, ChannelSection] = {}
    pairs: list[tuple[str, str]] = []

    @field_validator("units")
    @classmethod
    def _units(cls, value: list[schema.UnitKind]) -> list[schema.UnitKind]:
        if len(set(value)) < len(value):
            raise ValueError("needs each kind of unit once")
        return value

    @field_validator("enters")
    @classmethod
    def _enters(cls, value: dict[str, Any]) -> dict[str, Any]:
        where_of(value, section="[panel] enters")
        return value

    @model_validator(mode="after")
    def _names(self) -> PanelSection:
        """No two channels of one name, and none of a name that means something else."""
        names = [channel.name for channel in self.spec.channels]
        for name in names:
            if is_taken(name) or names.count(name) > 1:
                raise _invalid("[panel] channels", name, name, "the name is taken")
        return self

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
    features: dict[str, dict[str, Any]] = {}
    targets: list[dict[str, Any]] = Field(min_length=1)
    models: dict[str, dict[str, Any]] = {}
    backtest: BacktestSection = BacktestSection()
    moves: MovesSection = MovesSection()
    severity: dict[str, tuple[int, int, int]] = {}

    @field_validator("severity")
    @classmethod
    def _severity(cls, value: dict[str, tuple[int, int, int]]) -> dict[str, tuple[int, int, int]]:
        for name, rungs in value.items():
            if list(rungs) != sorted(rungs) or not 0 <= rungs[0] <= rungs[2] <= schema.HIGHEST_RUNG:
                needed = (
                    f"needs three rungs from 0 to {schema.HIGHEST_RUNG} that do not fall with harm"
                )
                raise _invalid("[severity]", name, rungs, needed)
        return value

    @field_validator("features")
    @classmethod
    def _features(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {
            name: checked({**FEATURES, **ACROSS}, "features", name, p) for name, p in value.items()
        }

    @field_validator("models")
    @classmethod
    def _models(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        models = {name: checked(MODELS, "models", name, p) for name, p in value.items()}
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
                    raise _invalid(f"[[targets]] {label.name}", key, list(chosen), needed)
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


def label_words(experiment: Experiment, target: Target) -> str:
    """What a label asks, in the words of its file; its name where the file has none."""
    about = experiment.experiment
    first = about.description if target == experiment.labels[0] else ""
    return target.description or first or f"{about.name} {target_label(target)}"


def target_label(target: Target) -> str:
    """Short name of a label and its horizon, such as ``any_7d``, or the one it is called by."""
    return f"{target.called or target.name}_{target.horizon}d"


def load_experiment(path: str | Path | None = None, *, changes: Sequence[str] = ()) -> Experiment:
    """Read and check an experiment file.

    Parameters
    ----------
    path : str or Path, optional
        Relative ``events`` in it start at its folder; the Iraq crisis by default.
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
        raise UsageError("E-TOML", f"not valid TOML: {reason}", where=str(path)) from None
    for change in changes:
        _change(table, change)
    _known_keys(path.name, Experiment, table)
    try:
        experiment = Experiment(**table)
    except ValidationError as error:
        raise from_pydantic(str(path), error) from None
    events = experiment.data.events
    return experiment if events is None else experiment.reading(events=str(path.parent / events))


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
        raise UsageError(
            "E-FILE", f"could not read the experiment file: {error}", where=str(path)
        ) from None


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
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise tomllib.TOMLDecodeError from None
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
