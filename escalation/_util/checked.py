"""Type checks of TOML tables: no unknown keys, no coercion, and a fix in every error."""

from __future__ import annotations

import datetime as dt
import inspect
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, get_type_hints

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    create_model,
    field_validator,
)

from escalation.errors import UsageError, did_you_mean

PIPELINE_ARGUMENTS = frozenset({"panel", "local", "rows", "horizon", "label", "seed"})
"""Arguments that the pipeline supplies, so an experiment file can't."""
LARGEST_NUMBER = 2**32 - 1
LONGEST_TEXT = 10_000
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


class AsWritten(BaseModel):
    """A pydantic model that takes values as written, so ``"7"`` is not a number, and in range."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _require_as_written(cls, value: Any, convert: ValidatorFunctionWrapHandler) -> Any:
        converted = convert(value)
        for reason in _objections(value, converted):
            raise ValueError(reason)
        return converted


def _objections(value: Any, converted: Any) -> Iterator[str]:
    """What is needed instead of a value that pydantic has coerced, or that is out of range.

    Examples
    --------
    >>> list(_objections([7, 28], (7, 28))), list(_objections("7", 7))
    ([], ['needs a whole number, not text'])
    """
    if isinstance(converted, Mapping) and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _objections(key, key)
            yield from (
                f"{key}: {reason}" for reason in _objections(item, converted.get(key, item))
            )
    elif isinstance(converted, list | tuple) and isinstance(value, list | tuple):
        for items in zip(value, converted, strict=False):
            yield from _objections(*items)
    elif isinstance(value, bool) or isinstance(converted, bool):
        if value is not converted:
            yield f"needs {_kind(converted)}, not {_kind(value)}"
    elif isinstance(converted, int | float):
        if isinstance(value, str) or (isinstance(converted, int) and not isinstance(value, int)):
            yield f"needs {_kind(converted)}, not {_kind(value)}"
        elif not math.isfinite(converted) or abs(converted) > LARGEST_NUMBER:
            yield f"needs a number from -{LARGEST_NUMBER} to {LARGEST_NUMBER}"
    elif isinstance(converted, dt.date):
        if not isinstance(value, str | dt.date):
            yield f"needs a day, not {_kind(value)}"
        elif not _FIRST_YEAR <= converted.year <= _LAST_YEAR:
            yield f"needs a day of the years {_FIRST_YEAR} to {_LAST_YEAR}"
    elif isinstance(converted, str) and (len(converted) > LONGEST_TEXT or "\0" in converted):
        yield f"needs at most {LONGEST_TEXT} characters, and no NUL"


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    return kinds.get(type(value), type(value).__name__)


class Section(AsWritten):
    """Base of all sections: frozen, no unknown keys, no coercion."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def invalid_value(where: str, key: str, value: object, message: str) -> UsageError:
    """The ``E-CONFIG`` error for an invalid value.

    Parameters
    ----------
    where, key : str
        Table of the file, and the key in it.
    value : object
        As written.
    message : str
        What is needed instead.
    """
    return UsageError(
        "E-CONFIG",
        f"invalid value: {message}",
        where=where,
        column=key,
        value=value,
        fix=f"change the value of {key}",
    )


def unknown_name(where: str, name: str, known: Collection[str]) -> UsageError:
    """The ``E-CONFIG`` error for an unknown name; its fix suggests the closest known one.

    Parameters
    ----------
    where, name : str
        Table of the file, and the unknown name in it.
    known : collection of str
        Valid names.
    """
    fix = did_you_mean(name, known, "remove it or correct its name")
    if ":" in name:
        fix = "give the file that defines it: --plugin FILE"
    return UsageError(
        "E-CONFIG", f"expected one of {', '.join(known)}", where=where, value=name, fix=fix
    )


def check_parameters(
    registry: Mapping[str, Callable[..., Any]], section: str, name: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Check parameters against the signature of a registered function or class; convert them.

    Parameters
    ----------
    registry : mapping of str to callable
        Their keyword-only, annotated parameters are the schema.
    section, name : str
        The table of the experiment file, for the message, and the name in the registry.
    values : mapping
        Parameters as written.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for an unknown name, an unknown parameter or a wrong type.
    """
    if name not in registry:
        raise unknown_name(f"[{section}]", name, registry)
    member = registry[name]
    hints = get_type_hints(member.__init__ if inspect.isclass(member) else member)
    known = {
        key: (hints.get(key, Any), parameter.default)
        for key, parameter in inspect.signature(member).parameters.items()
        if key not in PIPELINE_ARGUMENTS and parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }
    return check_values(f"[{section}.{name}]", known, values)


class _Parameters(AsWritten):
    model_config = ConfigDict(arbitrary_types_allowed=True)


def check_values(
    where: str, known: Mapping[str, tuple[Any, Any]], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Check the values of a table against the type of each key, and convert them.

    Parameters
    ----------
    where : str
        Table of the file, for the message.
    known : mapping of str to tuple
        Type and default of each key; ``inspect.Parameter.empty`` if it is required.
    values : mapping
        As written.

    Raises
    ------
    UsageError
        ``E-CONFIG`` for an unknown key, a wrong type or a missing value.
    """
    for key in values:
        if key not in known:
            raise unknown_name(where, key, known)
    fields = {k: (h, ... if d is inspect.Parameter.empty else d) for k, (h, d) in known.items()}
    model = create_model("Parameters", __base__=_Parameters, **fields)  # type: ignore[call-overload]
    try:
        converted = model(**values)
    except ValidationError as error:
        raise from_pydantic(where, error) from None
    return {key: getattr(converted, key) for key in values}


def from_pydantic(where: str, error: ValidationError) -> UsageError:
    """Turn the first of pydantic's errors into ``E-CONFIG``."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    fix = f"change the value of {key}"
    if first["type"] == "missing":
        fix = f"add {key}; `escalation init EVENTS.csv` writes a whole experiment file"
    elif first["type"].startswith("date"):
        fix += " to a day such as 2020-03-11"
    return UsageError(
        "E-CONFIG",
        f"invalid value: {first['msg'].removeprefix('Value error, ')}",
        where=where,
        column=key,
        value=first.get("input"),
        fix=fix,
    )


def require_known_keys(where: str, section: type[BaseModel], table: Mapping[str, Any]) -> None:
    """Reject the first key, at any depth, that a table's section does not have.

    Parameters
    ----------
    where : str
        The file, for the message.
    section : type of BaseModel
        Describes the table.
    table : mapping
        As parsed from TOML.

    Raises
    ------
    UsageError
        ``E-CONFIG``.
    """
    for key, value in table.items():
        if key not in section.model_fields:
            raise unknown_name(where, key, section.model_fields)
        inner = section.model_fields[key].annotation
        if inspect.isclass(inner) and issubclass(inner, BaseModel) and isinstance(value, Mapping):
            require_known_keys(f"{where} [{key}]", inner, value)
